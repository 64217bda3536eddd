import type { PartialFile } from './git-file.ts';

const HEAD = 8;
const FANOUT = 256 * 4;
const MAGIC = 'ff744f6300000002';

/** Where the objects of a pack are, from its index of version 2 (gitformat-pack). */
export interface PackIndex {
  readonly count: number;
  /** The checksum of the pack that it is the index of. */
  readonly packChecksum: Buffer;
  /** Offset of an object in the pack; undefined where the pack does not have it. */
  readonly find: (id: string) => number | undefined;
}

/** Undefined where the file is no such index for ids of `idLength` bytes. */
export function readPackIndex(file: PartialFile, idLength: number): PackIndex | undefined {
  if (file.slice(0, HEAD).toString('hex') !== MAGIC) return undefined;
  const fanout = (bucket: number): number => (bucket < 0 ? 0 : readNumber(file, HEAD + bucket * 4));
  const count = fanout(255);
  const names = HEAD + FANOUT;
  const offsets = names + count * (idLength + 4);
  const large = offsets + count * 4;
  const end = file.size - 2 * idLength;
  const largeCount = (end - large) / 8;
  if (!Number.isInteger(largeCount) || largeCount < 0 || largeCount > count) return undefined;
  const find = (id: string): number | undefined => {
    const wanted = Buffer.from(id, 'hex');
    const first = wanted[0] ?? 0;
    let low = fanout(first - 1);
    let high = fanout(first);
    if (high > count) return undefined;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = file.slice(names + middle * idLength, idLength).compare(wanted);
      if (order === 0) return offsetOf(middle);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return undefined;
  };
  const offsetOf = (index: number): number | undefined => {
    const offset = readNumber(file, offsets + index * 4);
    if (offset < 0x80000000) return offset;
    const at = offset - 0x80000000;
    return at < largeCount ? Number(file.slice(large + at * 8, 8).readBigUInt64BE()) : undefined;
  };
  return { count, packChecksum: Buffer.from(file.slice(end, idLength)), find };
}

function readNumber(file: PartialFile, at: number): number {
  return file.slice(at, 4).readUInt32BE();
}
