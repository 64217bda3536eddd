import picomatch from 'picomatch';
import { compareText } from '../lib/bytes.ts';
import type { FileEntry, PackageKind, PackageLocation } from '../model/app.ts';

const SUFFIX = '.dockerapp';
const DISABLED = '.disabled';
const COMPOSE_NAME = '/docker-compose.yml';

type ScannedEntry = Pick<FileEntry, 'path' | 'mode'>;

/** Which packages are selected besides those at the top level, and which are not. Globs match the package path, `*` stays in one folder. */
export interface ScanRules {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Globs on app names; empty takes all. */
  readonly names: readonly string[];
  /** Folders with a compose file and no package beside them are apps, too. */
  readonly compose?: boolean;
}

/**
 * Finds every package among the files of a repository, at any depth, sorted by path. A file `x.dockerapp` is a single file (or a tar, which only
 * its bytes tell), a folder of that name a folder package; what lies inside a package is part of it. Disabled ones are listed with the reason.
 * With `compose`, so is a folder with a `docker-compose.yml`, unless a package of its name lies beside it: then that is the source.
 */
export function scanPackages(entries: Iterable<ScannedEntry>, rules: ScanRules): PackageLocation[] {
  const kinds = new Map<string, PackageKind>();
  const composeFolders: string[] = [];
  for (const entry of entries) {
    const found = packagePath(entry);
    if (found !== undefined) kinds.set(found.path, found.kind);
    else if (rules.compose === true && isComposeFile(entry))
      composeFolders.push(entry.path.slice(0, -COMPOSE_NAME.length));
  }
  for (const path of outermost(composeFolders)) if (!kinds.has(path + SUFFIX)) kinds.set(path, 'compose');
  const select = createSelector(rules);
  return [...kinds]
    .sort(([a], [b]) => compareText(a, b))
    .map(([path, kind]) => {
      const name = packageName(path);
      const off = `${path}${SUFFIX}${DISABLED}`;
      const reason = kind === 'compose' && kinds.has(off) ? `its package is disabled: '${off}'` : select(path, name);
      return { name, path, kind, selected: reason === undefined, ...(reason === undefined ? {} : { reason }) };
    });
}

function isComposeFile({ path, mode }: ScannedEntry): boolean {
  return path.endsWith(COMPOSE_NAME) && mode !== 'directory' && mode !== 'other';
}

/** Folders that lie in no other of them: a compose file within an app is a file of that app. */
function outermost(folders: readonly string[]): string[] {
  const found: string[] = [];
  for (const folder of folders.toSorted((a, b) => compareText(`${a}/`, `${b}/`))) {
    const last = found.at(-1);
    if (last === undefined || !folder.startsWith(`${last}/`)) found.push(folder);
  }
  return found;
}

function packagePath(entry: ScannedEntry): { path: string; kind: 'single-file' | 'folder' } | undefined {
  // Almost no file lies in a package or is one.
  if (!entry.path.includes(SUFFIX)) return undefined;
  const parts = entry.path.split('/');
  const index = parts.findIndex((part) => part.endsWith(SUFFIX) || part.endsWith(SUFFIX + DISABLED));
  if (index < 0) return undefined;
  const isFile = index === parts.length - 1 && entry.mode !== 'directory';
  return { path: parts.slice(0, index + 1).join('/'), kind: isFile ? 'single-file' : 'folder' };
}

function packageName(path: string): string {
  const base = path.slice(path.lastIndexOf('/') + 1);
  const name = base.endsWith(DISABLED) ? base.slice(0, -DISABLED.length) : base;
  return name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : name;
}

/** Gives the reason why a package is not selected. */
function createSelector(rules: ScanRules): (path: string, name: string) => string | undefined {
  const matcher = (globs: readonly string[]) =>
    globs.length === 0 ? () => false : picomatch([...globs], { dot: true });
  const included = matcher(rules.include);
  const excluded = matcher(rules.exclude);
  const named = rules.names.length === 0 ? () => true : matcher(rules.names);
  return (path, name) => {
    const disabled = path.split('/').find((part) => part.endsWith(DISABLED));
    if (disabled !== undefined) return `disabled: '${disabled}' ends in ${DISABLED}`;
    if (excluded(path) || excluded(name)) return 'left out by apps.exclude';
    if (!named(name)) return 'not chosen by --app';
    if (path.includes('/') && !included(path))
      return 'not at the top level of the repository; add it with apps.include';
    return undefined;
  };
}
