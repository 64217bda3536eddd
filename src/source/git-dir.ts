import { lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { hasCode, readOptionalFile } from './git-file.ts';

const MAX_POINTER = 65_536;

/** A git repository on disk. */
export interface GitPlace {
  /** Absolute: a bare repository, or what `.git` is or points to. */
  readonly gitDir: string;
  /** Where the objects and refs are: of a linked work tree, those of its main one. */
  readonly commonDir: string;
  /** Folder within the repository that was named, with `/`; empty for its root. */
  readonly prefix: string;
  readonly bare: boolean;
}

/**
 * The repository of a folder: the folder itself where it is a bare one, else the nearest folder upwards with a `.git`; undefined where there is none.
 * Nothing is run for this.
 */
export function findGitDir(path: string): GitPlace | undefined {
  const start = realPath(path);
  if (start === undefined) return undefined;
  if (isGitDir(start)) return { gitDir: start, commonDir: commonDirOf(start), prefix: '', bare: true };
  for (let folder = start; ; folder = dirname(folder)) {
    const gitDir = readDotGit(join(folder, '.git'));
    if (gitDir !== undefined) {
      const prefix = relative(folder, start).split(sep).join('/');
      return { gitDir, commonDir: commonDirOf(gitDir), prefix, bare: false };
    }
    if (dirname(folder) === folder) return undefined;
  }
}

/** True where blobs may be missing by intent: the repository was cloned with a filter. */
export function isPartialClone({ commonDir }: Pick<GitPlace, 'commonDir'>): boolean {
  const packs = ifThere(() => readdirSync(join(commonDir, 'objects', 'pack'))) ?? [];
  return packs.some((name) => name.endsWith('.promisor'));
}

function isGitDir(path: string): boolean {
  const [head, objects, refs] = ['HEAD', 'objects', 'refs'].map((name) => statOf(join(path, name)));
  return head !== undefined && !head.isDirectory() && objects?.isDirectory() === true && refs?.isDirectory() === true;
}

/** `.git` as a folder, or as the file that leads to it (submodules, linked work trees). */
function readDotGit(path: string): string | undefined {
  const stats = statOf(path);
  if (stats === undefined) return undefined;
  if (!stats.isFile()) return realPath(path);
  const match = /^gitdir: (.+?)\s*$/.exec(readPointer(path) ?? '');
  return match?.[1] === undefined ? undefined : resolve(dirname(path), match[1]);
}

function commonDirOf(gitDir: string): string {
  const text = readPointer(join(gitDir, 'commondir'));
  return text === undefined ? gitDir : resolve(gitDir, text.trim());
}

function readPointer(path: string): string | undefined {
  return ifThere(() => readOptionalFile(path, MAX_POINTER))?.toString('utf8');
}

function statOf(path: string): Stats | undefined {
  return ifThere(() => lstatSync(path, { throwIfNoEntry: false }));
}

function realPath(path: string): string | undefined {
  return ifThere(() => realpathSync.native(path));
}

/** What cannot be looked at is as if it were not there. */
function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (hasCode(error)) return undefined;
    throw error;
  }
}
