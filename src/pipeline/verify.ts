import { toRebundleError } from '../errors.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import { createLimit, type Limit, mapLimit, SingleFlight } from '../lib/limit.ts';
import { formatPlatform, normalizePlatform, parsePlatform } from '../lib/platform.ts';
import { formatReference, repositoryOf } from '../lib/reference.ts';
import type { Diagnostic } from '../model/app.ts';
import type { AppReference, Platform, Reference } from '../model/oci.ts';
import type { CallOptions, Registry } from '../registry/registry.ts';
import { readMembers } from './copy-members.ts';
import { hasErrors, sortDiagnostics } from './migration.ts';
import { attempt, findRegistry, type ReadBundle, readBundle } from './read-bundle.ts';
import { type ImageManifest, listImageManifests } from './verify-images.ts';

const IMAGES_AT_ONCE = 4;

/** What `verify` says of one reference. */
export interface BundleVerdict {
  /** As given. */
  readonly reference: string;
  /** By digest; undefined where nothing is there. */
  readonly pinned?: string;
  /** True for the form that rebundle writes. */
  readonly isOwn: boolean;
  /** Files of the archive. */
  readonly files: number;
  readonly images: readonly string[];
  /** Those that every image has. */
  readonly platforms: readonly string[];
  readonly findings: readonly Diagnostic[];
}

export interface VerifyRequest {
  readonly references: readonly Reference[];
  /** Where bundles of a host are read, best first. */
  readonly registriesOf: (host: string) => readonly [Registry, ...Registry[]];
  /** Where images of a host are read. */
  readonly imageRegistry: (host: string) => Registry;
  /** Each image has to be there for these; for all that it has where there are none. */
  readonly platforms: readonly string[];
  /** Requests at once. */
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

/** What an image needs, and what of it is there. */
interface ImageState {
  readonly platforms: readonly Platform[];
  readonly findings: readonly Diagnostic[];
}

/**
 * Checks published bundles as a device would take them, and that each image of their services is there with all its layers, for each platform. An image
 * is looked at once. Never throws but for interruptions: what is wrong is a finding.
 */
export async function verifyBundles(request: VerifyRequest): Promise<BundleVerdict[]> {
  const { signal, concurrency } = request;
  const options: CallOptions = signal === undefined ? {} : { signal };
  const limit = createLimit(concurrency, signal);
  const images = new SingleFlight<string, ImageState>();
  const bundles = createLimit(IMAGES_AT_ONCE, signal);
  return mapLimit(request.references, bundles, async (reference) => {
    const registry = await findRegistry(request.registriesOf(reference.registry), reference, options);
    const read = await readBundle({ reference, registry, ...options });
    const states = await mapLimit(read.images, createLimit(IMAGES_AT_ONCE, signal), (image) =>
      images.get(formatReference(image), () => checkImage(image, request, { limit, options })),
    );
    const common = commonPlatforms(states.map(({ platforms }) => platforms));
    return {
      reference: formatReference(reference),
      ...(read.reference === undefined ? {} : { pinned: formatReference(read.reference) }),
      isOwn: read.manifest?.isOwn ?? false,
      files: read.archive?.files.length ?? 0,
      images: read.images.map(formatReference),
      platforms: common,
      findings: sortDiagnostics([
        ...read.findings,
        ...states.flatMap(({ findings }) => findings),
        ...checkPlatforms(read, states, common, request.platforms),
      ]),
    };
  });
}

/** The image's manifests, and that their configs and layers are there. */
async function checkImage(
  image: AppReference,
  { imageRegistry, platforms }: VerifyRequest,
  { limit, options }: { readonly limit: Limit; readonly options: CallOptions },
): Promise<ImageState> {
  const findings: Diagnostic[] = [];
  const text = formatReference(image);
  const name = repositoryOf(image);
  let registry: Registry;
  try {
    registry = imageRegistry(image.registry);
  } catch (thrown) {
    return { platforms: [], findings: [errorFinding(toRebundleError(thrown))] };
  }
  const missing = (what: string): void => {
    const hint = `Push the image again, or name where it is read: --registry ${image.registry}=PLACE.`;
    findings.push(finding('verify.image-missing', `${text}: ${what} is not there`, { hint }));
  };
  const found = await attempt(
    findings,
    text,
    () => listImageManifests({ image, registry, wanted: platforms, limit, options, missing }),
    'verify.image-missing',
  );
  const manifests: readonly ImageManifest[] = found ?? [];
  await mapLimit(manifests.flatMap(listBlobs(text, findings)), limit, async (digest) => {
    const isThere = await attempt(
      findings,
      text,
      () => registry.hasBlob(name, digest, options),
      'verify.image-missing',
    );
    if (isThere === false) missing(`the blob ${digest}`);
  });
  return { platforms: manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform])), findings };
}

function listBlobs(text: string, findings: Diagnostic[]) {
  const seen = new Set<string>();
  return ({ bytes, mediaType }: ImageManifest) => {
    try {
      const digests = readMembers({ bytes, mediaType }, [], text).blobs.map(({ digest }) => digest);
      const fresh = digests.filter((digest) => !seen.has(digest));
      for (const digest of fresh) seen.add(digest);
      return fresh;
    } catch (thrown) {
      findings.push(errorFinding(toRebundleError(thrown)));
      return [];
    }
  };
}

function commonPlatforms(lists: readonly (readonly Platform[])[]): string[] {
  const [first = [], ...others] = lists.map((list) =>
    list.map((platform) => formatPlatform(normalizePlatform(platform))),
  );
  return [...new Set(first)].filter((platform) => others.every((list) => list.includes(platform))).sort();
}

/** What was asked for, what the manifest claims, or at least one for all. */
function checkPlatforms(
  { images, manifest }: ReadBundle,
  states: readonly ImageState[],
  common: readonly string[],
  wanted: readonly string[],
): Diagnostic[] {
  const findings: Diagnostic[] = [];
  const lacks = (i: number, platform: string): void => {
    const image = images[i];
    const text = image === undefined ? 'an image' : formatReference(image);
    findings.push(finding('verify.image-platform', `${text} has nothing for ${platform}`));
  };
  const claimed = (manifest?.parts ?? []).flatMap(({ architecture }) => architecture ?? []);
  for (const [i, { platforms, findings: own }] of states.entries()) {
    // What could not be read has a finding of its own.
    if (hasErrors(own)) continue;
    const texts = platforms.map((platform) => formatPlatform(normalizePlatform(platform)));
    for (const platform of wanted) {
      const parsed = parsePlatform(platform);
      const text = parsed === undefined ? platform : formatPlatform(normalizePlatform(parsed));
      if (!texts.includes(text)) lacks(i, text);
    }
    for (const architecture of wanted.length > 0 ? [] : new Set(claimed)) {
      if (!platforms.some((platform) => platform.architecture === architecture)) lacks(i, architecture);
    }
  }
  const isReadable = states.every(({ findings: own }) => !hasErrors(own));
  if (states.length > 0 && isReadable && common.length === 0) {
    findings.push(finding('verify.image-platform', 'the images of the services have no platform in common'));
  }
  return findings;
}
