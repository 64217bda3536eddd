import { printPython, type ScalarValue } from '../lib/yaml-scalars.ts';
import { castOf } from './fields.ts';

/** Longer texts are no numbers that anybody means, and slow to read. */
const MAX_NUMBER = 200;
const INTS =
  /^services\/[^/]+\/(?:blkio_config\/(?:weight_device\/\d+\/)?weight|cpu_count|mem_swappiness|oom_score_adj|scale|(?:configs|secrets)\/\d+\/mode)$/;
const FLOATS = /^services\/[^/]+\/(?:cpus|deploy\/resources\/limits\/cpus)$/;
const BOOLS = /^services\/[^/]+\/oom_kill_disable$/;
const BYTES = /^services\/[^/]+\/volumes\/\d+\/tmpfs\/size$/;
const MICROSECONDS = /^services\/[^/]+\/cpu_(?:quota|period|rt_period|rt_runtime)$/;
const LABELS = [
  /^services\/[^/]+\/(?:build\/)?labels\/.+$/s,
  /^services\/[^/]+\/deploy\/labels\/[^/]+$/s,
  /^(?:volumes|networks|secrets|configs)\/[^/]+\/labels\/.+$/s,
];

/** What docker-compose 1.29 makes of a text at a place: a number or bool where it knows the place; undefined where it refuses the text. */
export function castPython(path: readonly string[], text: string): ScalarValue | undefined {
  const place = path.join('/');
  const cast = castOf(path);
  if (cast === 'int' || INTS.test(place)) return pythonInt(text);
  if (cast === 'float') return pythonFloat(text);
  // A number or a text is right there, and docker-app wants the text.
  if (FLOATS.test(place)) return pythonFloat(text) === undefined ? undefined : { type: 'string', value: text };
  if (cast === 'bool' || BOOLS.test(place)) return pythonBool(text);
  if (BYTES.test(place))
    return text.length <= MAX_NUMBER && /^\s*\d+(?:\.\d+)?\s*(?:[bkmgt]b?)?\s*$/i.test(text)
      ? { type: 'int', value: 0n }
      : undefined;
  if (MICROSECONDS.test(place)) return isPythonDuration(text) ? { type: 'int', value: 0n } : undefined;
  return { type: 'string', value: text };
}

/** docker-compose 1.29 prints numbers and bools of labels, so they pass as text. */
export function toPythonText(path: readonly string[], value: ScalarValue): ScalarValue {
  const printable = value.type === 'bool' || value.type === 'int' || value.type === 'float';
  const place = path.join('/');
  return printable && LABELS.some((label) => label.test(place)) ? { type: 'string', value: printPython(value) } : value;
}

/** The number or bool that docker-compose 1.29 makes of a text; bools are the same words to all generations. */
export function castWord(cast: 'int' | 'bool', text: string): bigint | boolean | undefined {
  const value = cast === 'int' ? pythonInt(text) : pythonBool(text);
  return value?.type === 'int' || value?.type === 'bool' ? value.value : undefined;
}

/** Python's `int(text, base=0)` with compose's own reading of a leading 0 as octal. */
function pythonInt(text: string): ScalarValue | undefined {
  if (text.length > MAX_NUMBER) return undefined;
  const trimmed = text.trim();
  const octal = /^0([0-9]+)$/.exec(trimmed);
  const digits = octal === null ? trimmed.replace(/(?<=[0-9a-fxob])_(?=[0-9a-f])/gi, '') : `0o${octal[1]}`;
  const match = /^([-+]?)(0x[0-9a-f]+|0o[0-7]+|0b[01]+|0+|[1-9][0-9]*)$/i.exec(digits);
  if (match === null) return undefined;
  const value = BigInt((match[2] ?? '0').toLowerCase());
  return { type: 'int', value: match[1] === '-' ? -value : value };
}

function pythonFloat(text: string): ScalarValue | undefined {
  if (text.length > MAX_NUMBER) return undefined;
  const plain = text.trim().replace(/(?<=\d)_(?=\d)/g, '');
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(plain)) return { type: 'float', value: Number(plain) };
  return undefined;
}

function pythonBool(text: string): ScalarValue | undefined {
  const word = text.toLowerCase();
  if (['y', 'yes', 'true', 'on'].includes(word)) return { type: 'bool', value: true };
  if (['n', 'no', 'false', 'off'].includes(word)) return { type: 'bool', value: false };
  return undefined;
}

/** True for a duration that docker-compose 1.29 reads: units from hours down, each once, no sign. */
export function isPythonDuration(text: string): boolean {
  if (text.length > MAX_NUMBER) return false;
  const number = '(?:\\d+\\.?\\d*|\\.\\d+)';
  const units = ['h', 'm', 's', 'ms', '(?:us|µs)', 'ns'].map((unit) => `(?:${number}${unit})?`).join('');
  return text.trim() !== '' && new RegExp(`^\\s*${units}\\s*$`, 'i').test(text);
}

/** True for a duration of Go's `time.ParseDuration`. */
export function isGoDuration(text: string): boolean {
  return text.length <= MAX_NUMBER && /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.test(text);
}
