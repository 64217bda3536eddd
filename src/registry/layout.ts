import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { RebundleError } from '../errors.ts';
import { decodeUtf8, encodeBlocks } from '../lib/bytes.ts';
import { digestOf, hexOf, isDigest } from '../lib/digest.ts';
import { shareRuns } from '../lib/limit.ts';
import type { Descriptor, Digest } from '../model/oci.ts';
import { collectCopies, verifyContent } from './content.ts';
import {
  fileSize,
  isTempName,
  onDisk,
  readChunks,
  readWhole,
  replaceUnchanged,
  statFile,
  syncFolder,
  unlessMissing,
  versionOf,
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
  /** The version of the file that it was read of. */
  readonly version: string;
}

/** Up to this size a blob is checked in memory before a file is made of it. */
const SMALL_BYTES = 1024 * 1024;

class LayoutRegistry implements Registry {
  readonly #directory: string;
  readonly #indexPath: string;
  readonly #blobs: string;
  /** Makes what was stored so far last. Tags of one moment are written together. */
  readonly #commit = shareRuns(() => this.#writeCommit());
  #tags = new Map<string, Descriptor>();
  #isLayout = false;
  #lastIndex: IndexState | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    this.#indexPath = join(directory, 'index.json');
    this.#blobs = join(directory, 'blobs', 'sha256');
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
    if (!this.#exists()) return undefined;
    const { index } = this.#readIndex();
    const tagged = isDigest(reference) ? undefined : findTagged(index, what, this.#indexPath);
    const digest = isDigest(reference) ? reference : tagged?.digest;
    if (digest === undefined) return undefined;
    const bytes = this.#readManifest(digest, what);
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
    if (tagged !== undefined) this.#tags.set(tagged, descriptor);
    await this.#commit();
    return descriptor;
  }

  async hasBlob(name: RepositoryName, digest: Digest, options?: CallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted();
    formatPinned(name, digest);
    return this.#exists() && fileSize(this.#blobPath(digest)) !== undefined;
  }

  async *getBlob(
    name: RepositoryName,
    descriptor: Descriptor,
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array, void> {
    options?.signal?.throwIfAborted();
    const what = `blob ${formatPinned(name, descriptor.digest)}`;
    const missing = (): RebundleError => new RebundleError('REGISTRY_BLOB_MISSING', `${what} is not there`);
    if (!this.#exists()) throw missing();
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

  /**
   * Leaves a blob of the right size alone: its bytes were checked when they were written and are again when they are read. A new one is down on the
   * disk; that its name is, too, is the commit's work.
   */
  async #storeBlob(descriptor: Descriptor, open: () => Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#blobPath(descriptor.digest);
    const exists = this.#exists();
    if (exists && fileSize(path) === descriptor.size) return;
    const opened = open();
    const isWhole = opened instanceof Uint8Array || descriptor.size > SMALL_BYTES;
    const content = isWhole ? opened : await collectCopies(opened);
    if (!exists) await this.#create();
    onDisk(path, () => mkdirSync(this.#blobs, { recursive: true }));
    moveInto(await writeTemp(this.#directory, content), path);
  }

  /** Blobs before the tags that name them. Starts over where another writer came first, so that its entries stay. */
  async #writeCommit(): Promise<void> {
    const tags = this.#tags;
    this.#tags = new Map();
    await syncFolder(this.#blobs);
    for (;;) {
      const { index, version } = this.#readIndex();
      const next = setTags(index, tags);
      if (next === index) return;
      const temp = await writeTemp(this.#directory, encodeBlocks(formatIndex(next)));
      try {
        const { ino } = onDisk(temp, () => statSync(temp, { bigint: true }));
        this.#lastIndex = undefined;
        if (await replaceUnchanged(temp, this.#indexPath, version)) {
          const found = statFile(this.#indexPath);
          if (found?.ino === ino) this.#lastIndex = { version: versionOf(found), index: next };
          break;
        }
      } finally {
        rmSync(temp, { force: true });
      }
    }
    await syncFolder(this.#directory);
  }

  /** An index that is the same file as before is not parsed again: a large factory asks for it thousands of times. */
  #readIndex(): IndexState {
    const version = versionOf(statFile(this.#indexPath));
    if (this.#lastIndex?.version !== version) this.#lastIndex = { version, index: this.#parseIndex() };
    return this.#lastIndex;
  }

  #parseIndex(): LayoutIndex {
    const bytes = readWhole(this.#indexPath, MAX_INDEX_BYTES, (size) => {
      return new RebundleError(
        'REGISTRY_LAYOUT',
        `${this.#indexPath} has ${size} bytes; it is read up to ${MAX_INDEX_BYTES}`,
      );
    });
    return parseIndex(bytes, this.#indexPath);
  }

  #readManifest(digest: Digest, what: string): Buffer | undefined {
    const bytes = readWhole(this.#blobPath(digest), MAX_MANIFEST_BYTES, (size) => manifestTooLarge(size, what));
    const found = bytes === undefined ? digest : digestOf(bytes);
    if (found !== digest) throw new RebundleError('REGISTRY_DIGEST_MISMATCH', `${what} has the digest ${found}`);
    return bytes;
  }

  /** False where there is no folder, or one without anything in it. */
  #exists(): boolean {
    // What the marker said once need not be read again.
    if (!this.#isLayout || fileSize(join(this.#directory, MARKER)) === undefined) this.#isLayout = this.#look();
    return this.#isLayout;
  }

  #look(): boolean {
    if (this.#hasMarker()) return true;
    const names = unlessMissing(this.#directory, () => readdirSync(this.#directory));
    if (names === undefined || names.every(isTempName)) return false;
    // Another writer may have made the layout since the first look.
    if (names.includes(MARKER) && this.#hasMarker()) return true;
    throw new RebundleError(
      'REGISTRY_LAYOUT',
      `${this.#directory} holds other files and no ${MARKER}: it is not an OCI image layout`,
      {
        hint: 'Name an empty or new folder, or one that is an OCI image layout.',
      },
    );
  }

  #hasMarker(): boolean {
    const path = join(this.#directory, MARKER);
    const broken = (): RebundleError => {
      return new RebundleError('REGISTRY_LAYOUT', `${path} does not say imageLayoutVersion ${LAYOUT_VERSION}`);
    };
    const bytes = readWhole(path, MAX_MARKER_BYTES, broken);
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
    onDisk(this.#directory, () => mkdirSync(this.#directory, { recursive: true }));
    const temp = await writeTemp(this.#directory, Buffer.from(JSON.stringify({ imageLayoutVersion: LAYOUT_VERSION })));
    moveInto(temp, join(this.#directory, MARKER));
    await syncFolder(this.#directory);
  }

  #blobPath(digest: Digest): string {
    return join(this.#blobs, hexOf(digest));
  }
}

function moveInto(temp: string, path: string): void {
  try {
    onDisk(path, () => renameSync(temp, path));
  } catch (error) {
    rmSync(temp, { force: true });
    throw error;
  }
}
