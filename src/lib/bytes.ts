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
