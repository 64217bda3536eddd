import type { FileEntry, SourceOrigin } from '../model/app.ts';

export type PathEntry = Pick<FileEntry, 'path' | 'mode'>;

/** One repository at one state. Paths are relative to its root, with `/`; order of `list` is not defined. */
export interface Source {
  /** `path` of the origin is empty: it stands for the repository itself. */
  readonly origin: SourceOrigin;
  /** Every file, link and special entry below the root, without `.git`; folders only where they are empty or named as a package. */
  list(): AsyncIterable<FileEntry>;
  /** Optional ability: the same, without what takes a look into each file. */
  listPaths?(): AsyncIterable<PathEntry>;
  /** The whole file. Throws SOURCE_UNREADABLE, or SOURCE_LIMIT above `limit` bytes. Links are not followed out of the root. */
  read(path: string, limit: number): Promise<Buffer>;
  /** The same bytes as a stream, for files of any size. */
  open(path: string): AsyncIterable<Uint8Array>;
  /** Optional ability: lets go of what is held of it; it is read again where it is asked once more. */
  forget?(): void;
}
