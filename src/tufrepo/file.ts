import { randomBytes } from 'node:crypto';
import { constants, readFileSync, renameSync } from 'node:fs';
import { link, mkdir, open, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { RebundleError } from '../errors.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { onOutput } from '../lib/on-output.ts';
import { checkTargetName } from './target-name.ts';
import type { TufRepo } from './tuf-repo.ts';

/** Largest targets file or file target that is read. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/**
 * The TUF repository of one folder: the targets file at `path`, file targets in `targets/` beside it. Both are written beside their place,
 * down to the disk, and then moved there. A targets file that is no file or larger than 64 MiB is TARGETS_INVALID,
 * a place that cannot be written OUTPUT_UNWRITABLE.
 *
 * There is no lock file, since a killed run would leave it: the expected checksum is compared right before the move, with nothing else of
 * this process in between and no more than two system calls of another one; making the file is exclusive.
 */
export function createFileTufRepo(path: string): TufRepo {
  return new FileTufRepo(path);
}

class FileTufRepo implements TufRepo {
  readonly location: string;
  readonly #path: string;
  readonly #targets: string;

  constructor(path: string) {
    this.location = path;
    this.#path = resolve(path);
    this.#targets = join(dirname(this.#path), 'targets');
  }

  async readTargets(): Promise<{ readonly bytes: Buffer; readonly checksum: string } | undefined> {
    const bytes = await readFile(this.#path);
    return bytes === undefined ? undefined : { bytes, checksum: checksumOf(bytes) };
  }

  async writeTargets(bytes: Uint8Array, expectedChecksum: string | 'absent'): Promise<void> {
    await onOutput(this.#path, async () => {
      // A link stays a link: the file that it leads to is replaced.
      const path = await realpath(this.#path).catch(() => this.#path);
      await mkdir(dirname(path), { recursive: true });
      if (expectedChecksum === 'absent') {
        if (!(await createFile(path, bytes))) throw this.#conflict();
        return;
      }
      const mode = await stat(path).then(
        (found) => found.mode & 0o777,
        () => undefined,
      );
      const temp = await writeTemp(dirname(path), bytes, mode);
      try {
        // Synchronous on purpose, see above.
        if (checksumNow(path) !== expectedChecksum) throw this.#conflict();
        renameSync(temp, path);
      } finally {
        await rm(temp, { force: true });
      }
      await syncFolder(dirname(path));
    });
  }

  async getTarget(name: string): Promise<Buffer | undefined> {
    return readFile(this.#targetPath(name));
  }

  async putTarget(name: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    const path = this.#targetPath(name);
    return onOutput(path, async () => {
      const found = await readFile(path);
      if (found === undefined) {
        await mkdir(dirname(path), { recursive: true });
        if (await createFile(path, bytes)) return 'created';
      }
      const existing = found ?? (await readFile(path));
      if (existing?.equals(bytes) === true) return 'exists';
      throw new RebundleError(
        'TARGETS_CONFLICT',
        `${path} holds other bytes than the file target '${name}' to be stored`,
        {
          hint: 'What is published is frozen: give the changed app a new version.',
        },
      );
    });
  }

  #targetPath(name: string): string {
    checkTargetName(name);
    return join(this.#targets, name);
  }

  #conflict(): RebundleError {
    return new RebundleError('TARGETS_CONFLICT', `${this.location} changed since it was read; nothing was written`, {
      hint: 'Run again: the run then builds upon the new file.',
    });
  }
}

async function readFile(path: string): Promise<Buffer | undefined> {
  return onDisk(path, async () => {
    // O_NONBLOCK: a FIFO in place of the file must not make us wait.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (handle === undefined) return undefined;
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw new RebundleError('TARGETS_INVALID', `${path} is not a file`);
      if (found.size > MAX_FILE_BYTES) {
        throw new RebundleError('TARGETS_INVALID', `${path} has ${found.size} bytes; the limit is ${MAX_FILE_BYTES}`);
      }
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  });
}

/** Makes a file that is whole from its first moment; false where the name is taken. */
async function createFile(path: string, bytes: Uint8Array): Promise<boolean> {
  const temp = await writeTemp(dirname(path), bytes);
  try {
    await link(temp, path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temp, { force: true });
  }
  await syncFolder(dirname(path));
  return true;
}

async function writeTemp(folder: string, bytes: Uint8Array, mode?: number): Promise<string> {
  const path = join(folder, `.rebundle-${randomBytes(12).toString('hex')}.tmp`);
  const handle = await open(path, 'wx');
  try {
    try {
      if (mode !== undefined) await handle.chmod(mode);
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return path;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function checksumNow(path: string): string | undefined {
  try {
    return checksumOf(readFileSync(path));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function checksumOf(bytes: Uint8Array): string {
  return hexOf(digestOf(bytes));
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Runs a task that reads `path`; what the system refuses becomes TARGETS_INVALID. */
async function onDisk<T>(path: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof RebundleError || codeOf(error) === undefined) throw error;
    throw new RebundleError('TARGETS_INVALID', `${path} cannot be used: ${String(codeOf(error))}`, {
      hint: 'Check that it may be read.',
      cause: error,
    });
  }
}
