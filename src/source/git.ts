import { RebundleError, type SourceOrigin } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { FileEntry } from '../model/app.ts';
import { describeGitProblem, type Git, type GitReach } from './git-command.ts';
import { type Listing, readCommit, readCommitPaths, type Submodule } from './git-commit.ts';
import { findGitDir, type GitPlace } from './git-dir.ts';
import { createObjectHash } from './git-object.ts';
import { type GitObjects, openGitObjects } from './git-objects.ts';
import type { GitPool } from './git-pool.ts';
import type { PathEntry, Source } from './source.ts';

/** Blobs above this are streamed by a process of their own. */
const MAX_WHOLE_BYTES = 8 * 1024 * 1024;

export interface GitSourceOptions {
  readonly git: Git;
  readonly pool: GitPool;
  /** The name for people. */
  readonly repository: string;
  /** A bare repository, a work tree, or a folder in one, which is then the root. */
  readonly path: string;
  /** The repository at `path`, where that was looked for already. */
  readonly place?: GitPlace;
  /** What git resolves to a commit; by default HEAD. */
  readonly ref?: string;
  /** Makes the repository there first, such as a mirror, and gives the name of the commit in it. */
  readonly prepare?: () => Promise<string>;
  /** `remote`: blobs that a partial clone lacks are fetched. By default they are an error when they are read. */
  readonly reach?: GitReach;
  /** Least size of a blob that a filtered mirror does not have yet. */
  readonly missingSize?: number;
  /** Opens the submodule at `path` at its commit; undefined leaves it out. */
  readonly openSubmodule?: (submodule: Submodule) => Source;
}

/** A source of a git repository at one commit; `place` and `commit` are known once it was listed. */
export interface GitSource extends Source {
  /** True for a copy of a remote repository: what is written to it reaches nobody. */
  readonly isCopy: boolean;
  /** The repository and the commit that is read. Opens it where that was not done. */
  readonly locate: () => Promise<{ readonly place: GitPlace; readonly commit: string; readonly objects: GitObjects }>;
}

/**
 * The files of one commit, without a checkout; trees and blobs are checked against their ids. Links are followed within the tree as a checkout would;
 * submodules are listed as `other` unless they are opened. Throws SOURCE_UNREADABLE where the repository, the ref or an object is not there.
 */
export function createGitSource(options: GitSourceOptions): GitSource {
  return new CommitSource(options);
}

class CommitSource implements GitSource {
  readonly #options: GitSourceOptions;
  #commit: string | undefined;
  #located: ReturnType<GitSource['locate']> | undefined;
  #listing: Promise<Listing> | undefined;

  constructor(options: GitSourceOptions) {
    this.#options = options;
  }

  get origin(): SourceOrigin {
    const { repository, ref } = this.#options;
    return {
      repository,
      path: '',
      ...(ref === undefined ? {} : { ref }),
      ...(this.#commit === undefined ? {} : { commit: this.#commit }),
    };
  }

  get isCopy(): boolean {
    return this.#options.prepare !== undefined;
  }

  locate(): ReturnType<GitSource['locate']> {
    this.#located ??= this.#locate();
    return this.#located;
  }

  async *list(): AsyncGenerator<FileEntry, void> {
    yield* (await this.#list()).entries;
  }

  async *listPaths(): AsyncGenerator<PathEntry, void> {
    if (this.#options.openSubmodule !== undefined || this.#listing !== undefined) yield* this.list();
    else yield* await this.#guard(async () => readCommitPaths(await this.locate()));
  }

  async read(path: string, limit: number): Promise<Buffer> {
    const found = await this.#find(path);
    if ('source' in found) return found.source.read(found.path, limit);
    const { entry } = found;
    if (entry.size > limit) throw this.#tooLarge(path, entry.size, limit);
    const { objects } = await this.locate();
    // A blob that was not there when the tree was listed has no known size.
    const info = await this.#must(path, entry, () => objects.info(entry.objectId ?? ''));
    if (info.size > limit) throw this.#tooLarge(path, info.size, limit);
    return (await this.#must(path, entry, () => objects.contents(info.id))).bytes;
  }

  async *open(path: string): AsyncGenerator<Uint8Array, void> {
    const found = await this.#find(path);
    if ('source' in found) {
      yield* found.source.open(found.path);
      return;
    }
    const { objects, place } = await this.locate();
    const info = await this.#must(path, found.entry, () => objects.info(found.entry.objectId ?? ''));
    if (info.size <= MAX_WHOLE_BYTES) {
      yield (await this.#must(path, found.entry, () => objects.contents(info.id))).bytes;
      return;
    }
    yield* this.#stream(path, place, info);
  }

  forget(): void {
    this.#listing = undefined;
  }

  async *#stream(
    path: string,
    { gitDir }: GitPlace,
    info: { readonly id: string; readonly size: number },
  ): AsyncGenerator<Uint8Array, void> {
    const { git, reach = 'none' } = this.#options;
    const child = git.start([`--git-dir=${gitDir}`, 'cat-file', 'blob', info.id], reach);
    const onAbort = (): void => void child.kill('SIGKILL');
    git.signal?.addEventListener('abort', onAbort, { once: true });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (errors.length < 8192) errors += text;
    });
    const ended = new Promise<number | null>((resolve) => {
      child.once('error', () => resolve(null));
      child.once('close', resolve);
    });
    const hash = createObjectHash({ ...info, type: 'blob' });
    try {
      for await (const part of child.stdout) {
        hash.update(part as Buffer);
        yield part as Buffer;
      }
      const status = await ended;
      git.signal?.throwIfAborted();
      if (status !== 0) throw this.#error(path, `cannot be read: ${describeGitProblem(errors, status)}`);
      if (hash.digest('hex') !== info.id) throw this.#error(path, `is corrupt: its content is not that of ${info.id}`);
    } finally {
      git.signal?.removeEventListener('abort', onAbort);
      child.kill('SIGKILL');
    }
  }

  async #locate(): ReturnType<GitSource['locate']> {
    const { git, pool, path, prepare, reach = 'none', ref } = this.#options;
    const name = (await prepare?.()) ?? ref ?? 'HEAD';
    const place = this.#options.place ?? findGitDir(path);
    if (place === undefined)
      throw this.#error('', `is no git repository: ${escapeTerminal(path)}`, 'Name a clone or a bare repository.');
    const objects = openGitObjects({ git, place, reach, pool });
    const commit = await this.#guard(() => objects.info(`${name}^{commit}`));
    if (commit === undefined) {
      const shown = `'${escapeTerminal(ref ?? name)}'`;
      throw ref === undefined && prepare === undefined
        ? this.#error(
            '',
            'has no commit at HEAD: it is empty, or its default branch is not there',
            'Commit something, or name a branch with ref.',
          )
        : this.#error(
            '',
            `has no commit ${shown}`,
            'Name a branch, a tag or a commit of the repository; fetch it first where it is a remote one.',
          );
    }
    this.#commit = commit.id;
    return { place, commit: commit.id, objects };
  }

  #list(): Promise<Listing> {
    this.#listing ??= this.locate().then((located) => this.#guard(() => readCommit(located, this.#options)));
    return this.#listing;
  }

  /** The file that a path leads to, links followed; in a submodule, its own source and path there. */
  async #find(
    path: string,
  ): Promise<{ readonly entry: FileEntry } | { readonly source: Source; readonly path: string }> {
    const { findOwn, resolveLinks, mounts } = await this.#list();
    if (path === '' || path.startsWith('/') || path.split('/').includes('..'))
      throw this.#error(path, 'is not a path below the repository');
    const target = resolveLinks(path);
    if (target === undefined)
      throw this.#error(
        path,
        findOwn(path) !== undefined ? 'is a link that leads to nothing in the repository' : 'is not in the repository',
      );
    for (const [mount, source] of mounts) {
      if (target.startsWith(`${mount}/`)) return { source, path: target.slice(mount.length + 1) };
    }
    const entry = findOwn(target);
    if (entry === undefined || (entry.mode !== 'file' && entry.mode !== 'executable'))
      throw this.#error(path, 'is not a file');
    return { entry };
  }

  async #must<T>(path: string, entry: FileEntry, ask: () => Promise<T | undefined>): Promise<T> {
    const found = await this.#guard(ask, path);
    if (found !== undefined) return found;
    throw this.#error(
      path,
      `is not in the object store (${entry.objectId}): the clone is partial or damaged`,
      'Fetch the object, or run git fsck.',
    );
  }

  /** Says of which repository it is that git complains. */
  async #guard<T>(work: () => Promise<T>, path = ''): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof RebundleError) || thrown.origin !== undefined) throw thrown;
      throw new RebundleError(thrown.code, thrown.message, {
        ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
        origin: { ...this.origin, path },
        cause: thrown,
      });
    }
  }

  #tooLarge(path: string, size: number, limit: number): RebundleError {
    return this.#error(path, `has ${size} bytes; the limit is ${limit}`, undefined, 'SOURCE_LIMIT');
  }

  #error(
    path: string,
    what: string,
    hint?: string,
    code: 'SOURCE_UNREADABLE' | 'SOURCE_LIMIT' = 'SOURCE_UNREADABLE',
  ): RebundleError {
    const subject = path === '' ? 'the repository' : `'${escapeTerminal(path)}'`;
    return new RebundleError(code, `${subject} ${what}`, {
      ...(hint === undefined ? {} : { hint }),
      origin: { ...this.origin, path },
    });
  }
}
