import { RebundleError, type SourceLocation, type SourceOrigin } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { finding } from '../lib/finding.ts';
import type { AppPackage, Diagnostic, DocumentPart, FileEntry, PackageLocation } from '../model/app.ts';

/** Largest package file that is read, in bytes: far above any real one, far below what would hurt. */
export const MAX_PACKAGE_FILE = 8 * 1024 * 1024;

const BOM = '\uFEFF';
const CORE_FILES = ['metadata.yml', 'docker-compose.yml', 'settings.yml', 'parameters.yml'];
const EXPECTED = 'malformed single-file application: expected 3 documents';

/** What `splitPackage` needs of a repository: `files` are the files below a folder package, `read` gives the bytes of one by its path. */
export interface PackageInput {
  readonly location: PackageLocation;
  readonly origin: SourceOrigin;
  readonly files: readonly FileEntry[];
  readonly read: (path: string, limit: number) => Promise<Buffer>;
}

/** Splits a package into metadata, compose and parameters. Nothing is interpreted but the places where documents begin. */
export async function splitPackage(input: PackageInput): Promise<AppPackage> {
  const { location, origin, read } = input;
  if (location.name === '' || /[\p{Cc}\p{Cf}\\]/u.test(location.name) || /^\.{1,2}$/.test(location.name)) {
    throw new RebundleError('APP_NAME_INVALID', `'${location.name}' cannot be an app name`, { origin });
  }
  if (location.kind === 'folder') return splitFolder(input);
  const bytes = await read(location.path, MAX_PACKAGE_FILE);
  if (isArchive(bytes)) {
    throw new RebundleError(
      'APP_FORM',
      `${location.path} is a tar archive, a form of docker-app that is not read yet`,
      {
        origin,
        location: startOf(location.path),
        hint: 'Unpack it into a folder of the same name.',
      },
    );
  }
  const text = decode(bytes, location.path);
  const [metadata, compose, parameters] = splitDocuments(text, location.path);
  return {
    name: location.name,
    origin,
    kind: 'single-file',
    semantics: '0.4-0.8',
    bytes,
    metadata,
    compose,
    parameters,
    attachments: [],
    diagnostics: [],
  };
}

async function splitFolder({ location, origin, files, read }: PackageInput): Promise<AppPackage> {
  const at = (name: string): string => `${location.path}/${name}`;
  const present = new Set(files.map((file) => file.path));
  const load = async (name: string): Promise<DocumentPart> => {
    const path = at(name);
    if (!present.has(path)) {
      throw new RebundleError('APP_FILE_MISSING', `open ${path}: no such file or directory`, {
        origin,
        location: startOf(path),
        hint: name === 'parameters.yml' ? 'Add the file; it may be empty.' : 'Add the file.',
      });
    }
    const text = decode(await read(path, MAX_PACKAGE_FILE), path);
    return { text, path, offset: 0, line: 1 };
  };
  const metadata = await load('metadata.yml');
  const compose = await load('docker-compose.yml');
  const names = ['parameters.yml', 'settings.yml'].filter((name) => present.has(at(name)));
  const parameters = await load(names[0] ?? 'parameters.yml');
  const diagnostics: Diagnostic[] = [];
  if (names.length > 1) {
    const settings = await load('settings.yml');
    if (settings.text !== parameters.text) {
      throw new RebundleError(
        'PARAM_CONFLICT',
        `${parameters.path} and ${settings.path} are both there and differ: docker-app up to 0.6 read settings.yml, later ones parameters.yml`,
        { origin, location: startOf(parameters.path), hint: 'Keep the one that your devices used.' },
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
  return {
    name: location.name,
    origin,
    kind: 'folder',
    semantics: '0.4-0.8',
    metadata,
    compose,
    parameters,
    attachments,
    diagnostics,
  };
}

function isArchive(bytes: Uint8Array): boolean {
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
