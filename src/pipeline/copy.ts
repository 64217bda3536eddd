import { readComposeFile } from '../compose/compose-file.ts';
import { listServiceImages } from '../compose/images.ts';
import { RebundleError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { compareText } from '../lib/bytes.ts';
import { hexOf } from '../lib/digest.ts';
import { createLimit, type Limit, mapLimit, SingleFlight } from '../lib/limit.ts';
import { formatReference, parseReference, repositoryOf } from '../lib/reference.ts';
import type { AppReference, Descriptor, Reference } from '../model/oci.ts';
import type { CallOptions, Registry, RepositoryName } from '../registry/registry.ts';
import { isIndexType, type ManifestMembers, readMembers } from './copy-members.ts';
import { readPublishedCompose } from './published-bundle.ts';

export interface CopyRequest {
  /** With a tag or a digest; a digest wins. */
  readonly source: Reference;
  readonly from: Registry;
  readonly destination: RepositoryName;
  /** At the destination; without it the tag of the source or, where that has none, `app-` and 12 digits of the digest. */
  readonly tag?: string;
  readonly to: Registry;
  /** True: a tag that names something else is moved. */
  readonly force: boolean;
  /** True where both are one host, so that blobs may be mounted. */
  readonly sameHost: boolean;
  /** Copies the service images of a bundle, too. */
  readonly images?: ImageCopies;
  readonly emit: Emit;
  /** Blobs at once. */
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

interface ImageCopies {
  readonly from: (host: string) => Registry;
  /** Where the images of a repository go. */
  readonly nameOf: (name: RepositoryName) => RepositoryName;
  /** Only images for these; all where there are none. */
  readonly platforms: readonly string[];
}

export interface CopiedReference {
  readonly source: AppReference;
  readonly destination: AppReference;
  readonly tag: string;
}

export interface CopyOutcome extends CopiedReference {
  readonly isBundle: boolean;
  readonly images: readonly CopiedReference[];
  /** Uploads; what was there already does not count. */
  readonly blobsSent: number;
  readonly bytesSent: number;
  /** Blobs that the registry took over from another repository. */
  readonly blobsMounted: number;
  readonly manifestsSent: number;
}

/** One source and destination repository of a copy. */
interface Route {
  readonly from: Registry;
  readonly source: RepositoryName;
  readonly destination: RepositoryName;
  readonly platforms: readonly string[];
}

interface Work {
  readonly request: CopyRequest;
  readonly options: CallOptions;
  readonly limit: Limit;
  readonly blobs: SingleFlight<string, void>;
  readonly count: { blobsSent: number; bytesSent: number; blobsMounted: number; manifestsSent: number };
}

const MAX_DEPTH = 3;
const IMAGES_AT_ONCE = 4;

/**
 * Copies a bundle or an image with everything that belongs to it, digests unchanged: the file index of a bundle, which only annotations name, and by
 * `images` its service images, before the bundle itself. Looks first, sends blobs before manifests, the tag last. Throws IMAGE_UNRESOLVED where the
 * source is not there, REGISTRY_TAG_TAKEN where the tag names something else, and what the registries fail at.
 */
export async function copyReference(request: CopyRequest): Promise<CopyOutcome> {
  const options = request.signal === undefined ? {} : { signal: request.signal };
  const limit = createLimit(request.concurrency, request.signal);
  const count = { blobsSent: 0, bytesSent: 0, blobsMounted: 0, manifestsSent: 0 };
  const work: Work = { request, options, limit, blobs: new SingleFlight(), count };
  const route = {
    from: request.from,
    source: repositoryOf(request.source),
    destination: request.destination,
    platforms: request.images?.platforms ?? [],
  };
  const wanted = request.source.digest ?? request.source.tag;
  const text = formatReference(request.source);
  if (wanted === undefined) throw new RebundleError('IMAGE_REFERENCE', `${text} has neither a tag nor a digest`);
  const found = await request.from.getManifest(route.source, wanted, options);
  if (found === undefined) {
    throw new RebundleError('IMAGE_UNRESOLVED', `${text} is not there`, {
      hint: 'Correct the reference, or name with --from where it is read.',
    });
  }
  const members = readMembers({ bytes: found.bytes, mediaType: found.descriptor.mediaType }, route.platforms, text);
  const images = members.isBundle && request.images !== undefined ? await copyImages(work, request.images, found) : [];
  const tag = request.tag ?? request.source.tag ?? defaultTag(found.descriptor);
  await copyTagged({ work, route, found, members, tag });
  return { ...describeCopy(route, found.descriptor, tag), isBundle: members.isBundle, images, ...count };
}

interface Found {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** One that no other content can have, and that clean-up jobs see. */
function defaultTag({ digest }: Descriptor): string {
  return `app-${hexOf(digest).slice(0, 12)}`;
}

function describeCopy({ source, destination }: Route, { digest }: Descriptor, tag: string): CopiedReference {
  return { source: { ...source, digest }, destination: { ...destination, digest }, tag };
}

async function copyTagged(copy: {
  readonly work: Work;
  readonly route: Route;
  readonly found: Found;
  readonly members: ManifestMembers;
  readonly tag: string;
}): Promise<void> {
  const { work, route, found, members, tag } = copy;
  const { request, options } = work;
  const there = await request.to.headManifest(route.destination, tag, options);
  const isThere = there?.digest === found.descriptor.digest;
  if (there !== undefined && !isThere && !request.force) {
    const name = formatReference({ ...route.destination, tag });
    throw new RebundleError('REGISTRY_TAG_TAKEN', `${name} names ${there.digest}, not ${found.descriptor.digest}`);
  }
  await copyMembers({ work, route, members, depth: 0, isThere });
  if (isThere) return;
  await putManifest(work, route, { found, members, tag });
  const back = await request.to.getManifest(route.destination, found.descriptor.digest, options);
  if (back?.descriptor.mediaType === found.descriptor.mediaType && back.bytes.equals(found.bytes)) return;
  const name = formatReference({ ...route.destination, digest: found.descriptor.digest });
  throw new RebundleError('REGISTRY_DIGEST_MISMATCH', `${name} cannot be read back as it was sent`);
}

/** What a manifest names. One that is there has its config and layers: registries see to that. They do not know of the index of a bundle. */
async function copyMembers(copy: {
  readonly work: Work;
  readonly route: Route;
  readonly members: ManifestMembers;
  readonly depth: number;
  readonly isThere: boolean;
}): Promise<void> {
  const { work, route, members, depth, isThere } = copy;
  if (depth > MAX_DEPTH) {
    throw new RebundleError('IMAGE_MANIFEST', `${formatReference(route.source)}: indexes lie deeper than ${MAX_DEPTH}`);
  }
  const blobs = isThere && !members.isBundle ? [] : members.blobs;
  await mapLimit(blobs, work.limit, (blob) => copyBlob(work, route, blob));
  await mapLimit(members.manifests, createLimit(IMAGES_AT_ONCE, work.request.signal), async (digest) => {
    const { from, source, destination, platforms } = route;
    const text = formatReference({ ...source, digest });
    const there = await work.request.to.headManifest(destination, digest, work.options);
    if (there !== undefined && !isIndexType(there.mediaType)) return;
    const found = await from.getManifest(source, digest, work.options);
    if (found === undefined)
      throw new RebundleError('REGISTRY_BLOB_MISSING', `${text} is named by an index, but not there`);
    const inner = readMembers({ bytes: found.bytes, mediaType: found.descriptor.mediaType }, platforms, text);
    await copyMembers({ work, route, members: inner, depth: depth + 1, isThere: there !== undefined });
    if (there === undefined) await putManifest(work, route, { found, members: inner });
  });
}

async function putManifest(
  { request, options, count }: Work,
  { destination }: Route,
  manifest: { readonly found: Found; readonly members: ManifestMembers; readonly tag?: string },
): Promise<void> {
  const { found, members, tag } = manifest;
  const { mediaType, size } = found.descriptor;
  try {
    await request.to.putManifest(
      destination,
      { bytes: found.bytes, mediaType, ...(tag === undefined ? {} : { tag }), isSparse: members.isSparse },
      options,
    );
  } catch (error) {
    if (!(members.isSparse && error instanceof RebundleError && error.code === 'REGISTRY_BLOB_MISSING')) throw error;
    throw new RebundleError(error.code, error.message, {
      hint: 'This registry takes an index only with all its images: copy without --platform.',
      cause: error,
    });
  }
  count.manifestsSent += 1;
  count.bytesSent += size;
}

function copyBlob({ request, options, blobs, count }: Work, route: Route, descriptor: Descriptor): Promise<void> {
  const { from, source, destination } = route;
  const { digest, size } = descriptor;
  const app = destination.repository.slice(destination.repository.lastIndexOf('/') + 1);
  return blobs.get(`${destination.registry}/${destination.repository}@${digest}`, async () => {
    const mount = async (): Promise<boolean> =>
      request.sameHost &&
      request.to.mountBlob !== undefined &&
      source.repository !== destination.repository &&
      request.to.mountBlob(destination, descriptor, source.repository, options);
    if (await request.to.hasBlob(destination, digest, options)) {
      request.emit({ type: 'blob:sent', app, digest, size, sent: false });
    } else if (await mount()) {
      count.blobsMounted += 1;
      request.emit({ type: 'blob:sent', app, digest, size, sent: false });
    } else {
      await request.to.putBlob(destination, descriptor, () => from.getBlob(source, descriptor, options), options);
      count.blobsSent += 1;
      count.bytesSent += size;
      request.emit({ type: 'blob:sent', app, digest, size, sent: true });
    }
  });
}

/** The images that the services of a bundle run, each once, in the order of their names. */
async function copyImages(work: Work, images: ImageCopies, { descriptor }: Found): Promise<CopiedReference[]> {
  const { request, options } = work;
  const bundle = formatReference({ ...repositoryOf(request.source), digest: descriptor.digest });
  const text = await readPublishedCompose(request.from, bundle, options);
  if (text === undefined)
    throw new RebundleError('IMAGE_MANIFEST', `${bundle} holds no compose file to read images from`);
  return mapLimit(listPinnedImages(text, bundle), createLimit(IMAGES_AT_ONCE, request.signal), async (image) => {
    const from = images.from(image.registry);
    const source = repositoryOf(image);
    const route = { from, source, destination: images.nameOf(source), platforms: images.platforms };
    const name = formatReference(image);
    const found = await from.getManifest(source, image.digest, options);
    if (found === undefined) {
      throw new RebundleError('IMAGE_UNRESOLVED', `${name}, an image of ${bundle}, is not there`, {
        hint: `Name where it is read: --registry ${image.registry}=PLACE`,
      });
    }
    const members = readMembers({ bytes: found.bytes, mediaType: found.descriptor.mediaType }, images.platforms, name);
    const tag = defaultTag(found.descriptor);
    await copyTagged({ work, route, found, members, tag });
    return describeCopy(route, found.descriptor, tag);
  });
}

function listPinnedImages(text: string, bundle: string): AppReference[] {
  const path = `${bundle}/docker-compose.yml`;
  const file = readComposeFile({ text, path, line: 1 }, { origin: 'compose' });
  const images = new Map<string, AppReference>();
  for (const { service, image } of listServiceImages(file)) {
    if (image === undefined) continue;
    const reference = parseReference(image);
    const { digest } = reference;
    if (digest === undefined) {
      throw new RebundleError(
        'IMAGE_REFERENCE',
        `the service ${service} of ${bundle} runs ${image}, which has no digest`,
        {
          hint: 'It is no bundle of rebundle: copy it without --images.',
        },
      );
    }
    const pinned = { ...repositoryOf(reference), digest };
    images.set(formatReference(pinned), pinned);
  }
  return [...images].sort(([a], [b]) => compareText(a, b)).map(([, image]) => image);
}
