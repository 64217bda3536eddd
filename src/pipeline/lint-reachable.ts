import { readComposeFile } from '../compose/compose-file.ts';
import { listServiceImages } from '../compose/images.ts';
import { judgeManifest } from '../device/lint-manifest.ts';
import { toRebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { mapLimit } from '../lib/limit.ts';
import { formatPlatform } from '../lib/platform.ts';
import { parseReference, repositoryOf } from '../lib/reference.ts';
import type { FindingCode } from '../model/findings.ts';
import type { Platform, Reference } from '../model/oci.ts';
import type { CallOptions, Registry } from '../registry/registry.ts';
import { readAppUri } from '../targets/lint-apps.ts';
import type { LintReport } from '../targets/lint-context.ts';
import { runsOn } from '../targets/select-parents.ts';
import { isOstree, isRecord } from '../targets/target-fields.ts';
import type { TargetsFile } from '../targets/targets-file.ts';
import { createImageResolver, type ImageResolver } from './image-resolver.ts';
import { callOptions, type MigrationContext } from './migration.ts';
import { readPublishedCompose } from './published-bundle.ts';

/** A place of a targets file that names a bundle. */
interface Use {
  readonly target: string;
  readonly app: string;
  readonly arch: string | undefined;
}

interface Problem {
  readonly code: FindingCode;
  readonly problem: string;
}

/** What a registry says of one bundle. */
interface Reached {
  readonly problems: readonly Problem[];
  /** Per image of its services the platforms that there are. */
  readonly images: readonly { readonly image: string; readonly platforms: readonly Platform[] }[];
}

/**
 * Asks the registry for every bundle that a targets file names: its manifest by what devices check, its blobs, its compose file, and the images of
 * its services with their platforms. Each bundle once; the findings are on the first target that names it, those about platforms on each.
 */
export async function lintReachable(
  file: TargetsFile,
  context: MigrationContext,
  placesOf: (host: string) => readonly Registry[],
): Promise<LintReport[]> {
  const resolver = createImageResolver(context, { known: [], repin: [] });
  const reports: LintReport[][] = [];
  const uses = [...listUses(file)];
  await mapLimit([...uses.entries()], context.limit, async ([index, [uri, places]]) => {
    const reached = await reachBundle(uri, placesOf, { context, resolver }).catch((thrown: unknown): Reached => {
      const { code, message } = toRebundleError(thrown);
      if (code === 'CANCELLED') throw thrown;
      const isDigest = code === 'REGISTRY_DIGEST_MISMATCH' || code === 'REGISTRY_SIZE_MISMATCH';
      return {
        problems: [{ code: isDigest ? 'lint.manifest-digest' : 'lint.bundle-broken', problem: message }],
        images: [],
      };
    });
    const [first] = places;
    reports[index] = [
      ...(first === undefined ? [] : reached.problems.map((found) => placed(first, found))),
      ...places.flatMap((use) => findUncovered(use, reached).map((found) => placed(use, found))),
    ];
  });
  return reports.flat();
}

function placed({ target, app }: Use, { code, problem }: Problem): LintReport {
  const path = ['custom', 'docker_compose_apps', app, 'uri'];
  return { code, problem: `${escapeTerminal(app)}: ${escapeTerminal(problem)}`, target, path };
}

function listUses(file: TargetsFile): Map<string, Use[]> {
  const uses = new Map<string, Use[]>();
  for (const [target, { custom, ...rest }] of file.targets) {
    if (!isOstree({ ...rest, ...(custom === undefined ? {} : { custom }) })) continue;
    const apps: unknown = custom?.docker_compose_apps;
    const arch: unknown = custom?.arch;
    for (const [app, entry] of isRecord(apps) ? Object.entries(apps) : []) {
      const uri = isRecord(entry) ? entry.uri : undefined;
      if (typeof uri !== 'string' || readAppUri(uri) === undefined) continue;
      const use = { target, app, arch: typeof arch === 'string' ? arch : undefined };
      const known = uses.get(uri);
      if (known === undefined) uses.set(uri, [use]);
      else known.push(use);
    }
  }
  return uses;
}

async function reachBundle(
  uri: string,
  placesOf: (host: string) => readonly Registry[],
  { context, resolver }: { readonly context: MigrationContext; readonly resolver: ImageResolver },
): Promise<Reached> {
  const reference = parseReference(uri);
  const name = repositoryOf(reference);
  const options = callOptions(context);
  const place = await findManifest(reference, placesOf(reference.registry), options);
  if (place === undefined) {
    return { problems: [{ code: 'lint.manifest-missing', problem: 'the registry has no such manifest' }], images: [] };
  }
  const { registry, manifest } = place;
  const { problems, archive, blobs } = judgeManifest(manifest);
  const found: Problem[] = [...problems];
  for (const blob of blobs) {
    if (await registry.hasBlob(name, blob, options)) continue;
    found.push({ code: 'lint.blob-missing', problem: `the registry lacks the blob ${blob}` });
  }
  if (archive === undefined || found.some(({ code }) => code === 'lint.blob-missing'))
    return { problems: found, images: [] };
  const text = await readPublishedCompose(registry, uri, options);
  if (text === undefined) {
    const problem = 'the archive has no docker-compose.yml in UTF-8 at its root';
    return { problems: [...found, { code: 'lint.bundle-broken', problem }], images: [] };
  }
  const file = readComposeFile({ text, path: 'docker-compose.yml', line: 1 }, { origin: 'compose' });
  const images: { image: string; platforms: readonly Platform[] }[] = [];
  for (const { image } of listServiceImages(file)) {
    if (image === undefined || images.some((known) => known.image === image)) continue;
    try {
      images.push({ image, platforms: (await resolver.resolve(parseReference(image))).image.platforms });
    } catch (thrown) {
      const error = toRebundleError(thrown);
      if (error.code === 'CANCELLED') throw error;
      found.push({ code: 'lint.image-missing', problem: error.message });
    }
  }
  return { problems: found, images };
}

/** The first place that has the manifest. */
async function findManifest(
  reference: Reference,
  places: readonly Registry[],
  options: CallOptions,
): Promise<{ readonly registry: Registry; readonly manifest: Buffer } | undefined> {
  for (const registry of places) {
    const found = await registry.getManifest(repositoryOf(reference), reference.digest ?? '', options);
    if (found !== undefined) return { registry, manifest: found.bytes };
  }
  return undefined;
}

/** Images that run on nothing of what the hardware of a target is. */
function findUncovered({ arch }: Use, { images }: Reached): Problem[] {
  if (arch === undefined) return [];
  return images
    .filter(({ platforms }) => !runsOn(arch, platforms.map(formatPlatform)))
    .map(({ image, platforms }) => ({
      code: 'lint.image-platform',
      problem: `${image} has ${platforms.map(formatPlatform).join(', ') || 'no platform'}, the hardware is ${arch}`,
    }));
}
