import { describe, expect, it } from 'vitest';
import { formatLocation, RebundleError } from '../../src/errors.ts';
import {
  contentEnd,
  effectivePairs,
  memberOf,
  parseYaml,
  resolveAlias,
  YAML_LIMITS,
  type YamlMap,
  type YamlNode,
} from '../../src/lib/yaml.ts';

function parse(text: string, line = 1) {
  return parseYaml({ text, path: 'a.yml', line });
}

function mapOf(text: string): YamlMap {
  const { root } = parse(text);
  if (root?.kind !== 'map') throw new Error('expected a map');
  return root;
}

function errorOf(text: string, line = 1): RebundleError {
  try {
    parse(text, line);
  } catch (thrown) {
    if (thrown instanceof RebundleError) return thrown;
    throw thrown;
  }
  throw new Error('expected an error');
}

/** The node as nested text, places as slices of the source. */
function sourceOf(text: string, node: YamlNode): string {
  return text.slice(node.start, node.end);
}

describe('parseYaml', () => {
  it.each(['', '\n\n', '# only a comment\n', '---\n', '--- # x\n'])('finds nothing in %j', (text) => {
    expect(parse(text).root).toBeUndefined();
  });

  it('keeps styles, tags, anchors and exact places', () => {
    const text = 'a: &x !!str "q"\nb: \'s\'\nc: |-\n  l\nd: >\n  f\n  g\ne: plain # c\nf: *x\n';
    const map = mapOf(text);
    expect(
      map.pairs.map(({ value }) => [value.kind === 'scalar' ? value.style : value.kind, sourceOf(text, value)]),
    ).toEqual([
      ['double', '"q"'],
      ['single', "'s'"],
      ['literal', '|-\n  l\n'],
      ['folded', '>\n  f\n  g\n'],
      ['plain', 'plain'],
      ['alias', '*x'],
    ]);
    const first = map.pairs[0]?.value;
    expect(first).toMatchObject({ anchor: 'x', tag: 'tag:yaml.org,2002:str' });
    expect(resolveAlias(map.pairs[5]!.value)).toBe(first);
  });

  it('resolves nothing: every scalar is its text', () => {
    const map = mapOf('a: 0755\nb: yes\nc: 2020-01-01\nd: ~\ne:\n');
    expect(map.pairs.map(({ value }) => (value.kind === 'scalar' ? value.value : ''))).toEqual([
      '0755',
      'yes',
      '2020-01-01',
      '~',
      '',
    ]);
  });

  it('keeps duplicate keys, in order', () => {
    expect(mapOf('a: 1\nb: 2\na: 3\n').pairs.map(({ name }) => name)).toEqual(['a', 'b', 'a']);
  });

  it('reads a pair in a flow list as a map of one', () => {
    const root = parse('[a: b, c]').root;
    expect(root?.kind === 'seq' && root.items.map(({ kind }) => kind)).toEqual(['map', 'scalar']);
  });

  it('begins a pair at its anchor, tag or question mark', () => {
    const text = '&x a: 1\n? b\n: 2\n!!str c: 3\n';
    expect(mapOf(text).pairs.map(({ start }) => text.slice(start, start + 2))).toEqual(['&x', '? ', '!!']);
  });

  it('takes the first document and says where it ends', () => {
    const text = 'a: 1\n---\nb: 2\n';
    const { root, end } = parse(text);
    expect(root?.kind === 'map' && root.pairs.map(({ name }) => name)).toEqual(['a']);
    expect(text.slice(end)).toBe('---\nb: 2\n');
    expect(parse('a: 1\n').end).toBe(5);
  });

  it('adds no line end to a block text that the end of the input cuts off', () => {
    const textOf = (text: string) => {
      const value = memberOf(parse(text).root, 'a');
      return value?.kind === 'scalar' ? value.value : undefined;
    };
    expect(['a: |\n  x', 'a: |\n  x\n', 'a: |+\n  x\n\n', 'a: >-\n  x'].map(textOf)).toEqual([
      'x',
      'x\n',
      'x\n\n',
      'x',
    ]);
  });

  it('names the place of an error in the file, from the line on which the text begins', () => {
    const error = errorOf('a: 1\nb: [\n', 10);
    expect(error.code).toBe('YAML_INVALID');
    expect(error.location?.path).toBe('a.yml');
    expect(error.location?.line).toBeGreaterThanOrEqual(11);
  });

  it.each([
    ['a: *none\n', 'YAML_INVALID'],
    ['a: &a [*a]\n', 'YAML_INVALID'],
    ['a: b: c\n', 'YAML_INVALID'],
    ['\ta: 1\n', 'YAML_INVALID'],
    ['a: "x\n', 'YAML_INVALID'],
  ])('refuses %j', (text, code) => expect(errorOf(text).code).toBe(code));

  it('counts lines and columns from 1', () => {
    const { locate } = parse('a: 1\n  \nb: 2\n', 5);
    expect([0, 3, 8, 11].map((offset) => formatLocation(locate(offset)))).toEqual([
      'a.yml:5:1',
      'a.yml:5:4',
      'a.yml:7:1',
      'a.yml:7:4',
    ]);
  });
});

describe('tags that the library knows', () => {
  it.each([
    'a: !!set {x, y}\n',
    'a: !!omap [x: 1]\n',
    'a: !!omap x\n',
    'a: !!pairs [x: 1, x: 2]\n',
    'a: !!binary x\n',
    'a: !!timestamp never\n',
    'a: !!map []\n',
    'a: !!seq {}\n',
    'a: !!merge <<\n',
    '!!map x\n',
    'a: !own {b: c}\n',
  ])('in %j end in a tree or in an error of the text', (text) => {
    let outcome: unknown;
    try {
      outcome = parse(text).root?.kind;
    } catch (thrown) {
      outcome = thrown instanceof RebundleError ? thrown.code : thrown;
    }
    expect(['map', 'scalar', 'YAML_INVALID']).toContain(outcome);
  });
});

describe('the limits of parseYaml', () => {
  it('refuse a text that is too large before it is read', () => {
    expect(errorOf(`# ${'x'.repeat(YAML_LIMITS.bytes)}\n`).code).toBe('YAML_LIMIT');
  });

  it.each([
    ['brackets', '['.repeat(100_000)],
    ['closed brackets', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['flow maps', '{a: '.repeat(100_000)],
    ['dashes', '- '.repeat(100_000)],
    ['question marks', '? '.repeat(20_000)],
    ['block maps', Array.from({ length: 1_000 }, (_, i) => `${' '.repeat(i)}a:\n`).join('')],
  ])('refuse deep %s with a place', (_, text) => {
    const error = errorOf(text);
    expect(error.code).toBe('YAML_LIMIT');
    expect(error.location).toBeDefined();
  });

  it('name the first collection that is too deep', () => {
    const error = errorOf(`a: b\nc: ${'['.repeat(1000)}\nd: ${'['.repeat(1000)}\n`);
    expect(formatLocation(error.location!)).toBe(`a.yml:2:${4 + YAML_LIMITS.depth}`);
  });

  it.each([
    ['a list', `a: [${'b, '.repeat(200_000)}\n`, 'a.yml:1:7'],
    ['a map', `a: {${'b: c, '.repeat(100_000)}\n`, 'a.yml:1:10'],
    ['a list behind closed ones', `a: [b, c]\nd: [e, ${'f, '.repeat(1000)}`, 'a.yml:2:7'],
  ])('name the place behind the first item of %s that is left open', (_, text, place) => {
    const error = errorOf(text);
    expect([error.code, formatLocation(error.location!)]).toEqual(['YAML_INVALID', place]);
  });

  it('take very many lines of a quoted text and of a list that stand at the margin', () => {
    const root = mapOf(`a:\n  b: "x\n${'y\n'.repeat(100_000)}z"\n  c: [\n${'d,\n'.repeat(10_000)}]\n`);
    expect(memberOf(memberOf(root, 'a'), 'b')).toMatchObject({ value: `x ${'y '.repeat(100_000)}z` });
    expect(memberOf(memberOf(root, 'a'), 'c')).toMatchObject({ items: { length: 10_000 } });
  });

  it('take many comments before a document and no notice of what is behind it', () => {
    const { root, end } = parse(`${'# c\n'.repeat(50_000)}---\na: >\n  b\n---\n${'[c: "\n'.repeat(1000)}`);
    expect(memberOf(root, 'a')).toMatchObject({ value: 'b\n' });
    expect(end).toBe(4 * 50_000 + 4 + 5 + 4);
  });

  it('take what is as deep as allowed', () => {
    const depth = YAML_LIMITS.depth - 1;
    expect(parse(`${'['.repeat(depth)}${']'.repeat(depth)}`).root?.kind).toBe('seq');
  });

  it('refuse an alias bomb without expanding it', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 30; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    const error = errorOf(`${lines.join('\n')}\n`);
    expect(error.code).toBe('YAML_LIMIT');
    expect(error.message).toContain('1000000 values');
  }, 5_000);

  it('refuse more than 1,000,000 values and take fewer', () => {
    const items = Array(1_000).fill('x').join(',');
    const text = (aliases: number) => `a: &a [${items}]\nb: [${Array(aliases).fill('*a').join(',')}]\n`;
    expect(errorOf(text(1_000)).code).toBe('YAML_LIMIT');
    expect(parse(text(990)).root?.kind).toBe('map');
  });

  it('read 10,000 aliases in time', () => {
    const text = `a: &a x\nb: [${Array(10_000).fill('*a').join(', ')}]\n`;
    const list = memberOf(parse(text).root, 'b');
    expect(list?.kind === 'seq' && list.items.length).toBe(10_000);
  }, 10_000);
});

describe('a large text', () => {
  const fault = (text: string): unknown => {
    try {
      return parse(text).root?.kind;
    } catch (thrown) {
      const { code, message, location } = thrown as RebundleError;
      return { code, message, location };
    }
  };
  const fair = (bytes: number): string => 'k: !!str v\n'.repeat(Math.ceil(bytes / 11));

  it.each([
    ['a tab', 'a:\n\tb: c\n'],
    ['a tab that goes on a text', 'a:\n  b: c\n \t\n'],
    ['an open bracket', 'a: [b,\nc: d\n'],
    ['a bracket that only comments close', 'a: [b,\n  c # ]\n# ]\n'],
    ['an unknown anchor', 'a: *b\n'],
    ['a tag of no one', 'a: !h!t b\n'],
    ['a wrong escape', 'a: "\\q"\n'],
    ['a value that cannot be', 'a: @b\n'],
    ['nesting', `a: ${'['.repeat(200)}${']'.repeat(200)}\n`],
  ])('is refused as a small one for %s', (_, wrong) => {
    const small = fault(wrong + fair(100));
    expect(small).toMatchObject({ code: expect.stringMatching(/^YAML_/), location: { line: expect.any(Number) } });
    expect(fault(wrong + fair(400_000))).toEqual(small);
  });

  it('is refused for what is wrong at its end', () => {
    expect(fault(`${fair(270_000)}a: @b\n`)).toMatchObject({ code: 'YAML_INVALID', location: { column: 4 } });
  });

  it.each([
    ['a quoted text', `a: "${'b\n c '.repeat(54_000)}"\n`],
    ['an ill-indented quoted text', `a:\n  b: "${'c\nd '.repeat(70_000)}"\n`],
    ['a flow collection', `a: [${'b,\n  !!str c,\n'.repeat(19_000)}]\n`],
    ['a folded text', `a: >\n${'  b\n\n'.repeat(60_000)}`],
    ['a plain text', `a: b\n${'  c\n'.repeat(80_000)}`],
    ['one line', `a: !!str ${'b '.repeat(150_000)}\n`],
    ['comments', `a: !!str b\n${'  # c\n'.repeat(60_000)}`],
  ])('may be %s for the most part', (_, text) => {
    expect(text.length).toBeGreaterThan(260_000);
    expect(fault(`${fair(100)}${text}z: !!str y\n`)).toBe('map');
  });
});

describe('effectivePairs', () => {
  const read = (text: string): Record<string, string> => {
    const map = memberOf(parse(text).root, 'm');
    if (map?.kind !== 'map') throw new Error('expected a map');
    return Object.fromEntries(
      [...effectivePairs(map)].map(([name, { value }]) => [name, value.kind === 'scalar' ? value.value : value.kind]),
    );
  };

  it('lets the last of equal keys win', () => expect(read('m: {a: 1, b: 2, a: 3}\n')).toEqual({ a: '3', b: '2' }));

  it('lets own keys win over merged ones, wherever << stands', () => {
    expect(read('x: &x {a: 1, c: 4}\nm:\n  a: 2\n  <<: *x\n')).toEqual({ a: '2', c: '4' });
  });

  it('lets the first of several merged maps win, nested ones too', () => {
    expect(read('x: &x {a: 1}\ny: &y {<<: *x, a: 2, b: 2}\nm: {<<: [*x, *y]}\n')).toEqual({ a: '1', b: '2' });
  });

  it('takes a quoted << for a name', () => expect(read('m: {"<<": 1}\n')).toEqual({ '<<': '1' }));

  it('is not misled by names of object members', () => {
    expect(Object.keys(read('m: {constructor: 1, toString: 2}\n'))).toEqual(['constructor', 'toString']);
    expect(memberOf(parse('m: {a: 1}\n').root, 'constructor')).toBeUndefined();
  });
});

describe('contentEnd', () => {
  it('leaves out blank lines and comments that follow a block', () => {
    const text = 'a:\n  b:\n    - c # x\n\n# y\n';
    expect(text.slice(0, contentEnd(parse(text).root!))).toBe('a:\n  b:\n    - c');
  });
});
