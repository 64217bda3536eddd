import { RebundleError } from '../errors.ts';
import { digestOf, digestStream, hexOf } from '../lib/digest.ts';
import type { AppBundle, BundleFile } from '../model/app.ts';
import { type Descriptor, type Digest, MEDIA_TYPES } from '../model/oci.ts';
import { buildAppManifest } from './app-manifest.ts';
import { archiveBundle, orderBundleFiles } from './archive.ts';
import { buildBundleIndex } from './bundle-index.ts';
import { COMPOSE_FILE } from './bundle-path.ts';
import { MAX_COMPOSE_BYTES } from './limits.ts';

/**
 * Computes every digest of a bundle, the final reference included. The archive is streamed and not kept: `archiveBundle(bundle.files)`
 * makes the same bytes again. Throws BUNDLE_LIMIT for a docker-compose.yml over 1 MiB, and what archiveBundle and buildAppManifest throw.
 */
export async function assembleBundle(input: {
  readonly name: string;
  readonly registry: string;
  readonly repository: string;
  readonly files: readonly BundleFile[];
}): Promise<AppBundle> {
  const files = orderBundleFiles(input.files);
  const composeBytes = files[0]?.size ?? 0;
  if (composeBytes > MAX_COMPOSE_BYTES) {
    throw new RebundleError(
      'BUNDLE_LIMIT',
      `${COMPOSE_FILE} has ${composeBytes} bytes, more than ${MAX_COMPOSE_BYTES}`,
    );
  }
  const archive: Descriptor = { mediaType: MEDIA_TYPES.bundle, ...(await digestStream(archiveBundle(files))) };
  const indexBytes = buildBundleIndex(files);
  const index = describeBytes('application/json', indexBytes);
  const manifestBytes = buildAppManifest({ archive, index });
  const manifest = describeBytes(MEDIA_TYPES.ociManifest, manifestBytes);
  return {
    name: input.name,
    archive,
    index,
    indexBytes,
    manifest,
    manifestBytes,
    reference: { registry: input.registry, repository: input.repository, digest: manifest.digest },
    files,
  };
}

/** The registry tag of a bundle: `app-` and the first 12 hex digits of its manifest digest, so it never names two bundles. */
export function appTag(manifest: Digest): string {
  return `app-${hexOf(manifest).slice(0, 12)}`;
}

function describeBytes(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}
