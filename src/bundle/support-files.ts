import { compareText } from '../lib/bytes.ts';
import { encodeJson } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic, FileEntry, FileReference, LeftOutFile, SupportFile } from '../model/app.ts';
import { COMPOSE_FILE, describePathFault, findPathClashes, isReservedPath } from './bundle-path.ts';
import { type EntryIndex, indexEntries } from './entry-index.ts';
import { findIgnoreRule, IGNORE_FILE, type IgnoreRule } from './ignore-rules.ts';
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES } from './limits.ts';
import {
  describeSearch,
  findFirst,
  joinPath,
  listPlaces,
  normalizePath,
  type PackagePlace,
  siblingFolder,
} from './reference-lookup.ts';

/** The rules of a folder's ignore file; `folder` relative to the repository. */
export interface FolderRules {
  readonly folder: string;
  readonly rules: readonly IgnoreRule[];
}

export interface SupportFileInput {
  readonly package: PackagePlace;
  /** Every file of the repository. */
  readonly entries: readonly FileEntry[];
  /** What a folder package holds besides its documents. */
  readonly attachments: readonly FileEntry[];
  /** What the compose text refers to. Absolute paths are the device's own and are passed over. */
  readonly references: readonly FileReference[];
  /** Rules of the folders that listIgnoreFiles names. */
  readonly ignores?: readonly FolderRules[];
  /** All of the folder `<name>/` beside the package, whatever the compose text refers to. */
  readonly all?: boolean;
}

export interface SupportFilePlan {
  /** By path; usable only where no diagnostic is an error. */
  readonly files: readonly SupportFile[];
  /** What would have gone in but for a rule; by path. */
  readonly leftOut: readonly LeftOutFile[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Where the ignore file of a package may be, best first: in a folder package, or in the folder `<name>/` beside it. */
export function listIgnoreFiles(place: PackagePlace, entries: readonly FileEntry[]): string[] {
  const index = indexEntries(entries);
  const folders = new Set([place.path, siblingFolder(place)]);
  return [...folders].map((folder) => `${folder}/${IGNORE_FILE}`).filter((path) => isFile(index.find(path)));
}

/**
 * Chooses the files of a bundle besides docker-compose.yml: all attachments, and every file or folder that the compose text refers to,
 * looked for in the package folder, then in the folder `<name>/` beside the package, then beside the package. Links are included as
 * the file that they lead to; names reserved at the bundle's root (rule B1) and what the ignore rules match are not. Never throws: what is
 * wrong is a diagnostic (BUNDLE_PATH, BUNDLE_FILE_MISSING, BUNDLE_LIMIT, file.*), attachments first, then references in their order.
 */
export function planSupportFiles(input: SupportFileInput): SupportFilePlan {
  const { ignores = [] } = input;
  const collected: Collection = { files: new Map(), leftOut: new Map(), diagnostics: new Map(), ignores };
  for (const { rules } of ignores) checkComposeFile(collected, rules);
  const index = indexEntries(input.entries);
  for (const entry of input.attachments.toSorted((a, b) => compareText(a.path, b.path))) {
    addEntry(collected, index, {
      path: entry.path.slice(input.package.path.length + 1),
      entry,
      reason: 'in the package',
    });
  }
  for (const reference of input.references) {
    if (!reference.path.startsWith('/')) addReferenced(collected, { package: input.package, index, reference });
  }
  if (input.all === true) {
    const folder = siblingFolder(input.package);
    for (const entry of index.below(folder)) {
      addEntry(collected, index, { path: entry.path.slice(folder.length + 1), entry, reason: 'bundle.files is all' });
    }
  }
  checkWhole(collected);
  return {
    files: [...collected.files.values()].sort((a, b) => compareText(a.path, b.path)),
    leftOut: [...collected.leftOut.values()].sort((a, b) => compareText(a.path, b.path)),
    diagnostics: [...collected.diagnostics.values()],
  };
}

/** What lies in the folder `<name>/` beside a package and is neither in its bundle nor kept out by a rule. */
export function listUnreferencedFiles(
  { package: place, entries }: Pick<SupportFileInput, 'package' | 'entries'>,
  plan: { readonly files: readonly SupportFile[]; readonly leftOut?: readonly LeftOutFile[] },
): LeftOutFile[] {
  const folder = siblingFolder(place);
  const known = new Set([...plan.files, ...(plan.leftOut ?? [])].map(({ source }) => source));
  return indexEntries(entries)
    .below(folder)
    .filter(({ mode, path }) => mode !== 'directory' && !known.has(path))
    .map(({ path, size }) => ({
      path: path.slice(folder.length + 1),
      source: path,
      size,
      reason: reasonOutside(path, folder),
    }));
}

function reasonOutside(path: string, folder: string): string {
  if (path === `${folder}/${COMPOSE_FILE}`) return 'the package is the source of the compose file';
  if (path === `${folder}/${IGNORE_FILE}`) return 'the ignore rules themselves';
  return 'nothing refers to it; bundle.files: all would take it';
}

function isFile(entry: FileEntry | undefined): boolean {
  return entry !== undefined && entry.mode !== 'directory' && entry.mode !== 'other';
}

function checkComposeFile(collected: Collection, rules: readonly IgnoreRule[]): void {
  const rule = findIgnoreRule(rules, COMPOSE_FILE);
  if (rule === undefined) return;
  const message = `the rule ${encodeJson(rule.text)} would leave ${COMPOSE_FILE} out of the bundle`;
  const hint = `Add the line !${COMPOSE_FILE} below it.`;
  report(
    collected,
    finding('BUNDLE_PATH', message, { hint, location: { path: rule.file, line: rule.line, column: 1 } }),
  );
}

function addReferenced(
  collected: Collection,
  input: {
    readonly package: PackagePlace;
    readonly index: EntryIndex;
    readonly reference: FileReference;
  },
): void {
  const { reference, index } = input;
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
  const found = findFirst(index, places);
  if (isReservedPath(path) && (found !== undefined || reference.required)) {
    const hint = 'Rename the file: compose or the device gives this name a meaning at the root of a bundle.';
    report(collected, finding('BUNDLE_PATH', `${what} has a reserved name`, { hint, location }));
    return;
  }
  if (found === undefined) {
    if (path === '') return;
    const message = `${what} is not in the repository: ${describeSearch(index, places)}`;
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
  const files = found.entries.map((entry) => ({
    path: joinPath(path, entry.path.slice(found.path.length + 1)),
    entry,
    reason: what,
  }));
  const rules = files.map(({ path: file, entry }) => ruleFor(collected, file, entry));
  const rule = rules[0];
  if (rule !== undefined && rules.every((other) => other !== undefined)) {
    const message = `${what} is left out by the rule ${encodeJson(rule.text)} of ${rule.file}:${rule.line}`;
    report(collected, finding(reference.required ? 'BUNDLE_FILE_MISSING' : 'file.ignored', message, { location }));
  } else if (found.beside) {
    const message = `${what} was taken from ${encodeJson(found.path)}, beside the package`;
    report(collected, finding('file.beside-package', message, { location }));
  }
  for (const file of files) addEntry(collected, index, file);
}

/** What was gathered so far: files by their path in the bundle, and each finding once. */
interface Collection {
  readonly files: Map<string, SupportFile>;
  readonly leftOut: Map<string, LeftOutFile>;
  readonly diagnostics: Map<string, Diagnostic>;
  readonly ignores: readonly FolderRules[];
}

function report({ diagnostics }: Pick<Collection, 'diagnostics'>, diagnostic: Diagnostic): void {
  const key = `${diagnostic.code} ${diagnostic.message}`;
  if (!diagnostics.has(key)) diagnostics.set(key, diagnostic);
}

/** The rule that keeps a file out: of the folder that it lies in, whose paths are those of the bundle. */
function ruleFor({ ignores }: Collection, path: string, entry: FileEntry): IgnoreRule | undefined {
  const own = ignores.find(({ folder }) => entry.path === `${folder}/${path}`);
  return own === undefined ? undefined : findIgnoreRule(own.rules, path);
}

/** A file on its way into the bundle. */
interface Candidate {
  /** In the bundle. */
  readonly path: string;
  readonly entry: FileEntry;
  readonly reason: string;
}

/** Adds a file, or the files of the folder that a link leads to. */
function addEntry(collected: Collection, index: EntryIndex, candidate: Candidate): void {
  const { target } = candidate.entry;
  if (target?.mode !== 'directory') {
    addFile(collected, candidate);
    return;
  }
  for (const entry of index.below(target.path)) {
    // Many links to one large folder: the bundle is too large already.
    if (Math.max(collected.files.size, collected.leftOut.size) > MAX_BUNDLE_FILES) return;
    addFile(collected, {
      ...candidate,
      path: joinPath(candidate.path, entry.path.slice(target.path.length + 1)),
      entry,
    });
  }
}

function addFile(collected: Collection, { path, entry, reason }: Candidate): void {
  if (entry.mode === 'directory' || path === COMPOSE_FILE) return;
  const source = encodeJson(entry.path);
  const leaveOut = (why: string): void => {
    if (!collected.files.has(path))
      collected.leftOut.set(path, { path, source: entry.path, size: entry.size, reason: why });
  };
  // A link to a folder inside of what another one leads to: such links may go in circles.
  if (entry.mode === 'other' || entry.target?.mode === 'directory') {
    const what = entry.mode === 'other' ? 'neither a file nor a folder' : 'a link to a folder in a linked folder';
    report(collected, finding('file.special', `${source} is ${what} and was left out`));
    leaveOut(what);
    return;
  }
  if (path === IGNORE_FILE) {
    leaveOut('the ignore rules themselves');
    return;
  }
  const rule = ruleFor(collected, path, entry);
  if (rule !== undefined) {
    leaveOut(`rule ${encodeJson(rule.text)} of ${rule.file}:${rule.line}`);
    return;
  }
  if (isReservedPath(path)) {
    report(collected, finding('file.reserved', `${source} was left out: its name is reserved at the root of a bundle`));
    leaveOut('its name is reserved at the root of a bundle');
    return;
  }
  const fault = describePathFault(path);
  if (fault !== undefined) {
    report(collected, finding('BUNDLE_PATH', `${source} ${fault}`, { hint: 'Rename the file.' }));
    return;
  }
  if (collected.files.has(path)) return;
  const executable = (entry.target?.mode ?? entry.mode) === 'executable';
  collected.leftOut.delete(path);
  collected.files.set(path, { path, source: entry.path, executable, size: entry.size, reason });
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

function describeReference({ kind, path, services }: FileReference): string {
  const what = `${kind} ${encodeJson(path)}`;
  if (services.length === 0) return what;
  return `${what} of ${services.length === 1 ? 'service' : 'services'} ${services.map((name) => encodeJson(name)).join(', ')}`;
}
