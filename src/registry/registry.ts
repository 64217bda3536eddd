import type { Descriptor, Digest } from '../model/oci.ts';

/** A repository of one registry host, as references name it. */
export interface RepositoryName {
  readonly registry: string;
  readonly repository: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Largest manifest or index that is read (distribution takes 4 MiB). */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/**
 * Content-addressed storage with tags: the part of the OCI distribution specification that rebundle uses. An implementation may serve
 * many hosts (a layout folder does). A missing thing is `undefined` or `false`; all other trouble is a RebundleError REGISTRY_*.
 */
export interface Registry {
  /** Descriptor of the manifest that a tag or digest names. */
  headManifest(name: RepositoryName, reference: string, options?: CallOptions): Promise<Descriptor | undefined>;
  /** The bytes, hashed here: a digest given or announced that they do not have is REGISTRY_DIGEST_MISMATCH. */
  getManifest(
    name: RepositoryName,
    reference: string,
    options?: CallOptions,
  ): Promise<{ readonly descriptor: Descriptor; readonly bytes: Buffer } | undefined>;
  /**
   * Stores a manifest, under its tag where one is given. Every blob that it names must be there (REGISTRY_BLOB_MISSING).
   * The same manifest again is no change; the tag moves where it named another one. `isSparse`: an index that names more than is there, which
   * some registries refuse.
   */
  putManifest(
    name: RepositoryName,
    manifest: {
      readonly bytes: Uint8Array;
      readonly mediaType: string;
      readonly tag?: string;
      readonly isSparse?: boolean;
    },
    options?: CallOptions,
  ): Promise<Descriptor>;
  hasBlob(name: RepositoryName, digest: Digest, options?: CallOptions): Promise<boolean>;
  /** Streams a blob; the stream fails at its end, before it closes, where size or digest differ from the descriptor. */
  getBlob(name: RepositoryName, descriptor: Descriptor, options?: CallOptions): AsyncIterable<Uint8Array>;
  /** Stores a blob; `open` may be called again for another try. Bytes that do not match the descriptor are refused and leave nothing behind. */
  putBlob(
    name: RepositoryName,
    descriptor: Descriptor,
    open: () => AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<void>;
  /**
   * Takes a blob over from another repository of the same host, without sending it; false where the registry does not do that, and the blob has
   * to be sent. An optional ability: distribution specification, "Mounting a blob from another repository".
   */
  mountBlob?(name: RepositoryName, descriptor: Descriptor, from: string, options?: CallOptions): Promise<boolean>;
}
