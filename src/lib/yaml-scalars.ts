import type { YamlScalar } from './yaml.ts';

/** What a scalar means. `binary` and unknown tags are text; `invalid` is a scalar that the parser refuses. */
export type ScalarValue =
  | { readonly type: 'null' }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'timestamp'; readonly value: string }
  | { readonly type: 'invalid'; readonly value: string };

/**
 * The readers that a compose text meets: yaml.v2 in docker-app (`go-v2.2` is that of docker-app 0.9, which took `1e3` as a number), PyYAML in
 * docker-compose 1.x, yaml.v3 in Docker Compose v2 and later.
 */
export type YamlReader = GoReader | 'python';
type GoReader = 'go-v2' | 'go-v2.2' | 'go-v3';

const MAX_DIGITS = 300;
const TRUE = ['true', 'True', 'TRUE'];
const FALSE = ['false', 'False', 'FALSE'];
const TRUE_WORDS = [...TRUE, 'yes', 'Yes', 'YES', 'on', 'On', 'ON'];
const FALSE_WORDS = [...FALSE, 'no', 'No', 'NO', 'off', 'Off', 'OFF'];
const NULLS = ['', '~', 'null', 'Null', 'NULL'];
const GO_WORDS = [
  [...TRUE_WORDS, 'y', 'Y'],
  [...FALSE_WORDS, 'n', 'N'],
] as const;
const BOOLS: Record<YamlReader, readonly [readonly string[], readonly string[]]> = {
  'go-v2': GO_WORDS,
  'go-v2.2': GO_WORDS,
  python: [TRUE_WORDS, FALSE_WORDS],
  'go-v3': [TRUE, FALSE],
};
const SPECIAL_FLOAT = /^(?:([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const MODERN_FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const GO_FLOAT: Record<GoReader, RegExp> = {
  'go-v2': /^[-+]?[0-9]*\.?[0-9]+([eE][-+][0-9]+)?$/,
  'go-v2.2': MODERN_FLOAT,
  'go-v3': MODERN_FLOAT,
};
/** Tags that a Go reader resolves; text under any other is that text. */
const GO_TAGS = ['!!null', '!!bool', '!!int', '!!float', '!!timestamp', '!!merge'];
const GO_DATE =
  /^\d{4}-\d{1,2}-\d{1,2}(?:(?:[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d{2}:\d{2}))|(?: \d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?))?$/;
const PY_FLOAT = /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)$/;
const PY_BASE60_FLOAT = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/;
const PY_INT = /^[-+]?(?:0b[0-1_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$/;
const PY_BASE60_INT = /^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/;
const PY_DATE =
  /^(?:\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$/;

/** Reads a scalar node as one of the three parsers does: quoted and block text is text, a `!!` tag is obeyed. */
export function readScalar(node: YamlScalar, reader: YamlReader): ScalarValue {
  const tag = shortTag(node);
  if (tag === '!!str' || tag === '!') return { type: 'string', value: node.value };
  if (tag === '!!binary') return { type: 'string', value: Buffer.from(node.value, 'base64').toString('utf8') };
  if (node.style !== 'plain' && (tag === undefined || !['!!int', '!!float', '!!bool', '!!null'].includes(tag))) {
    return { type: 'string', value: node.value };
  }
  if (reader !== 'python' && tag !== undefined && !GO_TAGS.includes(tag)) return { type: 'string', value: node.value };
  const read = readPlain(node.value, reader);
  return tag === undefined ? read : obeyTag(node.value, read, { tag, reader });
}

/** The tag of a scalar as people write it. */
export function shortTag({ tag }: YamlScalar): string | undefined {
  return tag?.replace('tag:yaml.org,2002:', '!!');
}

const TAGGED: Readonly<Record<string, ScalarValue['type']>> = {
  '!!null': 'null',
  '!!bool': 'bool',
  '!!int': 'int',
  '!!float': 'float',
};

/** What is not of the type that its tag names is refused; PyYAML takes any text for null. */
function obeyTag(
  text: string,
  read: ScalarValue,
  { tag, reader }: { readonly tag: string; readonly reader: YamlReader },
): ScalarValue {
  if (tag === '!!float' && read.type === 'int') return { type: 'float', value: Number(read.value) };
  if (tag === '!!null' && reader === 'python') return { type: 'null' };
  if (tag === '!!timestamp') return (reader === 'python' ? PY_DATE : GO_DATE).test(text) ? read : invalid(text);
  const wanted = TAGGED[tag];
  return wanted === undefined || read.type === wanted ? read : invalid(text);
}

function invalid(value: string): ScalarValue {
  return { type: 'invalid', value };
}

/** Resolves the text of an untagged plain scalar. */
export function readPlain(text: string, reader: YamlReader): ScalarValue {
  // No number that a float can hold is so long: Go takes it as text, and reading it would take long.
  if (text.length > MAX_DIGITS)
    return { type: reader === 'python' && /^[-+0-9._:]+$/.test(text) ? 'invalid' : 'string', value: text };
  if (NULLS.includes(text)) return { type: 'null' };
  const [yes, no] = BOOLS[reader];
  if (yes.includes(text)) return { type: 'bool', value: true };
  if (no.includes(text)) return { type: 'bool', value: false };
  const special = SPECIAL_FLOAT.exec(text);
  if (special !== null) {
    const value = text.endsWith('n') || text.endsWith('N') ? Number.NaN : special[1] === '-' ? -Infinity : Infinity;
    return { type: 'float', value };
  }
  return reader === 'python' ? readPython(text) : readGo(text, reader);
}

function readGo(text: string, reader: GoReader): ScalarValue {
  const asText: ScalarValue = { type: 'string', value: text };
  if (text.startsWith('.'))
    return /^\.[0-9]+([eE][-+]?[0-9]+)?$/.test(text) ? { type: 'float', value: Number(text) } : asText;
  if (!/^[-+0-9]/.test(text)) return asText;
  // yaml.v2 finds the date too, but hands it to untyped targets as the text it was.
  if (GO_DATE.test(text)) return reader === 'go-v3' ? { type: 'timestamp', value: text } : asText;
  const plain = text.replaceAll('_', '');
  const int = parseGoInt(plain, reader);
  if (int !== undefined) return { type: 'int', value: int };
  if (GO_FLOAT[reader].test(plain) && Number.isFinite(Number(plain))) return { type: 'float', value: Number(plain) };
  return asText;
}

/** strconv.ParseInt and ParseUint with base 0: undefined for other text and beyond 64 bits. `0o` is read since Go 1.13. */
function parseGoInt(text: string, reader: GoReader): bigint | undefined {
  const match = /^([-+]?)(?:(0[xX][0-9a-fA-F]+)|(0b[01]+)|(0[oO][0-7]+)|0([0-7]+)|(0|[1-9][0-9]*))$/.exec(text);
  if (match === null) return undefined;
  const [, sign, hex, binary, modernOctal, octal, decimal] = match;
  if (binary !== undefined && reader !== 'go-v3' && sign === '+') return undefined;
  const digits = hex ?? binary ?? modernOctal?.toLowerCase() ?? (octal === undefined ? decimal : `0o${octal}`);
  const value = BigInt(digits ?? '0') * (sign === '-' ? -1n : 1n);
  const max = sign === '' ? 2n ** 64n - 1n : 2n ** 63n - 1n;
  return value >= -(2n ** 63n) && value <= max ? value : undefined;
}

function readPython(text: string): ScalarValue {
  if (text === '=') return { type: 'invalid', value: text };
  const plain = text.replaceAll('_', '');
  if (PY_FLOAT.test(text)) return { type: 'float', value: Number(plain) };
  if (PY_BASE60_FLOAT.test(text)) return { type: 'float', value: Number(fromBase60(plain)) };
  if (PY_INT.test(text)) {
    const [, sign = '', digits = '0'] = /^([-+]?)(.*)$/.exec(plain) ?? [];
    if (/^0[bx]$/.test(digits)) return { type: 'invalid', value: text };
    const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
    return { type: 'int', value: sign === '-' ? -value : value };
  }
  if (PY_BASE60_INT.test(text)) return { type: 'int', value: BigInt(fromBase60(plain)) };
  if (PY_DATE.test(text)) return { type: 'timestamp', value: text };
  return { type: 'string', value: text };
}

function fromBase60(text: string): number {
  const negative = text.startsWith('-');
  const value = text
    .replace(/^[-+]/, '')
    .split(':')
    .reduce((sum, part) => sum * 60 + Number(part), 0);
  return negative ? -value : value;
}

/** Go's `%v` of a value: how docker-app put a parameter into a text. */
export function printGo(value: ScalarValue): string {
  switch (value.type) {
    case 'null':
      return '<nil>';
    case 'bool':
    case 'int':
      return String(value.value);
    case 'float':
      return printGoFloat(value.value);
    default:
      return value.value;
  }
}

/** Shortest digits, with an exponent below 1e-4 and from 1e6 on: strconv.FormatFloat with 'g' and precision -1. */
function printGoFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 6) return plainDecimal(mantissa, exponent);
  const sign = exponent < 0 ? '-' : '+';
  return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function plainDecimal(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith('-') ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const padded = digits.padEnd(exponent + 1, '0');
  const fraction = padded.slice(exponent + 1);
  return `${sign}${padded.slice(0, exponent + 1)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Python's `str()` of a value: how docker-compose 1.x puts a number into an environment or label. */
export function printPython(value: ScalarValue): string {
  if (value.type === 'float') {
    const { value: number } = value;
    if (Number.isNaN(number)) return 'nan';
    if (!Number.isFinite(number)) return number > 0 ? 'inf' : '-inf';
    const exponent = number === 0 ? 0 : Number(number.toExponential().split('e')[1]);
    if (exponent >= 16 || exponent < -4) return printExponent(number);
    const text = String(number);
    return /[.e]/.test(text) ? text : `${text}.0`;
  }
  if (value.type === 'bool') return value.value ? 'True' : 'False';
  if (value.type === 'null') return 'None';
  return String(value.value);
}

function printExponent(value: number): string {
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  return `${mantissa}e${exponent.startsWith('-') ? '-' : '+'}${exponent.replace(/^[-+]/, '').padStart(2, '0')}`;
}
