import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { YAML_LIMITS } from '../../src/lib/yaml.ts';
import { readCommonYaml } from '../../src/lib/yaml-common.ts';
import { parseWithLibrary } from '../../src/lib/yaml-library.ts';

const COMMON = [
  ...[
    'x',
    'a b',
    "'it''s'",
    '"a\\nb"',
    '[a, "b", -c]',
    '[]',
    '{}',
    '{a: b, "c": [1]}',
    '|',
    '|-',
    '',
    '-x',
    'a:b',
    '&q v',
    '*q',
    '[a,]',
    '{a: b,}',
    '[\n          a,\n\n          {b: c}\n          ]',
    '{\n        a: b,\n        "c":\n         d}',
    '[a,\n    b\n  ]',
    '[a, b: c, "d": [e], [f]: g]',
    '{[a]: b, {c: d}: *q}',
    '[\n    a\n]',
  ],
];
const UNCOMMON = [
  'x: y',
  '"q" # c',
  '- z',
  '>',
  '!t v',
  '? x',
  '[*q : c]',
  '[a\n        : c]',
  '[a\n        b]',
  '[\n          # c\n          a]',
  '{a}',
  '@',
  "'open",
  '&q',
  '&q *q',
  '[a',
];
const KEYS = ['a', 'b', '"k"', "'k'", '<<', 'a b', 'a:b', '-k', 'k#'];
/** Comments, blank lines, and now and then a line that does not belong there. */
const between = fc.tuple(
  fc.constantFrom('', '  ', '    ', '      ', ' '),
  fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom('', '# c', '# d: e') },
    { weight: 1, arbitrary: fc.constantFrom('text', '-', '- x', 'k: v') },
  ),
);

interface Block {
  readonly isList: boolean;
  readonly step: string;
  readonly entries: readonly Entry[];
}

interface Entry {
  readonly above: readonly (readonly [string, string])[];
  readonly key: string;
  readonly value: string | Block;
  readonly behind: string;
}

const { block } = fc.letrec<{ block: Block; entry: Entry }>((tie) => ({
  entry: fc.record({
    above: fc.array(between, { maxLength: 2 }),
    key: fc.constantFrom(...KEYS),
    value: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      { weight: 8, arbitrary: fc.constantFrom(...COMMON) },
      { weight: 1, arbitrary: fc.constantFrom(...UNCOMMON) },
      { weight: 9, arbitrary: tie('block') },
    ),
    behind: fc.constantFrom('', '', '', ' # c', ' '),
  }),
  block: fc.record({
    isList: fc.boolean(),
    step: fc.constantFrom('  ', '  ', '    ', ''),
    entries: fc.array(tie('entry'), { minLength: 1, maxLength: 3 }),
  }),
}));

function* printBlock({ isList, step, entries }: Block, indent: string): Generator<string> {
  for (const { above, key, value, behind } of entries) {
    for (const [space, text] of above) yield space + text;
    const head = `${indent}${isList ? '- ' : ''}${isList && typeof value === 'string' ? '' : `${key}:`}`;
    if (typeof value === 'string') {
      yield `${head}${isList ? '' : ' '}${value}${behind}`;
      if (value.startsWith('|')) yield* [`${indent}   text`, '', `${indent}     # text`];
    } else {
      yield head + behind;
      yield* printBlock(value, `${indent}${isList ? '  ' : ''}${step}`);
    }
  }
}

const text = fc
  .tuple(block, fc.array(between, { maxLength: 2 }), fc.constantFrom('\n', '\n', '', '\n\n'))
  .map(([root, below, end]) => [...printBlock(root, ''), ...below.map((parts) => parts.join(''))].join('\n') + end);

function parse(source: string): ReturnType<typeof parseWithLibrary> {
  return parseWithLibrary(source, { locate: () => ({ path: '', line: 1, column: 1 }), limits: YAML_LIMITS });
}

it('gives the tree of the library, with every place, or leaves the text to it', async () => {
  let read = 0;
  await fc.assert(
    fc.property(text, (source) => {
      const common = readCommonYaml(source, YAML_LIMITS.nodes);
      if (common === undefined) return;
      read++;
      expect(parse(source)).toEqual({ ...common, end: source.length });
    }),
    { numRuns: 5000 },
  );
  expect(read).toBeGreaterThan(500);
});

it.each([
  ['scalars and comments', '# top\na: x # c\n\nb:  "y\\"z"\n# end\n'],
  [
    'nested collections',
    'services:\n  web:\n    ports:\n    - 80:80\n    - "81"\n    # inner\n  # outer\n  db: {image: x}\n',
  ],
  ['maps in lists', 'a:\n  - b: 1\n    c: 2\n\n  - d: 3\n'],
  ['empty values', 'a:\n  # of a\nb:\n\n# of c\nc:\n'],
  ['a literal text', 'a:\n  - |\n    one\n      two\n\n    three\n\n  - |-\n    four\nb: 1'],
  ['anchors', 'x: &a\n  k: &b v\ny:\n  <<: *a\n  l: [*b]\n'],
  ['lists of nothing', 'a:\n  -\n  - \n  - b\n  -\nc:\n-\n-'],
  ['collections below a dash', 'a:\n-\n  b: c\n  d:\n  -\n    - e\n'],
  ['flow collections of many lines', 'a: [\n  b,\n  {c: d,\n   e: [\n     f\n   ]},\n]\n'],
  ['nothing', '# only a comment\n'],
])('reads %s itself', (_, source) => {
  const common = readCommonYaml(source, YAML_LIMITS.nodes);
  expect(common).toBeDefined();
  expect(parse(source)).toEqual({ ...common, end: source.length });
});
