import { RebundleError } from '../errors.ts';
import { readAll } from '../lib/bytes.ts';
import { isDigest } from '../lib/digest.ts';
import { SingleFlight } from '../lib/limit.ts';
import { comparePlatforms, formatPlatform, normalizePlatform } from '../lib/platform.ts';
import { formatReference, pinReference, repositoryOf } from '../lib/reference.ts';
import type { ImageResolution } from '../model/app.ts';
import { type Descriptor, type Digest, MEDIA_TYPES, type Platform, type Reference } from '../model/oci.ts';
import { type CallOptions, MAX_MANIFEST_BYTES, type Registry } from '../registry/registry.ts';
import { callOptions, type MigrationContext } from './migration.ts';

const INDEX_TYPES: readonly string[] = [MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifestList];
const MANIFEST_TYPES: readonly string[] = [MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest];

export interface ImageResolver {
  /**
   * Digest and platforms of a reference; asked once per distinct reference and run. `moved` is the digest that its tag names now, where that is
   * not the planned one any more.
   */
  resolve(reference: Reference): Promise<{ readonly image: ImageResolution; readonly moved?: Digest }>;
}

/**
 * Resolves references to the digest of their index, or of their manifest where there is no index. Throws IMAGE_UNRESOLVED and IMAGE_MANIFEST.
 * References among `known` keep their digest: they are only looked for.
 */
export function createImageResolver(context: MigrationContext, known: readonly ImageResolution[]): ImageResolver {
  const calls = new SingleFlight<string, { readonly image: ImageResolution; readonly moved?: Digest }>();
  const planned = new Map(known.map((resolution) => [resolution.reference, resolution]));
  return {
    resolve: (reference) => {
      const text = formatReference(reference);
      return calls.get(text, () => resolveReference(reference, text, planned.get(text), context));
    },
  };
}

async function resolveReference(
  reference: Reference,
  text: string,
  planned: ImageResolution | undefined,
  context: MigrationContext,
): Promise<{ readonly image: ImageResolution; readonly moved?: Digest }> {
  const registry = context.imageRegistry(reference.registry);
  const options = callOptions(context);
  const wanted = planned?.pinned.split('@')[1] ?? reference.digest ?? reference.tag ?? 'latest';
  const descriptor = await registry.headManifest(repositoryOf(reference), wanted, options);
  if (descriptor === undefined) {
    const hint = isDigest(wanted)
      ? 'The registry does not hold this digest any more.'
      : 'Push the image, or correct the name or tag.';
    throw new RebundleError('IMAGE_UNRESOLVED', `${text} is not in the registry`, { hint });
  }
  context.emit({ type: 'image:resolved', reference: text, digest: descriptor.digest });
  if (planned !== undefined) {
    const now =
      reference.digest === undefined
        ? await registry.headManifest(repositoryOf(reference), reference.tag ?? 'latest', options)
        : descriptor;
    return now === undefined || now.digest === descriptor.digest
      ? { image: planned }
      : { image: planned, moved: now.digest };
  }
  const platforms = await readPlatforms(registry, reference, descriptor, text, options);
  const pinned = formatReference(pinReference(reference, descriptor.digest));
  return { image: { reference: text, pinned, mediaType: descriptor.mediaType, platforms } };
}

/** The Linux platforms of an image; attestations and other systems do not count. Sorted, each once. */
async function readPlatforms(
  registry: Registry,
  reference: Reference,
  descriptor: Descriptor,
  text: string,
  options: CallOptions,
): Promise<Platform[]> {
  if (![...INDEX_TYPES, ...MANIFEST_TYPES].includes(descriptor.mediaType)) {
    throw new RebundleError('IMAGE_MANIFEST', `${text} has a manifest of type ${descriptor.mediaType}`, {
      hint: descriptor.mediaType.includes('v1+')
        ? 'Push the image again with a current tool: schema 1 is not supported.'
        : 'Name an image.',
    });
  }
  const manifest = await registry.getManifest(repositoryOf(reference), descriptor.digest, options);
  if (manifest === undefined)
    throw new RebundleError('IMAGE_UNRESOLVED', `${text}: its manifest ${descriptor.digest} is gone`);
  const content = parseObject(manifest.bytes, text);
  if (INDEX_TYPES.includes(descriptor.mediaType)) {
    const manifests = Array.isArray(content.manifests) ? content.manifests : [];
    return uniquePlatforms(manifests.map((entry: unknown) => toPlatform(memberObject(entry, 'platform'))));
  }
  const config = memberObject(content, 'config') as Partial<Descriptor>;
  if (
    config.digest === undefined ||
    !isDigest(config.digest) ||
    typeof config.size !== 'number' ||
    config.size > MAX_MANIFEST_BYTES
  ) {
    throw new RebundleError('IMAGE_MANIFEST', `${text}: its manifest has no usable config`);
  }
  const blob = registry.getBlob(
    repositoryOf(reference),
    { mediaType: String(config.mediaType), digest: config.digest, size: config.size },
    options,
  );
  return uniquePlatforms([
    toPlatform(parseObject(await readAll(blob, MAX_MANIFEST_BYTES, `the config of ${text}`), text)),
  ]);
}

function parseObject(bytes: Uint8Array, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new RebundleError('IMAGE_MANIFEST', `${text}: its manifest is not JSON`, { cause });
  }
  throw new RebundleError('IMAGE_MANIFEST', `${text}: its manifest is not an object`);
}

function memberObject(value: unknown, name: string): Record<string, unknown> {
  const member = value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[name] : undefined;
  return member !== null && typeof member === 'object' ? (member as Record<string, unknown>) : {};
}

function toPlatform(value: Record<string, unknown>): Platform | undefined {
  const { os, architecture, variant } = value;
  if (os !== 'linux' || typeof architecture !== 'string' || architecture === 'unknown' || architecture === '')
    return undefined;
  return normalizePlatform({ os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) });
}

function uniquePlatforms(platforms: readonly (Platform | undefined)[]): Platform[] {
  const distinct = new Map<string, Platform>();
  for (const platform of platforms) if (platform !== undefined) distinct.set(formatPlatform(platform), platform);
  return [...distinct.values()].sort(comparePlatforms);
}
