import { RebundleError, type SourceLocation, type SourceOrigin } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { finding } from '../lib/finding.ts';
import type { AppPackage, Diagnostic, DocumentPart, FileEntry, PackageLocation, Semantics } from '../model/app.ts';
import { findSplitRefusal, splitDocuments, splitStrictly } from './split-text.ts';

/** Largest package file that is read, in bytes: far above any real one, far below what would hurt. */
export const MAX_PACKAGE_FILE = 8 * 1024 * 1024;

const CORE_FILES = ['metadata.yml', 'docker-compose.yml', 'settings.yml', 'parameters.yml'];
/** Environment files that are read with a package of 0.9, in bytes each and together. */
const MAX_ENV_FILE = 256 * 1024;
const MAX_ENV_FILES = 4 * 1024 * 1024;

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
    diagnostics: isStrict ? [] : findSplitRefusal(text, location.path),
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
