import { compareText } from '../lib/bytes.ts';
import { encodeJson } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic, FileEntry, FileReference, PackageKind } from '../model/app.ts';
import { COMPOSE_FILE, describePathFault, findPathClashes, isReservedPath } from './bundle-path.ts';
import { type EntryIndex, indexEntries } from './entry-index.ts';
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES } from './limits.ts';

/** A file that goes into a bundle: `path` in the bundle, `source` in the repository. */
interface SupportFile {
  readonly path: string;
  readonly source: string;
  readonly executable: boolean;
  /** Bytes as the listing has them: of a link, the link's own. */
  readonly size: number;
}

export interface SupportFileInput {
  readonly package: { readonly name: string; readonly kind: PackageKind; readonly path: string };
  /** Every file of the repository. */
  readonly entries: readonly FileEntry[];
  /** What a folder package holds besides its documents. */
  readonly attachments: readonly FileEntry[];
  /** What the compose text refers to. Absolute paths are the device's own and are passed over. */
  readonly references: readonly FileReference[];
}

export interface SupportFilePlan {
  /** By path; usable only where no diagnostic is an error. */
  readonly files: readonly SupportFile[];
  readonly diagnostics: readonly Diagnostic[];
}

interface Found {
  /** Path in the repository. */
  readonly path: string;
  readonly beside: boolean;
  /** A file, or a link that is read as one. */
  readonly isFile: boolean;
  readonly entries: readonly FileEntry[];
}

/**
 * Chooses the files of a bundle besides docker-compose.yml: all attachments, and every file or folder that the compose text refers to,
 * looked for in the package folder, then in the folder `<name>/` beside the package, then beside the package. Links are included as
 * the file that they lead to; names reserved at the bundle's root (rule B1) are not. Never throws: what is wrong is a diagnostic
 * (BUNDLE_PATH, BUNDLE_FILE_MISSING, BUNDLE_LIMIT, file.*), attachments first, then references in their order.
 */
export function planSupportFiles(input: SupportFileInput): SupportFilePlan {
  const collected: Collection = { files: new Map(), diagnostics: new Map() };
  for (const entry of input.attachments.toSorted((a, b) => compareText(a.path, b.path))) {
    addFile(collected, entry.path.slice(input.package.path.length + 1), entry);
  }
  const index = indexEntries(input.references.length === 0 ? [] : input.entries);
  for (const reference of input.references) {
    if (!reference.path.startsWith('/')) addReferenced(collected, { package: input.package, index, reference });
  }
  checkWhole(collected);
  return {
    files: [...collected.files.values()].sort((a, b) => compareText(a.path, b.path)),
    diagnostics: [...collected.diagnostics.values()],
  };
}

function addReferenced(
  collected: Collection,
  input: {
    readonly package: SupportFileInput['package'];
    readonly index: EntryIndex;
    readonly reference: FileReference;
  },
): void {
  const { reference } = input;
  const path = normalizePath(reference.path);
  const what = describeReference(reference);
  const { location } = reference;
  if (path === undefined) {
    const hint = 'Move the file into the package or beside it, and refer to it there.';
    report(collected, finding('BUNDLE_PATH', `${what} leaves the bundle`, { hint, location }));
    return;
  }
  if (path === COMPOSE_FILE) return;
  const places = listPlaces(input.package, path);
  const found = findFirst(input.index, places);
  if (isReservedPath(path) && (found !== undefined || reference.required)) {
    const hint = 'Rename the file: compose or the device gives this name a meaning at the root of a bundle.';
    report(collected, finding('BUNDLE_PATH', `${what} has a reserved name`, { hint, location }));
    return;
  }
  if (found === undefined) {
    if (path === '') return;
    const message = `${what} is not in the repository: ${describeSearch(input.index, places)}`;
    report(
      collected,
      finding(reference.required ? 'BUNDLE_FILE_MISSING' : 'file.source-missing', message, { location }),
    );
    return;
  }
  if (reference.kind !== 'bind' && !found.isFile) {
    report(collected, finding('BUNDLE_FILE_MISSING', `${what} is not a file: ${encodeJson(found.path)}`, { location }));
    return;
  }
  if (found.beside) {
    const message = `${what} was taken from ${encodeJson(found.path)}, beside the package`;
    report(collected, finding('file.beside-package', message, { location }));
  }
  for (const entry of found.entries) addFile(collected, joinPath(path, entry.path.slice(found.path.length + 1)), entry);
}

/** What was gathered so far: files by their path in the bundle, and each finding once. */
interface Collection {
  readonly files: Map<string, SupportFile>;
  readonly diagnostics: Map<string, Diagnostic>;
}

function report({ diagnostics }: Collection, diagnostic: Diagnostic): void {
  const key = `${diagnostic.code} ${diagnostic.message}`;
  if (!diagnostics.has(key)) diagnostics.set(key, diagnostic);
}

function addFile(collected: Collection, path: string, entry: FileEntry): void {
  if (entry.mode === 'directory' || path === COMPOSE_FILE) return;
  const source = encodeJson(entry.path);
  if (entry.mode === 'other') {
    report(collected, finding('file.special', `${source} is neither a file nor a folder and was left out`));
    return;
  }
  if (isReservedPath(path)) {
    report(collected, finding('file.reserved', `${source} was left out: its name is reserved at the root of a bundle`));
    return;
  }
  const fault = describePathFault(path);
  if (fault !== undefined) {
    report(collected, finding('BUNDLE_PATH', `${source} ${fault}`, { hint: 'Rename the file.' }));
    return;
  }
  if (collected.files.has(path)) return;
  const executable = entry.mode === 'executable';
  collected.files.set(path, { path, source: entry.path, executable, size: entry.size });
}

function checkWhole(collected: Collection): void {
  const files = [...collected.files.values()];
  for (const [one, other] of findPathClashes([COMPOSE_FILE, ...collected.files.keys()])) {
    const hint = 'Rename one of the two: devices or checkouts may take them for the same file.';
    report(
      collected,
      finding('BUNDLE_PATH', `${encodeJson(one)} and ${encodeJson(other)} cannot be in one bundle`, { hint }),
    );
  }
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  if (bytes > MAX_BUNDLE_BYTES) {
    report(collected, finding('BUNDLE_LIMIT', `the support files have ${bytes} bytes, more than ${MAX_BUNDLE_BYTES}`));
  }
  if (files.length >= MAX_BUNDLE_FILES) {
    report(
      collected,
      finding('BUNDLE_LIMIT', `the bundle would have ${files.length + 1} files, more than ${MAX_BUNDLE_FILES}`),
    );
  }
}

/** Where a path may be, best first. The bundle's root itself is never looked for beside the package: that folder holds other apps. */
function listPlaces(pack: SupportFileInput['package'], path: string): { path: string; beside: boolean }[] {
  const parent = pack.path.includes('/') ? pack.path.slice(0, pack.path.lastIndexOf('/')) : '';
  const inside = pack.kind === 'folder' || pack.kind === 'compose';
  return [
    ...(inside ? [{ path: joinPath(pack.path, path), beside: false }] : []),
    { path: joinPath(joinPath(parent, pack.name), path), beside: true },
    ...(path === '' ? [] : [{ path: joinPath(parent, path), beside: true }]),
  ];
}

function findFirst(index: EntryIndex, places: readonly { path: string; beside: boolean }[]): Found | undefined {
  for (const place of places) {
    const exact = index.find(place.path);
    const isFolder = exact === undefined || exact.mode === 'directory';
    const entries = isFolder ? index.below(place.path) : [exact];
    if (exact !== undefined || entries.length > 0) {
      return { ...place, entries, isFile: !isFolder && exact.mode !== 'other' };
    }
  }
  return undefined;
}

function describeSearch(index: EntryIndex, places: readonly { path: string }[]): string {
  const looked = `looked for ${places.map((place) => encodeJson(place.path)).join(', ')}`;
  const link = places.flatMap((place) => listParents(place.path)).find((path) => index.find(path)?.mode === 'symlink');
  return link === undefined ? looked : `${looked}; ${encodeJson(link)} is a link to a folder, which is not followed`;
}

function listParents(path: string): string[] {
  const names = path.split('/');
  return names.slice(1).map((_, i) => names.slice(0, i + 1).join('/'));
}

/** A relative path without `.` and `..`; empty for the folder itself, undefined where it leads out of it. */
function normalizePath(path: string): string | undefined {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.pop() === undefined) return undefined;
  }
  return names.join('/');
}

function joinPath(folder: string, path: string): string {
  return [folder, path].filter((part) => part !== '').join('/');
}

function describeReference({ kind, path, services }: FileReference): string {
  const what = `${kind} ${encodeJson(path)}`;
  if (services.length === 0) return what;
  return `${what} of ${services.length === 1 ? 'service' : 'services'} ${services.map((name) => encodeJson(name)).join(', ')}`;
}
