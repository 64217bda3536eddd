import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Kept } from '../model/plan.ts';

/** Keeps a value of JSON, apart from what it was made of. */
export type Keep = <T extends object>(value: T) => Kept<T>;

/** As far back as deflate looks. */
const MAX_DICTIONARY = 32 * 1024;

/** Holds values as they are as long as they have no more than `limit` UTF-16 units of JSON together, and packs the rest. */
export function createKeep(limit: number): Keep {
  let held = 0;
  // Values of one kind are much alike: the first one that is packed makes the others half as large.
  let dictionary: Buffer | undefined;
  return <T extends object>(value: T): Kept<T> => {
    const text = JSON.stringify(value);
    if (held + text.length <= limit) {
      held += text.length;
      // A part of a text keeps the whole text alive; a copy does not.
      const copy = JSON.parse(text) as T;
      return { isPacked: false, read: () => copy };
    }
    const like = dictionary ?? Buffer.alloc(0);
    dictionary ??= Buffer.from(text).subarray(0, MAX_DICTIONARY);
    const packed = copyOf(deflateRawSync(text, { level: 1, dictionary: like }));
    return {
      isPacked: true,
      read: () => JSON.parse(inflateRawSync(packed, { dictionary: like }).toString('utf8')) as T,
    };
  };
}

/** zlib gives a part of a block of 16 KiB, which would be kept whole. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.byteLength);
  copy.set(bytes);
  return copy;
}
