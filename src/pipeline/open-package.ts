import { isArchive, MAX_PACKAGE_FILE, splitPackage } from '../dockerapp/split.ts';
import { RebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import type { AppPackage, FileEntry, PackageLocation, Semantics, SourceOrigin } from '../model/app.ts';
import type { Source } from '../source/source.ts';
import { MAX_TAR_BYTES, openTar } from './tar-package.ts';

/** A package and where its files are read from: what lies in a tar is served as if it were a folder. */
export interface OpenedPackage {
  readonly pkg: AppPackage;
  readonly location: PackageLocation;
  readonly source: Source;
  /** Every file of the repository and of the package, sorted by path. */
  readonly entries: readonly FileEntry[];
}

/** Reads and splits a package in whichever form it is. Throws what splitting throws, and APP_FORM for a tar that cannot be read. */
export async function openPackage(input: {
  readonly location: PackageLocation;
  readonly origin: SourceOrigin;
  readonly source: Source;
  readonly entries: readonly FileEntry[];
  readonly semantics: Semantics | 'auto';
}): Promise<OpenedPackage> {
  const { location, origin, source, entries, semantics } = input;
  const split = (from: Source, at: PackageLocation, files: readonly FileEntry[]): Promise<AppPackage> =>
    splitPackage({ location: at, origin, files, semantics, read: (path, limit) => from.read(path, limit) });
  if (location.kind !== 'single-file') {
    const pkg = await split(source, location, entriesBelow(entries, `${location.path}/`));
    return { pkg, location, source, entries };
  }
  const bytes = await source.read(location.path, MAX_TAR_BYTES);
  if (!isArchive(bytes)) {
    if (bytes.byteLength > MAX_PACKAGE_FILE) {
      throw new RebundleError('SOURCE_LIMIT', `${location.path} is larger than ${MAX_PACKAGE_FILE} bytes`, { origin });
    }
    const read = async (): Promise<Buffer> => bytes;
    return { pkg: await splitPackage({ location, origin, files: [], semantics, read }), location, source, entries };
  }
  if (semantics === '0.2' && bytes[0] === 0x1f) {
    throw new RebundleError('APP_FORM', `${location.path} is compressed, which docker-app 0.2 did not read`, {
      origin,
    });
  }
  const tar = openTar(source, location.path, bytes);
  const at: PackageLocation = { ...location, kind: 'tar' };
  const all = [...entries.filter(({ path }) => path !== location.path), ...tar.files];
  return {
    pkg: await split(tar.source, at, tar.files),
    location: at,
    source: tar.source,
    entries: all.sort((a, b) => compareText(a.path, b.path)),
  };
}

/** The entries whose paths begin with `prefix`; `entries` is sorted, so they are found without a look at all others. */
export function entriesBelow(entries: readonly FileEntry[], prefix: string): FileEntry[] {
  let from = 0;
  for (let to = entries.length; from < to; ) {
    const middle = (from + to) >> 1;
    if ((entries[middle]?.path ?? '') < prefix) from = middle + 1;
    else to = middle;
  }
  let end = from;
  while (entries[end]?.path.startsWith(prefix) === true) end += 1;
  return entries.slice(from, end);
}
