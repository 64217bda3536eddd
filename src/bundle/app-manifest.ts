import { RebundleError } from '../errors.ts';
import { type Descriptor, MEDIA_TYPES } from '../model/oci.ts';
import { MAX_APP_MANIFEST_BYTES } from './limits.ts';

/** On the first layer of an app manifest: where the list of the bundle's files is. */
export const INDEX_ANNOTATIONS = {
  digest: 'org.foundries.app.bundle.index.digest',
  size: 'org.foundries.app.bundle.index.size',
} as const;

/** The config blob of every app manifest; it has to be in the repository before the manifest. OCI image specification, manifest.md. */
export const EMPTY_CONFIG: { readonly descriptor: Descriptor; readonly bytes: Uint8Array } = {
  descriptor: {
    mediaType: MEDIA_TYPES.ociEmpty,
    digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
    size: 2,
  },
  bytes: Buffer.from('{}'),
};

/**
 * The app manifest, one form for every device generation: compact JSON in a fixed order of members, nothing in it but what the content
 * needs. The index blob is named in annotations only. `composeLayers` are those that Docker Compose reads and all others pass over. Throws
 * MANIFEST_TOO_LARGE over 2,048 bytes.
 */
export function buildAppManifest(blobs: {
  readonly archive: Descriptor;
  readonly index: Descriptor;
  readonly composeLayers?: readonly Descriptor[];
}): Uint8Array {
  const { archive, index, composeLayers = [] } = blobs;
  const config = EMPTY_CONFIG.descriptor;
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType: MEDIA_TYPES.composeProject,
    config: { mediaType: config.mediaType, digest: config.digest, size: config.size },
    layers: [
      {
        mediaType: MEDIA_TYPES.bundle,
        digest: archive.digest,
        size: archive.size,
        annotations: {
          [INDEX_ANNOTATIONS.digest]: index.digest,
          [INDEX_ANNOTATIONS.size]: String(index.size),
        },
      },
      ...composeLayers.map(({ mediaType, digest, size, annotations }) => ({
        mediaType,
        digest,
        size,
        ...(annotations === undefined ? {} : { annotations }),
      })),
    ],
    annotations: { 'compose-app': 'v1' },
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  if (bytes.byteLength > MAX_APP_MANIFEST_BYTES) {
    throw new RebundleError(
      'MANIFEST_TOO_LARGE',
      `the app manifest has ${bytes.byteLength} bytes, more than ${MAX_APP_MANIFEST_BYTES}`,
    );
  }
  return bytes;
}
