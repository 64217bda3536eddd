import { INDEX_ANNOTATIONS } from '../bundle/app-manifest.ts';
import { RebundleError } from '../errors.ts';
import { isDigest } from '../lib/digest.ts';
import { formatPlatform, normalizePlatform, parsePlatform } from '../lib/platform.ts';
import { type Descriptor, type Digest, MEDIA_TYPES } from '../model/oci.ts';

/** More of either is no image that anybody made. */
const MAX_MEMBERS = 1_000;
const MAX_INDEX_SIZE = 64 * 1024 * 1024;
const INDEX_TYPES: readonly string[] = [MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifestList];

/** What belongs to a manifest or index and has to be where it is. */
export interface ManifestMembers {
  readonly isBundle: boolean;
  /** Config, layers and the index of a bundle, which only annotations name. */
  readonly blobs: readonly Descriptor[];
  readonly manifests: readonly Digest[];
  /** True where it names things that are not to be copied. */
  readonly isSparse: boolean;
}

/**
 * Reads what a manifest names. Of an index only the manifests for `platforms` count, all where there are none. Throws IMAGE_MANIFEST where it
 * cannot be read, IMAGE_PLATFORMS where it has none of the platforms. `what` names it in messages.
 */
export function readMembers(
  manifest: { readonly bytes: Buffer; readonly mediaType: string },
  platforms: readonly string[],
  what: string,
): ManifestMembers {
  const document = parseRecord(manifest.bytes);
  if (document === undefined) throw unreadable(what, 'it is not a JSON object');
  const isIndex = isIndexType(manifest.mediaType);
  const layers = listOf(document.layers, what);
  const children = listOf(document.manifests, what);
  const chosen = isIndex && platforms.length > 0 ? children.filter((child) => isFor(child, platforms)) : children;
  if (isIndex && children.length > 0 && chosen.length === 0) {
    throw new RebundleError('IMAGE_PLATFORMS', `${what} has no image for ${platforms.join(', ')}`);
  }
  // An index of the vendor's tools lists layers that lie in other repositories.
  const own = isIndex ? [] : [...(isRecord(document.config) ? [document.config] : []), ...layers.filter(isKept)];
  const annotations = isRecord(document.annotations) ? document.annotations : {};
  const isBundle = !isIndex && annotations['compose-app'] === 'v1';
  return {
    isBundle,
    blobs: [...own.map((blob) => readDescriptor(blob, what)), ...(isBundle ? findBundleIndex(layers[0], what) : [])],
    manifests: chosen.map((child) => readDescriptor(child, what).digest),
    isSparse: isIndex && (chosen.length < children.length || layers.length > 0),
  };
}

export function isIndexType(mediaType: string): boolean {
  return INDEX_TYPES.includes(mediaType);
}

function findBundleIndex(layer: Readonly<Record<string, unknown>> | undefined, what: string): Descriptor[] {
  const annotations = isRecord(layer?.annotations) ? layer.annotations : {};
  if (annotations[INDEX_ANNOTATIONS.digest] === undefined) return [];
  const digest = annotations[INDEX_ANNOTATIONS.digest];
  const size = Number(annotations[INDEX_ANNOTATIONS.size]);
  if (
    typeof digest !== 'string' ||
    !isDigest(digest) ||
    !Number.isSafeInteger(size) ||
    size < 0 ||
    size > MAX_INDEX_SIZE
  ) {
    throw unreadable(what, 'the annotations about its file index are no digest and size');
  }
  return [{ mediaType: MEDIA_TYPES.bundle, digest, size }];
}

function isFor(child: Readonly<Record<string, unknown>>, platforms: readonly string[]): boolean {
  const { os, architecture, variant } = isRecord(child.platform) ? child.platform : {};
  if (typeof os !== 'string' || typeof architecture !== 'string') return false;
  const text = [os, architecture, ...(typeof variant === 'string' && variant !== '' ? [variant] : [])].join('/');
  const normal = (platform: string): string => {
    const parsed = parsePlatform(platform);
    return parsed === undefined ? platform : formatPlatform(normalizePlatform(parsed));
  };
  return platforms.some((platform) => normal(platform) === normal(text));
}

/** Layers that may only be had from their makers are in no registry. OCI image specification, layer.md. */
function isKept({ mediaType }: Readonly<Record<string, unknown>>): boolean {
  return !(typeof mediaType === 'string' && /\.nondistributable\.|\.foreign\./.test(mediaType));
}

function readDescriptor(value: Readonly<Record<string, unknown>>, what: string): Descriptor {
  const { digest, size, mediaType } = value;
  if (typeof digest !== 'string' || !isDigest(digest))
    throw unreadable(what, 'it names something without a sha256 digest');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw unreadable(what, `it gives ${digest} no size`);
  return { mediaType: typeof mediaType === 'string' ? mediaType : MEDIA_TYPES.bundle, digest, size };
}

function listOf(value: unknown, what: string): Readonly<Record<string, unknown>>[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isRecord)) throw unreadable(what, 'its members are no descriptors');
  if (value.length > MAX_MEMBERS) throw unreadable(what, `it has more than ${MAX_MEMBERS} members`);
  return value;
}

function parseRecord(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unreadable(what: string, why: string): RebundleError {
  return new RebundleError('IMAGE_MANIFEST', `${what} cannot be copied: ${why}`);
}
