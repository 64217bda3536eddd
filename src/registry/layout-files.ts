import { randomBytes } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  fsync,
  openSync,
  read,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFile,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { RebundleError } from '../errors.ts';

// What ends in memory is done at once: by way of another thread a small call takes ten times as much. What may wait for the disk has a thread.
const sync = promisify(fsync);
const append = promisify(writeFile);
const readInto = promisify(read);

const CHUNK_BYTES = 65_536;
const LOCK_NAME = '.rebundle-index.lock';
const LOCK_STEP_MS = 5;
/** A lock is held for a few system calls; one that stays so long belongs to a process that was killed. */
const LOCK_PATIENCE_MS = 2_000;
const OWN_NAME = /^\.rebundle-(?:[0-9a-f]{24}\.tmp|index\.lock)$/;

/** True for the name of a file that is there during a write. One that a killed run left is dead weight and nothing more. */
export function isTempName(name: string): boolean {
  return OWN_NAME.test(name);
}

/** Writes a new temporary file in `folder`, down to the disk, and returns its path. A failure leaves no file. */
export async function writeTemp(
  folder: string,
  content: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<string> {
  const path = join(folder, `.rebundle-${randomBytes(12).toString('hex')}.tmp`);
  const handle = onDisk(path, () => openSync(path, 'wx'));
  try {
    try {
      // Unlike write, writeFile goes on until all of the chunk is written.
      if (content instanceof Uint8Array) onDisk(path, () => writeFileSync(handle, content));
      else for await (const chunk of content) await later(path, () => append(handle, chunk));
      await later(path, () => sync(handle));
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  return path;
}

/** Makes renames in a folder last through a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = onDisk(folder, () => openSync(folder, 'r'));
  try {
    await later(folder, () => sync(handle));
  } finally {
    closeSync(handle);
  }
}

/** What tells versions of a file apart, and its absence. */
export function versionOf(found: BigIntStats | undefined): string {
  return found === undefined ? 'absent' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
}

export function statFile(path: string): BigIntStats | undefined {
  return unlessMissing(path, () => statSync(path, { bigint: true }));
}

/**
 * Renames `temp` over `path` if that file is still of the version `before`; false where it is not. Looking and renaming
 * happen under a lock file that is never held across a wait, so that no writer of ours, in this process or another, comes in between.
 */
export async function replaceUnchanged(temp: string, path: string, before: string): Promise<boolean> {
  const lock = join(dirname(path), LOCK_NAME);
  let waited = 0;
  let holder: bigint | undefined;
  for (;;) {
    try {
      const replaced = replaceLocked({ temp, path, before, lock });
      if (replaced !== undefined) return replaced;
    } catch (error) {
      throw diskError(path, error);
    }
    const seen = unlessMissing(lock, () => statSync(lock, { bigint: true }));
    waited = seen !== undefined && seen.ctimeNs === holder ? waited + LOCK_STEP_MS : 0;
    holder = seen?.ctimeNs;
    if (waited >= LOCK_PATIENCE_MS) onDisk(lock, () => rmSync(lock, { force: true }));
    await setTimeout(LOCK_STEP_MS);
  }
}

/** Undefined where another process holds the lock. */
function replaceLocked(files: {
  readonly temp: string;
  readonly path: string;
  readonly before: string;
  readonly lock: string;
}): boolean | undefined {
  const { temp, path, before, lock } = files;
  try {
    closeSync(openSync(lock, 'wx'));
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return undefined;
    throw error;
  }
  try {
    if (versionOf(statFile(path)) !== before) return false;
    renameSync(temp, path);
    return true;
  } finally {
    rmSync(lock, { force: true });
  }
}

/** The whole file, undefined where there is none. Throws what `tooLarge` makes of the size above `limit` bytes. */
export function readWhole(path: string, limit: number, tooLarge: (size: number) => RebundleError): Buffer | undefined {
  const file = openFile(path);
  if (file === undefined) return undefined;
  try {
    if (file.size > limit) throw tooLarge(file.size);
    return onDisk(path, () => readFileSync(file.handle));
  } finally {
    closeSync(file.handle);
  }
}

/** The chunks of a file; where there is none, the error that `missing` makes. */
export async function* readChunks(path: string, missing: () => RebundleError): AsyncGenerator<Uint8Array, void> {
  const file = openFile(path);
  if (file === undefined) throw missing();
  try {
    if (file.size < CHUNK_BYTES) {
      yield onDisk(path, () => readFileSync(file.handle));
      return;
    }
    for (;;) {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      const { bytesRead } = await later(path, () => readInto(file.handle, buffer, 0, CHUNK_BYTES, null));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    closeSync(file.handle);
  }
}

/** The size of a file in bytes; undefined where there is none. */
export function fileSize(path: string): number | undefined {
  const found = unlessMissing(path, () => statSync(path));
  return found?.isFile() === true ? found.size : undefined;
}

/** Runs a task on `path`; what the system refuses becomes REGISTRY_UNREACHABLE, "no such file" undefined. */
export function unlessMissing<T>(path: string, task: () => T): T | undefined {
  try {
    return task();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw diskError(path, error);
  }
}

/** Runs a task on `path`; what the system refuses becomes REGISTRY_UNREACHABLE. */
export function onDisk<T>(path: string, task: () => T): T {
  try {
    return task();
  } catch (error) {
    throw diskError(path, error);
  }
}

/** As `onDisk`, for what takes the disk's time. */
async function later<T>(path: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw diskError(path, error);
  }
}

function openFile(path: string): { readonly handle: number; readonly size: number } | undefined {
  // O_NONBLOCK: a FIFO in place of the file must not make us wait.
  const handle = unlessMissing(path, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  if (handle === undefined) return undefined;
  try {
    const found = fstatSync(handle);
    if (found.isFile()) return { handle, size: found.size };
    throw new RebundleError('REGISTRY_LAYOUT', `${path} is not a file`);
  } catch (error) {
    closeSync(handle);
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function diskError(path: string, error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) return error;
  return new RebundleError('REGISTRY_UNREACHABLE', `${path} cannot be used: ${String(error.code)}`, {
    hint: 'Check that the folder exists, may be written and has space.',
    cause: error,
  });
}
