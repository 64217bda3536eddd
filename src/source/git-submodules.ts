import { posix } from 'node:path';
import { join } from 'node:path/posix';
import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { type GitUrl, parseGitUrl } from '../lib/git-url.ts';
import { createGitSource } from './git.ts';
import type { Git } from './git-command.ts';
import type { Submodule } from './git-commit.ts';
import { findGitDir } from './git-dir.ts';
import { type GitMirror, MIRROR_BLOB_LIMIT } from './git-mirror.ts';
import type { GitPool } from './git-pool.ts';
import type { Source } from './source.ts';

const MAX_DEPTH = 5;

/**
 * Opens submodules at their recorded commits: from the copy that a clone keeps under `modules/`, else from the URL in `.gitmodules`, relative ones to that of the
 * parent. The schemes are those of repositories. A submodule that cannot be opened is an error of its repository.
 */
export function createSubmoduleOpener(
  options: {
    readonly git: Git;
    readonly pool: GitPool;
    readonly repository: string;
    readonly mirror: (url: GitUrl, ref?: string) => GitMirror;
    /** Where the repository itself comes from. */
    readonly parent?: GitUrl;
  },
  depth = 1,
): (submodule: Submodule) => Source {
  const { git, pool, repository, mirror, parent } = options;
  return ({ path, commit, modules, place }) => {
    const origin = { repository, path };
    if (depth > MAX_DEPTH) {
      throw new RebundleError('SOURCE_LIMIT', `submodules are more than ${MAX_DEPTH} deep`, { origin });
    }
    const full = posix.join(place.prefix, path);
    const entry = parseModules(modules ?? '').find((each) => each.path === full);
    const shown = escapeTerminal(path);
    if (entry === undefined) {
      throw new RebundleError('SOURCE_UNREADABLE', `the submodule '${shown}' is not in .gitmodules`, { origin });
    }
    const url = resolveUrl(entry.url, parent);
    const remote = url === undefined ? undefined : mirror(url, commit);
    const base = { git, pool, repository: `${repository}/${path}`, ref: commit };
    const openSubmodule = createSubmoduleOpener(
      { ...options, ...(url === undefined ? {} : { parent: url }) },
      depth + 1,
    );
    const kept = join(place.commonDir, 'modules', entry.name);
    // Which of the two it is shows when it is listed.
    const opened = (async () => {
      const local = findGitDir(kept);
      if (local?.bare === true) return createGitSource({ ...base, openSubmodule, path: kept });
      if (remote === undefined) {
        throw new RebundleError(
          'SOURCE_UNREADABLE',
          `the submodule '${shown}' has no copy here, and no URL to fetch from`,
          {
            hint: 'Run git submodule update --init in the clone.',
            origin,
          },
        );
      }
      const { path: mirrored, prepare } = remote;
      return createGitSource({
        ...base,
        openSubmodule,
        path: mirrored,
        prepare,
        reach: 'remote',
        missingSize: MIRROR_BLOB_LIMIT,
      });
    })();
    opened.catch(() => {});
    return {
      origin: { ...origin, commit },
      list: async function* () {
        yield* (await opened).list();
      },
      read: async (file, limit) => (await opened).read(file, limit),
      open: async function* (file) {
        yield* (await opened).open(file);
      },
    };
  };
}

/** The entries of a `.gitmodules` that have a name and a path that can be used. Names with `..` are left out, as git does. */
function parseModules(text: string): { readonly name: string; readonly path: string; readonly url: string }[] {
  const found: { name: string; path: string; url: string }[] = [];
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[submodule "((?:[^"\\]|\\.)+)"\]\s*$/.exec(line);
    if (section !== null) found.push({ name: (section[1] ?? '').replace(/\\(.)/g, '$1'), path: '', url: '' });
    const setting = /^\s*(path|url)\s*=\s*"?(.*?)"?\s*$/.exec(line);
    const last = found.at(-1);
    if (setting !== null && last !== undefined) last[setting[1] as 'path' | 'url'] = setting[2] ?? '';
  }
  return found.filter(
    ({ name }) => !name.startsWith('-') && !name.startsWith('/') && !name.split(/[/\\]/).includes('..'),
  );
}

function resolveUrl(url: string, parent: GitUrl | undefined): GitUrl | undefined {
  if (!/^\.\.?\//.test(url)) return parseGitUrl(url);
  if (parent === undefined) return undefined;
  const path = posix.join(parent.path.replace(/\/+$/, ''), url);
  if (path.startsWith('..')) return undefined;
  return parseGitUrl(parent.url.slice(0, parent.url.length - parent.path.length) + path);
}
