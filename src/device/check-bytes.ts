import { RebundleError } from '../errors.ts';

/** Reads a stream in pieces of chosen sizes. What it gives is valid until the next call. */
export interface ByteReader {
  /** Exactly `size` bytes; undefined where the stream has ended. Throws BUNDLE_ARCHIVE where it ends within them. */
  readonly read: (size: number) => Promise<Uint8Array | undefined>;
  /** What comes next, however much that is; undefined at the end. */
  readonly readSome: () => Promise<Uint8Array | undefined>;
  /** Exactly `size` bytes as they come, each chunk told to `onTaken`. */
  readonly take: (size: number, onTaken: (bytes: number) => void) => AsyncGenerator<Uint8Array>;
  readonly skip: (size: number) => Promise<void>;
  /** Bytes read so far. */
  readonly position: () => number;
}

export function createByteReader(stream: AsyncIterable<Uint8Array>): ByteReader {
  const iterator = stream[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array();
  let position = 0;

  /** At most `size` bytes of the chunk at hand, or of the next one. */
  async function next(size: number): Promise<Uint8Array | undefined> {
    while (chunk.byteLength === 0) {
      const { done, value } = await iterator.next();
      if (done === true) return undefined;
      chunk = value;
    }
    const part = chunk.subarray(0, size);
    chunk = chunk.subarray(part.byteLength);
    position += part.byteLength;
    return part;
  }

  async function* take(size: number, onTaken: (bytes: number) => void): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0; ) {
      const part = await next(left);
      if (part === undefined) throw cutOff();
      left -= part.byteLength;
      onTaken(part.byteLength);
      yield part;
    }
  }

  return {
    async read(size) {
      const first = await next(size);
      if (first === undefined || first.byteLength === size) return first;
      const bytes = new Uint8Array(size);
      bytes.set(first);
      for (let filled = first.byteLength; filled < size; ) {
        const part = await next(size - filled);
        if (part === undefined) throw cutOff();
        bytes.set(part, filled);
        filled += part.byteLength;
      }
      return bytes;
    },
    readSome: () => next(Number.MAX_SAFE_INTEGER),
    take,
    async skip(size) {
      for (let left = size; left > 0; ) {
        const part = await next(left);
        if (part === undefined) throw cutOff();
        left -= part.byteLength;
      }
    },
    position: () => position,
  };
}

function cutOff(): RebundleError {
  return new RebundleError('BUNDLE_ARCHIVE', 'the archive cannot be unpacked: it is cut off');
}
