import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { RebundleError } from '../errors.ts';
import { encodeBlocks } from '../lib/bytes.ts';
import { onOutput } from '../lib/on-output.ts';

/** A file of a converted tree. */
export interface OutputFile {
  /** With `/`, below the folder of the app. */
  readonly path: string;
  readonly executable: boolean;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/**
 * Replaces a file whole: a reader, also after a power cut, sees the old or the new one. Folders are made. Texts may come in pieces. Throws
 * OUTPUT_UNWRITABLE.
 */
export async function writeOutput(path: string, content: Uint8Array | Iterable<string>): Promise<void> {
  await onOutput(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    const temp = join(dirname(path), `.rebundle-${randomBytes(8).toString('hex')}.tmp`);
    try {
      await writeStream(temp, 0o644, content instanceof Uint8Array ? [content] : encodeBlocks(content));
      await rename(temp, path);
    } finally {
      await rm(temp, { force: true });
    }
  });
}

/** Blocks that are written before others get their turn. */
const BLOCKS_IN_A_ROW = 16;

/** The calls that write wait for nobody, as those of a converted tree; what waits for the disk has a thread. */
async function writeStream(
  path: string,
  mode: number,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    let blocks = 0;
    for await (const chunk of chunks) {
      writeFileSync(handle.fd, chunk);
      blocks += 1;
      if (blocks % BLOCKS_IN_A_ROW === 0) await setImmediate();
    }
    // The mode is that of the bundle under every umask.
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The bytes of a file, undefined where there is none. */
export async function readOptional(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new RebundleError('SOURCE_UNREADABLE', `${path} cannot be read`, { cause });
  }
}

/** True where `path` is `folder` or lies below it. Both absolute. */
export function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`));
}

/**
 * Replaces the folder of one converted app as a whole, so that no file of an older version stays. Throws OUTPUT_UNSAFE where the folder holds
 * something that no conversion wrote. Nothing waits for the disk: a tree that a power cut tears has other bytes, and the next run makes it anew. So
 * the calls are synchronous; the many small ones of a factory cost a tenth of what they cost by way of other threads.
 */
export async function replaceTree(folder: string, files: readonly OutputFile[]): Promise<void> {
  const names = listOwnTree(folder);
  if (names.length > 0 && (await holdsTree(folder, files))) return;
  const temp = `${folder}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    mkdirSync(temp, { recursive: true });
    for (const file of files) {
      const path = join(temp, ...file.path.split('/'));
      if (file.path.includes('/')) mkdirSync(dirname(path), { recursive: true });
      const handle = openSync(path, 'wx', modeOf(file));
      try {
        for await (const chunk of file.open()) writeFileSync(handle, chunk);
        // The mode is that of the bundle under every umask.
        fchmodSync(handle, modeOf(file));
      } finally {
        closeSync(handle);
      }
    }
    if (names.length > 0) rmSync(folder, { recursive: true, force: true });
    renameSync(temp, folder);
  } catch (thrown) {
    rmSync(temp, { recursive: true, force: true });
    throw thrown;
  }
}

/** True where a folder holds these very files and no other: then nothing need be written. */
async function holdsTree(folder: string, files: readonly OutputFile[]): Promise<boolean> {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  const present = found.filter((entry) => !entry.isDirectory());
  if (present.length !== files.length) return false;
  for (const file of files) if (!(await holdsFile(join(folder, ...file.path.split('/')), file))) return false;
  return true;
}

async function holdsFile(path: string, file: OutputFile): Promise<boolean> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there?.isFile() !== true || (there.mode & 0o777) !== modeOf(file)) return false;
  const handle = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    let left = there.size;
    for await (const chunk of file.open()) {
      left -= chunk.byteLength;
      if (left < 0 || !readsAs(handle, chunk)) return false;
    }
    return left === 0;
  } finally {
    closeSync(handle);
  }
}

/** True where these bytes come next. */
function readsAs(handle: number, expected: Uint8Array): boolean {
  const buffer = Buffer.allocUnsafe(expected.byteLength);
  let filled = 0;
  while (filled < buffer.byteLength) {
    const bytesRead = readSync(handle, buffer, filled, buffer.byteLength - filled, null);
    if (bytesRead === 0) return false;
    filled += bytesRead;
  }
  return buffer.equals(expected);
}

function modeOf({ executable }: OutputFile): number {
  return executable ? 0o755 : 0o644;
}

/** Takes away the folder that an earlier run wrote for an app which fails now. */
export function removeTree(folder: string): void {
  assertOwnTree(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** Throws OUTPUT_UNSAFE where a folder that is to be replaced holds something else than a converted tree. */
export function assertOwnTree(folder: string): void {
  listOwnTree(folder);
}

/** The names in the folder of a converted app: none where there is no folder. */
function listOwnTree(folder: string): string[] {
  const names = listNames(folder);
  if (names.length === 0 || names.includes('docker-compose.yml')) return names;
  throw new RebundleError('OUTPUT_UNSAFE', `${folder} holds files that no conversion wrote`, {
    hint: 'Move it away, or choose another --out.',
  });
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : [''];
  }
}

/** Writes files into a folder; existing ones of that name are replaced, others stay. */
export async function writeTree(folder: string, files: readonly OutputFile[]): Promise<void> {
  for (const file of files) {
    const path = join(folder, ...file.path.split('/'));
    await mkdir(dirname(path), { recursive: true });
    const temp = join(dirname(path), `.rebundle-${randomBytes(8).toString('hex')}.tmp`);
    try {
      await writeStream(temp, modeOf(file), file.open());
      await rename(temp, path);
    } finally {
      await rm(temp, { force: true });
    }
  }
}

/** What a killed run was writing in the output folder: no run goes on with it. Locks are written by those who wait, too. */
const LEFTOVER = /^(?!run\.lock\.)(?:\.rebundle-|.*\.)[0-9a-f]{16,24}\.tmp$/;

/** Removes the temporary files and folders of a run that is gone, from an output folder that is locked. */
export async function removeLeftovers(out: string): Promise<void> {
  for (const folder of [out, join(out, 'apps')]) {
    const names = await readdir(folder).catch((): string[] => []);
    for (const name of names.filter((each) => LEFTOVER.test(each)))
      await rm(join(folder, name), { recursive: true, force: true });
  }
}
