import { RebundleError } from '../errors.ts';

/** Collects a stream. Throws SOURCE_LIMIT naming `what` once it is over `limit` bytes. */
export async function readAll(chunks: AsyncIterable<Uint8Array>, limit: number, what: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.byteLength;
    if (size > limit) throw new RebundleError('SOURCE_LIMIT', `${what} is larger than ${limit} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts, size);
}

/** A stream of one chunk. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const BLOCK_BYTES = 256 * 1024;
/** Of one UTF-16 unit. */
const MOST_BYTES = 3;

/** Pieces of a text as UTF-8, gathered to blocks worth a write. A block is only there until the next one is asked for. */
export function* encodeBlocks(texts: Iterable<string>): Generator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let filled = 0;
  for (const text of texts) {
    if (filled + text.length * MOST_BYTES > BLOCK_BYTES) {
      yield buffer.subarray(0, filled);
      filled = 0;
    }
    if (text.length * MOST_BYTES > BLOCK_BYTES) yield Buffer.from(text);
    else filled += buffer.write(text, filled);
  }
  yield buffer.subarray(0, filled);
}

/** Decodes UTF-8, a leading byte order mark kept; undefined where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Order of UTF-16 units, the same in every locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Passes chunks on, and gathers them in `kept` as long as they have no more than `limit` bytes together. */
export async function* keepFirst(
  chunks: AsyncIterable<Uint8Array>,
  kept: Uint8Array[],
  limit: number,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.byteLength;
    if (size <= limit) kept.push(chunk);
    yield chunk;
  }
}
