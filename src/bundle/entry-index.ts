import { compareText } from '../lib/bytes.ts';
import type { FileEntry } from '../model/app.ts';

/** The files of a repository, to be asked by path. */
export interface EntryIndex {
  find(path: string): FileEntry | undefined;
  /** Everything below a folder, by path. */
  below(folder: string): FileEntry[];
}

const indexes = new WeakMap<readonly FileEntry[], EntryIndex>();

/** Indexes a listing once, however many packages of its repository ask. */
export function indexEntries(entries: readonly FileEntry[]): EntryIndex {
  let index = indexes.get(entries);
  if (index === undefined) {
    index = createIndex(entries);
    indexes.set(entries, index);
  }
  return index;
}

function createIndex(entries: readonly FileEntry[]): EntryIndex {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  const sorted = [...byPath.values()].sort((a, b) => compareText(a.path, b.path));
  return {
    find: (path) => byPath.get(path),
    below(folder) {
      const prefix = `${folder}/`;
      const from = firstNotBefore(sorted, prefix);
      let to = from;
      while (sorted[to]?.path.startsWith(prefix)) to++;
      return sorted.slice(from, to);
    },
  };
}

function firstNotBefore(sorted: readonly FileEntry[], path: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareText(sorted[middle]?.path ?? '', path) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
