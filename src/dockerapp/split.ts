import { RebundleError, type SourceLocation, type SourceOrigin } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { finding } from '../lib/finding.ts';
import type { AppPackage, Diagnostic, DocumentPart, FileEntry, PackageLocation, Semantics } from '../model/app.ts';

/** Largest package file that is read, in bytes: far above any real one, far below what would hurt. */
export const MAX_PACKAGE_FILE = 8 * 1024 * 1024;

const BOM = '\uFEFF';
const CORE_FILES = ['metadata.yml', 'docker-compose.yml', 'settings.yml', 'parameters.yml'];
/** Environment files that are read with a package of 0.9, in bytes each and together. */
const MAX_ENV_FILE = 256 * 1024;
const MAX_ENV_FILES = 4 * 1024 * 1024;
const EXPECTED = 'malformed single-file application: expected 3 documents';

/** What `splitPackage` needs of a repository: `files` are the files below a folder package, `read` gives the bytes of one by its path. */
export interface PackageInput {
  /** The release line to read it as, which then refuses what it refused; `auto` takes what any line took, and tells the line from the form. */
  readonly semantics?: Semantics | 'auto';
  readonly location: PackageLocation;
  readonly origin: SourceOrigin;
  readonly files: readonly FileEntry[];
  readonly read: (path: string, limit: number) => Promise<Buffer>;
}

/** Splits a package into metadata, compose and parameters. Nothing is interpreted but the places where documents begin. */
export async function splitPackage(input: PackageInput): Promise<AppPackage> {
  const { location, origin, read, semantics = 'auto' } = input;
  if (location.name === '' || /[\p{Cc}\p{Cf}\\]/u.test(location.name) || /^\.{1,2}$/.test(location.name)) {
    throw new RebundleError('APP_NAME_INVALID', `'${location.name}' cannot be an app name`, { origin });
  }
  if (location.kind !== 'single-file') return splitFolder(input);
  const bytes = await read(location.path, MAX_PACKAGE_FILE);
  if (isArchive(bytes)) {
    throw new RebundleError('APP_FORM', `${location.path} is a tar archive, not a single file`, {
      origin,
      location: startOf(location.path),
      hint: 'Unpack it into a folder of the same name.',
    });
  }
  const text = decode(bytes, location.path);
  const isStrict = semantics !== 'auto';
  const [metadata, compose, parameters] = isStrict
    ? splitStrictly(text, location.path, semantics)
    : splitDocuments(text, location.path);
  return {
    name: location.name,
    origin,
    kind: 'single-file',
    semantics: isStrict ? semantics : detectSemantics(text, compose),
    ...(isStrict ? { strict: true } : {}),
    bytes,
    metadata,
    compose,
    parameters,
    attachments: [],
    diagnostics: [],
  };
}

/** Separators of two hyphens were those of 0.2 alone, and a file that it did not render was never rendered; all else is read as factories did. */
function detectSemantics(text: string, compose: DocumentPart): Semantics {
  const separator = /(?:^|\n)(--[ \t]*)\r?\n$/.exec(text.slice(0, compose.offset))?.[1];
  const isLater = /^["']?version["']?[ \t]*:[ \t]*["']?3\.[7-9]\b/m.test(compose.text);
  return separator === undefined || isLater ? '0.4-0.8' : '0.2';
}

async function splitFolder(input: PackageInput): Promise<AppPackage> {
  const { location, origin, files, read, semantics = 'auto' } = input;
  const at = (name: string): string => `${location.path}/${name}`;
  const present = new Set(files.map((file) => file.path));
  const load = async (name: string): Promise<DocumentPart> => {
    const path = at(name);
    if (!present.has(path)) throw missingFile(input, name, present);
    const text = decode(await read(path, MAX_PACKAGE_FILE), path);
    return { text, path, offset: 0, line: 1 };
  };
  const metadata = await load('metadata.yml');
  const compose = await load('docker-compose.yml');
  const wanted = {
    auto: ['parameters.yml', 'settings.yml'],
    '0.2': ['settings.yml'],
    '0.4-0.8': ['settings.yml'],
    '0.9': ['parameters.yml'],
  }[semantics];
  const names = wanted.filter((name) => present.has(at(name)));
  const parameters = await load(names[0] ?? wanted[0] ?? '');
  const diagnostics: Diagnostic[] = [];
  if (names.length > 1) {
    const settings = await load('settings.yml');
    if (settings.text !== parameters.text) {
      throw new RebundleError(
        'PARAM_CONFLICT',
        `${parameters.path} and ${settings.path} are both there and differ: docker-app up to 0.6 read settings.yml, later ones parameters.yml`,
        {
          origin,
          location: startOf(parameters.path),
          hint: 'Keep the one that your devices used, or give --semantics.',
        },
      );
    }
    diagnostics.push(
      finding('package.both-parameter-files', `${settings.path} equals ${parameters.path}`, {
        location: { path: settings.path, line: 1, column: 1 },
      }),
    );
  }
  const core = new Set(CORE_FILES.map(at));
  const attachments = files.filter((file) => file.mode !== 'directory' && !core.has(file.path));
  const envFiles = semantics === '0.9' ? await readEnvFiles(input, compose, attachments) : undefined;
  return {
    name: location.name,
    origin,
    kind: location.kind,
    semantics: semantics === 'auto' ? '0.4-0.8' : semantics,
    ...(semantics === 'auto' ? {} : { strict: true }),
    ...(envFiles === undefined ? {} : { envFiles }),
    metadata,
    compose,
    parameters,
    attachments,
    diagnostics,
  };
}

function missingFile(
  { location, origin, semantics }: PackageInput,
  name: string,
  present: ReadonlySet<string>,
): RebundleError {
  const path = `${location.path}/${name}`;
  if (semantics === '0.9' && name === 'parameters.yml' && present.has(`${location.path}/settings.yml`)) {
    const message =
      '"settings.yml" has been deprecated in favor of "parameters.yml"; please rename "settings.yml" to "parameters.yml"';
    return new RebundleError('APP_FILE_MISSING', message, {
      origin,
      location: startOf(path),
      hint: 'Rename the file.',
    });
  }
  const isParameters = name === 'parameters.yml' || name === 'settings.yml';
  return new RebundleError('APP_FILE_MISSING', `open ${path}: no such file or directory`, {
    origin,
    location: startOf(path),
    hint: isParameters ? 'Add the file; it may be empty.' : 'Add the file.',
  });
}

/** The files that an `env_file` may name: all small ones, as the names may hold parameters. */
async function readEnvFiles(
  { location, read }: PackageInput,
  compose: DocumentPart,
  attachments: readonly FileEntry[],
): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  if (!compose.text.includes('env_file')) return files;
  let total = 0;
  for (const { path, size, mode } of attachments) {
    total += size;
    if (size > MAX_ENV_FILE || (mode !== 'file' && mode !== 'executable')) continue;
    if (total > MAX_ENV_FILES) break;
    const text = decodeUtf8(await read(path, MAX_ENV_FILE));
    if (text !== undefined) files.set(path.slice(location.path.length + 1), text);
  }
  return files;
}

/** True for the bytes of a tar or of something that is compressed by gzip. */
export function isArchive(bytes: Uint8Array): boolean {
  const gzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return gzip || Buffer.from(bytes.subarray(257, 262)).toString('latin1') === 'ustar';
}

function decode(bytes: Uint8Array, path: string): string {
  const text = decodeUtf8(bytes);
  if (text === undefined)
    throw new RebundleError('APP_FORM', `${path} is not UTF-8 text`, {
      location: startOf(path),
      hint: 'Save the file as UTF-8.',
    });
  return text;
}

/** A problem of a file as a whole is shown at its beginning. */
function startOf(path: string): SourceLocation {
  return { path, line: 1, column: 1 };
}

interface Separator {
  /** Offset of the separator line and of the line after it. */
  readonly start: number;
  readonly next: number;
}

/** Splits a single file as one release line did. Throws APP_SPLIT with its message. */
function splitStrictly(text: string, path: string, semantics: Semantics): [DocumentPart, DocumentPart, DocumentPart] {
  if (semantics === '0.9') {
    throw new RebundleError('APP_FORM', 'cannot load app from tar: unexpected EOF', {
      location: startOf(path),
      hint: 'docker-app 0.9 had no single file: split it into a folder, or choose another --semantics.',
    });
  }
  const starts: number[] = [];
  const ends: number[] = [];
  const mark = semantics === '0.2' ? '\n--' : '\n---\n';
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) {
    const lineEnd = text.indexOf('\n', at + 1);
    // The line end before a separator belongs to it, whichever it is.
    ends.push(text[at - 1] === '\r' ? at - 1 : at);
    starts.push(lineEnd < 0 ? text.length : lineEnd + 1);
  }
  if (ends.length !== 2) {
    throw new RebundleError('APP_SPLIT', semantics === '0.2' ? EXPECTED : `${EXPECTED}, got ${ends.length + 1}`, {
      location: { path, line: ends[2] === undefined ? 1 : lineOf(text, ends[2] + 1), column: 1 },
      hint: 'Without --semantics more forms are taken, where it is clear what is meant.',
    });
  }
  const begin = text.startsWith(BOM) ? BOM.length : 0;
  const part = (from: number, to: number): DocumentPart => ({
    text: text.slice(from, Math.max(from, to)),
    path,
    offset: from,
    line: lineOf(text, from),
  });
  const first = leadingSeparator(text, begin);
  return [
    part(first > (ends[0] ?? 0) ? begin : first, ends[0] ?? 0),
    part(starts[0] ?? 0, ends[1] ?? 0),
    part(starts[1] ?? 0, text.length),
  ];
}

/**
 * Splits a single file. What docker-app 0.4 to 0.8 split is split so. Else all that any release accepted, where that is clear: a line `---` (blanks
 * or a comment may follow) separates, a line `--` too where there are too few of the former; one leading separator is ignored; the third document
 * may be absent. Line ends may be of any kind.
 */
export function splitDocuments(text: string, path: string): [DocumentPart, DocumentPart, DocumentPart] {
  const begin = text.startsWith(BOM) ? BOM.length : 0;
  const exact = findSeparators(text, begin, /^---\n$/);
  const modern = findSeparators(text, begin, /^---[ \t]*(?:#.*)?\r?\n?$/);
  let separators = exact.length === 2 ? exact : modern;
  if (separators.length < 2) {
    const all = findSeparators(text, begin, /^(?:--[ \t]*|---[ \t]*(?:#.*)?)\r?\n?$/);
    if (all.length === 2 || (modern.length === 0 && all.length === 1)) separators = all;
  }
  // A `---` that ends the file without a line end opens the third document, and means nothing after it.
  const last = separators.at(-1);
  if (separators.length === 3 && last !== undefined && last.next === text.length && !/[\r\n]$/.test(text))
    separators = separators.slice(0, 2);
  if (separators.length < 1 || separators.length > 2) {
    const third = separators[2];
    throw new RebundleError('APP_SPLIT', `${EXPECTED}, got ${separators.length + 1}`, {
      location: { path, line: third === undefined ? 1 : lineOf(text, third.start), column: 1 },
      hint: 'A package is metadata, compose and parameters, in this order, separated by lines ---.',
    });
  }
  const [first, second] = separators;
  const part = (from: number, to: number): DocumentPart => ({
    text: text.slice(from, to),
    path,
    offset: from,
    line: lineOf(text, from),
  });
  return [
    part(leadingSeparator(text, begin), lineEnd(text, first!.start)),
    part(first!.next, second === undefined ? text.length : lineEnd(text, second.start)),
    part(second?.next ?? text.length, text.length),
  ];
}

/** The first line never separates, nor does a line right after a separator: there it opens the document, as in YAML. */
function findSeparators(text: string, begin: number, pattern: RegExp): Separator[] {
  const separators: Separator[] = [];
  let previousEnd = begin;
  for (const { start, next } of linesOf(text, begin)) {
    if (start === previousEnd || !pattern.test(text.slice(start, next))) continue;
    separators.push({ start, next });
    previousEnd = next;
  }
  return separators;
}

function leadingSeparator(text: string, begin: number): number {
  const match = /^--(?:-[ \t]*(?:#[^\r\n]*)?|[ \t]*)(?:\r\n|\n|$)/.exec(text.slice(begin));
  return begin + (match?.[0].length ?? 0);
}

/** The line end before a separator belongs to the separator. */
function lineEnd(text: string, separator: number): number {
  return text[separator - 2] === '\r' ? separator - 2 : separator - 1;
}

function* linesOf(text: string, begin: number): Generator<{ start: number; next: number }> {
  for (let start = begin; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const next = newline < 0 ? text.length : newline + 1;
    yield { start, next };
    start = next;
  }
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}
