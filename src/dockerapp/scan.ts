import picomatch from 'picomatch';
import { compareText } from '../lib/bytes.ts';
import type { FileEntry, PackageLocation } from '../model/app.ts';

const SUFFIX = '.dockerapp';
const DISABLED = '.disabled';

/** Which packages are selected besides those at the top level, and which are not. Globs match the package path, `*` stays in one folder. */
export interface ScanRules {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Globs on app names; empty takes all. */
  readonly names: readonly string[];
}

/**
 * Finds every package among the files of a repository, at any depth, sorted by path. A file `x.dockerapp` is a single file (or a tar, which only
 * its bytes tell), a folder of that name a folder package; what lies inside a package is part of it. Disabled ones are listed with the reason.
 */
export function scanPackages(entries: Iterable<FileEntry>, rules: ScanRules): PackageLocation[] {
  const kinds = new Map<string, 'single-file' | 'folder'>();
  for (const entry of entries) {
    const found = packagePath(entry);
    if (found !== undefined) kinds.set(found.path, found.kind);
  }
  const select = createSelector(rules);
  return [...kinds]
    .sort(([a], [b]) => compareText(a, b))
    .map(([path, kind]) => {
      const name = packageName(path);
      const reason = select(path, name);
      return { name, path, kind, selected: reason === undefined, ...(reason === undefined ? {} : { reason }) };
    });
}

function packagePath(entry: FileEntry): { path: string; kind: 'single-file' | 'folder' } | undefined {
  const parts = entry.path.split('/');
  const index = parts.findIndex((part) => part.endsWith(SUFFIX) || part.endsWith(SUFFIX + DISABLED));
  if (index < 0) return undefined;
  const isFile = index === parts.length - 1 && entry.mode !== 'directory';
  return { path: parts.slice(0, index + 1).join('/'), kind: isFile ? 'single-file' : 'folder' };
}

function packageName(path: string): string {
  const base = path.slice(path.lastIndexOf('/') + 1);
  return (base.endsWith(DISABLED) ? base.slice(0, -DISABLED.length) : base).slice(0, -SUFFIX.length);
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
