import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { type DeviceGroup, readBundleContent, readPackageContent } from '../device/app-content.ts';
import { checkArchive } from '../device/check-archive.ts';
import { type Contents, packageKey, type ReadContent } from '../device/client-entries.ts';
import { judgeManifest } from '../device/lint-manifest.ts';
import type { Pair } from '../device/simulate-moves.ts';
import { toRebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { type Limit, mapLimit } from '../lib/limit.ts';
import { parseReference, repositoryOf } from '../lib/reference.ts';
import type { CallOptions, Registry } from '../registry/registry.ts';
import { readAppUri } from '../targets/lint-apps.ts';
import { isOstree, isRecord, readSha256 } from '../targets/target-fields.ts';
import { findNameProblem } from '../targets/target-name.ts';
import type { TargetsFile } from '../targets/targets-file.ts';
import { findRegistry } from './read-bundle.ts';

export interface ContentQuery {
  readonly file: TargetsFile;
  /** Only what their targets name is read. */
  readonly pairs: readonly Pair[];
  readonly groups: readonly DeviceGroup[];
  /** Bytes of a file target; absent where no place of them is known. */
  readonly readFile?: (name: string) => Promise<Uint8Array | undefined>;
  /** Where bundles of a host are; undefined where no place is known, and nothing is asked for. */
  readonly registriesOf?: (host: string) => readonly [Registry, ...Registry[]] | undefined;
  readonly limit: Limit;
  readonly options: CallOptions;
}

export interface FoundContents {
  readonly contents: Contents;
  /** What could not be had, each as `name: why`, sorted: of these only the maps are played. */
  readonly unread: readonly string[];
}

type Reading = ReadContent | { readonly unread: string };

/**
 * Reads the packages and bundles that targets name, each once, as devices take them. What a device would refuse is a problem of the content; what cannot
 * be had here is unread. Throws only CANCELLED and INTERNAL.
 */
export async function readContents(query: ContentQuery): Promise<FoundContents> {
  const { packages, bundles } = listNamed(query.pairs);
  const unread: string[] = [];
  const keep = (readings: readonly (readonly [string, string, Reading])[]): ReadonlyMap<string, ReadContent> => {
    const found = new Map<string, ReadContent>();
    for (const [key, name, reading] of readings) {
      if ('unread' in reading) unread.push(`${name}: ${reading.unread}`);
      else found.set(key, reading);
    }
    return found;
  };
  const contents: Contents = {
    packages: keep(
      await mapLimit([...packages], query.limit, async ([key, named]) => [
        key,
        named.filename,
        await readPackage(query, named).catch(judgeError),
      ]),
    ),
    bundles: keep(
      await mapLimit([...bundles], query.limit, async ([uri, app]) => [
        uri,
        uri,
        await readBundle(query, app, uri).catch(judgeError),
      ]),
    ),
  };
  return { contents, unread: [...new Set(unread)].sort(compareText) };
}

/** True for names of images below the places of the bundles (`host/factory/`), which the tag rule is for unless they are exempt. */
export function createCoverage(file: TargetsFile, exempt: readonly string[]): (name: string) => boolean {
  const places = new Set<string>();
  for (const { custom } of file.targets.values()) {
    for (const { uri } of listUris(custom?.docker_compose_apps)) {
      const repository = readAppUri(uri)?.repository;
      if (repository !== undefined) places.add(repository.slice(0, repository.lastIndexOf('/') + 1));
    }
  }
  return (name) => !exempt.includes(name) && [...places].some((place) => name.startsWith(place));
}

interface NamedPackage {
  readonly app: string;
  readonly filename: string;
}

/** Packages by their key, and the app of each uri. */
function listNamed(pairs: readonly Pair[]): {
  readonly packages: ReadonlyMap<string, NamedPackage>;
  readonly bundles: ReadonlyMap<string, string>;
} {
  const packages = new Map<string, NamedPackage>();
  const bundles = new Map<string, string>();
  const targets = new Set(
    pairs.flatMap(({ from, to }) => (from === undefined ? [to.target] : [to.target, from.target])),
  );
  for (const { custom } of targets) {
    const old: unknown = custom?.docker_apps;
    for (const [app, entry] of isRecord(old) ? Object.entries(old) : []) {
      const filename = isRecord(entry) ? entry.filename : undefined;
      if (typeof filename === 'string') packages.set(packageKey(app, filename), { app, filename });
    }
    for (const { app, uri } of listUris(custom?.docker_compose_apps)) {
      // Others are refused by all devices, whatever there is.
      if (readAppUri(uri) !== undefined && !bundles.has(uri)) bundles.set(uri, app);
    }
  }
  return { packages, bundles };
}

function listUris(map: unknown): { readonly app: string; readonly uri: string }[] {
  return Object.entries(isRecord(map) ? map : {}).flatMap(([app, entry]) => {
    const uri = isRecord(entry) ? entry.uri : undefined;
    return typeof uri === 'string' ? [{ app, uri }] : [];
  });
}

/** Bytes that are not the announced ones stop a device as well, and so does what cannot be read as an app; the rest is trouble of this place only. */
function judgeError(thrown: unknown): Reading {
  const error = toRebundleError(thrown);
  const { code, message } = error;
  if (code === 'CANCELLED' || code === 'INTERNAL') throw error;
  if (code === 'REGISTRY_DIGEST_MISMATCH' || code === 'REGISTRY_SIZE_MISMATCH') return { problem: message };
  const isOfPlace = code.startsWith('REGISTRY_') || code === 'SOURCE_UNREADABLE';
  return isOfPlace ? { unread: message } : { problem: message };
}

async function readPackage({ file, groups, readFile }: ContentQuery, named: NamedPackage): Promise<Reading> {
  const { app, filename } = named;
  const target = file.targets.get(filename);
  // Devices pass over such an entry.
  if (target === undefined || isOstree(target)) return { unread: 'the targets file has no such file target' };
  if (target.length === 0) return { problem: 'its file target has the length 0, so nothing is fetched' };
  const bytes = findNameProblem(filename) === undefined ? await readFile?.(filename) : undefined;
  if (bytes === undefined)
    return { unread: readFile === undefined ? 'no folder has its file' : 'its file is not there' };
  if (hexOf(digestOf(bytes)) !== readSha256(target)) {
    return { problem: 'its file has another sha256 than the targets say' };
  }
  // A length that is too large passes.
  if (bytes.byteLength > target.length) return { problem: 'its file is larger than the targets say' };
  return { content: await readPackageContent(app, bytes, groups) };
}

async function readBundle(query: ContentQuery, app: string, uri: string): Promise<Reading> {
  const { groups, options, registriesOf } = query;
  const reference = parseReference(uri);
  const { digest } = reference;
  const places = registriesOf?.(reference.registry);
  if (places === undefined || digest === undefined) return { unread: `no place is known for ${reference.registry}` };
  const registry = await findRegistry(places, reference, options);
  const name = repositoryOf(reference);
  const manifest = await registry.getManifest(name, digest, options);
  if (manifest === undefined) return { unread: 'its manifest is not there' };
  const { problems, archive } = judgeManifest(manifest.bytes);
  // How many bytes each generation reads is judged for each client.
  const problem = problems.find(({ code }) => code === 'lint.manifest-form');
  if (archive === undefined || problem !== undefined) {
    return { problem: problem?.problem ?? 'its manifest names no archive' };
  }
  const { content, findings } = await checkArchive(registry.getBlob(name, archive, options), archive.size);
  if (content.compose === undefined) {
    const error = findings.find(({ severity }) => severity === 'error');
    return { problem: error?.message ?? `its archive has no ${COMPOSE_FILE} at its root` };
  }
  const files = content.files.map(({ path }) => path).filter((path) => path !== COMPOSE_FILE);
  return {
    content: readBundleContent(app, { text: content.compose, files }, groups),
    manifestBytes: manifest.bytes.byteLength,
  };
}
