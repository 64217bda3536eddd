import * as fc from 'fast-check';
import { parseYaml } from '../../src/lib/yaml.ts';
import { readScalar } from '../../src/lib/yaml-scalars.ts';

export interface GeneratedPackage {
  /** Texts by path. */
  readonly files: ReadonlyMap<string, string>;
  readonly interpolation: 'device' | 'single';
}

type Style =
  | 'plain'
  | 'single'
  | 'double'
  | 'hex'
  | 'literal'
  | 'folded'
  | 'long-plain'
  | 'long-single'
  | 'long-double';

const PARAMETERS = ['a', 'A', 'b.c', 'd-e', 'x.y', 'x_y', 'PATH', 'list.0', 'list.1', 'long_name', 'k', 'k.'] as const;
const VALUES = [
  ...[
    'v',
    '""',
    '1.10',
    '0755',
    'yes',
    '"a b"',
    '"a: b"',
    '"x #y"',
    '"$HOME"',
    '"${HOME-d}"',
    '"a$$b"',
    '"{"',
    '"}"',
    '"{}"',
    '"$k"',
  ],
  ...[
    'a:-b',
    "it's",
    '\'say "x"\'',
    '"back\\\\slash"',
    '"two\\nlines"',
    '" lead"',
    '"trail "',
    '"*x"',
    '"- a"',
    'é',
    '12:30',
    '"\\t"',
  ],
  ...[
    '"#"',
    '"a,b"',
    '"[x]"',
    '"?"',
    '"a:"',
    '"true"',
    '"1"',
    '"|"',
    '"%"',
    '"@x"',
    '"!x"',
    '"\\u0085"',
    '"\\u2028"',
    '"\\ufeff"',
    '"x}"',
  ],
];
/** Values that mostly end in an error of one of the two passes. */
const WILD_VALUES = ['~', '$$1', '"${a}"', '"x$"', '"${k-"', '"$"', '"${"'];
const WORDS = [
  ...[
    'word',
    'x',
    '-',
    ':',
    ': ',
    ' #',
    '#',
    "'",
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    'é',
    '=',
    '/',
    '?',
    '!',
    '&',
    '*',
    '|',
    '>',
    '%',
    '@',
    '.',
    '1',
    '0',
  ],
  ...['$$HOME', '$$k', '$$$$', '\t', '\u2028', '\u00a0', '𝄞', '  ', '$${HOME-x}', '$${k:-', '$$k_'],
];
const WILD_WORDS = [
  '${missing}',
  '$',
  '$1',
  '${a:-x}',
  '$missing',
  '${a b}',
  '$k-x',
  '$${k',
  '$${a-',
  '$$',
  '$$1',
  '${none}',
];
const LINES = ['\n', '\n  ', '\n\n', '\n# x\n'];

/** Texts that refer to those parameters; only wild ones may refer to others or hold what a pass refuses. */
function textOf(names: readonly string[], wild: boolean): fc.Arbitrary<string> {
  const reference = fc
    .tuple(fc.constantFrom(...names), fc.boolean())
    .map(([name, braced]) => (braced || name.includes('-') ? `\${${name}}` : `$${name}`));
  const piece = fc.oneof(
    { arbitrary: reference, weight: 8 },
    { arbitrary: fc.constantFrom(...WORDS), weight: 10 },
    { arbitrary: fc.constant(' '), weight: 4 },
    { arbitrary: fc.constantFrom(...LINES), weight: 1 },
    { arbitrary: fc.constantFrom(...WILD_WORDS), weight: wild ? 2 : 0 },
  );
  return fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join(''));
}

const style = fc.constantFrom<Style>(
  'plain',
  'single',
  'double',
  'hex',
  'literal',
  'folded',
  'long-plain',
  'long-single',
  'long-double',
);
/** Unquoted values that the three readers may read differently; no bools, which an environment must not hold. */
const ambiguous = fc.constantFrom(
  '1.10',
  '0755',
  '0o17',
  '1_000',
  '1e6',
  '1.5e+6',
  '1234567.5',
  '.inf',
  '22:22',
  '12:30:45',
  '2020-01-01',
  '99999999999999999999',
  '-0',
  '08',
  '+1',
  '0b11',
  '0x1F',
  '~',
  '',
);
const chomping = fc.constantFrom('', '-', '+');

type GeneratedScalar =
  | { readonly text: string; readonly style: Style; readonly chomping: string }
  | { readonly raw: string };

const comment = fc.constantFrom('', '', ' # note', ' # ${missing} note');

const given = fc
  .record({
    wild: fc.integer({ min: 0, max: 5 }).map((draw) => draw === 0),
    names: fc.uniqueArray(fc.constantFrom(...PARAMETERS), { minLength: 1 }),
  })
  .chain(({ wild, names }) =>
    fc.record({
      names: fc.constant(names),
      wild: fc.constant(wild),
      values: fc.array(fc.constantFrom(...VALUES, ...(wild ? WILD_VALUES : [])), {
        minLength: names.length,
        maxLength: names.length,
      }),
    }),
  );

/** A package with one service that says things in many styles, its parameters, its line ends and its form. */
export const generatedPackage: fc.Arbitrary<GeneratedPackage> = given
  .chain(({ names, wild, values }) => {
    const text = textOf(names, wild);
    const scalar = fc.oneof(
      { arbitrary: fc.record({ text, style, chomping }), weight: 9 },
      { arbitrary: ambiguous.map((raw) => ({ raw })), weight: 1 },
    );
    const member = fc.record({ scalar, comment, anchor: fc.constantFrom('', '', '', '&anchor ', '!!str ') });
    return fc.record({
      environment: fc.array(member, { minLength: 1, maxLength: 6 }),
      command: fc.array(fc.record({ text, style }), { maxLength: 4 }),
      flow: fc.array(fc.record({ text, style: fc.constantFrom<Style>('plain', 'single', 'double', 'hex') }), {
        maxLength: 3,
      }),
      labels: fc.array(fc.record({ text, style, chomping }), { maxLength: 2 }),
      extension: fc.option(text, { nil: undefined }),
      parameters: fc.constant(names.map((name, i) => [name, values[i] ?? 'v'] as const)),
      interpolation: fc.constantFrom<'device' | 'single'>('device', 'single'),
      form: fc.constantFrom('folder', 'single-file'),
      crlf: fc.boolean(),
      indent: fc.constantFrom(2, 4),
    });
  })
  .map((parts) => {
    const pad = ' '.repeat(parts.indent);
    const lines = ["version: '3.7'", '# head'];
    if (parts.extension !== undefined)
      lines.push(`x-top: ${encode({ text: parts.extension, style: 'double', chomping: '' }, pad, false)}`);
    lines.push('services:', `${pad}a:`, `${pad}${pad}image: busybox`);
    const inner = pad.repeat(3);
    lines.push(`${pad}${pad}environment:`);
    for (const [i, { scalar: value, comment: note, anchor }] of parts.environment.entries()) {
      const encoded = encode(value, inner + pad, false);
      const properties = anchor === '&anchor ' ? `&n${i} ` : 'raw' in value ? '' : anchor;
      lines.push(`${inner}K${i}: ${properties}${encoded}${encoded.includes('\n') ? '' : note}`);
    }
    if (parts.command.length > 0) lines.push(`${pad}${pad}command:`);
    for (const item of parts.command) lines.push(`${pad}${pad}- ${encode({ ...item, chomping: '' }, inner, false)}`);
    if (parts.flow.length > 0) {
      lines.push(
        `${pad}${pad}entrypoint: [${parts.flow.map((item) => encode({ ...item, chomping: '' }, inner, true)).join(', ')}]`,
      );
    }
    if (parts.labels.length > 0) lines.push(`${pad}${pad}labels:`);
    for (const [i, value] of parts.labels.entries()) lines.push(`${inner}l${i}: ${encode(value, inner + pad, false)}`);
    const compose = `${lines.join('\n')}\n`;
    const own = parts.parameters.map(([name, value]) => `"${name}": ${value}\n`).join('');
    const metadata = 'name: web\n';
    const bytes = (document: string): string => (parts.crlf ? document.replaceAll('\n', '\r\n') : document);
    const files =
      parts.form === 'folder'
        ? new Map([
            ['web.dockerapp/metadata.yml', bytes(metadata)],
            ['web.dockerapp/docker-compose.yml', bytes(compose)],
            ['web.dockerapp/parameters.yml', bytes(own)],
          ])
        : new Map([['web.dockerapp', bytes(`${metadata}---\n${compose}---\n${own}`)]]);
    return { files, interpolation: parts.interpolation };
  });

/** The text in that style where the style can say it, else in double quotes. */
function encode(value: GeneratedScalar, indent: string, inFlow: boolean): string {
  if ('raw' in value) return value.raw;
  const encoded = tryEncode(value, indent);
  if (encoded === undefined) return quote(value.text, false);
  const source = inFlow ? `k: [${encoded}]\n` : `k:\n${indent.slice(1)}k: ${encoded}\n`;
  try {
    const { root } = parseYaml({ text: source, path: '', line: 1 });
    const outer = root?.kind === 'map' && root.pairs.length === 1 ? root.pairs[0]?.value : undefined;
    const inner =
      outer?.kind === 'seq' ? outer.items : outer?.kind === 'map' ? outer.pairs.map((pair) => pair.value) : [];
    const trimmed = (each: string): string => each.replace(/\n+$/, '');
    const [only] = inner;
    const isText = only?.kind === 'scalar' && readScalar(only, 'go-v2').type === 'string';
    if (inner.length === 1 && isText && trimmed(only.value) === trimmed(value.text)) return encoded;
  } catch {
    // Said otherwise below.
  }
  return quote(value.text, false);
}

function tryEncode(
  { text: value, style: wanted, chomping: chomp }: Exclude<GeneratedScalar, { raw: string }>,
  indent: string,
): string | undefined {
  const folded = (): string => value.replace(/(\S) (?=\S)/g, `$1\n${indent}`);
  const single = (inner: string): string => `'${inner.replaceAll("'", "''")}'`;
  const block = (header: string, inner: string): string =>
    `${header}${chomp}\n${inner
      .split('\n')
      .map((line) => (line === '' ? '' : indent + line))
      .join('\n')}`;
  if (wanted === 'plain') return value;
  if (wanted === 'long-plain') return value.includes('\n') ? undefined : folded();
  if (wanted === 'single') return value.includes('\n') ? undefined : single(value);
  if (wanted === 'long-single') return value.includes('\n') ? undefined : single(folded());
  if (wanted === 'long-double')
    return value.includes('\n') ? undefined : quote(value, false).replace(/(\S) (?=\S)/g, `$1\n${indent}`);
  if (wanted === 'literal') return block('|', value);
  if (wanted === 'folded') return value.includes('\n') ? undefined : block('>', folded());
  return quote(value, wanted === 'hex');
}

function quote(value: string, hex: boolean): string {
  const quoted = JSON.stringify(value);
  return hex ? quoted.replaceAll('$', '\\x24') : quoted;
}
