import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';

/**
 * Reads of a repository's own files wait for no thread: of a file in the page cache the read itself takes less than the way to one. They are small and capped.
 * Nothing but a file is read (a FIFO must not make us wait), and no link is followed.
 */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** Up to here a file is held whole, and not kept open. */
const MAX_HELD = 128 * 1024;
const WINDOW = 32 * 1024;
const MAX_WINDOWS = 4;

const shared = Buffer.allocUnsafe(8 * 1024);

/** All of a file. Throws what the system says, EFBIG above `limit` bytes. */
export function readSmallFile(path: string, limit: number): Buffer {
  const fd = openSync(path, FLAGS);
  try {
    const count = readSync(fd, shared, 0, shared.byteLength, 0);
    // Most files fit; how long the others are is asked then.
    const size = count < shared.byteLength ? count : fstatSync(fd).size;
    if (size > limit) throw systemError('EFBIG', path);
    return size === count ? Buffer.from(shared.subarray(0, count)) : readFully(fd, 0, size);
  } finally {
    closeSync(fd);
  }
}

/** The same, undefined where there is no such file. */
export function readOptionalFile(path: string, limit: number): Buffer | undefined {
  try {
    // An error of the system takes longer than this question.
    return lstatSync(path, { throwIfNoEntry: false }) === undefined ? undefined : readSmallFile(path, limit);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** True for an error of the system or of Node's own, with one of the codes where any are given. */
export function hasCode(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return codes.length === 0 || codes.includes(error.code);
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** A file that is read in parts, which stays open and the same when its name is gone. */
export interface PartialFile {
  readonly size: number;
  /** Bytes from `at`, which is not negative; not to be changed. Fewer than asked for at the end of the file. */
  readonly slice: (at: number, length: number) => Buffer;
  readonly close: () => void;
}

export function openPartialFile(path: string): PartialFile {
  const fd = openSync(path, FLAGS);
  let isHeld = true;
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw systemError('EINVAL', path);
    if (stats.size <= MAX_HELD) return holdFile(readFully(fd, 0, stats.size));
    isHeld = false;
    return createPartialFile(fd, stats.size);
  } finally {
    if (isHeld) closeSync(fd);
  }
}

function holdFile(whole: Buffer): PartialFile {
  return { size: whole.byteLength, slice: (at, length) => whole.subarray(at, at + length), close: () => {} };
}

function createPartialFile(fd: number, size: number): PartialFile {
  const windows = new Map<number, Buffer>();
  const windowOf = (index: number): Buffer => {
    const known = windows.get(index);
    if (known !== undefined) return known;
    const [oldest] = windows.keys();
    if (windows.size >= MAX_WINDOWS && oldest !== undefined) windows.delete(oldest);
    const read = readFully(fd, index * WINDOW, Math.min(WINDOW, size - index * WINDOW));
    windows.set(index, read);
    return read;
  };
  return {
    size,
    slice: (at, length) => {
      const end = Math.min(at + length, size);
      if (at >= end) return Buffer.alloc(0);
      const index = Math.floor(at / WINDOW);
      const start = index * WINDOW;
      return end <= start + WINDOW ? windowOf(index).subarray(at - start, end - start) : readFully(fd, at, end - at);
    },
    close: () => closeSync(fd),
  };
}

function readFully(fd: number, at: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const count = readSync(fd, buffer, done, length - done, at + done);
    if (count === 0) break;
    done += count;
  }
  return buffer.subarray(0, done);
}
