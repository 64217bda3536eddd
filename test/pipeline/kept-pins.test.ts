import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { once } from '../../src/lib/bytes.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { formatReference, parseReference, repositoryOf } from '../../src/lib/reference.ts';
import { MEDIA_TYPES } from '../../src/model/oci.ts';
import type { MigrationOutcome } from '../../src/pipeline/run.ts';
import { formatPlan } from '../../src/pipeline/state.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import {
  codesOf,
  HOST,
  imageOf,
  ostreeTarget,
  planOf,
  recordCalls,
  singleFile,
  statusesOf,
  TAG,
  TestFactory,
} from './factory.ts';
import { pushImage, putBytes } from './images.ts';

const THIRD = 'docker.io/library/redis:6';
let factory: TestFactory;
let first: MigrationOutcome;

beforeEach(async () => {
  factory = await TestFactory.create();
  await factory.writeTargets({ 'arm-lmp-7': ostreeTarget('arm', 7) });
  await pushImage(factory.images, `${HOST}/acme/web:${TAG}`);
  await pushImage(factory.images, THIRD, { content: 'old' });
  await factory.write('repo/web.dockerapp', singleFile(imageOf('web'), '  cache:\n    image: redis:6\n'));
  first = await factory.run();
  expect(statusesOf(first)).toEqual({ web: 'migrated' });
});
afterEach(() => factory.close());

const referenceOf = (outcome: MigrationOutcome): string | undefined => planOf(outcome, 'web').reference;
const pinOf = (outcome: MigrationOutcome): string | undefined =>
  planOf(outcome, 'web').images.find(({ service }) => service === 'cache')?.pinned;

const driftOf = (outcome: MigrationOutcome): string | undefined =>
  planOf(outcome, 'web').diagnostics.find(({ code }) => code === 'image.drift')?.message;

describe('C2 pins stay', () => {
  test('a moved tag changes nothing, on a machine without state, and is told', async () => {
    const moved = await pushImage(factory.images, THIRD, { content: 'new' });
    const targets = await factory.targetsText();
    const second = await factory.run();
    expect(statusesOf(second)).toEqual({ web: 'unchanged' });
    expect(referenceOf(second)).toBe(referenceOf(first));
    expect(await factory.targetsText()).toBe(targets);
    expect(codesOf(second, 'web')).toEqual(['image.drift']);
    expect(driftOf(second)).toContain('another image for linux/amd64, linux/arm64');
    const cache = planOf(second, 'web').images.find(({ service }) => service === 'cache');
    expect(cache?.drift).toEqual({ kind: 'layers', digest: moved.digest });
  });

  test('a plan that records the very reference answers without a look into the bundle, with the same result', async () => {
    await pushImage(factory.images, THIRD, { content: 'new' });
    const fresh = await factory.run();
    const { registry, calls } = recordCalls(factory.destination);
    factory.destination = registry;
    const second = await factory.run({ earlier: factory.saved[1]! });
    expect(factory.saved[1]?.state).toBe('done');
    expect([...formatPlan(second.plan)].join('')).toBe([...formatPlan(fresh.plan)].join(''));
    expect(calls.map((call) => call.split(' ')[0])).toEqual(['headManifest']);
  });

  test('a proposed plan gives no pins', async () => {
    await pushImage(factory.images, THIRD, { content: 'new' });
    const proposed = { ...first.plan, state: 'proposed' } as const;
    const { registry, calls } = recordCalls(factory.destination);
    factory.destination = registry;
    await factory.run({ earlier: proposed });
    expect(calls.some((call) => call.startsWith('getBlob'))).toBe(true);
  });

  test('another text of the reference is resolved anew', async () => {
    const other = await pushImage(factory.images, 'docker.io/library/redis:7', { content: 'seven' });
    await factory.write('repo/web.dockerapp', singleFile(imageOf('web'), '  cache:\n    image: redis:7\n'));
    const second = await factory.run();
    expect(statusesOf(second)).toEqual({ web: 'migrated' });
    expect(pinOf(second)).toBe(`docker.io/library/redis@${other.digest}`);
  });

  test('an image under the tag rule is resolved anew', async () => {
    await pushImage(factory.images, `${HOST}/acme/web:${TAG}`, { content: 'rebuilt' });
    expect(statusesOf(await factory.run())).toEqual({ web: 'migrated' });
  });
});

describe('--repin', () => {
  const repin = (glob: string): string => `${factory.config}pin: { refresh: ["${glob}"] }\n`;

  test.each(['**', 'docker.io/library/*', THIRD, 'docker.io/library/redis'])(
    '%s takes the new digest',
    async (glob) => {
      const moved = await pushImage(factory.images, THIRD, { content: 'new' });
      const second = await factory.run({ config: repin(glob) });
      expect(statusesOf(second)).toEqual({ web: 'migrated' });
      expect(pinOf(second)).toBe(`docker.io/library/redis@${moved.digest}`);
      expect(codesOf(second, 'web')).toEqual(['image.repinned']);
      // C3: the .dockerapp entry stays.
      const target = (await factory.readTargets())[second.plan.targets[0]!.name]!;
      expect(target.custom?.docker_apps?.web?.filename).toMatch(/-8$/);
    },
  );

  test('of others leaves it', async () => {
    await pushImage(factory.images, THIRD, { content: 'new' });
    expect(statusesOf(await factory.run({ config: repin('quay.io/**') }))).toEqual({ web: 'unchanged' });
  });

  test('an index with other metadata alone is never taken', async () => {
    const name = repositoryOf(parseReference(THIRD));
    const statement = await putBytes(factory.images, name, 'a statement', MEDIA_TYPES.ociManifest);
    const extra = [{ ...statement, platform: { os: 'unknown', architecture: 'unknown' } }];
    await pushImage(factory.images, THIRD, { content: 'old', extra });
    const second = await factory.run({ config: repin('**') });
    expect(statusesOf(second)).toEqual({ web: 'unchanged' });
    expect(codesOf(second, 'web')).toEqual(['image.drift']);
    expect(driftOf(second)).toContain('only its metadata differs');
  });
});

describe('what is lost', () => {
  /** The images anew, without what is not pushed. */
  function forgetImages(): void {
    Object.assign(factory, { images: createMemoryRegistry() });
  }

  test('a tag: the pinned digest stays', async () => {
    forgetImages();
    await pushImage(factory.images, `${HOST}/acme/web:${TAG}`);
    await pushImage(factory.images, 'docker.io/library/redis:other', { content: 'old' });
    const second = await factory.run();
    expect(statusesOf(second)).toEqual({ web: 'unchanged' });
    expect(codesOf(second, 'web')).toEqual(['image.drift']);
  });

  test('a digest: the image is resolved anew, with a warning', async () => {
    forgetImages();
    await pushImage(factory.images, `${HOST}/acme/web:${TAG}`);
    const moved = await pushImage(factory.images, THIRD, { content: 'new' });
    const second = await factory.run();
    expect(pinOf(second)).toBe(`docker.io/library/redis@${moved.digest}`);
    expect(codesOf(second, 'web')).toEqual(['image.pin-lost']);
  });

  test('the bundle: images are resolved anew, with a warning', async () => {
    factory.destination = createMemoryRegistry();
    const second = await factory.run();
    expect(codesOf(second, 'web')).toEqual(['image.pins-unreadable']);
    expect(referenceOf(second)).toBe(referenceOf(first));
  });
});

describe('a published bundle is hostile', () => {
  /** Puts a bundle with this archive in the place of the published one. */
  async function publish(archive: Buffer, size = archive.byteLength): Promise<void> {
    const name = repositoryOf(parseReference(referenceOf(first)!));
    const layer = { mediaType: MEDIA_TYPES.bundle, digest: digestOf(archive), size: archive.byteLength };
    const config = { mediaType: MEDIA_TYPES.ociEmpty, digest: digestOf(Buffer.from('{}')), size: 2 };
    await factory.destination.putBlob(name, layer, () => once(archive));
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers: [{ ...layer, size }] }),
    );
    const { digest } = await factory.destination.putManifest(name, { bytes, mediaType: MEDIA_TYPES.ociManifest });
    const uri = formatReference({ ...name, digest });
    const text = await factory.targetsText();
    await factory.write('tuf/targets.json', text.replaceAll(referenceOf(first)!, uri));
  }

  function tarOf(path: string, content: string, type = '0'): Buffer {
    const header = Buffer.alloc(512);
    header.write(path, 0);
    header.write('0000644\0', 100);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('        ', 148);
    header.write(type, 156);
    header.write('ustar\u000000', 257);
    header.write(
      `${[...header]
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
    body.write(content);
    return Buffer.concat([header, body, Buffer.alloc(1024)]);
  }

  const pinLine = (pinned: string): string => `# pinned ${THIRD} ${pinned}\n`;

  test('its pins are taken where they are of the image', async () => {
    const held = await pushImage(factory.images, 'docker.io/library/redis:held', { content: 'held' });
    const pinned = `docker.io/library/redis@${held.digest}`;
    await publish(gzipSync(tarOf('docker-compose.yml', pinLine(pinned))));
    expect(pinOf(await factory.run())).toBe(pinned);
  });

  test('a pin that leads to another image does not count', async () => {
    const other = await pushImage(factory.images, 'evil.example/x:1', { content: 'evil' });
    await publish(gzipSync(tarOf('docker-compose.yml', pinLine(`evil.example/x@${other.digest}`))));
    expect(pinOf(await factory.run())).toBe(pinOf(first));
  });

  test.each([
    ['is no gzip', () => Buffer.from('no gzip')],
    ['is cut off', () => gzipSync(tarOf('docker-compose.yml', 'x'.repeat(5000))).subarray(0, 40)],
    ['is no tar', () => gzipSync(Buffer.alloc(2048, 'x'))],
    ['has no compose file', () => gzipSync(tarOf('other.yml', ''))],
    ['has a link for a compose file', () => gzipSync(tarOf('docker-compose.yml', '', '2'))],
    ['has a compose file of 2 MiB', () => gzipSync(tarOf('docker-compose.yml', 'x'.repeat(2 << 20)))],
    ['is a bomb', () => gzipSync(Buffer.concat([tarOf('a', 'x'.repeat(70 << 20)), tarOf('docker-compose.yml', '')]))],
  ])('an archive that %s', async (_, archive) => {
    await publish(archive());
    const second = await factory.run();
    expect(codesOf(second, 'web')).toContain('image.pins-unreadable');
    expect(pinOf(second)).toBe(pinOf(first));
  });
});
