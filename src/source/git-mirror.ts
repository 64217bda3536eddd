import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RebundleError } from '../errors.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { GitUrl } from '../lib/git-url.ts';
import { createFetchLimit, type Git } from './git-command.ts';
import { findGitDir } from './git-dir.ts';

const FETCH_TIMEOUT_MS = 15 * 60_000;
/** Blobs of this size and more come only when they are read. */
export const MIRROR_BLOB_LIMIT = 1024 * 1024;

/** A copy of a remote repository at one ref. */
export interface GitMirror {
  /** Absolute; there once `prepare` is done. */
  readonly path: string;
  /** Fetches, and gives the name of the commit in the mirror. Once per run, whoever asks. */
  readonly prepare: () => Promise<string>;
}

/**
 * Mirrors of remote repositories in a cache folder, one bare repository for each URL: a shallow fetch of the one ref, large blobs left out until they are read,
 * nothing but the changes the next time. Fetches of many repositories run at once, under a limit of their own and one for each host.
 */
export function createMirrors(options: {
  readonly git: Git;
  /** Absolute. */
  readonly cache: string;
  readonly allowFile: boolean;
  /** Nothing is fetched: a mirror is read at the ref that it has. */
  readonly offline?: boolean;
}): (url: GitUrl, ref?: string) => GitMirror {
  const { git, cache, allowFile, offline = false } = options;
  const limitOf = createFetchLimit({ total: 8, perHost: 4 }, git.signal);
  const queues = new Map<string, Promise<unknown>>();
  return (url, ref = 'HEAD') => {
    const path = join(cache, `${hexOf(digestOf(Buffer.from(url.url))).slice(0, 32)}.git`);
    let prepared: Promise<string> | undefined;
    const work = async (): Promise<string> => {
      if (url.scheme === 'file' && !allowFile) {
        throw fetchError(url, 'file URLs are not allowed', 'Set git.fileUrls: true, or name the folder itself.');
      }
      if (ref.startsWith('-') || ref.startsWith('+') || /[\s:^~?*[\\]/.test(ref)) {
        throw fetchError(
          url,
          `'${escapeTerminal(ref)}' is no name of a branch, tag or commit`,
          'Name one of the remote.',
        );
      }
      // Two refs of one remote share a mirror, and git locks it.
      const before = queues.get(path) ?? Promise.resolve();
      const task = before.then(() => limitOf(url.host)(() => (offline ? findKept : fetchRef)({ git, url, ref, path })));
      queues.set(
        path,
        task.catch(() => {}),
      );
      return task;
    };
    return {
      path,
      prepare: () => {
        prepared ??= work();
        return prepared;
      },
    };
  };
}

interface Fetch {
  readonly git: Git;
  readonly url: GitUrl;
  readonly ref: string;
  readonly path: string;
}

async function fetchRef(fetch: Fetch): Promise<string> {
  const { git, url, ref, path } = fetch;
  if ((await findMirror(path)) === undefined) await initMirror(fetch, 'sha1');
  const name = nameOfRef(ref);
  const call = () =>
    git.run(
      [
        `--git-dir=${path}`,
        ...['-c', 'http.lowSpeedLimit=1000', '-c', 'http.lowSpeedTime=60', '-c', 'http.followRedirects=initial'],
        ...['fetch', '--quiet', '--depth=1', `--filter=blob:limit=${MIRROR_BLOB_LIMIT}`, '--no-tags', '--force'],
        ...['--no-recurse-submodules', '--no-write-fetch-head', '--end-of-options', 'origin', `+${ref}:${name}`],
      ],
      { reach: 'remote', timeoutMs: FETCH_TIMEOUT_MS },
    );
  let result = await call();
  if (!result.ok && /mismatched algorithms/.test(result.problem)) {
    await rm(path, { recursive: true, force: true });
    await initMirror(fetch, 'sha256');
    result = await call();
  }
  if (!result.ok) throw fetchError(url, result.problem, hintFor(result.problem));
  return name;
}

function nameOfRef(ref: string): string {
  return `refs/rebundle/${hexOf(digestOf(Buffer.from(ref))).slice(0, 16)}`;
}

/** What an earlier run fetched of a ref. */
async function findKept({ git, url, ref, path }: Fetch): Promise<string> {
  const name = nameOfRef(ref);
  const isMirror = (await findMirror(path)) !== undefined;
  const call = [`--git-dir=${path}`, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`];
  if (isMirror && (await git.run(call)).ok) return name;
  throw fetchError(
    url,
    `no run has fetched ${escapeTerminal(ref)} of it, and --offline fetches nothing`,
    'Run once without --offline.',
  );
}

/** Only a mirror itself, never a repository that the cache folder lies in. */
async function findMirror(path: string): Promise<string | undefined> {
  const place = findGitDir(path);
  return place?.bare === true ? place.gitDir : undefined;
}

async function initMirror({ git, url, path }: Fetch, format: 'sha1' | 'sha256'): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const steps = [
    ['init', '--quiet', '--bare', '--template=', ...(format === 'sha1' ? [] : [`--object-format=${format}`]), path],
    [`--git-dir=${path}`, 'config', 'remote.origin.url', url.url],
  ];
  for (const step of steps) {
    const { ok, problem } = await git.run(step);
    if (!ok) throw fetchError(url, `the mirror cannot be made: ${problem}`, 'Check the folder git.cache.');
  }
}

function hintFor(problem: string): string {
  if (/could not read Username|Authentication failed|Permission denied|terminal prompts disabled/i.test(problem))
    return 'rebundle never asks: set up a credential helper or an SSH key that git uses without a prompt.';
  if (/Host key verification failed/i.test(problem)) return 'Add the key of the host to known_hosts.';
  if (/couldn't find remote ref|not our ref/i.test(problem))
    return 'Name a branch, a tag or a full commit of the remote.';
  return 'Check the URL, the network and the right to read the repository.';
}

function fetchError({ url }: GitUrl, problem: string, hint: string): RebundleError {
  return new RebundleError('SOURCE_UNREADABLE', `${escapeTerminal(url)} cannot be fetched: ${problem}`, { hint });
}
