import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseReference } from '../../src/lib/reference.ts';
import { createImageContents } from '../../src/pipeline/image-contents.ts';
import { HOST, imageOf, ostreeTarget, planOf, recordCalls, singleFile, TAG, TestFactory } from './factory.ts';
import { pushImage } from './images.ts';

const OLD = 'a layer of the former image';
const NEW = 'a layer of the new image, which is longer';

let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.create();
  await factory.write('repo/web.dockerapp', singleFile(imageOf('web')));
  await pushImage(factory.images, `${HOST}/acme/web:${TAG}`, { content: NEW });
});
afterEach(() => factory.close());

/** Bytes of the config and the layer of a test image. */
function sizeOf(content: string, architecture: string): number {
  return content.length + JSON.stringify({ os: 'linux', architecture, content }).length;
}

const archiveOf = (outcome: Awaited<ReturnType<TestFactory['plan']>>): number =>
  planOf(outcome, 'web').bundle?.size ?? 0;

/** Targets whose devices run the former `.dockerapp`, whose bytes lie beside them. */
async function writeFormer(text: string): Promise<void> {
  const sha256 = createHash('sha256').update(text).digest('hex');
  await factory.write('tuf/targets/web.dockerapp-7', text);
  await factory.writeTargets({
    'web.dockerapp-7': { hashes: { sha256 }, length: text.length, custom: { targetFormat: 'BINARY', version: '7' } },
    'arm-lmp-7': ostreeTarget('arm', 7, { docker_apps: { web: { filename: 'web.dockerapp-7' } } }),
  });
}

describe('a device downloads', () => {
  test('archive, configs and layers, where it has nothing of the app', async () => {
    await factory.writeTargets({ 'arm-lmp-7': ostreeTarget('arm', 7) });
    const outcome = await factory.plan();
    expect(planOf(outcome, 'web').downloads).toEqual([
      { platform: 'linux/amd64', from: 'nothing', bytes: archiveOf(outcome) + sizeOf(NEW, 'amd64') },
      { platform: 'linux/arm64', from: 'nothing', bytes: archiveOf(outcome) + sizeOf(NEW, 'arm64') },
    ]);
  });

  test('the archive alone, where its .dockerapp runs the same image', async () => {
    await writeFormer(singleFile(`${HOST}/acme/web:${TAG}`));
    const outcome = await factory.plan();
    const former = planOf(outcome, 'web').downloads?.filter(({ from }) => from === 'docker-app');
    expect(former?.map(({ bytes }) => bytes)).toEqual([archiveOf(outcome), archiveOf(outcome)]);
  });

  test('what differs, where its .dockerapp runs another image', async () => {
    await pushImage(factory.images, `${HOST}/acme/web:old`, { content: OLD });
    await writeFormer(singleFile(`${HOST}/acme/web:old`));
    const outcome = await factory.plan();
    expect(planOf(outcome, 'web').downloads).toContainEqual({
      platform: 'linux/arm64',
      from: 'docker-app',
      bytes: archiveOf(outcome) + sizeOf(NEW, 'arm64'),
    });
  });

  test('at most that, where the former image is gone', async () => {
    await writeFormer(singleFile(`${HOST}/acme/web:gone`));
    const outcome = await factory.plan();
    expect(planOf(outcome, 'web').downloads).toContainEqual({
      platform: 'linux/arm64',
      from: 'docker-app',
      bytes: archiveOf(outcome) + sizeOf(NEW, 'arm64'),
      unknownImages: 1,
    });
  });

  test('nothing that the former bundle runs', async () => {
    await factory.writeTargets({ 'arm-lmp-7': ostreeTarget('arm', 7) });
    await factory.run();
    expect(planOf(await factory.plan(), 'web').downloads).toBeUndefined();
    await factory.write('repo/web.dockerapp', singleFile(imageOf('web'), '    restart: always\n'));
    const outcome = await factory.plan();
    const from = (name: string) =>
      planOf(outcome, 'web')
        .downloads?.filter((row) => row.from === name)
        .map(({ bytes }) => bytes);
    expect(from('bundle')).toEqual([archiveOf(outcome), archiveOf(outcome)]);
    expect(from('docker-app')).toEqual([archiveOf(outcome), archiveOf(outcome)]);
    expect(from('nothing')).toEqual(['amd64', 'arm64'].map((cpu) => archiveOf(outcome) + sizeOf(NEW, cpu)));
  });
});

test('manifests alone are read, one for an image and one for each platform, however many apps have it', async () => {
  await factory.writeTargets({ 'arm-lmp-7': ostreeTarget('arm', 7) });
  await factory.write('repo/web2.dockerapp', singleFile(imageOf('web')));
  const count = async (config: string): Promise<string[]> => {
    const { registry, calls } = recordCalls(factory.images);
    await factory.plan({ config, context: { imageRegistry: () => registry } });
    return calls.sort();
  };
  const off = await count(`${factory.config}report: { downloads: false }\n`);
  const on = await count(factory.config);
  expect(on.length - off.length).toBe(3);
  expect(on.filter((call) => call.startsWith('getBlob'))).toEqual([]);
});

test('a registry that fails at manifests takes the forecast away, and nothing else', async () => {
  await factory.writeTargets({ 'arm-lmp-7': ostreeTarget('arm', 7) });
  let asked = 0;
  const registry = {
    ...recordCalls(factory.images).registry,
    getManifest: async (...args: Parameters<typeof factory.images.getManifest>) => {
      asked += 1;
      if (asked > 1) throw new Error('too busy');
      return factory.images.getManifest(...args);
    },
  };
  const outcome = await factory.plan({ context: { imageRegistry: () => registry } });
  expect(asked).toBeGreaterThan(1);
  expect(planOf(outcome, 'web').status).toBe('migrated');
  expect(planOf(outcome, 'web').downloads).toBeUndefined();
});

describe('a manifest that is none', () => {
  test.each([
    ['no JSON', 'x'],
    ['a list', '[]'],
    ['layers without sizes', '{"layers":[{"digest":"sha256:0"}],"config":{}}'],
    ['nothing in it', '{}'],
  ])('with %s tells nothing', async (_what, text) => {
    const manifest = { descriptor: {} as never, bytes: Buffer.from(text) };
    const registry = { ...recordCalls(factory.images).registry, getManifest: async () => manifest };
    const contents = createImageContents({ ...factory.context(), imageRegistry: () => registry });
    expect(await contents.read(parseReference('redis:6'), 'linux/amd64')).toBeUndefined();
  });
});
