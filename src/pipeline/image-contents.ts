import { isDigest } from '../lib/digest.ts';
import { SingleFlight } from '../lib/limit.ts';
import { formatPlatform, normalizePlatform } from '../lib/platform.ts';
import { formatReference, repositoryOf } from '../lib/reference.ts';
import type { Digest, Platform, Reference } from '../model/oci.ts';
import { callOptions, type MigrationContext } from './migration.ts';

/** The blobs that a device pulls for an image, with their sizes in bytes: its config and its layers, as they are compressed. */
type ImageBlobs = ReadonlyMap<Digest, number>;

export interface ImageContents {
  /** Undefined where the registry has no such image for this platform, or something that is no image. What the registry fails at is thrown. */
  read(reference: Reference, platform: string): Promise<ImageBlobs | undefined>;
}

/** Reads manifests alone, each once a run: one for an image, and one for each platform that is asked for. */
export function createImageContents(context: MigrationContext): ImageContents {
  const manifests = new SingleFlight<string, Record<string, unknown> | undefined>();
  const get = async (reference: Reference): Promise<Record<string, unknown> | undefined> => {
    const wanted = reference.digest ?? reference.tag ?? 'latest';
    const registry = context.imageRegistry(reference.registry);
    const found = await registry.getManifest(repositoryOf(reference), wanted, callOptions(context));
    return found === undefined ? undefined : parseRecord(found.bytes);
  };
  const load = (reference: Reference): Promise<Record<string, unknown> | undefined> =>
    manifests.get(formatReference(reference), async () => get(reference));
  return {
    async read(reference, platform) {
      const top = await load(reference);
      const children = listRecords(top?.manifests);
      if (top === undefined || children.length === 0) return top === undefined ? undefined : blobsOf(top);
      const child = children.find((entry) => platformOf(entry.platform) === platform)?.digest;
      if (!isDigestText(child)) return undefined;
      const { registry, repository } = reference;
      const manifest = await load({ registry, repository, digest: child });
      return manifest === undefined ? undefined : blobsOf(manifest);
    },
  };
}

function parseRecord(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function blobsOf(manifest: Record<string, unknown>): ImageBlobs | undefined {
  const blobs = new Map<Digest, number>();
  for (const { digest, size } of listRecords([manifest.config, ...listRecords(manifest.layers)])) {
    if (!isDigestText(digest) || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
    blobs.set(digest, size);
  }
  return blobs.size === 0 ? undefined : blobs;
}

function platformOf(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  const { os, architecture, variant } = value;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  const platform: Platform = {
    os,
    architecture,
    ...(typeof variant === 'string' && variant !== '' ? { variant } : {}),
  };
  return formatPlatform(normalizePlatform(platform));
}

function listRecords(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isDigestText(value: unknown): value is Digest {
  return typeof value === 'string' && isDigest(value);
}
