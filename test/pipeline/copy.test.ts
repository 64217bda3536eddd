import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/lib/digest.ts';
import { parseReference, repositoryOf } from '../../src/lib/reference.ts';
import { type Digest, MEDIA_TYPES, type Reference } from '../../src/model/oci.ts';
import { type CopyRequest, copyReference } from '../../src/pipeline/copy.ts';
import { createLayoutRegistry } from '../../src/registry/layout.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { createWarpTimers, openHttpRegistry } from '../support/http-registry.ts';
import { planOf, recordCalls, TAG, TestFactory } from './factory.ts';
import { pushImage } from './images.ts';

let factory: TestFactory;
let source: Reference;
let image: Digest;
let closers: (() => Promise<void>)[];

beforeEach(async () => {
  closers = [];
  factory = await TestFactory.withApps('shop');
  const outcome = await factory.run();
  const plan = planOf(outcome, 'shop');
  const [pinned] = plan.images;
  source = parseReference(plan.reference ?? '');
  image = parseReference(pinned?.pinned ?? '').digest!;
});
afterEach(async () => {
  await factory.close();
  for (const close of closers.reverse()) await close();
});

/** A server without any blob shared between repositories, as strict as registries are. */
async function openServer(): Promise<{ server: HostileServer; registry: Registry; host: string }> {
  const server = await startHostileServer();
  const { registry, transport } = openHttpRegistry(server.host, { timers: createWarpTimers() });
  closers.push(
    () => server.close(),
    () => transport.close(),
  );
  return { server, registry, host: server.host };
}

function copy(to: Registry, options: Partial<CopyRequest> = {}) {
  return copyReference({
    source,
    from: factory.destination,
    destination: repositoryOf(source),
    to,
    force: false,
    sameHost: false,
    emit: () => {},
    concurrency: 4,
    ...options,
  });
}

/** With its images, under the same names. */
const WITH_IMAGES = (platforms: readonly string[] = []): Partial<CopyRequest> => ({
  images: { from: () => factory.images, nameOf: (name) => name, platforms },
});

const writes = (server: HostileServer): string[] =>
  server.requests
    .filter(({ method }) => !['GET', 'HEAD'].includes(method))
    .map(({ method, path }) => `${method} ${path}`);

async function indexOf(registry: Registry): Promise<Digest> {
  const manifest = await registry.getManifest(repositoryOf(source), source.digest ?? '');
  const annotations = JSON.parse(manifest?.bytes.toString() ?? '').layers[0].annotations;
  return annotations['org.foundries.app.bundle.index.digest'];
}

describe('a bundle', () => {
  test('has the same digest there, and its file index with it', async () => {
    const { server, registry } = await openServer();
    const outcome = await copy(registry);
    expect(outcome).toMatchObject({ isBundle: true, manifestsSent: 1, images: [] });
    expect(outcome.destination).toEqual({ ...repositoryOf(source), digest: source.digest });
    expect(outcome.tag).toBe(`app-${source.digest?.slice(7, 19)}`);
    expect(server.tags.get(source.repository)?.get(outcome.tag)).toBe(source.digest);
    expect(await registry.hasBlob(repositoryOf(source), await indexOf(registry))).toBe(true);
  });

  test('a second copy asks, and writes nothing', async () => {
    const { server, registry } = await openServer();
    await copy(registry, WITH_IMAGES());
    server.requests.length = 0;
    const outcome = await copy(registry, WITH_IMAGES());
    expect(writes(server)).toEqual([]);
    expect(outcome).toMatchObject({ blobsSent: 0, manifestsSent: 0, bytesSent: 0 });
  });

  test('a file index that a clean-up took away comes back', async () => {
    const { server, registry } = await openServer();
    await copy(registry);
    const index = await indexOf(registry);
    server.blobs.get(source.repository)?.delete(index);
    expect(await copy(registry)).toMatchObject({ blobsSent: 1, manifestsSent: 0 });
    expect(server.blobs.get(source.repository)?.has(index)).toBe(true);
  });

  test('goes through a layout and back with every byte', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rebundle-copy-'));
    closers.push(() => rm(folder, { recursive: true }));
    const [first, second] = [await openServer(), await openServer()];
    await copy(first.registry, WITH_IMAGES());
    const layout = createLayoutRegistry(join(folder, 'stick'));
    const images = { from: () => first.registry, nameOf: (name: Reference) => name, platforms: [] };
    await copy(layout, { from: first.registry, images });
    await copy(second.registry, { from: layout, images: { ...images, from: () => layout } });
    expect([...second.server.manifests].sort()).toEqual([...first.server.manifests].sort());
    expect([...second.server.blobs.get(source.repository)!].sort()).toEqual(
      [...first.server.blobs.get(source.repository)!].sort(),
    );
  });

  test('blobs go before manifests, images before the bundle, and the tag last', async () => {
    const { server, registry } = await openServer();
    await copy(registry, WITH_IMAGES());
    const puts = server.requests.filter(
      ({ method, kind }) => method === 'PUT' && (kind === 'manifest' || kind === 'upload'),
    );
    expect(puts.at(-1)?.path).toBe(`/v2/${source.repository}/manifests/app-${source.digest?.slice(7, 19)}`);
    // Two platforms and their index, then the bundle.
    expect(puts.filter(({ kind }) => kind === 'manifest')).toHaveLength(4);
  });

  test('under another name on the same host its blobs are mounted', async () => {
    const { server, registry, host } = await openServer();
    await copy(registry);
    server.requests.length = 0;
    const destination = { registry: host, repository: 'mirror/page' };
    const outcome = await copy(registry, { from: registry, destination, tag: 'v1', sameHost: true });
    expect(outcome).toMatchObject({ blobsSent: 0, manifestsSent: 1, tag: 'v1' });
    expect(outcome.blobsMounted).toBeGreaterThanOrEqual(3);
    expect(server.requests.filter(({ method, kind }) => method === 'PUT' && kind === 'upload')).toEqual([]);
  });

  test('a blob that the source lacks stops it before the manifest', async () => {
    const { server, registry } = await openServer();
    const index = await indexOf(factory.destination);
    const from = recordCalls(factory.destination).registry;
    const lacking: Registry = {
      ...from,
      async *getBlob(name, descriptor, options) {
        if (descriptor.digest === index) descriptor = { ...descriptor, digest: digestOf('gone') };
        yield* from.getBlob(name, descriptor, options);
      },
    };
    await expect(copy(registry, { from: lacking })).rejects.toMatchObject({ code: 'REGISTRY_BLOB_MISSING' });
    expect(server.manifests.size === 0 || server.manifests.get(source.repository)?.size === 0).toBe(true);
  });

  test('a registry that loses what it took is found out; one that only needs a moment is waited for', async () => {
    const { server, registry } = await openServer();
    server.fault = ({ method, kind }) =>
      method === 'GET' && kind === 'manifest' ? { do: 'answer', status: 404 } : undefined;
    await expect(copy(registry)).rejects.toMatchObject({ code: 'REGISTRY_BLOB_MISSING' });
    const second = await openServer();
    second.server.fault = ({ method, kind, count }) =>
      method === 'GET' && kind === 'manifest' && count < 3 ? { do: 'answer', status: 404 } : undefined;
    expect(await copy(second.registry)).toMatchObject({ manifestsSent: 1 });
  });
});

describe('tags', () => {
  test('that name something else are not moved, unless that is asked for', async () => {
    const { server, registry } = await openServer();
    const other = await pushImage(registry, `${source.registry}/${source.repository}:v1`, { content: 'other' });
    await expect(copy(registry, { tag: 'v1' })).rejects.toMatchObject({
      code: 'REGISTRY_TAG_TAKEN',
      message: expect.stringContaining(other.digest),
    });
    expect(server.tags.get(source.repository)?.get('v1')).toBe(other.digest);
    await copy(registry, { tag: 'v1', force: true });
    expect(server.tags.get(source.repository)?.get('v1')).toBe(source.digest);
  });

  test('of the source are kept', async () => {
    const { registry } = await openServer();
    const byTag: Reference = { ...repositoryOf(source), tag: `app-${source.digest?.slice(7, 19)}` };
    expect(await copy(registry, { source: byTag })).toMatchObject({
      tag: byTag.tag,
      source: { digest: source.digest },
    });
  });

  test('a source that is not there, or says neither tag nor digest', async () => {
    const to = createMemoryRegistry();
    await expect(copy(to, { source: { ...repositoryOf(source), tag: 'none' } })).rejects.toMatchObject({
      code: 'IMAGE_UNRESOLVED',
    });
    await expect(copy(to, { source: repositoryOf(source) })).rejects.toMatchObject({ code: 'IMAGE_REFERENCE' });
  });
});

describe('images', () => {
  test('come whole, under their digests', async () => {
    const { server, registry } = await openServer();
    const outcome = await copy(registry, WITH_IMAGES());
    expect(outcome.images.map(({ destination }) => destination.digest)).toEqual([image]);
    const children = JSON.parse(
      (await registry.getManifest(repositoryOf(source), image))?.bytes.toString() ?? '',
    ).manifests;
    expect(children).toHaveLength(2);
    for (const { digest } of children) expect(server.manifests.get('acme/shop')?.has(digest)).toBe(true);
  });

  test('for one platform: a layout takes them, a strict registry says what it lacks', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rebundle-copy-'));
    closers.push(() => rm(folder, { recursive: true }));
    const layout = createLayoutRegistry(folder);
    const outcome = await copy(layout, WITH_IMAGES(['linux/arm64']));
    expect(outcome).toMatchObject({ manifestsSent: 3 });
    expect((await layout.headManifest(repositoryOf(source), image))?.digest).toBe(image);
    const { registry } = await openServer();
    await expect(copy(registry, WITH_IMAGES(['linux/arm64/v8']))).rejects.toMatchObject({
      code: 'REGISTRY_BLOB_MISSING',
      hint: expect.stringContaining('without --platform'),
    });
    await expect(copy(layout, WITH_IMAGES(['linux/riscv64']))).rejects.toMatchObject({ code: 'IMAGE_PLATFORMS' });
  });

  test('a layout that has one platform is filled up later', async () => {
    const to = createMemoryRegistry();
    await copy(to, WITH_IMAGES(['linux/arm64']));
    expect(await copy(to, WITH_IMAGES())).toMatchObject({ manifestsSent: 1 });
    const { registry } = await openServer();
    expect(
      await copy(registry, { from: to, images: { from: () => to, nameOf: (name) => name, platforms: [] } }),
    ).toMatchObject({ manifestsSent: 4 });
  });

  test('that are missing are named', async () => {
    const images = { from: () => createMemoryRegistry(), nameOf: (name: Reference) => name, platforms: [] };
    const to = createMemoryRegistry();
    await expect(copy(to, { images })).rejects.toMatchObject({
      code: 'IMAGE_UNRESOLVED',
      message: expect.stringContaining(image),
    });
    expect(await to.headManifest(repositoryOf(source), source.digest ?? '')).toBeUndefined();
  });

  test('an image of its own is copied as it is', async () => {
    const { registry } = await openServer();
    const name = parseReference(`hub.example.com/acme/shop:${TAG}`);
    const outcome = await copy(registry, { source: name, from: factory.images, destination: repositoryOf(name) });
    expect(outcome).toMatchObject({ isBundle: false, tag: TAG, manifestsSent: 3, destination: { digest: image } });
  });
});

describe('hostile manifests', () => {
  const config = { mediaType: 'x', digest: digestOf('{}'), size: 2 };
  test.each<[string, Record<string, unknown>]>([
    ['a layer without a size', { config, layers: [{ digest: config.digest }] }],
    ['a layer of a negative size', { config, layers: [{ digest: config.digest, size: -1 }] }],
    ['another digest than sha256', { config: { ...config, digest: 'sha512:00' }, layers: [] }],
    ['layers that are no list', { config, layers: { length: 1 } }],
    ['more layers than anything has', { config, layers: Array.from({ length: 1_001 }, () => config) }],
    [
      'a file index of no size',
      {
        config,
        annotations: { 'compose-app': 'v1' },
        layers: [{ ...config, annotations: { 'org.foundries.app.bundle.index.digest': config.digest } }],
      },
    ],
  ])('%s is IMAGE_MANIFEST', async (_name, members) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, ...members }));
    const from: Registry = {
      ...recordCalls(createMemoryRegistry()).registry,
      getManifest: async () => ({
        bytes,
        descriptor: { mediaType: MEDIA_TYPES.ociManifest, digest: digestOf(bytes), size: bytes.byteLength },
      }),
    };
    await expect(copy(createMemoryRegistry(), { from })).rejects.toMatchObject({ code: 'IMAGE_MANIFEST' });
  });

  test('indexes in indexes have an end', async () => {
    const bytesAt = (depth: number): Buffer => {
      const inner =
        depth === 0 ? [] : [{ mediaType: MEDIA_TYPES.ociIndex, digest: digestOf(bytesAt(depth - 1)), size: 1 }];
      return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: inner }));
    };
    const all = new Map(Array.from({ length: 11 }, (_, depth) => [digestOf(bytesAt(depth)), bytesAt(depth)]));
    const from: Registry = {
      ...recordCalls(createMemoryRegistry()).registry,
      getManifest: async (_name, reference) => {
        const bytes = all.get(reference as Digest);
        const digest = reference as Digest;
        return bytes === undefined
          ? undefined
          : { bytes, descriptor: { mediaType: MEDIA_TYPES.ociIndex, digest, size: bytes.byteLength } };
      },
    };
    const top = { ...repositoryOf(source), digest: digestOf(bytesAt(10)) };
    await expect(copy(createMemoryRegistry(), { from, source: top })).rejects.toMatchObject({ code: 'IMAGE_MANIFEST' });
  });
});
