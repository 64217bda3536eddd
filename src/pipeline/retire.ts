import { posix } from 'node:path';
import { COMPOSE_FILE, isReservedPath } from '../bundle/bundle-path.ts';
import { type EntryIndex, indexEntries } from '../bundle/entry-index.ts';
import { RebundleError } from '../errors.ts';
import { compareText, once } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { FileEntry, LeftOutFile } from '../model/app.ts';
import { type ConvertedApp, hasErrors, type ScannedSource } from './migration.ts';
import { findOrphans } from './retire-orphans.ts';

/** A file that takes its place in a repository; `path` relative to its root. */
export interface NewFile {
  readonly path: string;
  readonly executable: boolean;
  readonly size: number;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** A package and the compose folder that takes its place. */
export interface AppReplacement {
  readonly app: ConvertedApp;
  /** Relative to the repository. */
  readonly folder: string;
  /** docker-compose.yml first; what lies in the folder already as it has to be is not among them. */
  readonly files: readonly NewFile[];
  /** The package, and files beside it that nothing needs any more. */
  readonly removed: readonly string[];
  /** Files of the package that go with it: compose or devices would give their names a meaning in the folder. */
  readonly dropped: readonly string[];
}

/** All that changes in one repository. Apps by name. */
export interface RepositoryReplacement {
  readonly scanned: ScannedSource;
  readonly apps: readonly AppReplacement[];
}

/** Packages of the old form that a run converts, in the order of the repositories. */
export function listPackages(scanned: readonly ScannedSource[]) {
  return scanned.flatMap(({ source, packages }) =>
    packages.filter(({ selected, kind }) => selected && kind !== 'compose').map((location) => ({ source, location })),
  );
}

/**
 * Plans for every repository how the converted trees take the place of the packages, as `convert` would write them. Throws RETIRE_REFUSED where an app
 * failed, a repository could not be read, or a folder cannot be made because a file or a link has its name.
 */
export async function planReplacements(
  apps: readonly ConvertedApp[],
  scanned: readonly ScannedSource[],
): Promise<RepositoryReplacement[]> {
  requireReadable(scanned);
  const failed = apps.filter(({ app, diagnostics }) => app === undefined || hasErrors(diagnostics));
  if (failed.length > 0) {
    const names = failed.map(({ name }) => escapeTerminal(name)).join(', ');
    throw new RebundleError('RETIRE_REFUSED', `not every app could be converted: ${names}`, {
      hint: 'Correct what their errors name, or leave them out with --app; nothing was written.',
    });
  }
  const planned = scanned.flatMap((one) => {
    const own = apps.filter(
      ({ origin, location }) => location.kind !== 'compose' && origin.repository === one.source.origin.repository,
    );
    return own.length === 0 ? [] : [{ scanned: one, apps: own.map((app) => planReplacement(app, one)) }];
  });
  return Promise.all(planned.map(withOrphans));
}

async function withOrphans({ scanned, apps }: RepositoryReplacement): Promise<RepositoryReplacement> {
  const orphans = await findOrphans(scanned, apps);
  return {
    scanned,
    apps: apps.map((one) => ({ ...one, removed: [...one.removed, ...(orphans.get(one.app.name) ?? [])] })),
  };
}

/** A repository that is not seen may hold packages: then nobody knows whether all are replaced. */
export function requireReadable(scanned: readonly ScannedSource[]): void {
  const unread = scanned.find(({ error }) => error !== undefined);
  if (unread === undefined) return;
  throw new RebundleError('RETIRE_REFUSED', `${unread.source.origin.repository} could not be read: ${unread.error}`, {
    hint: 'retire needs every repository of the factory, each as a git repository.',
  });
}

function planReplacement(app: ConvertedApp, { entries }: ScannedSource): AppReplacement {
  const { location, name } = app;
  const folder = posix.join(posix.dirname(location.path), name);
  requireFolder(folder, entries, app);
  const inPackage = (path: string): boolean => path === location.path || path.startsWith(`${location.path}/`);
  const index = indexEntries(entries);
  const toFile = (path: string, source: string, executable: boolean): NewFile[] => {
    const there = index.find(path);
    const stays = path === source && there !== undefined && !(there.target && inPackage(there.target.path));
    const size = index.find(source)?.target ? 0 : (index.find(source)?.size ?? 0);
    return stays ? [] : [{ path, executable, size, open: () => app.source.open(source) }];
  };
  const compose = Buffer.from(app.app?.composeText ?? '');
  const support = app.files.flatMap((file) => toFile(`${folder}/${file.path}`, file.source, file.executable));
  const taken = new Set(support.map((file) => file.path));
  const kept = listKept(app, index);
  const rest = kept.flatMap(({ path, source }) => {
    const to = `${folder}/${path}`;
    const isFree = !isReservedPath(path) && index.find(to) === undefined && !taken.has(to);
    return isFree ? toFile(to, source, index.find(source)?.mode === 'executable') : [];
  });
  return {
    app,
    folder,
    files: [
      { path: `${folder}/${COMPOSE_FILE}`, executable: false, size: compose.byteLength, open: () => once(compose) },
      ...[...support, ...rest].sort((a, b) => compareText(a.path, b.path)),
    ],
    removed: [location.path],
    dropped: kept.filter(({ path }) => isReservedPath(path)).map(({ source }) => source),
  };
}

/** Files of a package that are in no bundle but are the author's: what rules left out, and the rules. */
function listKept({ leftOut = [], location }: ConvertedApp, index: EntryIndex): LeftOutFile[] {
  return leftOut.filter(({ source }) => {
    const entry = index.find(source);
    const isFile = entry === undefined || entry.mode === 'file' || entry.mode === 'executable';
    return source.startsWith(`${location.path}/`) && (isFile || (entry.target && entry.target.mode !== 'directory'));
  });
}

/** A commit would put the folder in the place of a file or link without a word. */
function requireFolder(folder: string, entries: readonly FileEntry[], { name, origin }: ConvertedApp): void {
  const found = indexEntries(entries).find(folder);
  if (found === undefined || found.mode === 'directory') return;
  const what = found.mode === 'symlink' ? 'a link' : found.mode === 'other' ? 'no folder' : 'a file';
  throw new RebundleError(
    'RETIRE_REFUSED',
    `${escapeTerminal(name)} cannot become the folder '${escapeTerminal(folder)}': that is ${what}`,
    {
      hint: 'Rename what has that name first.',
      origin,
    },
  );
}
