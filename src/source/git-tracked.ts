import type { SourceOrigin } from '../errors.ts';
import { RebundleError } from '../errors.ts';
import { createLimit, mapLimit } from '../lib/limit.ts';
import type { FileEntry } from '../model/app.ts';
import { createFolderSource } from './folder.ts';
import { type Git, requireGit } from './git-command.ts';
import { findGitDir } from './git-dir.ts';
import { createObjectHash } from './git-object.ts';
import { openGitObjects } from './git-objects.ts';
import type { GitPool } from './git-pool.ts';
import { walkTree } from './git-tree.ts';
import type { Source } from './source.ts';

/**
 * A work tree as it lies there, but only what git tracks: ignored and untracked files do not count, and whether a file is executable is said by the index. The
 * origin has the commit of HEAD where every tracked file has the content of that commit, else none: what is read is then no commit.
 */
export function createTrackedSource(options: {
  readonly git: Git;
  readonly pool: GitPool;
  readonly repository: string;
  readonly root: string;
  readonly ignore?: readonly string[];
}): Source {
  const { git, pool, repository, root } = options;
  const folder = createFolderSource(options);
  let commit: string | undefined;
  const originOf = (): SourceOrigin => ({ repository, path: '', ...(commit === undefined ? {} : { commit }) });
  let listing: Promise<FileEntry[]> | undefined;

  const list = async (): Promise<FileEntry[]> => {
    const place = findGitDir(root);
    if (place === undefined || place.bare) {
      throw new RebundleError('SOURCE_UNREADABLE', 'the repository is no work tree of git', { origin: originOf() });
    }
    const args = [
      `--git-dir=${place.gitDir}`,
      `--work-tree=${root}`,
      'ls-files',
      '-z',
      '--stage',
      '--full-name',
      '--',
      '.',
    ];
    const index = parseIndex(
      await requireGit(git, args, { cwd: root, what: 'the index cannot be read' }),
      place.prefix,
    );
    const folders = foldersOf(index);
    const objects = openGitObjects({ git, place, reach: 'none', pool });
    const head = await objects.info('HEAD^{commit}');
    const tree = head === undefined ? undefined : await objects.info(`${head.id}:${place.prefix}`);
    const committed = new Map<string, string>();
    if (tree?.type === 'tree')
      for (const { path, id, kind } of await walkTree(objects, tree.id))
        if (kind !== 'directory') committed.set(path, `${kind} ${id}`);
    const here: FileEntry[] = [];
    for await (const entry of folder.list())
      if (index.has(entry.path) || (entry.mode === 'directory' && folders.has(entry.path))) here.push(entry);
    const idLength = head?.id.length ?? 40;
    const entries = await mapLimit(here, createLimit(16, git.signal), async (entry) =>
      describe(entry, index.get(entry.path), idLength),
    );
    const files = entries.filter(({ mode }) => mode !== 'directory');
    const isClean =
      head !== undefined &&
      files.length === committed.size &&
      files.every((entry) => committed.get(entry.path) === `${entry.mode} ${entry.objectId}`);
    commit = isClean ? head.id : undefined;
    return entries;
  };

  /** A link is compared as the index has it: its own content is not read here. */
  const describe = async (entry: FileEntry, tracked: Tracked | undefined, idLength: number): Promise<FileEntry> => {
    if (tracked === undefined || entry.mode === 'directory' || entry.mode === 'other') return entry;
    if (entry.mode === 'symlink') return { ...entry, objectId: tracked.id };
    const hash = createObjectHash({ id: '0'.repeat(idLength), type: 'blob', size: entry.size });
    for await (const chunk of folder.open(entry.path)) hash.update(chunk);
    return { ...entry, mode: tracked.executable ? 'executable' : 'file', objectId: hash.digest('hex') };
  };

  return {
    get origin() {
      return originOf();
    },
    list: async function* () {
      listing ??= list();
      yield* await listing;
    },
    read: (path, limit) => folder.read(path, limit),
    open: (path) => folder.open(path),
  };
}

interface Tracked {
  readonly id: string;
  readonly executable: boolean;
}

/** `MODE ID STAGE\tPATH\0` for each file; paths relative to the folder that is read. */
function parseIndex(bytes: Buffer, prefix: string): Map<string, Tracked> {
  const found = new Map<string, Tracked>();
  for (const line of bytes.toString('utf8').split('\0')) {
    const match = /^(\d{6}) ([0-9a-f]+) \d\t([\s\S]+)$/.exec(line);
    if (match === null) continue;
    const [, mode, id = '', path = ''] = match;
    found.set(prefix === '' ? path : path.slice(prefix.length + 1), { id, executable: mode === '100755' });
  }
  return found;
}

/** Every folder that holds something that is tracked. */
function foldersOf(index: ReadonlyMap<string, Tracked>): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const path of index.keys()) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      if (folders.has(path.slice(0, end))) break;
      folders.add(path.slice(0, end));
    }
  }
  return folders;
}
