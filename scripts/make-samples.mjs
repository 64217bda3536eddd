// Makes samples/images: an OCI layout with a tiny stand-in for every image that the sample factory runs.
// `node scripts/make-samples.mjs` writes it anew, `--check` compares it with what is committed. Needs `npm run build`.
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'fflate';
import { Header } from 'tar';
import { createLayoutRegistry } from '../dist/registry/layout.js';

const SAMPLES = fileURLToPath(new URL('../samples/', import.meta.url));
const FACTORY = { registry: 'hub.riverbend.example', tag: '2c9f1eb' };
const HUB = 'docker.io';

const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM64 = { os: 'linux', architecture: 'arm64' };
const ARM = { os: 'linux', architecture: 'arm', variant: 'v7' };
const DEVICES = [AMD64, ARM64, ARM];
/** Public images spell the same platforms so. */
const ALL = [AMD64, ARM, { ...ARM64, variant: 'v8' }];

/** What an image looks like in the registry: the media types, and whether the tag names an index or a manifest. */
const OCI = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};
const DOCKER = {
  index: 'application/vnd.docker.distribution.manifest.list.v2+json',
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
};

const IMAGES = [
  { ...factory('river-gauge'), types: OCI, platforms: DEVICES },
  { ...factory('mqtt-bridge'), types: DOCKER, platforms: DEVICES },
  { ...factory('debris-camera'), types: OCI, platforms: DEVICES, attested: true },
  { ...factory('debris-detector'), types: OCI, platforms: [AMD64, ARM64] },
  { ...factory('frame-archive'), types: DOCKER, platforms: DEVICES },
  { ...factory('link-probe'), types: OCI, platforms: DEVICES },
  { ...factory('flow-model'), types: OCI, single: AMD64 },
  { ...factory('flow-solver'), types: DOCKER, single: AMD64 },
  { ...factory('level-alarm'), types: OCI, platforms: DEVICES },
  { ...hub('library/alpine', '3.12'), types: DOCKER, platforms: ALL },
  { ...hub('library/eclipse-mosquitto', '1.6'), types: DOCKER, platforms: ALL },
  { ...hub('grafana/grafana', '7.1.5'), types: DOCKER, platforms: ALL },
  { ...hub('library/influxdb', '1.8'), types: DOCKER, platforms: ALL },
  { ...hub('library/nginx', '1.19-alpine'), types: OCI, platforms: ALL },
  { ...hub('library/redis', '5'), types: DOCKER, platforms: ALL },
];

function factory(name) {
  return { name: { registry: FACTORY.registry, repository: `riverbend/${name}` }, tag: FACTORY.tag };
}

function hub(repository, tag) {
  return { name: { registry: HUB, repository }, tag };
}

function digestOf(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function encodeJson(value) {
  return Buffer.from(JSON.stringify(value));
}

/** A tar of one file: ustar header, content, two empty blocks. */
function tarOf(path, content) {
  const bytes = Buffer.from(content);
  const tar = Buffer.alloc(512 * (1 + Math.ceil(bytes.length / 512) + 2));
  const header = new Header({
    path,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: bytes.length,
    mtime: new Date(0),
    type: 'File',
  });
  header.encode(tar, 0);
  bytes.copy(tar, 512);
  return tar;
}

/** Stores a blob and returns its descriptor. */
async function putBlob(registry, name, { mediaType, bytes }) {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await registry.putBlob(name, descriptor, async function* () {
    yield bytes;
  });
  return descriptor;
}

/** Stores one platform's config, layer and manifest, under the tag where the image has only this one; gives its entry for an index. */
async function putManifest(registry, image, platform) {
  const { types } = image;
  const what = `${image.name.repository}:${image.tag} ${platform.os}/${platform.architecture}\n`;
  const tar = tarOf('etc/image', what);
  const layer = await putBlob(registry, image.name, {
    mediaType: types.layer,
    bytes: Buffer.from(gzipSync(tar, { level: 6, mtime: 0 })),
  });
  const config = await putBlob(registry, image.name, {
    mediaType: types.config,
    bytes: encodeJson({
      ...platform,
      created: '2020-08-03T09:00:00Z',
      config: { Cmd: ['/bin/sh'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      history: [{ created: '2020-08-03T09:00:00Z', created_by: 'COPY image /etc/image' }],
    }),
  });
  const bytes = encodeJson({ schemaVersion: 2, mediaType: types.manifest, config, layers: [layer] });
  const mediaType = types.manifest;
  await registry.putManifest(image.name, {
    bytes,
    mediaType,
    ...(image.single === undefined ? {} : { tag: image.tag }),
  });
  return { mediaType, digest: digestOf(bytes), size: bytes.length, platform };
}

/** Stores what image builders add beside a platform: a statement about it, under the platform unknown/unknown. */
async function putAttestation(registry, image, subject) {
  const statement = encodeJson({
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType: 'https://slsa.dev/provenance/v0.2',
    subject: [{ name: `${image.name.registry}/${image.name.repository}`, digest: { sha256: subject.digest.slice(7) } }],
    predicate: { builder: { id: '' }, buildType: 'https://riverbend.example/build' },
  });
  const layer = await putBlob(registry, image.name, { mediaType: 'application/vnd.in-toto+json', bytes: statement });
  const platform = { os: 'unknown', architecture: 'unknown' };
  const config = await putBlob(registry, image.name, {
    mediaType: OCI.config,
    bytes: encodeJson({ ...platform, config: {}, rootfs: { type: 'layers', diff_ids: [layer.digest] } }),
  });
  const bytes = encodeJson({
    schemaVersion: 2,
    mediaType: OCI.manifest,
    config,
    layers: [{ ...layer, annotations: { 'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v0.2' } }],
  });
  await registry.putManifest(image.name, { bytes, mediaType: OCI.manifest });
  return {
    mediaType: OCI.manifest,
    digest: digestOf(bytes),
    size: bytes.length,
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': subject.digest,
    },
    platform,
  };
}

async function putImage(registry, image) {
  if (image.single !== undefined) {
    await putManifest(registry, image, image.single);
    return;
  }
  const manifests = [];
  for (const platform of image.platforms) manifests.push(await putManifest(registry, image, platform));
  if (image.attested) manifests.push(await putAttestation(registry, image, manifests[0]));
  const bytes = encodeJson({ schemaVersion: 2, mediaType: image.types.index, manifests });
  await registry.putManifest(image.name, { bytes, mediaType: image.types.index, tag: image.tag });
}

/** Every file below a folder: path with `/` -> content in hex. */
async function readTree(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const tree = new Map();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    tree.set(relative(folder, path).split(sep).join('/'), (await readFile(path)).toString('hex'));
  }
  return tree;
}

const committed = join(SAMPLES, 'images');
const check = process.argv.includes('--check');
const work = await mkdtemp(join(check ? tmpdir() : SAMPLES, '.images-'));
try {
  const made = join(work, 'images');
  const registry = createLayoutRegistry(made);
  for (const image of IMAGES) await putImage(registry, image);
  if (check) {
    const [want, have] = await Promise.all([readTree(made), readTree(committed).catch(() => new Map())]);
    const paths = [...new Set([...want.keys(), ...have.keys()])].sort();
    const differing = paths.filter((path) => want.get(path) !== have.get(path));
    for (const path of differing) console.error(`samples/images/${path} is not what the script makes`);
    if (differing.length > 0) process.exitCode = 1;
    else console.log(`samples/images: ${paths.length} files, as made`);
  } else {
    await rm(committed, { recursive: true, force: true });
    await rename(made, committed);
    console.log(`samples/images: ${IMAGES.length} images`);
  }
} finally {
  await rm(work, { recursive: true, force: true });
}
