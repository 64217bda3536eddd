import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, hexOf, isDigest } from '../lib/digest.ts';
import type { Descriptor } from '../model/oci.ts';
import type { CallOptions, Registry, RepositoryName } from './registry.ts';
import { MAX_MANIFEST_BYTES } from './registry.ts';

/** Configs of images are kept up to this size; layers never are. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/**
 * A registry whose manifests, indexes and image configs are read once: what a digest names never changes, so it is kept in `directory`, one file for
 * each digest, and hashed again when it is read. Tags are always asked for. A folder that cannot be read or written costs requests, nothing else.
 */
export function createCachedRegistry(registry: Registry, directory: string): Registry {
  return {
    headManifest: (...call) => registry.headManifest(...call),
    getManifest,
    putManifest: (...call) => registry.putManifest(...call),
    hasBlob: (...call) => registry.hasBlob(...call),
    getBlob,
    putBlob: (...call) => registry.putBlob(...call),
  };

  async function getManifest(name: RepositoryName, reference: string, options?: CallOptions) {
    const kept = isDigest(reference) ? await readEntry(directory, reference) : undefined;
    if (kept !== undefined && isDigest(reference)) {
      const { mediaType, bytes } = kept;
      return { descriptor: { mediaType, digest: reference, size: bytes.byteLength }, bytes };
    }
    const found = await registry.getManifest(name, reference, options);
    if (found !== undefined) await writeEntry(directory, found.descriptor, found.bytes);
    return found;
  }

  async function* getBlob(name: RepositoryName, descriptor: Descriptor, options?: CallOptions) {
    const keeps = descriptor.size <= MAX_CONFIG_BYTES && /\+json$/.test(descriptor.mediaType);
    const kept = keeps ? await readEntry(directory, descriptor.digest) : undefined;
    if (kept !== undefined) {
      yield kept.bytes;
      return;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of registry.getBlob(name, descriptor, options)) {
      if (keeps) chunks.push(chunk);
      yield chunk;
    }
    if (keeps) await writeEntry(directory, descriptor, Buffer.concat(chunks));
  }
}

/** An entry is the media type, a line end and the bytes. */
async function readEntry(directory: string, digest: `sha256:${string}`) {
  const entry = await readFile(join(directory, hexOf(digest))).catch(() => undefined);
  const end = entry?.indexOf(10) ?? -1;
  if (entry === undefined || end < 0 || entry.byteLength > MAX_MANIFEST_BYTES + 1024) return undefined;
  const bytes = entry.subarray(end + 1);
  return digestOf(bytes) === digest ? { mediaType: entry.toString('latin1', 0, end), bytes } : undefined;
}

async function writeEntry(directory: string, { mediaType, digest }: Descriptor, bytes: Uint8Array): Promise<void> {
  const path = join(directory, hexOf(digest));
  // Two processes that write one entry write the same bytes, and a torn one is not read: its digest differs.
  const temporary = `${path}.new`;
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(temporary, Buffer.concat([Buffer.from(`${mediaType}\n`, 'latin1'), bytes]));
    await rename(temporary, path);
  } catch {
    await rm(temporary, { force: true }).catch(() => {});
  }
}
