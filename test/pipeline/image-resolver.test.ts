import { beforeEach, describe, expect, test } from 'vitest';
import type { PipelineEvent } from '../../src/events.ts';
import { createLimit } from '../../src/lib/limit.ts';
import { formatPlatform } from '../../src/lib/platform.ts';
import { parseReference } from '../../src/lib/reference.ts';
import type { ImageResolution } from '../../src/model/app.ts';
import { MEDIA_TYPES } from '../../src/model/oci.ts';
import { createImageResolver, type ImageResolver } from '../../src/pipeline/image-resolver.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { recordCalls } from './factory.ts';
import { pushImage, pushManifest, putBytes } from './images.ts';

const IMAGE = 'quay.io/acme/web:v1';
const NAME = { registry: 'quay.io', repository: 'acme/web' };
let registry: Registry;
let calls: string[];
let events: PipelineEvent[];

beforeEach(() => {
  ({ registry, calls } = recordCalls(createMemoryRegistry()));
  events = [];
});

function resolver(
  known: readonly ImageResolution[] = [],
  images: Registry = registry,
  repin: string[] = [],
): ImageResolver {
  const context = {
    sources: [],
    imageRegistry: () => images,
    destination: images,
    tool: '0.0.0',
    createdAt: '2026-01-01T00:00:00Z',
    emit: (event: PipelineEvent) => void events.push(event),
    limit: createLimit(4),
  };
  return createImageResolver(context, { known, repin });
}

const resolve = async (text = IMAGE): Promise<ImageResolution> =>
  (await resolver().resolve(parseReference(text))).image;
const platformsOf = async (text?: string): Promise<string[]> => (await resolve(text)).platforms.map(formatPlatform);

describe('what an image is pinned to', () => {
  test('what its tag really holds, where HEAD names a digest that is not there', async () => {
    const index = await pushImage(registry, IMAGE);
    const lost = `sha256:${'0'.repeat(64)}` as const;
    const odd: Registry = {
      ...registry,
      headManifest: async (name, reference, options) => {
        const found = await registry.headManifest(name, reference, options);
        return found === undefined ? undefined : { ...found, digest: lost };
      },
    };
    const { image } = await resolver([], odd).resolve(parseReference(IMAGE));
    expect(image.pinned).toBe(`quay.io/acme/web@${index.digest}`);
    // A digest that somebody wrote is never exchanged.
    await expect(resolver([], odd).resolve(parseReference(`quay.io/acme/web:v1@${lost}`))).rejects.toMatchObject({
      code: 'IMAGE_UNRESOLVED',
    });
  });

  test.each([
    ['oci', MEDIA_TYPES.ociIndex],
    ['docker', MEDIA_TYPES.dockerManifestList],
  ] as const)('the index of several platforms (%s), not one platform of it', async (family, mediaType) => {
    const index = await pushImage(registry, IMAGE, { family });
    expect(await resolve()).toEqual({
      reference: IMAGE,
      pinned: `quay.io/acme/web@${index.digest}`,
      mediaType,
      platforms: [
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm64' },
      ],
    });
    expect(events).toEqual([{ type: 'image:resolved', reference: IMAGE, digest: index.digest }]);
  });

  test.each([
    ['oci', MEDIA_TYPES.ociManifest],
    ['docker', MEDIA_TYPES.dockerManifest],
  ] as const)('the manifest where there is no index (%s), its platform from the config', async (family, mediaType) => {
    const manifest = await pushManifest(registry, IMAGE, { family, platform: 'linux/arm/v6' });
    expect(await resolve()).toEqual({
      reference: IMAGE,
      pinned: `quay.io/acme/web@${manifest.digest}`,
      mediaType,
      platforms: [{ os: 'linux', architecture: 'arm', variant: 'v6' }],
    });
  });

  test('a digest stays, its tag is not asked for and not in the pin', async () => {
    const index = await pushImage(registry, IMAGE);
    calls.length = 0;
    const text = `quay.io/acme/web:gone@${index.digest}`;
    expect(await resolve(text)).toMatchObject({ reference: text, pinned: `quay.io/acme/web@${index.digest}` });
    expect(calls.some((call) => call.includes('gone'))).toBe(false);
  });

  test('no tag means latest', async () => {
    const index = await pushImage(registry, 'docker.io/library/redis:latest');
    expect((await resolve('redis')).pinned).toBe(`docker.io/library/redis@${index.digest}`);
  });
});

describe('platforms', () => {
  test('arm64 and arm64/v8 are one, arm is arm/v7, amd64/v1 is amd64; each is there once, in order', async () => {
    const platforms = ['linux/arm64/v8', 'linux/arm', 'linux/arm/v7', 'linux/amd64/v1', 'linux/arm64', 'linux/arm/v6'];
    await pushImage(registry, IMAGE, { platforms });
    expect(await platformsOf()).toEqual(['linux/amd64', 'linux/arm/v6', 'linux/arm/v7', 'linux/arm64']);
  });

  test('attestations and other systems do not count', async () => {
    const statement = await putBytes(registry, NAME, 'a statement', MEDIA_TYPES.ociManifest);
    const extra = [
      {
        ...statement,
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
      },
      { ...statement, platform: { os: 'linux', architecture: 'unknown' } },
      { ...statement, platform: { os: 'windows', architecture: 'amd64', 'os.version': '10' } },
      { ...statement },
    ];
    await pushImage(registry, IMAGE, { platforms: ['linux/amd64'], extra });
    expect(await platformsOf()).toEqual(['linux/amd64']);
  });

  test('an index of nothing but attestations has none', async () => {
    await pushImage(registry, IMAGE, { platforms: [] });
    expect(await platformsOf()).toEqual([]);
  });
});

describe('one resolution per distinct reference', () => {
  test('all who ask at once and later share it', async () => {
    await pushImage(registry, IMAGE);
    calls.length = 0;
    const shared = resolver();
    const ask = async (): Promise<ImageResolution> => (await shared.resolve(parseReference(IMAGE))).image;
    const answers = await Promise.all([ask(), ask(), ask()]);
    answers.push(await ask());
    expect(new Set(answers.map((answer) => answer.pinned)).size).toBe(1);
    expect(calls.filter((call) => call.startsWith('headManifest'))).toEqual(['headManifest acme/web v1']);
    expect(calls.filter((call) => call.startsWith('getManifest'))).toHaveLength(1);
  });

  test('a failure is shared, too', async () => {
    const shared = resolver();
    const ask = async (): Promise<ImageResolution> => (await shared.resolve(parseReference(IMAGE))).image;
    const settled = await Promise.allSettled([ask(), ask()]);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(calls).toHaveLength(1);
  });
});

describe('a known resolution', () => {
  test('keeps its digest although the tag moved', async () => {
    await pushImage(registry, IMAGE, { content: 'old' });
    const known = await resolve();
    const moved = await pushImage(registry, IMAGE, { content: 'new' });
    expect((await resolve()).pinned).toBe(`quay.io/acme/web@${moved.digest}`);
    const kept = { pinned: known.pinned, from: 'plan' } as const;
    expect((await resolver([known]).resolve(parseReference(IMAGE), kept)).image).toEqual(known);
  });

  test('is an error where its digest is gone', async () => {
    await pushImage(registry, IMAGE, { content: 'old' });
    const known = await resolve();
    const empty = createMemoryRegistry();
    await pushImage(empty, IMAGE, { content: 'new' });
    const kept = { pinned: known.pinned, from: 'plan' } as const;
    await expect(resolver([known], empty).resolve(parseReference(IMAGE), kept)).rejects.toMatchObject({
      code: 'IMAGE_UNRESOLVED',
      hint: expect.stringContaining('digest'),
    });
  });
});

describe('refused', () => {
  test('an image that is not there, naming it', async () => {
    await expect(resolve()).rejects.toMatchObject({
      code: 'IMAGE_UNRESOLVED',
      message: expect.stringContaining(IMAGE),
    });
  });

  test('a manifest of an unknown type, naming the type', async () => {
    const mediaType = 'application/vnd.example.chart+json';
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, layers: [] }));
    await registry.putManifest(NAME, { bytes, mediaType, tag: 'v1' });
    await expect(resolve()).rejects.toMatchObject({
      code: 'IMAGE_MANIFEST',
      message: expect.stringContaining(mediaType),
    });
  });

  test.each([
    ['is not JSON', 'no json'],
    ['is not an object', '[]'],
  ])('a config that %s', async (_what, content) => {
    const config = await putBytes(registry, NAME, content, MEDIA_TYPES.ociConfig);
    const mediaType = MEDIA_TYPES.ociManifest;
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] }));
    await registry.putManifest(NAME, { bytes, mediaType, tag: 'v1' });
    await expect(resolve()).rejects.toMatchObject({ code: 'IMAGE_MANIFEST' });
  });

  test('a config that is announced as larger than any manifest', async () => {
    const config = await putBytes(registry, NAME, '{}', MEDIA_TYPES.ociConfig);
    const mediaType = MEDIA_TYPES.ociManifest;
    const huge = { ...config, size: 5 * 1024 * 1024 };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config: huge, layers: [] }));
    await registry.putManifest(NAME, { bytes, mediaType, tag: 'v1' });
    await expect(resolve()).rejects.toMatchObject({ code: 'IMAGE_MANIFEST' });
  });
});
