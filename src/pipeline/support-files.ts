import { MAX_IGNORE_BYTES, parseIgnoreRules } from '../bundle/ignore-rules.ts';
import { type FolderRules, listIgnoreFiles, planSupportFiles, type SupportFilePlan } from '../bundle/support-files.ts';
import type { Config } from '../config.ts';
import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { encodeJson } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import type { AppPackage, Diagnostic, FileEntry, FileReference, PackageLocation } from '../model/app.ts';
import type { Source } from '../source/source.ts';

const LFS_VERSION = 'version https://git-lfs.github.com/spec/v1\n';
const MIN_POINTER = 100;
const MAX_POINTER = 1023;

/**
 * The support files of a package under the ignore rules of its folders. Throws BUNDLE_PATH for rules that cannot be read, and what reading the
 * source throws.
 */
export async function findSupportFiles(input: {
  readonly location: PackageLocation;
  readonly pkg: Pick<AppPackage, 'attachments'>;
  readonly references: readonly FileReference[];
  readonly source: Source;
  readonly entries: readonly FileEntry[];
  readonly config: Config;
}): Promise<SupportFilePlan> {
  const { location, pkg, references, source, entries, config } = input;
  const ignores: FolderRules[] = [];
  for (const path of listIgnoreFiles(location, entries)) ignores.push(await readRules(source, path));
  const plan = planSupportFiles({
    package: location,
    entries,
    attachments: pkg.attachments,
    references,
    ignores,
    all: config.bundle.files === 'all',
  });
  const pointers: Diagnostic[] = [];
  for (const { source: path, size } of plan.files) {
    if (size < MIN_POINTER || size > MAX_POINTER || !(await isLfsPointer(source, path))) continue;
    const message = `${encodeJson(path)} is a pointer of Git LFS, and its content is not in the repository`;
    pointers.push(
      finding('file.lfs-pointer', message, { hint: 'Run git lfs pull in a clone, and convert that folder.' }),
    );
  }
  return pointers.length === 0 ? plan : { ...plan, diagnostics: [...plan.diagnostics, ...pointers] };
}

/** By the specification of Git LFS: the version line comes first, and the whole is below 1,024 bytes. */
async function isLfsPointer(source: Source, path: string): Promise<boolean> {
  try {
    return (await source.read(path, MAX_POINTER)).toString('latin1').startsWith(LFS_VERSION);
  } catch (thrown) {
    // A link is as short as its path; what it leads to may be large. What cannot be read is told when the bundle is made.
    if (thrown instanceof RebundleError && thrown.code !== 'CANCELLED') return false;
    throw thrown;
  }
}

async function readRules(source: Source, path: string): Promise<FolderRules> {
  const text = decodeUtf8(await source.read(path, MAX_IGNORE_BYTES));
  if (text === undefined) {
    const location = { path, line: 1, column: 1 };
    throw new RebundleError('BUNDLE_PATH', `${encodeJson(path)} is not UTF-8 text`, { location });
  }
  return { folder: path.slice(0, path.lastIndexOf('/')), rules: parseIgnoreRules(text, path) };
}

/** True where a service mounts or reads one of the files. */
export function readsFiles(references: readonly FileReference[], files: readonly { readonly path: string }[]): boolean {
  return references.some(({ path, required }) => {
    const plain = path.replace(/^(?:\.\/+)+/, '').replace(/\/+$/, '');
    return required || files.some((file) => file.path === plain || file.path.startsWith(`${plain}/`));
  });
}
