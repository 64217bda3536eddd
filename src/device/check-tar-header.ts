import { decodeUtf8 } from '../lib/bytes.ts';

/** A header block of a tar stream. POSIX.1-2001, pax, "ustar Interchange Format". */
export interface TarHeader {
  readonly type: string;
  /** Undefined where it is not UTF-8. */
  readonly path: string | undefined;
  /** Bytes. */
  readonly size: number;
  readonly mode: number;
}

export type PaxRecords = ReadonlyMap<string, string>;

const CHECKSUM = { start: 148, end: 156 };

/** Undefined where the checksum or a number of the block is not right. */
export function readHeader(block: Uint8Array): TarHeader | undefined {
  if (readNumber(block, CHECKSUM.start, CHECKSUM.end) !== sumOf(block)) return undefined;
  const size = readNumber(block, 124, 136);
  const mode = readNumber(block, 100, 108);
  if (size === undefined || mode === undefined) return undefined;
  const magic = Buffer.from(block.subarray(257, 265)).toString('latin1');
  const name = readText(block, 0, 100);
  // Only POSIX headers have a prefix: GNU ones have times there.
  const prefix = magic === 'ustar\u000000' ? readText(block, 345, 500) : '';
  const path = name === undefined || prefix === undefined ? undefined : prefix === '' ? name : `${prefix}/${name}`;
  return { type: String.fromCharCode(block[156] ?? 0), path, size, mode };
}

/** The checksum counts its own field as blanks. */
function sumOf(block: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < block.byteLength; i++) {
    sum += i >= CHECKSUM.start && i < CHECKSUM.end ? 32 : (block[i] ?? 0);
  }
  return sum;
}

/** Octal digits with blanks and NULs around them, or a big-endian number where the first bit is set (GNU). Undefined for other text. */
function readNumber(block: Uint8Array, start: number, end: number): number | undefined {
  if (block[start] === 0x80) {
    let value = 0;
    for (const byte of block.subarray(start + 1, end)) value = value * 256 + byte;
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const text = Buffer.from(block.subarray(start, end)).toString('latin1');
  const digits = /^ *([0-7]*)[ \0]*$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits === '' ? '0' : digits, 8);
}

function readText(block: Uint8Array, start: number, end: number): string | undefined {
  const field = block.subarray(start, end);
  const length = field.indexOf(0);
  return decodeUtf8(length < 0 ? field : field.subarray(0, length));
}

/** The records of a pax header, `length key=value` each; undefined where one is not right, or a key comes twice. */
export function parsePax(bytes: Uint8Array): PaxRecords | undefined {
  const buffer = Buffer.from(bytes);
  const records = new Map<string, string>();
  for (let at = 0; at < buffer.byteLength; ) {
    const blank = buffer.indexOf(32, at);
    const digits = buffer.toString('latin1', at, Math.max(at, Math.min(blank, at + 8)));
    if (!/^[1-9][0-9]*$/.test(digits)) return undefined;
    const end = at + Number(digits);
    const record = end > buffer.byteLength || end <= blank ? undefined : decodeUtf8(buffer.subarray(blank + 1, end));
    const [, key, value] = /^([^=]+)=(.*)\n$/s.exec(record ?? '') ?? [];
    if (key === undefined || value === undefined || records.has(key)) return undefined;
    records.set(key, value);
    at = end;
  }
  return records;
}

export function hasEveryZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
