import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Kept } from '../model/plan.ts';

/** Keeps a value of JSON, apart from what it was made of. */
export type Keep = <T extends object>(value: T) => Kept<T>;

/** UTF-16 units of JSON that are held as they are: some thousand apps. */
const MAX_HELD = 16 * 1024 * 1024;

/** Holds the first values as they are, so that a factory of a usual size is fast, and packs the rest, so that a huge one stays small. */
export function createKeep(limit: number = MAX_HELD): Keep {
  let held = 0;
  return <T extends object>(value: T): Kept<T> => {
    const text = JSON.stringify(value);
    const size = text.length;
    if (held + size <= limit) {
      held += size;
      // A part of a text keeps the whole text alive; a copy does not.
      const copy = JSON.parse(text) as T;
      return { size, read: () => copy };
    }
    const packed = deflateRawSync(text, { level: 1 });
    return { size, read: () => JSON.parse(inflateRawSync(packed).toString('utf8')) as T };
  };
}
