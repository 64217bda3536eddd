import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { digestOf, isDigest } from '../lib/digest.ts';
import { type Descriptor, type Digest, MEDIA_TYPES } from '../model/oci.ts';
import { MAX_MANIFEST_BYTES } from './registry.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The descriptor of a manifest or index. Its type is the one announced, else its own `mediaType`, else the one that its members show
 * (image-spec manifest.md and image-index.md). Undefined where the bytes are no manifest; IMAGE_MANIFEST where two types contradict.
 */
export function describeManifest(bytes: Uint8Array, what: string, announced?: string): Descriptor | undefined {
  const document = parseObject(bytes);
  if (document === undefined) return undefined;
  const own = document.schemaVersion === 2 && typeof document.mediaType === 'string' ? document.mediaType : undefined;
  if (announced !== undefined && own !== undefined && announced !== own) {
    throw new RebundleError('IMAGE_MANIFEST', `${what} is announced as '${announced}' and calls itself '${own}'`);
  }
  const mediaType = announced ?? own ?? typeByShape(document);
  return mediaType === undefined ? undefined : { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}

/**
 * The descriptor of a manifest to be stored and the digests it needs: config, layers, manifests, each once. Throws IMAGE_MANIFEST where the
 * bytes are no manifest of this type or name a blob by something else than a sha256 digest, REGISTRY_SIZE_MISMATCH above MAX_MANIFEST_BYTES.
 */
export function checkManifest(
  manifest: { readonly bytes: Uint8Array; readonly mediaType: string },
  what: string,
): { readonly descriptor: Descriptor; readonly blobs: readonly Digest[] } {
  const size = manifest.bytes.byteLength;
  if (size > MAX_MANIFEST_BYTES) throw manifestTooLarge(size, what);
  const document = parseObject(manifest.bytes);
  const descriptor = describeManifest(manifest.bytes, what);
  if (document === undefined || descriptor?.mediaType !== manifest.mediaType) {
    throw new RebundleError('IMAGE_MANIFEST', `${what} is not a manifest of type '${manifest.mediaType}'`);
  }
  const blobs = new Set<Digest>();
  for (const member of [document.config, document.layers, document.manifests].flat()) {
    if (member === undefined || member === null) continue;
    const digest = isObject(member) ? member.digest : undefined;
    if (typeof digest !== 'string' || !isDigest(digest)) {
      throw new RebundleError('IMAGE_MANIFEST', `${what} names a blob without a sha256 digest`);
    }
    blobs.add(digest);
  }
  return { descriptor, blobs: [...blobs] };
}

/** The error for a manifest above MAX_MANIFEST_BYTES. */
export function manifestTooLarge(size: number, what: string): RebundleError {
  return new RebundleError(
    'REGISTRY_SIZE_MISMATCH',
    `${what} has ${size} bytes; manifests are read up to ${MAX_MANIFEST_BYTES}`,
  );
}

/** The error for a blob that a manifest, a tag or a caller names and that is not there. */
export function blobMissing(digest: Digest, what: string): RebundleError {
  return new RebundleError('REGISTRY_BLOB_MISSING', `${what} needs the blob ${digest}, which is not there`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(bytes: Uint8Array): JsonObject | undefined {
  const text = decodeUtf8(bytes);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function typeByShape(document: JsonObject): string | undefined {
  const index = Array.isArray(document.manifests);
  const manifest = Array.isArray(document.layers) && isObject(document.config);
  // Both at once could be read as either: image-spec wants such a document refused.
  if (index === manifest) return undefined;
  return index ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.ociManifest;
}
