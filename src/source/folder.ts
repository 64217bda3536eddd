import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { RebundleError, type SourceOrigin } from '../errors.ts';
import { readAll } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { createLimit, mapLimit } from '../lib/limit.ts';
import type { FileEntry } from '../model/app.ts';
import type { Source } from './source.ts';

/** Most entries that one repository may have, empty folders included. */
const MAX_ENTRIES = 200_000;
const CHUNK_BYTES = 65_536;
const STAT_CONCURRENCY = 32;

const LINE_BREAK = '[\n\r\u2028\u2029]';
/** `**` does not match a line break in a name, so such names need patterns of their own. */
const PATTERNS = ['**', `**/${LINE_BREAK}*`, `**/*${LINE_BREAK}*`];

/**
 * A repository as a plain folder. `.git` and `node_modules` are left out everywhere, and what `ignore` (absolute paths) names below
 * the root, with all that it holds. What has no name that can be given back (not UTF-8, a folder with a line break) is listed as `other`.
 * `repository` is the name for people. Throws SOURCE_UNREADABLE where anything cannot be listed: a partial list would look like removed apps.
 */
export function createFolderSource(options: {
  readonly root: string;
  readonly repository: string;
  readonly ignore?: readonly string[];
}): Source {
  return new FolderSource(resolve(options.root), options.repository, options.ignore ?? []);
}

interface OpenFile {
  readonly handle: number;
  readonly stats: BigIntStats;
}

class FolderSource implements Source {
  readonly origin: SourceOrigin;
  #opened: Promise<string> | undefined;
  readonly #root: string;
  readonly #ignore: readonly string[];

  constructor(root: string, repository: string, ignore: readonly string[]) {
    this.origin = { repository, path: '' };
    this.#root = root;
    this.#ignore = ignore;
  }

  async *list(): AsyncGenerator<FileEntry, void> {
    const root = await this.#realRoot();
    const found: FileEntry[] = [];
    for (const batch of batches(await this.#walk(root))) {
      found.push(...(await mapLimit(batch, createLimit(STAT_CONCURRENCY), (path) => this.#describe(root, path))));
    }
    const filled = new Set(found.map((entry) => entry.path.slice(0, Math.max(entry.path.lastIndexOf('/'), 0))));
    for (const entry of found) {
      if (entry.mode === 'directory' && filled.has(entry.path) && !entry.path.endsWith('.dockerapp')) continue;
      yield entry;
    }
  }

  async read(path: string, limit: number): Promise<Buffer> {
    const file = await this.#open(path);
    try {
      if (file.stats.size > BigInt(limit)) {
        throw this.#error('SOURCE_LIMIT', path, `has ${file.stats.size} bytes; the limit is ${limit}`);
      }
      return await readAll(this.#chunks(path, file), limit, describePath(path));
    } finally {
      closeSync(file.handle);
    }
  }

  async *open(path: string): AsyncGenerator<Uint8Array, void> {
    const file = await this.#open(path);
    try {
      yield* this.#chunks(path, file);
    } finally {
      closeSync(file.handle);
    }
  }

  async #walk(root: string): Promise<string[]> {
    // Loaded where a folder is listed: most starts of the program need none.
    const { default: fastGlob } = await import('fast-glob');
    const ignored = (await this.#ignoredPaths(root)).map((path) => fastGlob.escapePath(path));
    const paths: string[] = [];
    const stream = fastGlob.stream(PATTERNS, {
      cwd: root,
      dot: true,
      onlyFiles: false,
      followSymbolicLinks: false,
      ignore: ['**/.git', '**/node_modules', ...ignored.flatMap((path) => [path, `${path}/**`])],
    });
    try {
      for await (const path of stream) {
        paths.push(String(path));
        if (paths.length > MAX_ENTRIES) {
          throw this.#error('SOURCE_LIMIT', '', `has more than ${MAX_ENTRIES} files and folders`, {
            hint: 'Name the folder that holds the packages, not one above it.',
          });
        }
      }
    } catch (cause) {
      if (cause instanceof RebundleError) throw cause;
      throw this.#error('SOURCE_UNREADABLE', pathOfError(cause, root), `cannot be listed: ${reasonOf(cause)}`, {
        cause,
      });
    }
    return paths;
  }

  /** A path that is not below the root, the root itself included, hides nothing. */
  async #ignoredPaths(root: string): Promise<string[]> {
    const paths = await Promise.all(this.#ignore.map((path) => realpath(path).catch(() => resolve(path))));
    return paths.map((path) => relative(root, path)).filter((path) => path !== '' && !leavesRoot(path));
  }

  async #describe(root: string, path: string): Promise<FileEntry> {
    let stats: Awaited<ReturnType<typeof lstat>>;
    try {
      stats = await lstat(join(root, path));
    } catch (cause) {
      // The system's bytes for this name are no text: nobody can ask for it by name.
      if (path.includes('\ufffd')) return { path, mode: 'other', size: 0 };
      throw this.#error('SOURCE_UNREADABLE', path, `cannot be listed: ${reasonOf(cause)}`, { cause });
    }
    if (stats.isSymbolicLink()) {
      const target = await describeTarget(root, path);
      return { path, mode: 'symlink', size: Number(stats.size), ...(target === undefined ? {} : { target }) };
    }
    if (stats.isDirectory()) return { path, mode: /[\n\r\u2028\u2029]/.test(path) ? 'other' : 'directory', size: 0 };
    if (!stats.isFile()) return { path, mode: 'other', size: 0 };
    return { path, mode: (Number(stats.mode) & 0o111) === 0 ? 'file' : 'executable', size: Number(stats.size) };
  }

  /**
   * Opens what the path leads to, links followed, as long as that is a file below the root and not inside `.git`. Files are opened and read
   * synchronously, as a factory is thousands of small ones: by way of other threads each call takes ten times as much. In between signals, timers
   * and connections get their turn.
   */
  async #open(path: string): Promise<OpenFile> {
    if (path === '' || path.includes('\0') || isAbsolute(path) || path.split('/').includes('..')) {
      throw this.#error('SOURCE_UNREADABLE', path, 'is not a path below the repository');
    }
    const root = await this.#realRoot();
    await setImmediate();
    let handle: number | undefined;
    try {
      const target = realpathSync.native(join(root, path));
      const inside = relative(root, target);
      if (leavesRoot(inside)) throw this.#error('SOURCE_UNREADABLE', path, 'is a link that leaves the repository');
      if (inside.split(sep).includes('.git')) throw this.#error('SOURCE_UNREADABLE', path, 'is inside .git');
      // O_NONBLOCK: a FIFO must not make us wait. O_NOFOLLOW: the path has no links left, unless one was put there since.
      handle = openSync(target, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
      const stats = fstatSync(handle, { bigint: true });
      if (!stats.isFile()) throw this.#error('SOURCE_UNREADABLE', path, 'is not a file');
      return { handle, stats };
    } catch (cause) {
      if (handle !== undefined) closeSync(handle);
      if (cause instanceof RebundleError) throw cause;
      throw this.#error('SOURCE_UNREADABLE', path, `cannot be read: ${reasonOf(cause)}`, { cause });
    }
  }

  async *#chunks(path: string, file: OpenFile): AsyncGenerator<Uint8Array, void> {
    const announced = Number(file.stats.size);
    let size = 0;
    try {
      for (;;) {
        // One byte more than is left shows a file that grew.
        const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, announced - size + 1));
        const bytesRead = readSync(file.handle, buffer);
        size += bytesRead;
        if (bytesRead === 0 || size > announced) break;
        yield buffer.subarray(0, bytesRead);
        if (size < announced) await setImmediate();
      }
      const after = fstatSync(file.handle, { bigint: true });
      if (size === announced && after.size === file.stats.size && after.mtimeNs === file.stats.mtimeNs) return;
    } catch (cause) {
      throw this.#error('SOURCE_UNREADABLE', path, `cannot be read: ${reasonOf(cause)}`, { cause });
    }
    throw this.#error('SOURCE_UNREADABLE', path, 'changed while it was read', {
      hint: 'Run again when nothing writes to the folder.',
    });
  }

  /** Asked once: where the folder is then is where it is read. */
  #realRoot(): Promise<string> {
    this.#opened ??= this.#openRoot();
    return this.#opened;
  }

  async #openRoot(): Promise<string> {
    let reason = 'it is not a folder';
    let cause: unknown;
    try {
      const root = await realpath(this.#root);
      if ((await lstat(root)).isDirectory()) return root;
    } catch (error) {
      reason = reasonOf(error);
      cause = error;
    }
    throw new RebundleError(
      'SOURCE_UNREADABLE',
      `the repository ${describePath(this.#root)} cannot be opened: ${reason}`,
      {
        hint: 'Check the path; it must be a folder.',
        origin: this.origin,
        cause,
      },
    );
  }

  #error(
    code: 'SOURCE_UNREADABLE' | 'SOURCE_LIMIT',
    path: string,
    what: string,
    details: { readonly hint?: string; readonly cause?: unknown } = {},
  ): RebundleError {
    const subject = path === '' ? 'the repository' : describePath(path);
    return new RebundleError(code, `${subject} ${what}`, { ...details, origin: { ...this.origin, path } });
  }
}

/** What a link leads to; undefined where that is not there, outside of the root, in `.git`, or neither a file nor a folder. */
async function describeTarget(root: string, path: string): Promise<FileEntry['target']> {
  try {
    const target = await realpath(join(root, path));
    const inside = relative(root, target);
    const names = inside.split(sep);
    if (inside === '' || leavesRoot(inside) || names.includes('.git')) return undefined;
    const stats = await lstat(target);
    if (!stats.isDirectory() && !stats.isFile()) return undefined;
    const mode = stats.isDirectory() ? 'directory' : (stats.mode & 0o111) === 0 ? 'file' : 'executable';
    return { path: names.join('/'), mode };
  } catch {
    return undefined;
  }
}

/** Splits a long list, so that not all of it waits in memory at once. */
function* batches(paths: readonly string[]): Generator<string[]> {
  for (let start = 0; start < paths.length; start += 1000) yield paths.slice(start, start + 1000);
}

function leavesRoot(relativePath: string): boolean {
  return relativePath === '..' || relativePath.startsWith(`..${sep}`) || isAbsolute(relativePath);
}

function describePath(path: string): string {
  return `'${escapeTerminal(path)}'`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : escapeTerminal(String(error));
}

function pathOfError(error: unknown, root: string): string {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? relative(root, error.path) : '';
}
