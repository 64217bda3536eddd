import { constants, inflateSync } from 'node:zlib';
import { hasCode } from './git-file.ts';

/** Compressed bytes that are enough for the first few of an object. */
export const START_BYTES = 512;
const MAX_START = START_BYTES * 1100;

/** Exactly `size` bytes; undefined where the stream holds more or fewer. What follows the stream is not looked at. */
export function inflateExact(bytes: Uint8Array, size: number): Buffer | undefined {
  const found = run(bytes, { maxOutputLength: Math.max(size, 1), chunkSize: chunkFor(size + 64) });
  return found?.byteLength === size ? found : undefined;
}

/** All of a stream; undefined where that is more than `limit` bytes. */
export function inflateUpTo(bytes: Uint8Array, limit: number): Buffer | undefined {
  return run(bytes, {
    maxOutputLength: Math.max(limit, 1),
    chunkSize: chunkFor(Math.min(limit, bytes.byteLength * 4)),
  });
}

/** The beginning of a stream, as much as comes from the bytes given. */
export function inflateStart(bytes: Uint8Array): Buffer | undefined {
  const start = bytes.subarray(0, START_BYTES);
  return run(start, { maxOutputLength: MAX_START, chunkSize: 1024, finishFlush: constants.Z_SYNC_FLUSH });
}

/** Most bytes that zlib makes of `size` bytes, whatever its settings. */
export function compressedBound(size: number): number {
  return size + (size >> 3) + 256;
}

function chunkFor(size: number): number {
  return Math.min(Math.max(size, 256), 64 * 1024);
}

function run(bytes: Uint8Array, options: Parameters<typeof inflateSync>[1]): Buffer | undefined {
  try {
    return inflateSync(bytes, options);
  } catch (error) {
    if (hasCode(error)) return undefined;
    throw error;
  }
}
