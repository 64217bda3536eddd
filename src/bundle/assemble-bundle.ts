import { RebundleError } from '../errors.ts';
import { keepFirst, once } from '../lib/bytes.ts';
import { digestOf, digestStream, hexOf } from '../lib/digest.ts';
import type { AppBundle, BundleBlob, BundleFile } from '../model/app.ts';
import { type Descriptor, type Digest, MEDIA_TYPES } from '../model/oci.ts';
import { buildAppManifest } from './app-manifest.ts';
import { archiveBundle, orderBundleFiles } from './archive.ts';
import { buildBundleIndex } from './bundle-index.ts';
import { COMPOSE_FILE } from './bundle-path.ts';
import { MAX_COMPOSE_BYTES, MAX_HELD_BYTES } from './limits.ts';

/** What Docker Compose runs straight from a registry: a compose file, and the environment files that it names. */
export interface ComposeLayers {
  readonly text: string;
  readonly envFiles: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

/**
 * Computes every digest of a bundle, the final reference included. A large archive is streamed and not kept: `openArchive` makes the same
 * bytes again. Throws BUNDLE_LIMIT for a docker-compose.yml over 1 MiB, and what archiveBundle and buildAppManifest throw.
 */
export async function assembleBundle(input: {
  readonly name: string;
  readonly registry: string;
  readonly repository: string;
  readonly files: readonly BundleFile[];
  readonly compose?: ComposeLayers;
}): Promise<AppBundle> {
  const files = orderBundleFiles(input.files);
  const composeBytes = files[0]?.size ?? 0;
  if (composeBytes > MAX_COMPOSE_BYTES) {
    throw new RebundleError(
      'BUNDLE_LIMIT',
      `${COMPOSE_FILE} has ${composeBytes} bytes, more than ${MAX_COMPOSE_BYTES}`,
    );
  }
  const kept: Uint8Array[] = [];
  const made = await digestStream(keepFirst(archiveBundle(files), kept, MAX_HELD_BYTES));
  const archive: Descriptor = { mediaType: MEDIA_TYPES.bundle, ...made };
  const archiveBytes = made.size <= MAX_HELD_BYTES ? Buffer.concat(kept) : undefined;
  const indexBytes = buildBundleIndex(files);
  const index = describeBytes('application/json', indexBytes);
  const composeLayers = input.compose === undefined ? [] : listComposeLayers(input.compose);
  const manifestBytes = buildAppManifest({
    archive,
    index,
    composeLayers: composeLayers.map(({ descriptor }) => descriptor),
  });
  const manifest = describeBytes(MEDIA_TYPES.ociManifest, manifestBytes);
  return {
    name: input.name,
    archive,
    openArchive: () => (archiveBytes === undefined ? archiveBundle(files) : once(archiveBytes)),
    index,
    indexBytes,
    manifest,
    manifestBytes,
    composeLayers,
    reference: { registry: input.registry, repository: input.repository, digest: manifest.digest },
    files,
  };
}

/** The registry tag of a bundle: `app-` and the first 12 hex digits of its manifest digest, so it never names two bundles. */
export function appTag(manifest: Digest): string {
  return `app-${hexOf(manifest).slice(0, 12)}`;
}

/** As Docker Compose takes them (docker/compose pkg/remote/oci.go); a `com.docker.compose.file` annotation would start a second document. */
function listComposeLayers({ text, envFiles }: ComposeLayers): BundleBlob[] {
  const bytes = Buffer.from(text);
  return [
    { descriptor: describeBytes(MEDIA_TYPES.composeFile, bytes), bytes },
    ...envFiles.map(({ name, bytes: content }) => ({
      descriptor: {
        ...describeBytes(MEDIA_TYPES.composeEnvFile, content),
        annotations: { 'com.docker.compose.envfile': name },
      },
      bytes: content,
    })),
  ];
}

function describeBytes(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}
