import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { FileEntry } from '../model/app.ts';
import type { Git } from './git-command.ts';
import { type GitPlace, isPartialClone } from './git-dir.ts';
import type { GitObjects } from './git-objects.ts';
import { createLinkResolver, type TreeEntry, walkTree } from './git-tree.ts';
import type { PathEntry, Source } from './source.ts';

const MAX_LINK_BYTES = 4096;
const MAX_MODULES_BYTES = 1024 * 1024;

export interface Submodule {
  readonly path: string;
  readonly commit: string;
  /** Text of `.gitmodules`; undefined where there is none. */
  readonly modules: string | undefined;
  readonly place: GitPlace;
}

/** What a commit holds below the folder that is read. */
export interface Listing {
  readonly entries: readonly FileEntry[];
  /** The entry of the repository itself at a path. */
  readonly findOwn: (path: string) => FileEntry | undefined;
  /** The path without links, undefined where it leads out or nowhere. */
  readonly resolveLinks: (path: string) => string | undefined;
  /** The submodules that were opened, by path. */
  readonly mounts: ReadonlyMap<string, Source>;
}

interface CommitOptions {
  readonly git: Git;
  readonly missingSize?: number;
  readonly openSubmodule?: (submodule: Submodule) => Source;
}

interface Located {
  readonly place: GitPlace;
  readonly commit: string;
  readonly objects: GitObjects;
}

/** Lists a commit without its sizes and links, submodules not opened. Throws SOURCE_UNREADABLE without an origin. */
export async function readCommitPaths(located: Located): Promise<PathEntry[]> {
  const found = await walkCommit(located);
  return found.flatMap(({ path, kind }): PathEntry[] => {
    if (kind === 'directory' && !path.endsWith('.dockerapp')) return [];
    return [{ path, mode: kind === 'submodule' ? 'other' : kind }];
  });
}

async function walkCommit({ place, commit, objects }: Located): Promise<TreeEntry[]> {
  const { prefix } = place;
  const tree = await objects.info(prefix === '' ? `${commit}^{tree}` : `${commit}:${prefix}`);
  if (tree?.type !== 'tree') {
    const what = prefix === '' ? 'is incomplete: its tree is missing' : `has no folder '${escapeTerminal(prefix)}'`;
    throw new RebundleError('SOURCE_UNREADABLE', `the repository ${what} at ${commit.slice(0, 12)}`);
  }
  return walkTree(objects, tree.id);
}

/** Lists a commit. Throws SOURCE_UNREADABLE without an origin. */
export async function readCommit(located: Located, options: CommitOptions): Promise<Listing> {
  const { place, objects } = located;
  const found = await walkCommit(located);
  const sizes = await readSizes(found, { objects, place, options });
  // One map for a repository: of its own files it gets the entries, of all else it has the modes.
  const index = new Map<string, FileEntry | FileEntry['mode']>();
  const modes: Modes = { get: (path) => modeOf(index.get(path)), has: (path) => index.has(path) };
  for (const { path, kind } of found) index.set(path, kind === 'submodule' ? 'other' : kind);
  const mounts = await openSubmodules(found, { objects, place, options });
  const inner: FileEntry[] = [];
  for (const [mount, source] of mounts) {
    index.set(mount, 'directory');
    for await (const entry of source.list()) inner.push(moveBelow(mount, entry));
  }
  for (const { path, mode } of inner) {
    index.set(path, mode);
    addFolders(index, path);
  }
  const symlinks = found.filter(({ kind }) => kind === 'symlink');
  const targets = await Promise.all(symlinks.map(({ id }) => readLink(objects, id, sizes)));
  const links = new Map(symlinks.map(({ path }, i) => [path, targets[i] ?? '/']));
  const resolveLinks = createLinkResolver(links, modes);
  const entries = found.flatMap((entry): FileEntry[] => {
    const mode = modes.get(entry.path) ?? 'other';
    if (mode === 'directory') return entry.path.endsWith('.dockerapp') ? [{ path: entry.path, mode, size: 0 }] : [];
    const file = { path: entry.path, mode, size: sizes.get(entry.id) ?? 0, objectId: entry.id };
    const target = mode === 'symlink' ? describeTarget(resolveLinks(entry.path), modes) : undefined;
    return [target === undefined ? file : { ...file, target }];
  });
  for (const entry of entries) if (entry.objectId !== undefined) index.set(entry.path, entry);
  const findOwn = (path: string): FileEntry | undefined => {
    const known = index.get(path);
    return typeof known === 'object' ? known : undefined;
  };
  return { entries: [...entries, ...inner], findOwn, resolveLinks, mounts };
}

type Modes = Parameters<typeof createLinkResolver>[1];

function modeOf(known: FileEntry | FileEntry['mode'] | undefined): FileEntry['mode'] | undefined {
  return typeof known === 'object' ? known.mode : known;
}

function describeTarget(path: string | undefined, modes: Modes): FileEntry['target'] {
  const mode = path === undefined ? undefined : modes.get(path);
  return path === undefined || mode === undefined || mode === 'symlink' || mode === 'other'
    ? undefined
    : { path, mode };
}

function moveBelow(mount: string, entry: FileEntry): FileEntry {
  const path = `${mount}/${entry.path}`;
  const { target } = entry;
  return target === undefined
    ? { ...entry, path }
    : { ...entry, path, target: { ...target, path: `${mount}/${target.path}` } };
}

function addFolders(index: Map<string, FileEntry | FileEntry['mode']>, path: string): void {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const folder = path.slice(0, end);
    if (index.has(folder)) return;
    index.set(folder, 'directory');
  }
}

interface Context {
  readonly objects: GitObjects;
  readonly place: GitPlace;
  readonly options: CommitOptions;
}

async function readSizes(
  found: readonly TreeEntry[],
  { objects, place, options }: Context,
): Promise<ReadonlyMap<string, number>> {
  const blobs = found.filter(({ kind }) => kind === 'file' || kind === 'executable' || kind === 'symlink');
  const ids = new Set(blobs.map(({ id }) => id));
  if (!isPartialClone(place)) {
    const infos = await Promise.all([...ids].map((id) => objects.info(id)));
    return new Map(infos.flatMap((info) => (info === undefined ? [] : [[info.id, info.size] as const])));
  }
  // A question for a blob that is not there would fetch it, each with a connection of its own.
  const here = new Map<string, number>();
  for (const id of ids) {
    const info = await objects.infoHere(id);
    if (info !== undefined) here.set(id, info.size);
  }
  if (here.size < ids.size) await listSizes(ids, here, { place, options });
  return new Map([...ids].map((id) => [id, here.get(id) ?? options.missingSize ?? 0]));
}

/** Adds the sizes of what is here in ways that only git knows. */
async function listSizes(
  ids: ReadonlySet<string>,
  here: Map<string, number>,
  { place, options }: Pick<Context, 'place' | 'options'>,
): Promise<void> {
  const all = ['cat-file', '--batch-all-objects', '--batch-check', '--unordered'];
  const listed = await options.git.run([`--git-dir=${place.gitDir}`, ...all]);
  if (!listed.ok) throw new RebundleError('SOURCE_UNREADABLE', `the repository cannot be listed: ${listed.problem}`);
  for (const line of listed.output.toString('latin1').split('\n')) {
    const [id = '', , size] = line.split(' ');
    if (ids.has(id)) here.set(id, Number(size));
  }
}

/** Where a link leads, as it is written. What is no text leads nowhere, as an absolute path does. */
async function readLink(objects: GitObjects, id: string, sizes: ReadonlyMap<string, number>): Promise<string> {
  if ((sizes.get(id) ?? 0) > MAX_LINK_BYTES) return '/';
  const text = (await objects.contents(id))?.bytes.toString('utf8') ?? '/';
  return text.includes('\ufffd') || text.includes('\0') ? '/' : text;
}

async function openSubmodules(
  found: readonly TreeEntry[],
  { objects, place, options }: Context,
): Promise<ReadonlyMap<string, Source>> {
  const { openSubmodule } = options;
  const submodules = found.filter(({ kind }) => kind === 'submodule');
  if (openSubmodule === undefined || submodules.length === 0) return new Map();
  const file = found.find(({ path, kind }) => path === '.gitmodules' && kind === 'file');
  const info = file === undefined ? undefined : await objects.info(file.id);
  const modules =
    info === undefined || info.size > MAX_MODULES_BYTES
      ? undefined
      : (await objects.contents(info.id))?.bytes.toString();
  return new Map(submodules.map(({ path, id }) => [path, openSubmodule({ path, commit: id, modules, place })]));
}
