import { applyDelta, readDeltaSizes } from './git-delta.ts';
import { openPartialFile, type PartialFile } from './git-file.ts';
import { compressedBound, inflateExact, inflateStart, START_BYTES } from './git-inflate.ts';
import { EMPTY, type GitObject, type GitObjectType } from './git-object.ts';
import { type PackIndex, readPackIndex } from './git-pack-index.ts';

/** git makes no longer chains than this unless it is told to. */
const MAX_DEPTH = 512;
/** Bytes that all deltas and bases of one object may have together. */
const MAX_CHAIN = 16 * 1024 * 1024;
/** Bytes of bases that are kept for the next delta upon them. */
const MAX_BASES = 256 * 1024;
const MAX_ENTRY_HEAD = 10 + 32;
const HEADER = 12;

const TYPES: Readonly<Record<number, GitObjectType>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' };

/** An object in a pack: one that is stored whole, or a delta and where its base is. */
type Entry = { readonly size: number; readonly dataAt: number } & (
  | { readonly type: GitObjectType }
  | { readonly type: 'delta'; readonly baseAt: number }
);

interface Found {
  readonly type: GitObjectType;
  readonly bytes: Buffer;
}

/** A pack and its index, open. */
export interface Pack {
  /** Undefined where it does not have the object, or has it in a way that is left to git. The content is not yet checked. */
  readonly read: (
    id: string,
    options: { readonly limit: number; readonly wantsContent: boolean },
  ) => GitObject | undefined;
  readonly close: () => void;
}

/** Opens a pack by the path of its index; undefined where the two are not what git writes. Throws what the system says. */
export function openPack(indexPath: string, idLength: number): Pack | undefined {
  const indexFile = openPartialFile(indexPath);
  let file: PartialFile | undefined;
  const close = (): void => {
    indexFile.close();
    file?.close();
  };
  try {
    file = openPartialFile(indexPath.replace(/\.idx$/, '.pack'));
    const index = readPackIndex(indexFile, idLength);
    if (index !== undefined && belongsTo(file, index, idLength))
      return { read: createReader(file, index, idLength), close };
  } catch (error) {
    close();
    throw error;
  }
  close();
  return undefined;
}

function belongsTo(file: PartialFile, index: PackIndex, idLength: number): boolean {
  const header = file.slice(0, HEADER);
  if (header.toString('latin1', 0, 4) !== 'PACK' || ![2, 3].includes(header.readUInt32BE(4))) return false;
  if (header.readUInt32BE(8) !== index.count) return false;
  return file.size > HEADER + idLength && file.slice(file.size - idLength, idLength).equals(index.packChecksum);
}

function createReader(file: PartialFile, index: PackIndex, idLength: number): Pack['read'] {
  const end = file.size - idLength;
  const bases = new Map<number, Found>();
  let held = 0;

  const entryAt = (offset: number): Entry | undefined => {
    if (offset < HEADER || offset >= end) return undefined;
    const bytes = file.slice(offset, Math.min(MAX_ENTRY_HEAD, end - offset));
    let at = 0;
    let byte = bytes[at++] ?? 0;
    const code = (byte >> 4) & 7;
    let size = byte & 15;
    for (let factor = 16; byte >= 0x80; factor *= 128) {
      if (at > 7) return undefined;
      byte = bytes[at++] ?? 0;
      size += (byte & 0x7f) * factor;
    }
    const type = TYPES[code];
    if (type !== undefined) return { type, size, dataAt: offset + at };
    if (code === 7) {
      const baseAt = index.find(bytes.toString('hex', at, at + idLength));
      return baseAt === undefined ? undefined : { type: 'delta', size, dataAt: offset + at + idLength, baseAt };
    }
    if (code !== 6) return undefined;
    byte = bytes[at++] ?? 0;
    let distance = byte & 0x7f;
    while (byte >= 0x80) {
      if (at > 15) return undefined;
      byte = bytes[at++] ?? 0;
      distance = (distance + 1) * 128 + (byte & 0x7f);
    }
    return distance === 0 ? undefined : { type: 'delta', size, dataAt: offset + at, baseAt: offset - distance };
  };

  const inflate = ({ size, dataAt }: Entry): Buffer | undefined =>
    inflateExact(file.slice(dataAt, Math.min(compressedBound(size), end - dataAt)), size);

  /** The deltas of an object, the outermost first, and what they begin with. */
  const chainOf = (offset: number, limit: number) => {
    const deltas: Entry[] = [];
    let bytes = 0;
    for (let at = offset; deltas.length <= MAX_DEPTH; ) {
      const base = bases.get(at);
      if (base !== undefined) return { deltas, base, at };
      const entry = entryAt(at);
      if (entry === undefined || entry.size > limit) return undefined;
      bytes += entry.size;
      if (bytes > MAX_CHAIN) return undefined;
      if (entry.type !== 'delta') return { deltas, entry, at };
      deltas.push(entry);
      at = entry.baseAt;
    }
    return undefined;
  };

  const keep = (at: number, found: Found): void => {
    if (found.bytes.byteLength > MAX_BASES / 4) return;
    held += found.bytes.byteLength;
    if (held > MAX_BASES) {
      bases.clear();
      held = found.bytes.byteLength;
    }
    bases.set(at, found);
  };

  const contentAt = (offset: number, limit: number): Found | undefined => {
    const chain = chainOf(offset, limit);
    if (chain === undefined) return undefined;
    const { deltas, base, entry, at } = chain;
    let found = base;
    if (entry !== undefined) {
      const bytes = inflate(entry);
      found = bytes === undefined ? undefined : { type: entry.type, bytes };
      if (found !== undefined && deltas.length > 0) keep(at, found);
    }
    let made = 0;
    for (const delta of deltas.toReversed()) {
      const bytes = found === undefined ? undefined : inflate(delta);
      const result: Buffer | undefined = bytes && found && applyDelta(found.bytes, bytes, limit);
      made += result?.byteLength ?? 0;
      found =
        result === undefined || found === undefined || made > MAX_CHAIN
          ? undefined
          : { type: found.type, bytes: result };
    }
    if (found !== undefined && deltas.length > 0) keep(offset, found);
    return found;
  };

  /** Type and size without the content: of a delta its head tells the size, and the end of the chain the type. */
  const headAt = (offset: number): { readonly type: GitObjectType; readonly size: number } | undefined => {
    const first = entryAt(offset);
    if (first === undefined) return undefined;
    if (first.type !== 'delta') return { type: first.type, size: first.size };
    const start = inflateStart(file.slice(first.dataAt, Math.min(START_BYTES, end - first.dataAt)));
    const sizes = start === undefined ? undefined : readDeltaSizes(start);
    let entry: Entry | undefined = first;
    for (let depth = 0; entry?.type === 'delta' && depth <= MAX_DEPTH; depth += 1) entry = entryAt(entry.baseAt);
    if (sizes === undefined || entry === undefined || entry.type === 'delta') return undefined;
    return { type: entry.type, size: sizes.result };
  };

  return (id, { limit, wantsContent }) => {
    const offset = index.find(id);
    if (offset === undefined) return undefined;
    if (!wantsContent) {
      const head = headAt(offset);
      return head === undefined ? undefined : { id, ...head, bytes: EMPTY };
    }
    const found = contentAt(offset, limit);
    return found === undefined ? undefined : { id, type: found.type, size: found.bytes.byteLength, bytes: found.bytes };
  };
}
