const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);
const PART = /([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)/y;
const MAX = 2n ** 63n - 1n;
const MAX_LENGTH = 200;

/** Nanoseconds of a duration as Go's time.ParseDuration reads it; undefined where it refuses the text. */
export function parseDuration(text: string): bigint | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const negative = text.startsWith('-');
  const digits = text.replace(/^[-+]/, '');
  if (digits === '0') return 0n;
  if (digits === '') return undefined;
  let total = 0n;
  let at = 0;
  while (at < digits.length) {
    PART.lastIndex = at;
    const part = PART.exec(digits);
    if (part === null) return undefined;
    const [whole, integer = '', fraction = '', name = ''] = part;
    if (integer === '' && fraction === '') return undefined;
    const unit = UNITS.get(name) ?? 0n;
    total += BigInt(integer === '' ? '0' : integer) * unit;
    if (fraction !== '') total += (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length);
    if (total > MAX) return undefined;
    at += whole.length;
  }
  return negative ? -total : total;
}

/** A duration as Go prints it: `1m30s`, `1.5s`, `0s`. */
export function printDuration(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? '-' : '';
  const value = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (value === 0n) return '0s';
  for (const [unit, size, next] of [
    ['ns', 1n, 1_000n],
    ['µs', 1_000n, 1_000_000n],
    ['ms', 1_000_000n, 1_000_000_000n],
  ] as const) {
    if (value < next) return `${sign}${withFraction(value, size)}${unit}`;
  }
  const second = 1_000_000_000n;
  const hours = value / (3600n * second);
  const minutes = (value / (60n * second)) % 60n;
  const seconds = `${withFraction(value % (60n * second), second)}s`;
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

function withFraction(value: bigint, size: bigint): string {
  const rest = value % size;
  if (rest === 0n) return String(value / size);
  const fraction = String(rest).padStart(String(size).length - 1, '0');
  return `${value / size}.${fraction.replace(/0+$/, '')}`;
}
