import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';

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
export async function findGitDir(path: string): Promise<GitPlace | undefined> {
  const start = await realpath(path).catch(() => undefined);
  if (start === undefined) return undefined;
  if (await isGitDir(start)) {
    const prefix = '';
    return { gitDir: start, commonDir: await commonDirOf(start), prefix, bare: true };
  }
  for (let folder = start; ; folder = dirname(folder)) {
    const gitDir = await readDotGit(join(folder, '.git'));
    if (gitDir !== undefined) {
      const prefix = relative(folder, start).split(sep).join('/');
      return { gitDir, commonDir: await commonDirOf(gitDir), prefix, bare: false };
    }
    if (dirname(folder) === folder) return undefined;
  }
}

/** True where blobs may be missing by intent: the repository was cloned with a filter. */
export async function isPartialClone({ commonDir }: Pick<GitPlace, 'commonDir'>): Promise<boolean> {
  const packs = await readdir(join(commonDir, 'objects', 'pack')).catch(() => []);
  return packs.some((name) => name.endsWith('.promisor'));
}

async function isGitDir(path: string): Promise<boolean> {
  const kinds = await Promise.all(
    ['HEAD', 'objects', 'refs'].map((name) => lstat(join(path, name)).catch(() => undefined)),
  );
  const [head, objects, refs] = kinds;
  return head !== undefined && !head.isDirectory() && objects?.isDirectory() === true && refs?.isDirectory() === true;
}

/** `.git` as a folder, or as the file that leads to it (submodules, linked work trees). */
async function readDotGit(path: string): Promise<string | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return undefined;
  if (!stats.isFile()) return (await realpath(path).catch(() => undefined)) ?? undefined;
  if (stats.size > 65_536) return undefined;
  const match = /^gitdir: (.+?)\s*$/.exec(await readFile(path, 'utf8').catch(() => ''));
  return match?.[1] === undefined ? undefined : resolve(dirname(path), match[1]);
}

async function commonDirOf(gitDir: string): Promise<string> {
  const text = await readFile(join(gitDir, 'commondir'), 'utf8').catch(() => undefined);
  return text === undefined ? gitDir : resolve(gitDir, text.trim());
}
