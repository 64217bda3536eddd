import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../src/lib/digest.ts';
import { type Digest, MEDIA_TYPES } from '../../src/model/oci.ts';
import { createLayoutRegistry } from '../../src/registry/layout.ts';
import { isTempName } from '../../src/registry/layout-files.ts';
import type { Registry } from '../../src/registry/registry.ts';
import {
  collect,
  describeBytes,
  describeRegistryContract,
  inChunks,
  manifestBytes,
  putBytes,
  putImage,
  REPOSITORY,
} from './contract.ts';

const PREFIX = `${REPOSITORY.registry}/${REPOSITORY.repository}`;

async function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'rebundle-layout-'));
}

describeRegistryContract('layout folder', async () => {
  const folder = await makeFolder();
  return {
    registry: createLayoutRegistry(join(folder, 'new', 'layout')),
    close: () => rm(folder, { recursive: true, force: true }),
  };
});

describe('layout folder', () => {
  let parent: string;
  let folder: string;
  let registry: Registry;

  beforeEach(async () => {
    parent = await makeFolder();
    folder = join(parent, 'layout');
    registry = createLayoutRegistry(folder);
  });
  afterEach(async () => {
    await rm(parent, { recursive: true, force: true });
  });

  const blobPath = (digest: Digest): string => join(folder, 'blobs', 'sha256', hexOf(digest));
  const readIndex = (): Promise<string> => readFile(join(folder, 'index.json'), 'utf8');
  const tagsOf = async (): Promise<string[]> => {
    const index = JSON.parse(await readIndex());
    return index.manifests.map((entry: { annotations: Record<string, string> }) => {
      return entry.annotations['org.opencontainers.image.ref.name'];
    });
  };
  const tempsIn = async (): Promise<string[]> => (await readdir(folder)).filter(isTempName);

  test('reading makes no folder', async () => {
    expect(await registry.headManifest(REPOSITORY, 'v1')).toBeUndefined();
    expect(await registry.hasBlob(REPOSITORY, digestOf('x'))).toBe(false);
    expect(await readdir(parent)).toEqual([]);
  });

  test('a manifest that cannot be stored makes no folder', async () => {
    const bytes = manifestBytes({ config: describeBytes(Buffer.from('x')), layers: [] });
    const put = registry.putManifest(REPOSITORY, { bytes, mediaType: MEDIA_TYPES.ociManifest, tag: 'v1' });
    await expect(put).rejects.toMatchObject({ code: 'REGISTRY_BLOB_MISSING' });
    expect(await readdir(parent)).toEqual([]);
  });

  test('is an OCI image layout with nothing else in it', async () => {
    const { descriptor } = await putImage(registry, 'one', 'v1');
    expect((await readdir(folder)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(await readFile(join(folder, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
    expect(await readdir(join(folder, 'blobs', 'sha256'))).toHaveLength(3);
    expect(JSON.parse(await readIndex())).toEqual({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: [{ ...descriptor, annotations: { 'org.opencontainers.image.ref.name': `${PREFIX}:v1` } }],
    });
  });

  test('the bytes of the index do not depend on the order of publishing', async () => {
    const tags = ['b', 'a', 'Z', '10', '9', 'a.1', 'a-1', '_'];
    for (const tag of tags) await putImage(registry, tag, tag);
    const forward = await readIndex();
    await rm(folder, { recursive: true });
    for (const tag of tags.toReversed()) await putImage(registry, tag, tag);
    expect(await readIndex()).toBe(forward);
    await rm(folder, { recursive: true });
    await Promise.all(tags.map((tag) => putImage(registry, tag, tag)));
    expect(await readIndex()).toBe(forward);
    expect(await tagsOf()).toEqual(['10', '9', 'Z', '_', 'a', 'a-1', 'a.1', 'b'].map((tag) => `${PREFIX}:${tag}`));
  });

  test('a second run changes no byte and no time', async () => {
    const { descriptor } = await putImage(registry, 'same', 'v1');
    const files = [join(folder, 'index.json'), join(folder, 'oci-layout'), blobPath(descriptor.digest)];
    const old = new Date('2020-01-01T00:00:00Z');
    for (const file of files) await utimes(file, old, old);
    const before = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    await putImage(createLayoutRegistry(folder), 'same', 'v1');
    for (const [i, file] of files.entries()) {
      expect(await readFile(file, 'utf8')).toBe(before[i]);
      expect((await stat(file)).mtime).toEqual(old);
    }
  });

  test('refused bytes leave no file', async () => {
    await putImage(registry, 'one', 'v1');
    const before = await readdir(join(folder, 'blobs', 'sha256'));
    const wrong = { ...describeBytes(Buffer.from('abcd')), digest: digestOf('else') };
    await expect(registry.putBlob(REPOSITORY, wrong, () => inChunks(Buffer.from('abcd')))).rejects.toThrow();
    expect(await tempsIn()).toEqual([]);
    expect(await readdir(join(folder, 'blobs', 'sha256'))).toEqual(before);
  });

  test('a blob that is being written is not seen, and is recognisable', async () => {
    // A small one is a file only once all of it is there.
    const bytes = Buffer.alloc(1024 * 1024 + 1, 'in the making');
    const descriptor = describeBytes(bytes);
    let seen: boolean | undefined;
    let temps: string[] = [];
    await registry.putBlob(REPOSITORY, descriptor, async function* () {
      yield bytes.subarray(0, 3);
      seen = await registry.hasBlob(REPOSITORY, descriptor.digest);
      temps = await tempsIn();
      yield bytes.subarray(3);
    });
    expect(seen).toBe(false);
    expect(temps).toHaveLength(1);
    expect(await tempsIn()).toEqual([]);
  });

  test('what a killed run left does no harm', async () => {
    const leftover = `.rebundle-${'0'.repeat(24)}.tmp`;
    expect(isTempName(leftover)).toBe(true);
    await mkdir(folder);
    await writeFile(join(folder, leftover), 'half');
    expect(await registry.headManifest(REPOSITORY, 'v1')).toBeUndefined();
    const { descriptor } = await putImage(registry, 'one', 'v1');
    expect(await registry.headManifest(REPOSITORY, 'v1')).toEqual(descriptor);
    expect(await readFile(join(folder, leftover), 'utf8')).toBe('half');
  });

  test('a layout of which only the marker was written goes on', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion": "1.0.0"}');
    expect(await registry.headManifest(REPOSITORY, 'v1')).toBeUndefined();
    const { descriptor } = await putImage(registry, 'one', 'v1');
    expect(await registry.headManifest(REPOSITORY, 'v1')).toEqual(descriptor);
  });

  test('an existing empty folder is filled', async () => {
    await mkdir(folder);
    await putImage(registry, 'one', 'v1');
    expect(await tagsOf()).toEqual([`${PREFIX}:v1`]);
  });

  test('a folder with other content is refused and left alone', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'precious.txt'), 'mine');
    const refused = { code: 'REGISTRY_LAYOUT', message: expect.stringContaining(folder) };
    await expect(putBytes(registry, Buffer.from('x'))).rejects.toMatchObject(refused);
    await expect(registry.headManifest(REPOSITORY, 'v1')).rejects.toMatchObject(refused);
    expect(await readdir(folder)).toEqual(['precious.txt']);
  });

  test.each(['', '{}', '[]', 'null', '{"imageLayoutVersion":"2.0.0"}', `"${'x'.repeat(5000)}"`])(
    'a marker %j is refused',
    async (marker) => {
      await mkdir(folder);
      await writeFile(join(folder, 'oci-layout'), marker);
      await expect(putBytes(registry, Buffer.from('x'))).rejects.toMatchObject({ code: 'REGISTRY_LAYOUT' });
    },
  );

  test.each(['', '{"manifests":[', '[]', '{"manifests":{}}', '{"manifests":[1]}', '{"manifests":[null]}'])(
    'a damaged index %j is refused and left as it is',
    async (index) => {
      await putBytes(registry, Buffer.from('{}'));
      await writeFile(join(folder, 'index.json'), index);
      const refused = { code: 'REGISTRY_LAYOUT', message: expect.stringContaining('index.json is damaged') };
      await expect(registry.headManifest(REPOSITORY, 'v1')).rejects.toMatchObject(refused);
      await expect(putImage(registry, 'one', 'v1')).rejects.toMatchObject(refused);
      expect(await readIndex()).toBe(index);
      await rm(join(folder, 'index.json'));
      await putImage(registry, 'one', 'v1');
      expect(await tagsOf()).toEqual([`${PREFIX}:v1`]);
    },
  );

  test('an index that is too large or no file is refused', async () => {
    await putBytes(registry, Buffer.from('{}'));
    await writeFile(join(folder, 'index.json'), '');
    await truncate(join(folder, 'index.json'), 64 * 1024 * 1024 + 1);
    await expect(registry.headManifest(REPOSITORY, 'v1')).rejects.toMatchObject({ code: 'REGISTRY_LAYOUT' });
    await rm(join(folder, 'index.json'));
    execFileSync('mkfifo', [join(folder, 'index.json')]);
    await expect(registry.headManifest(REPOSITORY, 'v1')).rejects.toMatchObject({ code: 'REGISTRY_LAYOUT' });
  });

  test('entries and members of others stay', async () => {
    await putImage(registry, 'one', 'm');
    const foreign = [
      {
        mediaType: 'application/x',
        digest: `sha512:${'1'.repeat(128)}`,
        size: 1,
        platform: { os: 'linux' },
        urls: ['u'],
      },
      {
        mediaType: 'application/y',
        digest: digestOf('y'),
        size: 2,
        annotations: { 'org.opencontainers.image.ref.name': 'z', k: 'v' },
      },
    ];
    const index = JSON.parse(await readIndex());
    const changed = { ...index, annotations: { owner: 'me' }, manifests: [...foreign, ...index.manifests] };
    await writeFile(join(folder, 'index.json'), JSON.stringify(changed));
    await putImage(registry, 'two', 'a');
    const after = JSON.parse(await readIndex());
    expect(after.annotations).toEqual({ owner: 'me' });
    expect(after.manifests).toHaveLength(4);
    expect(after.manifests[0]).toEqual(foreign[0]);
    expect(after.manifests[3]).toEqual(foreign[1]);
  });

  test('a list of manifests that is null is empty', async () => {
    await putBytes(registry, Buffer.from('{}'));
    await writeFile(join(folder, 'index.json'), '{"schemaVersion":2,"manifests":null}');
    expect(await registry.headManifest(REPOSITORY, 'v1')).toBeUndefined();
    await putImage(registry, 'one', 'v1');
    expect(await tagsOf()).toEqual([`${PREFIX}:v1`]);
  });

  test('two instances on one folder lose nothing of each other', async () => {
    const instances = [createLayoutRegistry(folder), createLayoutRegistry(folder), createLayoutRegistry(`${folder}/`)];
    const tags = Array.from({ length: 60 }, (_, i) => `v${i}`);
    await Promise.all(tags.map((tag, i) => putImage(instances[i % 3]!, tag, tag)));
    expect((await tagsOf()).sort()).toEqual(tags.map((tag) => `${PREFIX}:${tag}`).sort());
    expect(await tempsIn()).toEqual([]);
  });

  test('the lock that a killed run left does not stop the next one', async () => {
    await putImage(registry, 'one', 'v1');
    await writeFile(join(folder, '.rebundle-index.lock'), '');
    await putImage(registry, 'two', 'v2');
    expect(await tagsOf()).toEqual([`${PREFIX}:v1`, `${PREFIX}:v2`]);
    expect(await tempsIn()).toEqual([]);
  });

  test('a lock that is let go of is waited for', async () => {
    await putImage(registry, 'one', 'v1');
    await writeFile(join(folder, '.rebundle-index.lock'), '');
    const before = await readIndex();
    const putting = putImage(registry, 'two', 'v2');
    while ((await tempsIn()).length < 2) await new Promise(setImmediate);
    expect(await readIndex()).toBe(before);
    // Another writer ends: the index is not the one that was read.
    const other = JSON.parse(before);
    other.annotations = { written: 'meanwhile' };
    await writeFile(`${folder}.other`, JSON.stringify(other));
    await rename(`${folder}.other`, join(folder, 'index.json'));
    await rm(join(folder, '.rebundle-index.lock'));
    await putting;
    expect(JSON.parse(await readIndex()).annotations).toEqual({ written: 'meanwhile' });
    expect(await tagsOf()).toEqual([`${PREFIX}:v1`, `${PREFIX}:v2`]);
  });

  test('the index is whole at every moment', async () => {
    await putImage(registry, 'first', 'first');
    let writing = true;
    const reading = (async () => {
      let reads = 0;
      while (writing) {
        JSON.parse(await readIndex());
        reads += 1;
      }
      return reads;
    })();
    for (let i = 0; i < 30; i += 1) await putImage(registry, `image ${i}`, `v${i}`);
    writing = false;
    expect(await reading).toBeGreaterThan(0);
  });

  test('a blob with changed bytes is not served', async () => {
    const bytes = Buffer.from('the right bytes');
    const descriptor = await putBytes(registry, bytes);
    await writeFile(blobPath(descriptor.digest), 'the WRONG bytes');
    await expect(collect(registry.getBlob(REPOSITORY, descriptor))).rejects.toMatchObject({
      code: 'REGISTRY_DIGEST_MISMATCH',
    });
    await writeFile(blobPath(descriptor.digest), 'the right bytes and more');
    await expect(collect(registry.getBlob(REPOSITORY, descriptor))).rejects.toMatchObject({
      code: 'REGISTRY_SIZE_MISMATCH',
    });
  });

  test('a blob of the wrong size is written anew', async () => {
    const bytes = Buffer.from('cut by someone');
    const descriptor = await putBytes(registry, bytes);
    await truncate(blobPath(descriptor.digest), 3);
    await putBytes(registry, bytes);
    expect((await collect(registry.getBlob(REPOSITORY, descriptor))).equals(bytes)).toBe(true);
  });

  test('something else than a file in the place of a blob is refused', async () => {
    const descriptor = await putBytes(registry, Buffer.from('x'));
    await rm(blobPath(descriptor.digest));
    await mkdir(blobPath(descriptor.digest));
    expect(await registry.hasBlob(REPOSITORY, descriptor.digest)).toBe(false);
    await expect(collect(registry.getBlob(REPOSITORY, descriptor))).rejects.toMatchObject({ code: 'REGISTRY_LAYOUT' });
    await expect(putBytes(registry, Buffer.from('x'))).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(await tempsIn()).toEqual([]);
    await rm(blobPath(descriptor.digest), { recursive: true });
    execFileSync('mkfifo', [blobPath(descriptor.digest)]);
    await expect(collect(registry.getBlob(REPOSITORY, descriptor))).rejects.toMatchObject({ code: 'REGISTRY_LAYOUT' });
  });

  test('a manifest with changed bytes is not served', async () => {
    const { descriptor, bytes } = await putImage(registry, 'one', 'v1');
    await writeFile(blobPath(descriptor.digest), bytes.toString().replace('one', 'two'));
    for (const reference of ['v1', descriptor.digest]) {
      await expect(registry.headManifest(REPOSITORY, reference)).rejects.toMatchObject({
        code: 'REGISTRY_DIGEST_MISMATCH',
      });
    }
    await rm(blobPath(descriptor.digest));
    await expect(registry.headManifest(REPOSITORY, 'v1')).rejects.toMatchObject({
      code: 'REGISTRY_BLOB_MISSING',
      message: expect.stringContaining(descriptor.digest),
    });
    expect(await registry.headManifest(REPOSITORY, descriptor.digest)).toBeUndefined();
  });

  test('a manifest over the limit is not read', async () => {
    const { descriptor } = await putImage(registry, 'one', 'v1');
    await truncate(blobPath(descriptor.digest), 4 * 1024 * 1024 + 1);
    await expect(registry.headManifest(REPOSITORY, 'v1')).rejects.toMatchObject({ code: 'REGISTRY_SIZE_MISMATCH' });
  });

  test.each([
    ['no digest', { digest: undefined }, 'REGISTRY_LAYOUT'],
    ['a digest that is a path', { digest: 'sha256:../../../../etc/passwd' }, 'REGISTRY_LAYOUT'],
    ['no size', { size: undefined }, 'REGISTRY_LAYOUT'],
    ['another size', { size: 5 }, 'REGISTRY_SIZE_MISMATCH'],
    ['another type', { mediaType: MEDIA_TYPES.ociIndex }, 'IMAGE_MANIFEST'],
  ])('an entry with %s is refused', async (_, change, code) => {
    await putImage(registry, 'one', 'v1');
    const index = JSON.parse(await readIndex());
    const manifests = [{ ...index.manifests[0], ...change }];
    await writeFile(join(folder, 'index.json'), JSON.stringify({ ...index, manifests }));
    await expect(registry.headManifest(REPOSITORY, 'v1')).rejects.toMatchObject({ code });
  });

  test('an entry without a type takes that of the manifest; one whose manifest has none gives its own', async () => {
    const { descriptor } = await putImage(registry, 'one', 'v1');
    const index = JSON.parse(await readIndex());
    await writeFile(
      join(folder, 'index.json'),
      JSON.stringify({ ...index, manifests: [{ ...index.manifests[0], mediaType: undefined }] }),
    );
    expect(await registry.headManifest(REPOSITORY, 'v1')).toEqual(descriptor);

    const bytes = Buffer.from('{"schemaVersion":2,"config":{},"layers":[]}');
    const docker = describeBytes(bytes, MEDIA_TYPES.dockerManifest);
    await writeFile(blobPath(docker.digest), bytes);
    const annotations = { 'org.opencontainers.image.ref.name': `${PREFIX}:docker` };
    await writeFile(join(folder, 'index.json'), JSON.stringify({ ...index, manifests: [{ ...docker, annotations }] }));
    expect(await registry.headManifest(REPOSITORY, 'docker')).toEqual(docker);
    expect(await registry.headManifest(REPOSITORY, docker.digest)).toEqual(docker);
  });

  test('a blob that is no manifest is none, by digest; under a tag it is an error', async () => {
    const descriptor = await putBytes(registry, Buffer.from('just a layer'));
    expect(await registry.headManifest(REPOSITORY, descriptor.digest)).toBeUndefined();
    const annotations = { 'org.opencontainers.image.ref.name': `${PREFIX}:v1` };
    await writeFile(join(folder, 'index.json'), JSON.stringify({ manifests: [{ ...descriptor, annotations }] }));
    await expect(registry.headManifest(REPOSITORY, 'v1')).rejects.toMatchObject({ code: 'IMAGE_MANIFEST' });
  });

  test('an image whose platforms are only in blobs/ is found by digest', async () => {
    const image = await putImage(registry, 'amd64');
    const bytes = manifestBytes({ mediaType: MEDIA_TYPES.ociIndex, manifests: [image.descriptor] });
    await registry.putManifest(REPOSITORY, { bytes, mediaType: MEDIA_TYPES.ociIndex, tag: 'v1' });
    expect(await tagsOf()).toEqual([`${PREFIX}:v1`]);
    expect((await registry.getManifest(REPOSITORY, image.descriptor.digest))?.bytes.equals(image.bytes)).toBe(true);
  });

  test('two entries of one name are replaced by one', async () => {
    await putImage(registry, 'one', 'v1');
    const index = JSON.parse(await readIndex());
    const doubled = { ...index, manifests: [index.manifests[0], index.manifests[0]] };
    await writeFile(join(folder, 'index.json'), JSON.stringify(doubled));
    await putImage(registry, 'one', 'v1');
    expect(await tagsOf()).toEqual([`${PREFIX}:v1`]);
  });

  test('a place that cannot be a folder is an error with its path', async () => {
    await writeFile(folder, 'a file');
    await expect(putBytes(registry, Buffer.from('x'))).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining(folder),
    });
  });
});
