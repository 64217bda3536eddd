import { RebundleError } from '../errors.ts';
import { printGo, printPython } from '../lib/yaml-scalars.ts';
import type { ComposeGeneration } from './interpolation.ts';
import type { ModelMap, ModelValue } from './model-value.ts';
import { normalizePath } from './mounts.ts';
import { castWord } from './python-cast.ts';

/** Where a value stands, for messages, and who reads it. */
export interface ModelContext {
  readonly generation: ComposeGeneration;
  /** Changed while a model is walked. */
  readonly path: string[];
  /** What was made of the parts of this and other models. A part stands at one place in all of them. */
  readonly known: Map<ModelValue, ModelValue | undefined>;
}

/** Turns a value into its one canonical form; undefined for what means the same as nothing. Throws COMPOSE_INVALID. */
export type Canon = (value: ModelValue, context: ModelContext) => ModelValue | undefined;

export function refuse(context: ModelContext, value: ModelValue, wanted: string): never {
  const shown = JSON.stringify(typeof value === 'bigint' ? String(value) : value) ?? '';
  throw new RebundleError('COMPOSE_INVALID', `${context.path.join('.')}: ${shown.slice(0, 100)} is no ${wanted}`);
}

/** The text that compose puts in place of a scalar where it wants text. */
export function printScalar(value: ModelValue, context: ModelContext): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return String(value);
  const print = context.generation === '1.29' ? printPython : printGo;
  if (typeof value === 'number') return print({ type: 'float', value });
  if (typeof value === 'boolean') return String(value);
  return refuse(context, value, 'text');
}

export const text: Canon = (value, context) =>
  value === null || value === '' ? undefined : printScalar(value, context);

/** A text that may be empty and then means something. */
export const exactText: Canon = (value, context) => (value === null ? '' : printScalar(value, context));

export const path: Canon = (value, context) => {
  const read = text(value, context);
  return typeof read === 'string' ? normalizePath(read) : read;
};

const GO_INT = /^[-+]?\d+$/;

export const integer: Canon = (value, context) => {
  if (value === null) return undefined;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string' && value.length < 100) {
    const cast =
      context.generation === '1.29'
        ? castWord('int', value)
        : GO_INT.test(value)
          ? BigInt(value.replace('+', ''))
          : undefined;
    if (cast !== undefined) return String(cast);
  }
  if (typeof value === 'number' && Number.isInteger(value)) return String(value);
  return refuse(context, value, 'whole number');
};

/** Zero means the same as nothing. */
export const ratio: Canon = (value, context) => {
  if (value === null || value === 0 || value === 0n) return undefined;
  if (typeof value === 'number' || typeof value === 'bigint') return String(Number(value));
  if (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))) {
    return Number(value) === 0 ? undefined : String(Number(value));
  }
  return refuse(context, value, 'number');
};

/** A number or the text of one, such as `cpus`. */
export const numberText: Canon = (value, context) => {
  const read = text(value, context);
  return typeof read === 'string' && /^[\d.]+$/.test(read) && Number.isFinite(Number(read))
    ? String(Number(read))
    : read;
};

/** False is not said. */
export const flag: Canon = (value, context) => (readBool(value, context) === true ? true : undefined);

/** A flag whose absence is a third thing. */
export const exactFlag: Canon = (value, context) =>
  // docker-compose 1.29 turns no text into such a flag.
  typeof value === 'string' && context.generation === '1.29'
    ? refuse(context, value, 'bool')
    : readBool(value, context);

function readBool(value: ModelValue, context: ModelContext): boolean | undefined {
  if (value === null || typeof value === 'boolean') return value ?? undefined;
  const cast = typeof value === 'string' ? castWord('bool', value) : undefined;
  return typeof cast === 'boolean' ? cast : refuse(context, value, 'bool');
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Nanoseconds; a text that is no duration stays what it is. */
export const exactDuration: Canon = (value, context) => {
  const read = text(value, context);
  if (typeof read !== 'string' || read.length > 100) return read;
  const parts = [...read.trim().matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gi)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== read.trim()) return read === '0' ? '0' : read;
  return String(
    Math.round(
      parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit?.toLowerCase() ?? ''] ?? 0), 0),
    ),
  );
};

/** Zero means the same as nothing. */
export const duration: Canon = (value, context) => {
  const read = exactDuration(value, context);
  return read === '0' ? undefined : read;
};

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  p: 1024 ** 5,
};

/** Bytes; a text that is no size stays what it is. */
export const bytes: Canon = (value, context) => {
  const read = text(value, context);
  const match = typeof read === 'string' ? /^(\d{1,30}(?:\.\d{1,30})?) ?([bkmgtp]?)i?b?$/i.exec(read.trim()) : null;
  if (match === null) return read;
  const size = Math.floor(Number(match[1]) * (FACTORS[match[2]?.toLowerCase() ?? ''] ?? 1));
  return size === 0 ? undefined : String(size);
};

export function mapOf(value: ModelValue, context: ModelContext): ModelMap {
  return value instanceof Map ? value : refuse(context, value, 'mapping');
}

export function listOf(value: ModelValue, context: ModelContext): readonly ModelValue[] {
  return Array.isArray(value) ? value : refuse(context, value, 'list');
}

/** The form of a member. */
export function canonAt(context: ModelContext, name: string, canon: Canon, member: ModelValue): ModelValue | undefined {
  if (typeof member !== 'object' || member === null) return at(context, name, () => canon(member, context));
  const known = context.known.get(member);
  if (known !== undefined || context.known.has(member)) return known;
  const value = at(context, name, () => canon(member, context));
  context.known.set(member, value);
  return value;
}

/** Calls with the place of a member. */
export function at<T>(context: ModelContext, name: string, read: () => T): T {
  context.path.push(name);
  const result = read();
  context.path.pop();
  return result;
}
