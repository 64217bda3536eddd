import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Kept } from '../model/plan.ts';

/**
 * Keeps a value of JSON, apart from what it was made of. `ownLength`: nothing else holds on to the value or changes it, and its JSON has about so many
 * units; then it need not be copied.
 */
export type Keep = <T extends object>(value: T, ownLength?: number) => Kept<T>;

/** As far back as deflate looks. */
const MAX_DICTIONARY = 32 * 1024;
/** Packed values lie side by side: a buffer of its own for each would take a quarter more. */
const SLAB_BYTES = 256 * 1024;

/** Holds values as they are as long as they have no more than `limit` UTF-16 units of JSON together, and packs the rest. */
export function createKeep(limit: number): Keep {
  let held = 0;
  const pack = createPacker();
  return <T extends object>(value: T, ownLength?: number): Kept<T> => {
    if (ownLength !== undefined && held + ownLength <= limit) {
      held += ownLength;
      return hold(value);
    }
    const text = JSON.stringify(value);
    if (held + text.length > limit) return pack(text) as Kept<T>;
    held += text.length;
    // A part of a text keeps the whole text alive; a copy does not.
    return hold(JSON.parse(text) as T);
  };
}

/** A function of its own, so that nothing else stays reachable. */
function hold<T>(value: T): Kept<T> {
  return { isPacked: false, read: () => value };
}

function createPacker(): (text: string) => Kept<unknown> {
  const store = createSlabs();
  // Values of one kind are much alike: the first ones that are packed make the others half as large.
  let like = Buffer.alloc(0);
  return (text) => {
    const dictionary = like;
    const room = MAX_DICTIONARY - like.byteLength;
    if (room > 0) like = Buffer.concat([like, Buffer.from(text.slice(0, room))]).subarray(0, MAX_DICTIONARY);
    return unpackLater(store(deflateRawSync(text, { dictionary })), dictionary);
  };
}

function unpackLater(
  { slab, start, end }: ReturnType<ReturnType<typeof createSlabs>>,
  dictionary: Buffer,
): Kept<unknown> {
  return {
    isPacked: true,
    read: () => JSON.parse(inflateRawSync(slab.subarray(start, end), { dictionary }).toString('utf8')) as unknown,
  };
}

function createSlabs() {
  let slab = Buffer.alloc(0);
  let filled = 0;
  return (bytes: Uint8Array) => {
    if (filled + bytes.byteLength > slab.byteLength) {
      slab = Buffer.allocUnsafeSlow(Math.max(Math.min(2 * slab.byteLength, SLAB_BYTES), bytes.byteLength));
      filled = 0;
    }
    slab.set(bytes, filled);
    filled += bytes.byteLength;
    return { slab, start: filled - bytes.byteLength, end: filled };
  };
}
