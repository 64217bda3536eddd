import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { digestOf, hexOf, isDigest } from '../lib/digest.ts';
import type { Descriptor, Digest } from '../model/oci.ts';
import { verifyContent } from './content.ts';
import {
  fileSize,
  isTempName,
  onDisk,
  readChunks,
  readWhole,
  replaceUnchanged,
  syncFolder,
  unlessMissing,
  writeTemp,
} from './layout-files.ts';
import { findMediaType, findTagged, formatIndex, type LayoutIndex, parseIndex, setTags } from './layout-index.ts';
import { blobMissing, checkManifest, describeManifest, isObject, manifestTooLarge } from './manifest.ts';
import { formatName, formatPinned, formatTagged } from './names.ts';
import { type CallOptions, MAX_MANIFEST_BYTES, type Registry, type RepositoryName } from './registry.ts';

/** Largest `index.json` that is read. */
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
const MAX_MARKER_BYTES = 4096;
const MARKER = 'oci-layout';
const LAYOUT_VERSION = '1.0.0';

/**
 * An OCI image layout folder (image-spec image-layout.md) that holds many repositories. `index.json` lists tagged manifests under their
 * full `host/repository:tag`; everything else is found by digest in `blobs/sha256`, which all repositories share. The folder is made by
 * the first write. Files are replaced atomically. A folder that holds something else and a damaged index are REGISTRY_LAYOUT.
 */
export function createLayoutRegistry(directory: string): Registry {
  return new LayoutRegistry(resolve(directory));
}

interface IndexState {
  readonly index: LayoutIndex;
  readonly bytes: Buffer | undefined;
}

interface TagUpdate {
  readonly tags: Map<string, Descriptor>;
  readonly done: Promise<void>;
}

class LayoutRegistry implements Registry {
  readonly #directory: string;
  readonly #indexPath: string;
  #lastUpdate: Promise<void> = Promise.resolve();
  /** Tags that wait for the update in progress; they are written together. */
  #nextUpdate: TagUpdate | undefined;
  #lastIndex: (IndexState & { readonly key: string }) | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    this.#indexPath = join(directory, 'index.json');
  }

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
    if (!(await this.#exists())) return undefined;
    const { index } = await this.#readIndex();
    const tagged = isDigest(reference) ? undefined : findTagged(index, what, this.#indexPath);
    const digest = isDigest(reference) ? reference : tagged?.digest;
    if (digest === undefined) return undefined;
    const bytes = await this.#readManifest(digest, what);
    if (bytes === undefined) {
      if (tagged === undefined) return undefined;
      throw blobMissing(digest, what);
    }
    if (tagged !== undefined && tagged.size !== bytes.byteLength) {
      throw new RebundleError(
        'REGISTRY_SIZE_MISMATCH',
        `${what} has ${bytes.byteLength} bytes, not the ${tagged.size} announced`,
      );
    }
    const descriptor = describeManifest(
      bytes,
      what,
      tagged === undefined ? findMediaType(index, digest) : tagged.mediaType,
    );
    if (descriptor === undefined) {
      if (tagged === undefined) return undefined;
      throw new RebundleError('IMAGE_MANIFEST', `${what} is not a manifest`);
    }
    return { descriptor, bytes };
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
    for (const digest of manifest.isSparse === true ? [] : blobs) {
      if (!(await this.hasBlob(name, digest, options))) throw blobMissing(digest, what);
    }
    await this.#storeBlob(descriptor, () => manifest.bytes);
    if (tagged !== undefined) await this.#setTag(tagged, descriptor);
    return descriptor;
  }

  async hasBlob(name: RepositoryName, digest: Digest, options?: CallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted();
    formatPinned(name, digest);
    return (await this.#exists()) && (await fileSize(this.#blobPath(digest))) !== undefined;
  }

  async *getBlob(
    name: RepositoryName,
    descriptor: Descriptor,
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array, void> {
    options?.signal?.throwIfAborted();
    const what = `blob ${formatPinned(name, descriptor.digest)}`;
    const missing = (): RebundleError => new RebundleError('REGISTRY_BLOB_MISSING', `${what} is not there`);
    if (!(await this.#exists())) throw missing();
    const chunks = readChunks(this.#blobPath(descriptor.digest), missing);
    yield* verifyContent(chunks, { descriptor, what, signal: options?.signal });
  }

  async putBlob(
    name: RepositoryName,
    descriptor: Descriptor,
    open: () => AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<void> {
    options?.signal?.throwIfAborted();
    const what = `blob ${formatPinned(name, descriptor.digest)}`;
    await this.#storeBlob(descriptor, () => verifyContent(open(), { descriptor, what, signal: options?.signal }));
  }

  /** Leaves a blob of the right size alone: its bytes were checked when they were written and are again when they are read. */
  async #storeBlob(descriptor: Descriptor, open: () => Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#blobPath(descriptor.digest);
    const exists = await this.#exists();
    if (exists && (await fileSize(path)) === descriptor.size) return;
    if (!exists) await this.#create();
    await onDisk(path, () => mkdir(dirname(path), { recursive: true }));
    const temp = await writeTemp(this.#directory, open());
    await this.#moveInto(temp, path);
  }

  async #setTag(refName: string, descriptor: Descriptor): Promise<void> {
    if (this.#nextUpdate === undefined) {
      const tags = new Map<string, Descriptor>();
      const done = this.#lastUpdate.then(() => {
        this.#nextUpdate = undefined;
        return this.#writeTags(tags);
      });
      this.#lastUpdate = done.catch(() => {});
      this.#nextUpdate = { tags, done };
    }
    this.#nextUpdate.tags.set(refName, descriptor);
    await this.#nextUpdate.done;
  }

  /** Starts over where another writer came first, so that its entries stay. */
  async #writeTags(tags: ReadonlyMap<string, Descriptor>): Promise<void> {
    for (;;) {
      const { index, bytes } = await this.#readIndex();
      const next = setTags(index, tags);
      if (next === index) return;
      const temp = await writeTemp(this.#directory, formatIndex(next));
      try {
        if (await replaceUnchanged(temp, this.#indexPath, bytes)) break;
      } finally {
        await rm(temp, { force: true });
      }
    }
    await syncFolder(this.#directory);
  }

  /** An index that is the same file as before is not parsed again: a large factory asks for it thousands of times. */
  async #readIndex(): Promise<IndexState> {
    const found = await unlessMissing(this.#indexPath, () => stat(this.#indexPath, { bigint: true }));
    const key = found === undefined ? 'absent' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
    if (this.#lastIndex?.key !== key) this.#lastIndex = { key, ...(await this.#parseIndex()) };
    return this.#lastIndex;
  }

  async #parseIndex(): Promise<IndexState> {
    const bytes = await readWhole(this.#indexPath, MAX_INDEX_BYTES, (size) => {
      return new RebundleError(
        'REGISTRY_LAYOUT',
        `${this.#indexPath} has ${size} bytes; it is read up to ${MAX_INDEX_BYTES}`,
      );
    });
    return { index: parseIndex(bytes, this.#indexPath), bytes };
  }

  async #readManifest(digest: Digest, what: string): Promise<Buffer | undefined> {
    const bytes = await readWhole(this.#blobPath(digest), MAX_MANIFEST_BYTES, (size) => manifestTooLarge(size, what));
    const found = bytes === undefined ? digest : digestOf(bytes);
    if (found !== digest) throw new RebundleError('REGISTRY_DIGEST_MISMATCH', `${what} has the digest ${found}`);
    return bytes;
  }

  /** False where there is no folder, or one without anything in it. */
  async #exists(): Promise<boolean> {
    if (await this.#hasMarker()) return true;
    const names = await unlessMissing(this.#directory, () => readdir(this.#directory));
    if (names === undefined || names.every(isTempName)) return false;
    // Another writer may have made the layout since the first look.
    if (names.includes(MARKER) && (await this.#hasMarker())) return true;
    throw new RebundleError(
      'REGISTRY_LAYOUT',
      `${this.#directory} holds other files and no ${MARKER}: it is not an OCI image layout`,
      {
        hint: 'Name an empty or new folder, or one that is an OCI image layout.',
      },
    );
  }

  async #hasMarker(): Promise<boolean> {
    const path = join(this.#directory, MARKER);
    const broken = (): RebundleError => {
      return new RebundleError('REGISTRY_LAYOUT', `${path} does not say imageLayoutVersion ${LAYOUT_VERSION}`);
    };
    const bytes = await readWhole(path, MAX_MARKER_BYTES, broken);
    if (bytes === undefined) return false;
    let marker: unknown;
    try {
      marker = JSON.parse(decodeUtf8(bytes) ?? '');
    } catch {
      throw broken();
    }
    if (!isObject(marker) || marker.imageLayoutVersion !== LAYOUT_VERSION) throw broken();
    return true;
  }

  /** The marker comes before everything else: from then on the folder is known as a layout, whenever this process ends. */
  async #create(): Promise<void> {
    await onDisk(this.#directory, () => mkdir(this.#directory, { recursive: true }));
    const temp = await writeTemp(this.#directory, Buffer.from(JSON.stringify({ imageLayoutVersion: LAYOUT_VERSION })));
    await this.#moveInto(temp, join(this.#directory, MARKER));
  }

  async #moveInto(temp: string, path: string): Promise<void> {
    try {
      await onDisk(path, () => rename(temp, path));
    } catch (error) {
      await rm(temp, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
  }

  #blobPath(digest: Digest): string {
    return join(this.#directory, 'blobs', 'sha256', hexOf(digest));
  }
}
