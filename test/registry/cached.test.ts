import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { once, readAll } from '../../src/lib/bytes.ts';
import { digestOf, hexOf } from '../../src/lib/digest.ts';
import { type Descriptor, MEDIA_TYPES } from '../../src/model/oci.ts';
import { createCachedRegistry } from '../../src/registry/cached.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import type { Registry } from '../../src/registry/registry.ts';

const NAME = { registry: 'hub.example.com', repository: 'acme/web' };
const bytesOf = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const config = bytesOf({ os: 'linux', architecture: 'arm64' });
const CONFIG: Descriptor = { mediaType: MEDIA_TYPES.ociConfig, digest: digestOf(config), size: config.byteLength };
const layer = Buffer.from('a layer');
const LAYER: Descriptor = { mediaType: MEDIA_TYPES.ociLayer, digest: digestOf(layer), size: layer.byteLength };
const manifest = bytesOf({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config: CONFIG, layers: [LAYER] });

let directory: string;
let inner: Registry;
/** What reached the registry below. */
let asked: string[];
let registry: Registry;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'rebundle-cache-')), 'cache');
  const memory = createMemoryRegistry();
  asked = [];
  inner = {
    ...memory,
    getManifest: (...call) => {
      asked.push(`manifest ${call[1]}`);
      return memory.getManifest(...call);
    },
    getBlob: (...call) => {
      asked.push(`blob ${call[1].mediaType}`);
      return memory.getBlob(...call);
    },
  };
  for (const [descriptor, bytes] of [
    [CONFIG, config],
    [LAYER, layer],
  ] as const)
    await memory.putBlob(NAME, descriptor, () => once(bytes));
  await memory.putManifest(NAME, { bytes: manifest, mediaType: MEDIA_TYPES.ociManifest, tag: 'v1' });
  registry = createCachedRegistry(inner, directory);
});
afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }));

const digest = digestOf(manifest);
const readConfig = (from: Registry): Promise<Buffer> => readAll(from.getBlob(NAME, CONFIG), 1000, 'config');

describe('what a digest names is read once', () => {
  test('a manifest, with its media type, also by the next process', async () => {
    const first = await registry.getManifest(NAME, digest);
    expect(first).toEqual({
      descriptor: { mediaType: MEDIA_TYPES.ociManifest, digest, size: manifest.byteLength },
      bytes: manifest,
    });
    expect(await createCachedRegistry(inner, directory).getManifest(NAME, digest)).toEqual(first);
    expect(asked).toEqual([`manifest ${digest}`]);
  });

  test('the config of an image, and no layer', async () => {
    expect(await readConfig(registry)).toEqual(config);
    expect(await readConfig(registry)).toEqual(config);
    for (let i = 0; i < 2; i++) expect(await readAll(registry.getBlob(NAME, LAYER), 100, 'layer')).toEqual(layer);
    expect(asked).toEqual([`blob ${CONFIG.mediaType}`, `blob ${LAYER.mediaType}`, `blob ${LAYER.mediaType}`]);
  });

  test('a tag is asked for each time; what it named is kept by its digest', async () => {
    await registry.getManifest(NAME, 'v1');
    await registry.getManifest(NAME, 'v1');
    await registry.getManifest(NAME, digest);
    expect(asked).toEqual(['manifest v1', 'manifest v1']);
  });
});

describe('a folder that cannot be trusted or used', () => {
  test.each(['', 'no media type', `${MEDIA_TYPES.ociManifest}\n{}`])('an entry %j is not used', async (text) => {
    await registry.getManifest(NAME, digest);
    await writeFile(join(directory, hexOf(digest)), text);
    expect((await registry.getManifest(NAME, digest))?.bytes).toEqual(manifest);
    expect(asked).toHaveLength(2);
    expect(await readFile(join(directory, hexOf(digest)))).toEqual(
      Buffer.concat([Buffer.from(`${MEDIA_TYPES.ociManifest}\n`), manifest]),
    );
  });

  test('costs requests, nothing else', async () => {
    await writeFile(directory, 'a file where the folder should be');
    expect((await registry.getManifest(NAME, digest))?.bytes).toEqual(manifest);
    expect(await readConfig(registry)).toEqual(config);
  });

  test('nothing half-written stays', async () => {
    await Promise.all(Array.from({ length: 8 }, () => registry.getManifest(NAME, digest)));
    expect(await readdir(directory)).toEqual([hexOf(digest)]);
  });

  test('what is missing is not kept', async () => {
    const missing = digestOf(Buffer.from('missing'));
    expect(await registry.getManifest(NAME, missing)).toBeUndefined();
    expect(await registry.getManifest(NAME, missing)).toBeUndefined();
    expect(asked).toHaveLength(2);
  });
});
