import { splitGoWords } from '../lib/shell-words.ts';
import { isList, isMap, printValue, typeName } from './decode-go.ts';
import { parseDuration, printDuration } from './go-duration.ts';
import type { RenderedMap, RenderedValue } from './rendered-value.ts';

/** What docker/cli's loader refuses although the schema lets it pass. */
export class LoadFault extends Error {
  override readonly name = 'LoadFault';
}

/** Reads the value of a member and gives what is printed of it; undefined where Go left the member out as empty. */
export type Field = (value: RenderedValue) => RenderedValue | undefined;
export type Fields = Readonly<Record<string, Field>>;

const MAX_INT64 = 2n ** 63n - 1n;
const SIZES = ['', 'k', 'm', 'g', 't', 'p'];

function unconvertible(expected: string, value: RenderedValue): LoadFault {
  return new LoadFault(`expected type '${expected}', got unconvertible type '${typeName(value)}'`);
}

export const text: Field = (value) => {
  if (value === null) return undefined;
  if (typeof value !== 'string') throw unconvertible('string', value);
  return value === '' ? undefined : value;
};

/** A flag that is printed where it is set only. */
export const flag: Field = (value) => {
  if (value === null) return undefined;
  if (typeof value !== 'boolean') throw unconvertible('bool', value);
  return value ? true : undefined;
};

/** A flag that is printed where it is given, false or true. */
export const givenFlag: Field = (value) => (value === null ? undefined : (flag(value) ?? false));

/** A number without a sign that is printed where it is given. */
export const givenCount: Field = (value) => (value === null ? undefined : toCount(value));

export const count: Field = (value) => {
  const number = value === null ? 0n : toCount(value);
  return number === 0n ? undefined : number;
};

function toCount(value: RenderedValue): bigint {
  const number = typeof value === 'number' && Number.isFinite(value) ? BigInt(Math.trunc(value)) : value;
  if (typeof number !== 'bigint') throw unconvertible('uint', value);
  if (number < 0n) throw new LoadFault(`cannot parse, ${number} overflows uint`);
  return number;
}

export const integer: Field = (value) => {
  const number = typeof value === 'number' && Number.isFinite(value) ? BigInt(Math.trunc(value)) : value;
  if (number === null || number === 0n) return undefined;
  if (typeof number !== 'bigint') throw unconvertible('int64', value);
  return number;
};

export const ratio: Field = (value) => {
  if (value === null) return undefined;
  if (typeof value !== 'bigint' && typeof value !== 'number') throw unconvertible('float32', value);
  return Number(value) === 0 ? undefined : Number(value);
};

export const givenDuration: Field = (value) => (value === null ? undefined : printDuration(toDuration(value)));

export const duration: Field = (value) => {
  const nanoseconds = value === null ? 0n : toDuration(value);
  return nanoseconds === 0n ? undefined : printDuration(nanoseconds);
};

function toDuration(value: RenderedValue): bigint {
  const nanoseconds = typeof value === 'string' ? parseDuration(value) : undefined;
  if (nanoseconds === undefined) throw new LoadFault(`time: invalid duration ${printValue(value)}`);
  return nanoseconds;
}

/** Bytes, printed as text. */
export const size: Field = (value) => {
  if (value === null) return undefined;
  const bytes = typeof value === 'bigint' ? value : typeof value === 'string' ? parseSize(value) : undefined;
  if (bytes === undefined) throw new LoadFault(`invalid size: '${printValue(value)}'`);
  return bytes === 0n ? undefined : String(bytes);
};

/** go-units' RAMInBytes: 1024 to a step. */
function parseSize(value: string): bigint | undefined {
  const match = /^([0-9]{1,30}(?:\.[0-9]{1,30})?) ?([kKmMgGtTpP])?(?:[iI])?[bB]?$/.exec(value);
  if (match === null) return undefined;
  const [, number = '', unit = ''] = match;
  const bytes = BigInt(Math.trunc(Number(number) * 1024 ** SIZES.indexOf(unit.toLowerCase())));
  return bytes > MAX_INT64 ? undefined : bytes;
}

export const texts: Field = (value) => {
  if (value === null) return undefined;
  if (!isList(value)) throw unconvertible('[]string', value);
  return value.length === 0 ? undefined : value.map((item) => text(item) ?? '');
};

export const textOrTexts: Field = (value) => texts(typeof value === 'string' ? [value] : value);

export const numbersOrTexts: Field = (value) => texts(isList(value) ? value.map(printValue) : value);

export const command: Field = (value) => {
  if (typeof value !== 'string') return texts(value);
  const words = splitGoWords(value);
  if (words === undefined) throw new LoadFault(`invalid command line string: ${value}`);
  return texts(words);
};

export const test: Field = (value) => texts(typeof value === 'string' ? ['CMD-SHELL', value] : value);

/** `KEY=VALUE` items or a mapping, as a mapping of texts; what has no value is empty. */
export const labels: Field = (value) => mapping(value, '');

/** The same; what has no value stays null. */
export const environment: Field = (value) => mapping(value, null);

function mapping(value: RenderedValue, missing: '' | null): RenderedMap | undefined {
  if (value === null) return undefined;
  const members = new Map<string, RenderedValue>();
  if (isMap(value)) {
    for (const [name, member] of value) members.set(name, member === null ? missing : printValue(member));
  } else {
    for (const item of isList(value) ? value : []) {
      const written = printValue(item);
      const at = written.indexOf('=');
      members.set(at < 0 ? written : written.slice(0, at), at < 0 ? missing : written.slice(at + 1));
    }
  }
  return members.size === 0 ? undefined : sortMap(members);
}

/** `name:address` items, sorted where they come from a mapping. */
export const hosts: Field = (value) => {
  if (!isMap(value)) return texts(value);
  const items = [...value].flatMap(([name, address]) =>
    address === null
      ? []
      : [`${name}:${typeof address === 'string' ? address : `%!s(${typeName(address)}=${printValue(address)})`}`],
  );
  return texts(items.sort());
};

export function sortMap(map: RenderedMap): Map<string, RenderedValue> {
  return new Map([...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** Members that a structure has, in its order; others are left out. */
export function readStruct(value: RenderedValue, fields: Fields): Map<string, RenderedValue> {
  const members = new Map<string, RenderedValue>();
  if (value === null) return members;
  if (!isMap(value)) throw unconvertible('struct', value);
  for (const name of Object.keys(fields)) {
    const member = value.get(name);
    if (member === undefined) continue;
    const printed = fields[name]?.(member);
    if (printed !== undefined) members.set(name, printed);
  }
  return members;
}

/** A structure that is left out where all of it is empty. */
export function struct(fields: Fields): Field {
  return (value) => {
    const members = readStruct(value, fields);
    return members.size === 0 ? undefined : members;
  };
}

/** A structure that is printed where it is given, `{}` where it is empty. */
export function givenStruct(fields: Fields): Field {
  return (value) => (value === null ? undefined : readStruct(value, fields));
}

export function listOf(field: Field): Field {
  return (value) => {
    if (value === null) return undefined;
    if (!isList(value)) throw unconvertible('slice', value);
    return value.length === 0 ? undefined : value.map((item) => field(item) ?? new Map());
  };
}
