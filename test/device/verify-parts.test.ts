import { beforeEach, describe, expect, test } from 'vitest';
import { archiveBundle } from '../../src/bundle/archive.ts';
import { buildBundleIndex } from '../../src/bundle/bundle-index.ts';
import { checkManifest } from '../../src/device/check-manifest.ts';
import { checkBundle } from '../../src/device/verify-bundle.ts';
import { readAll } from '../../src/lib/bytes.ts';
import { parseReference } from '../../src/lib/reference.ts';
import type { AppBundle, BundleFile } from '../../src/model/app.ts';
import { MEDIA_TYPES } from '../../src/model/oci.ts';
import { verifyBundles } from '../../src/pipeline/verify.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { bundleFile } from '../support/bundle-file.ts';
import { makeBundle, publish } from '../support/sample-bundle.ts';

/** JSON that tests break. */
type Loose = ReturnType<typeof JSON.parse>;

let registry: Registry;
let bundle: AppBundle;
beforeEach(async () => {
  registry = createMemoryRegistry();
  bundle = await makeBundle(registry, { host: 'hub.example' });
});

async function verify(reference: string, platforms: string[] = []) {
  const [verdict] = await verifyBundles({
    references: [parseReference(reference)],
    registriesOf: () => [registry],
    imageRegistry: () => registry,
    platforms,
    concurrency: 4,
  });
  const found = verdict?.findings ?? [];
  return { verdict, codes: found.map(({ code }) => code), text: found.map(({ message }) => message).join('\n') };
}

/** Publishes the bundle with other files, the index and the digests right for them. */
async function publishFiles(change: (text: string) => string, more: readonly BundleFile[] = []): Promise<string> {
  const text = (await readAll(bundle.files[0]!.open(), 1 << 20, 'compose')).toString();
  const files = [bundleFile('docker-compose.yml', change(text)), ...bundle.files.slice(1), ...more];
  const archive = await readAll(archiveBundle(files), 1 << 20, 'archive');
  return publish(registry, bundle, { archive, index: buildBundleIndex(files) });
}

describe('the parts of a bundle against each other', () => {
  test.each<[string, (text: string) => string, string[], RegExp]>([
    [
      'an image without a digest',
      (text) => text.replace(/@sha256:\w+/, ':v1'),
      ['verify.image-unpinned', 'verify.label-hash', 'verify.docker-compose'],
      /without a digest/,
    ],
    [
      'another image',
      (text) => text.replace(/acme\/nginx@/, 'acme/other@'),
      ['verify.docker-compose', 'verify.label-hash'],
      /other services or images/,
    ],
    [
      'no hash label',
      (text) => text.replace(/^.*config-hash.*\n/m, ''),
      ['verify.docker-compose', 'verify.label-missing', 'verify.compose-invalid'],
      /no label io/,
    ],
    [
      'another hash',
      (text) => text.replace(/config-hash: "./, 'config-hash: "x'),
      ['verify.docker-compose', 'verify.label-hash'],
      /not that of its content/,
    ],
    [
      'another mount',
      (text) => text.replace(':ro', ''),
      ['verify.docker-compose', 'verify.label-hash'],
      /cannot run what the archive holds/,
    ],
    ['a text that is no YAML', () => 'services: [', ['verify.compose-invalid'], /YAML/],
    [
      'a key that docker-compose refuses',
      (text) => `${text}nonsense: 1\n`,
      ['verify.compose-invalid', 'verify.docker-compose'],
      /nonsense/,
    ],
  ])('%s in the compose file', async (_name, change, codes, words) => {
    const { codes: found, text } = await verify(await publishFiles(change));
    expect(found.filter((code) => !codes.includes(code))).toEqual([]);
    expect(found).toContain(codes[0]);
    expect(text).toMatch(words);
  });

  test('another file, with the right index, is seen by the hash of the service that mounts it', async () => {
    bundle = await makeBundle(registry, { host: 'hub.example' });
    const files = bundle.files.map((file) =>
      file.path === 'nginx.conf' ? bundleFile('nginx.conf', 'evil {}\n') : file,
    );
    const archive = await readAll(archiveBundle(files), 1 << 20, 'archive');
    const { codes } = await verify(await publish(registry, bundle, { archive, index: buildBundleIndex(files) }));
    expect(codes.toSorted()).toEqual(['verify.docker-compose', 'verify.label-hash']);
  });

  test('an index that says something else', async () => {
    const files = bundle.files.filter(({ path }) => path !== 'web.env');
    const index = buildBundleIndex([...files, bundleFile('ghost', 'x'), bundleFile('nginx.conf', 'other')]);
    const { codes, text } = await verify(await publish(registry, bundle, { index }));
    expect(codes).toEqual(['verify.index', 'verify.index', 'verify.index']);
    expect(text).toMatch(/"nginx.conf" has the digest[\s\S]*lacks "web.env"[\s\S]*"ghost", which is no file|ghost/);
  });

  test.each(['[]', 'null', '{', '"x"'])('an index that is %s', async (text) => {
    expect((await verify(await publish(registry, bundle, { index: Buffer.from(text) }))).codes).toEqual([
      'verify.index',
    ]);
  });

  test('an image that is not there, and a platform that it lacks', async () => {
    const reference = await publish(registry, bundle);
    expect((await verify(reference, ['linux/amd64'])).codes).toEqual([]);
    expect((await verify(reference, ['linux/arm64/v8'])).codes).toEqual([]);
    expect((await verify(reference, ['linux/riscv64'])).codes).toEqual([
      'verify.image-platform',
      'verify.image-platform',
    ]);
    const empty = createMemoryRegistry();
    const [verdict] = await verifyBundles({
      references: [parseReference(reference)],
      registriesOf: () => [registry],
      imageRegistry: () => empty,
      platforms: [],
      concurrency: 1,
    });
    expect(verdict?.findings.map(({ code }) => code)).toEqual(['verify.image-missing']);
  });

  test('a bundle by tag is told by digest; a copy under another name keeps its project', async () => {
    const bytes = bundle.manifestBytes;
    await publish(registry, bundle);
    await registry.putManifest(
      { registry: 'hub.example', repository: 'mirror/other' },
      { bytes, mediaType: MEDIA_TYPES.ociManifest, tag: 'v1' },
    );
    const { verdict, codes } = await verify('hub.example/mirror/other:v1');
    expect(verdict?.pinned).toBe(`hub.example/mirror/other@${bundle.manifest.digest}`);
    expect(codes).toEqual(['verify.project-name']);
  });

  test('a repository that devices do not take', async () => {
    expect((await verify(`hub.example/a/b/c@${bundle.manifest.digest}`)).codes).toContain('verify.reference-form');
  });
});

describe('bundles of other tools', () => {
  const foreign = async (change: (manifest: Loose) => void) =>
    publish(registry, bundle, {
      manifest: (manifest) => {
        const { artifactType: _, ...rest } = manifest as Loose;
        rest.config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: rest.config.digest, size: 2 };
        rest.layers = [rest.layers[0]];
        change(rest);
        return rest;
      },
    });

  test('their form is a note, and labels are not computed again', async () => {
    const { codes, verdict } = await verify(await foreign(() => {}));
    expect([codes, verdict?.isOwn]).toEqual([['verify.convention'], false]);
  });

  test('what docker-compose 1.29 does not take is a warning', async () => {
    const text = (await readAll(bundle.files[0]!.open(), 1 << 20, 'compose')).toString();
    const files = [bundleFile('docker-compose.yml', `${text}include: []\n`), ...bundle.files.slice(1)];
    const archive = await readAll(archiveBundle(files), 1 << 20, 'archive');
    const reference = await publish(registry, bundle, {
      archive,
      index: buildBundleIndex(files),
      manifest: (manifest) => {
        const { artifactType: _, ...rest } = manifest as Loose;
        return { ...rest, layers: rest.layers.slice(0, 1) };
      },
    });
    expect((await verify(reference)).codes.toSorted()).toEqual(['verify.compose-old-devices', 'verify.convention']);
  });

  test('an absent file index is a warning', async () => {
    const reference = await foreign((manifest) => {
      delete manifest.layers[0].annotations;
    });
    expect((await verify(reference)).codes.toSorted()).toEqual(['verify.convention', 'verify.index-absent']);
  });

  test('an architecture that the manifest claims and no image has', async () => {
    const reference = await foreign((manifest) => {
      const part = { mediaType: MEDIA_TYPES.ociIndex, digest: `sha256:${'0'.repeat(64)}`, size: 2 };
      manifest.manifests = [{ ...part, platform: { architecture: 's390x' } }];
    });
    expect((await verify(reference)).codes.toSorted()).toEqual([
      'verify.blob-missing',
      'verify.convention',
      'verify.image-platform',
    ]);
  });
});

describe('manifests', () => {
  const codesOf = (change: (manifest: Loose) => unknown, mediaType: string = MEDIA_TYPES.ociManifest) => {
    const manifest = JSON.parse(Buffer.from(bundle.manifestBytes).toString());
    const result = change(manifest) ?? manifest;
    return checkManifest(Buffer.from(JSON.stringify(result)), mediaType).findings.map(({ code }) => code);
  };
  const padded = (size: number) => (manifest: Loose) => {
    manifest.annotations.note = '';
    manifest.annotations.note = 'x'.repeat(size - JSON.stringify(manifest).length);
  };

  test('2,048 bytes pass, one more is a warning, over 16,384 is an error', () => {
    expect(codesOf(padded(2048))).toEqual([]);
    expect(codesOf(padded(2049))).toEqual(['verify.manifest-size']);
    expect(codesOf(padded(16_384))).toEqual(['verify.manifest-size']);
    expect(codesOf(padded(16_385))).toEqual(['verify.manifest-form']);
  });

  test.each<[string, (manifest: Loose) => unknown]>([
    ['no object', () => []],
    ['another schema', (m) => void Object.assign(m, { schemaVersion: 1 })],
    ['no annotation', (m) => void delete m.annotations],
    ['another annotation', (m) => void Object.assign(m.annotations, { 'compose-app': 'v2' })],
    ['no layers', (m) => void Object.assign(m, { layers: [] })],
    ['layers that are no list', (m) => void Object.assign(m, { layers: 'x' })],
    ['an archive of no bytes', (m) => void Object.assign(m.layers[0], { size: 0 })],
    ['an archive with a negative size', (m) => void Object.assign(m.layers[0], { size: -1 })],
    ['an archive with half a byte', (m) => void Object.assign(m.layers[0], { size: 1.5 })],
    ['a sha512', (m) => void Object.assign(m.layers[0], { digest: `sha512:${'0'.repeat(128)}` })],
    ['another type of the archive', (m) => void Object.assign(m.layers[0], { mediaType: 'application/gzip' })],
    ['a layer without a digest', (m) => void delete m.layers[1].digest],
    ['our form without an index', (m) => void delete m.layers[0].annotations],
  ])('%s is refused', (_name, change) => {
    expect(codesOf(change)).toContain('verify.manifest-form');
  });

  test.each(['-1', '1e3', '0', 'x', '', '99999999999'])('an index of size %j is refused', (size) => {
    const set = (m: Loose) =>
      void Object.assign(m.layers[0].annotations, { 'org.foundries.app.bundle.index.size': size });
    expect(codesOf(set)).toContain('verify.index');
  });

  test('another media type is refused, an archive over 1 GiB as well', () => {
    expect(codesOf(() => undefined, MEDIA_TYPES.dockerManifest)).toEqual(['verify.manifest-form']);
    expect(codesOf((m) => void Object.assign(m.layers[0], { size: 2 ** 30 + 1 }))).toEqual(['verify.archive-limit']);
  });
});

describe('the same checks before publishing', () => {
  test('find nothing on what a run makes', async () => {
    expect(await checkBundle(bundle)).toEqual([]);
  });

  test('find what the pieces do not agree on', async () => {
    const codesOf = async (other: Partial<AppBundle>) =>
      (await checkBundle({ ...bundle, ...other })).map(({ code }) => code);
    expect(await codesOf({ indexBytes: Buffer.from('{}') })).toEqual(
      expect.arrayContaining(['verify.digest', 'verify.index']),
    );
    expect(await codesOf({ archive: { ...bundle.archive, size: 1 } })).toEqual(['verify.digest']);
    expect(await codesOf({ composeLayers: [] })).toEqual(['verify.digest']);
    expect(await codesOf({ files: bundle.files.slice(1) })).toContain('verify.compose-missing');
    expect(await codesOf({ manifestBytes: Buffer.from('{}') })).toContain('verify.manifest-form');
  });
});
