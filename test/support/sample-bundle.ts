import { EMPTY_CONFIG } from '../../src/bundle/app-manifest.ts';
import { archiveBundle } from '../../src/bundle/archive.ts';
import { assembleBundle } from '../../src/bundle/assemble-bundle.ts';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { pinCompose } from '../../src/compose/pin.ts';
import { once, readAll } from '../../src/lib/bytes.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { formatReference } from '../../src/lib/reference.ts';
import type { AppBundle, BundleFile } from '../../src/model/app.ts';
import { type Descriptor, MEDIA_TYPES } from '../../src/model/oci.ts';
import { planComposeLayers } from '../../src/pipeline/compose-layer.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { pushImage } from '../pipeline/images.ts';
import { bundleFile } from './bundle-file.ts';

const COMPOSE = `version: '3.7'
services:
  web:
    image: nginx
    env_file: [web.env]
    volumes: ["./nginx.conf:/etc/nginx/nginx.conf:ro"]
`;

const SUPPORT_FILES: readonly BundleFile[] = [
  bundleFile('nginx.conf', 'events {}\n'),
  bundleFile('scripts/run.sh', '#!/bin/sh\n', { executable: true }),
  bundleFile('web.env', 'A=1\n'),
];

/** A bundle of one service with support files, as a run makes it, whose image is in `registry`. */
export async function makeBundle(
  registry: Registry,
  { host, app = 'page', files = SUPPORT_FILES }: { host: string; app?: string; files?: readonly BundleFile[] },
): Promise<AppBundle> {
  const image = await pushImage(registry, `${host}/acme/nginx`);
  const images = new Map([['web', `${host}/acme/nginx@${image.digest}`]]);
  const file = readComposeFile({ text: COMPOSE, path: 'docker-compose.yml', line: 1 });
  const fileDigests = new Map(files.map(({ path, digest }) => [path, digest]));
  const { text } = pinCompose({ file, images, fileDigests, pins: [] });
  const { layers } = await planComposeLayers({ name: app, text, file, files });
  return assembleBundle({
    name: app,
    registry: host,
    repository: `acme/${app}`,
    files: [bundleFile('docker-compose.yml', text), ...files],
    ...(layers === undefined ? {} : { compose: layers }),
  });
}

/** Publishes a bundle; what is given stands in place of its own manifest, index or archive, and the manifest names that. Gives its reference. */
export async function publish(
  registry: Registry,
  bundle: AppBundle,
  other: {
    readonly archive?: Uint8Array;
    readonly index?: Uint8Array;
    readonly manifest?: (manifest: Record<string, unknown>) => unknown;
  } = {},
): Promise<string> {
  const name = { registry: bundle.reference.registry, repository: bundle.reference.repository };
  const put = async (bytes: Uint8Array, mediaType: string): Promise<Descriptor> => {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
    await registry.putBlob(name, descriptor, () => once(bytes));
    return descriptor;
  };
  const archive = other.archive ?? (await readAll(archiveBundle(bundle.files), 1 << 28, 'archive'));
  const { digest, size } = await put(archive, MEDIA_TYPES.bundle);
  const index = await put(other.index ?? bundle.indexBytes, 'application/json');
  await put(EMPTY_CONFIG.bytes, EMPTY_CONFIG.descriptor.mediaType);
  for (const layer of bundle.composeLayers) await put(layer.bytes, layer.descriptor.mediaType);
  const document = JSON.parse(Buffer.from(bundle.manifestBytes).toString());
  Object.assign(document.layers[0], { digest, size });
  Object.assign(document.layers[0].annotations, {
    'org.foundries.app.bundle.index.digest': index.digest,
    'org.foundries.app.bundle.index.size': String(index.size),
  });
  const bytes = Buffer.from(JSON.stringify(other.manifest?.(document) ?? document));
  const stored = await registry.putManifest(name, { bytes, mediaType: MEDIA_TYPES.ociManifest, isSparse: true });
  return formatReference({ ...name, digest: stored.digest });
}
