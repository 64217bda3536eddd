import { posix } from 'node:path';
import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { indexEntries } from '../bundle/entry-index.ts';
import { compareText } from '../lib/bytes.ts';
import type { FileEntry } from '../model/app.ts';
import type { ScannedSource } from './migration.ts';
import type { AppReplacement } from './retire.ts';

/** Larger files are no scripts and no descriptions of builds; where there are more files than this, nothing is taken away. */
const MAX_SEARCHED_BYTES = 256 * 1024;
const MAX_SEARCHED_FILES = 2000;
const DOCKERFILE = /^(?:.*[.-])?dockerfile(?:[.-].*)?$/i;

/**
 * Files beside the packages that only packages used which are replaced, by app: each has its copy in the folder of the app. In doubt a file stays: where
 * another package is in the repository, where a Dockerfile lies in its folder or above, and where any other file mentions its name.
 */
export async function findOrphans(
  { source, entries, packages }: ScannedSource,
  replaced: readonly AppReplacement[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const none = new Map<string, readonly string[]>();
  const own = new Set(replaced.map(({ app }) => app.location.path));
  if (packages.some(({ path }) => !own.has(path))) return none;
  const index = indexEntries(entries);
  const ours = new Set([...own, ...replaced.map(({ folder }) => folder)]);
  const builds = new Set(
    entries.filter(({ path }) => DOCKERFILE.test(posix.basename(path))).map(({ path }) => posix.dirname(path)),
  );
  const users = new Map<string, string>();
  for (const { app } of replaced) {
    for (const { source: path } of app.files) {
      if (
        liesWithin(ours, path) ||
        !isPlain(index.find(path)) ||
        listFolders(path).some((folder) => builds.has(folder))
      )
        continue;
      if (!users.has(path)) users.set(path, app.name);
    }
  }
  const leaving = new Set([...own, ...replaced.map(({ folder }) => `${folder}/${COMPOSE_FILE}`)]);
  const others = entries.filter(
    (entry) => isPlain(entry) && !liesWithin(leaving, entry.path) && !users.has(entry.path),
  );
  if (users.size === 0 || others.length > MAX_SEARCHED_FILES || entries.some(({ mode }) => mode === 'symlink'))
    return none;
  for (const { path, size } of others) {
    if (users.size === 0) break;
    if (size > MAX_SEARCHED_BYTES) continue;
    const bytes = await source.read(path, MAX_SEARCHED_BYTES);
    for (const user of users.keys()) if (bytes.includes(posix.basename(user))) users.delete(user);
  }
  const found = new Map<string, string[]>();
  for (const [path, app] of users) found.set(app, [...(found.get(app) ?? []), path].sort(compareText));
  return found;
}

function isPlain(entry: FileEntry | undefined): boolean {
  return entry?.mode === 'file' || entry?.mode === 'executable';
}

/** The folders that a path lies in, `.` for the root. */
function listFolders(path: string): string[] {
  const folder = posix.dirname(path);
  return folder === '.' ? ['.'] : [folder, ...listFolders(folder)];
}

/** True for one of the paths and for all that lies below them. */
export function liesWithin(paths: ReadonlySet<string>, path: string): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (paths.has(path.slice(0, end))) return true;
  }
  return false;
}
