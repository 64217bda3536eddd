import { RebundleError } from '../errors.ts';
import { readAll } from '../lib/bytes.ts';
import { isDigest } from '../lib/digest.ts';
import { type Limit, mapLimit } from '../lib/limit.ts';
import { formatPlatform, normalizePlatform, parsePlatform } from '../lib/platform.ts';
import { formatReference, repositoryOf } from '../lib/reference.ts';
import type { AppReference, Descriptor, Platform } from '../model/oci.ts';
import type { CallOptions, Registry } from '../registry/registry.ts';
import { isIndexType } from './copy-members.ts';

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
const MAX_MANIFESTS = 1000;

/** The manifest of an image for one platform. */
export interface ImageManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** Undefined where nothing says it. */
  readonly platform?: Platform;
}

/**
 * The manifests of an image: those of its index but for attestations, only for the platforms `wanted` where there are some; or the image itself, whose platform
 * is in its config. Tells `missing` what is not there. Throws IMAGE_MANIFEST for what is no image, and what the registry fails at.
 */
export async function listImageManifests(input: {
  readonly image: AppReference;
  readonly registry: Registry;
  readonly wanted: readonly string[];
  readonly limit: Limit;
  readonly options: CallOptions;
  readonly missing: (what: string) => void;
}): Promise<readonly ImageManifest[]> {
  const { image, registry, limit, options, missing } = input;
  const name = repositoryOf(image);
  const found = await registry.getManifest(name, image.digest, options);
  if (found === undefined) {
    missing('the image');
    return [];
  }
  const { mediaType } = found.descriptor;
  const document = parseDocument(found.bytes, formatReference(image));
  if (!isIndexType(mediaType)) {
    const platform = await readPlatform(input, document.config);
    return [{ bytes: found.bytes, mediaType, ...(platform === undefined ? {} : { platform }) }];
  }
  const children = listChildren(document.manifests).filter((child) => isWanted(child.platform, input.wanted));
  const read = await mapLimit(children.slice(0, MAX_MANIFESTS), limit, async ({ digest, platform }) => {
    const child = await registry.getManifest(name, digest, options);
    if (child === undefined) missing(`the image for ${formatPlatform(platform)}, ${digest},`);
    return child === undefined ? [] : [{ bytes: child.bytes, mediaType: child.descriptor.mediaType, platform }];
  });
  return read.flat();
}

function listChildren(value: unknown): { digest: `sha256:${string}`; platform: Platform }[] {
  const children: { digest: `sha256:${string}`; platform: Platform }[] = [];
  for (const item of Array.isArray(value) ? value : []) {
    const { digest, platform } = asRecord(item);
    const read = asPlatform(platform);
    // Attestations have the platform unknown/unknown.
    if (typeof digest !== 'string' || !isDigest(digest) || read === undefined || read.os === 'unknown') continue;
    children.push({ digest, platform: read });
  }
  return children;
}

function isWanted(platform: Platform, wanted: readonly string[]): boolean {
  const text = formatPlatform(normalizePlatform(platform));
  return (
    wanted.length === 0 ||
    wanted.some((one) => {
      const parsed = parsePlatform(one);
      return parsed !== undefined && formatPlatform(normalizePlatform(parsed)) === text;
    })
  );
}

async function readPlatform(
  { image, registry, options }: Parameters<typeof listImageManifests>[0],
  config: unknown,
): Promise<Platform | undefined> {
  const { digest, size, mediaType } = asRecord(config);
  if (typeof digest !== 'string' || !isDigest(digest)) return undefined;
  if (typeof size !== 'number' || !(size > 0 && size <= MAX_CONFIG_BYTES)) return undefined;
  const descriptor: Descriptor = { mediaType: typeof mediaType === 'string' ? mediaType : '', digest, size };
  const bytes = await readAll(
    registry.getBlob(repositoryOf(image), descriptor, options),
    size,
    'the config of an image',
  );
  return asPlatform(parseDocument(bytes, `the config of ${formatReference(image)}`));
}

function asPlatform(value: unknown): Platform | undefined {
  const { os, architecture, variant } = asRecord(value);
  if (typeof os !== 'string' || os === '' || typeof architecture !== 'string' || architecture === '') return undefined;
  return { os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) };
}

function parseDocument(bytes: Buffer, what: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return asRecord(value);
  } catch {
    // It is told below.
  }
  throw new RebundleError('IMAGE_MANIFEST', `${what} is no JSON object`);
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
