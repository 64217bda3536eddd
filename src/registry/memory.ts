import { RebundleError } from '../errors.ts';
import { isDigest } from '../lib/digest.ts';
import type { Descriptor, Digest } from '../model/oci.ts';
import { verifyContent } from './content.ts';
import { blobMissing, checkManifest, describeManifest, manifestTooLarge } from './manifest.ts';
import { formatName, formatPinned, formatTagged } from './names.ts';
import { type CallOptions, MAX_MANIFEST_BYTES, type Registry, type RepositoryName } from './registry.ts';

const CHUNK_BYTES = 65_536;

/** A registry that lives as long as the process. All repositories share their blobs, as those of a layout folder do. */
export function createMemoryRegistry(): Registry {
  return new MemoryRegistry();
}

class MemoryRegistry implements Registry {
  readonly #blobs = new Map<Digest, Buffer>();
  readonly #tags = new Map<string, Digest>();

  async headManifest(name: RepositoryName, reference: string, options?: CallOptions): Promise<Descriptor | undefined> {
    return (await this.getManifest(name, reference, options))?.descriptor;
  }

  async getManifest(
    name: RepositoryName,
    reference: string,
    options?: CallOptions,
  ): Promise<{ readonly descriptor: Descriptor; readonly bytes: Buffer } | undefined> {
    options?.signal?.throwIfAborted();
    const what = isDigest(reference) ? formatPinned(name, reference) : formatTagged(name, reference);
    const digest = isDigest(reference) ? reference : this.#tags.get(what);
    const bytes = digest === undefined ? undefined : this.#blobs.get(digest);
    if (bytes === undefined) return undefined;
    if (bytes.byteLength > MAX_MANIFEST_BYTES) throw manifestTooLarge(bytes.byteLength, what);
    const descriptor = describeManifest(bytes, what);
    return descriptor === undefined ? undefined : { descriptor, bytes: Buffer.from(bytes) };
  }

  async putManifest(
    name: RepositoryName,
    manifest: {
      readonly bytes: Uint8Array;
      readonly mediaType: string;
      readonly tag?: string;
      readonly isSparse?: boolean;
    },
    options?: CallOptions,
  ): Promise<Descriptor> {
    options?.signal?.throwIfAborted();
    const tagged = manifest.tag === undefined ? undefined : formatTagged(name, manifest.tag);
    const what = `the manifest for ${tagged ?? formatName(name)}`;
    const { descriptor, blobs } = checkManifest(manifest, what);
    const missing = manifest.isSparse === true ? undefined : blobs.find((digest) => !this.#blobs.has(digest));
    if (missing !== undefined) throw blobMissing(missing, what);
    if (!this.#blobs.has(descriptor.digest)) this.#blobs.set(descriptor.digest, Buffer.from(manifest.bytes));
    if (tagged !== undefined) this.#tags.set(tagged, descriptor.digest);
    return descriptor;
  }

  async hasBlob(name: RepositoryName, digest: Digest, options?: CallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted();
    formatPinned(name, digest);
    return this.#blobs.has(digest);
  }

  async *getBlob(
    name: RepositoryName,
    descriptor: Descriptor,
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array, void> {
    options?.signal?.throwIfAborted();
    const what = `blob ${formatPinned(name, descriptor.digest)}`;
    const bytes = this.#blobs.get(descriptor.digest);
    if (bytes === undefined) throw new RebundleError('REGISTRY_BLOB_MISSING', `${what} is not there`);
    yield* verifyContent(copyChunks(bytes), { descriptor, what, signal: options?.signal });
  }

  async putBlob(
    name: RepositoryName,
    descriptor: Descriptor,
    open: () => AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<void> {
    options?.signal?.throwIfAborted();
    const what = `blob ${formatPinned(name, descriptor.digest)}`;
    if (this.#blobs.get(descriptor.digest)?.byteLength === descriptor.size) return;
    const parts: Uint8Array[] = [];
    for await (const chunk of verifyContent(open(), { descriptor, what, signal: options?.signal })) {
      // The sender may use its buffer again.
      parts.push(Uint8Array.from(chunk));
    }
    this.#blobs.set(descriptor.digest, Buffer.concat(parts));
  }
}

async function* copyChunks(bytes: Buffer): AsyncGenerator<Uint8Array, void> {
  for (let start = 0; start < bytes.byteLength; start += CHUNK_BYTES) {
    yield Uint8Array.from(bytes.subarray(start, start + CHUNK_BYTES));
  }
}
