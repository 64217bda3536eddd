import { constants, inflateSync } from 'node:zlib';
import { inflateSync as inflateSmall } from 'fflate';
import { hasCode } from './git-file.ts';

/** Compressed bytes that are enough for the first few of an object. */
export const START_BYTES = 512;
const MAX_START = START_BYTES * 1100;
/** Streams up to here are inflated without zlib, which makes an object of many parts for each. What they can cost in time is bounded by their length. */
const MAX_SMALL = 4096;
const ZLIB_HEAD = 2;

const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** Exactly `size` bytes; undefined where the stream holds more or fewer. What follows the stream is not looked at. */
export function inflateExact(bytes: Buffer, size: number): Buffer | undefined {
  const found = inflateUpTo(bytes, size);
  return found?.byteLength === size ? found : undefined;
}

/** All of a stream; undefined where that is more than `limit` bytes. */
export function inflateUpTo(bytes: Buffer, limit: number): Buffer | undefined {
  const small = bytes.byteLength <= MAX_SMALL ? inflateToScratch(bytes) : undefined;
  if (small !== undefined) return small.byteLength > limit ? undefined : Buffer.from(small);
  const chunkSize = Math.min(Math.max(bytes.byteLength * 4, 1024), 64 * 1024);
  return inflateByZlib(bytes, { maxOutputLength: Math.max(limit, 1), chunkSize });
}

/** The beginning of a stream, as much as comes from the bytes given. */
export function inflateStart(bytes: Buffer): Buffer | undefined {
  const start = bytes.subarray(0, START_BYTES);
  return inflateByZlib(start, {
    maxOutputLength: MAX_START,
    chunkSize: 1024,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
}

/** Most bytes that zlib makes of `size` bytes, whatever its settings. */
export function compressedBound(size: number): number {
  return size + (size >> 3) + 256;
}

/** Undefined where it is no such stream or does not fit: zlib then tells which. */
function inflateToScratch(bytes: Buffer): Uint8Array | undefined {
  if (bytes.byteLength <= ZLIB_HEAD || ((bytes[0] ?? 0) & 15) !== 8 || bytes.readUInt16BE() % 31 !== 0)
    return undefined;
  try {
    const found = inflateSmall(bytes.subarray(ZLIB_HEAD), { out: scratch });
    return found.byteLength < scratch.byteLength ? found : undefined;
  } catch {
    return undefined;
  }
}

function inflateByZlib(bytes: Buffer, options: Parameters<typeof inflateSync>[1]): Buffer | undefined {
  try {
    return inflateSync(bytes, options);
  } catch (error) {
    if (hasCode(error)) return undefined;
    throw error;
  }
}
