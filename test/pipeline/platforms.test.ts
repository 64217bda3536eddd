import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatPlatform } from '../../src/lib/platform.ts';
import { codesOf, planOf, singleFile, statusesOf, TestFactory } from './factory.ts';
import { pushImage, pushManifest } from './images.ts';

let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.create();
  const platforms = ['linux/amd64', 'linux/arm64/v8', 'linux/arm/v7'];
  await pushImage(factory.images, 'quay.io/x/three:1', { platforms });
  await pushImage(factory.images, 'quay.io/x/two:1', { platforms: ['linux/arm64', 'linux/amd64'] });
  await pushManifest(factory.images, 'quay.io/x/arm:1', { platform: 'linux/arm' });
  await pushManifest(factory.images, 'quay.io/x/amd:1', { platform: 'linux/amd64', family: 'docker' });
});
afterEach(async () => {
  await factory.close();
});

async function runWith(images: readonly string[], wanted: readonly string[] = []) {
  const services = images.slice(1).map((image, i) => `  s${i}:\n    image: ${image}\n`);
  await factory.write('repo/app.dockerapp', singleFile(images[0]!, services.join('')));
  return factory.run({ config: `images: { platforms: ${JSON.stringify(wanted)} }\n` });
}

describe('the platforms of an app', () => {
  test.each([
    [['quay.io/x/three:1'], ['linux/amd64', 'linux/arm/v7', 'linux/arm64']],
    [
      ['quay.io/x/three:1', 'quay.io/x/two:1'],
      ['linux/amd64', 'linux/arm64'],
    ],
    [['quay.io/x/two:1', 'quay.io/x/three:1', 'quay.io/x/amd:1'], ['linux/amd64']],
    [['quay.io/x/arm:1', 'quay.io/x/three:1'], ['linux/arm/v7']],
  ])('are those that all images have: %j', async (images, expected) => {
    const outcome = await runWith(images);
    expect(statusesOf(outcome)).toEqual({ app: 'migrated' });
    expect(planOf(outcome, 'app').platforms.map(formatPlatform)).toEqual(expected);
  });

  test('none in common is an error that names each image with its platforms', async () => {
    const outcome = await runWith(['quay.io/x/arm:1', 'quay.io/x/amd:1']);
    expect(statusesOf(outcome)).toEqual({ app: 'failed' });
    expect(outcome.results[0]?.diagnostics).toContainEqual(
      expect.objectContaining({
        code: 'IMAGE_PLATFORMS',
        message: expect.stringMatching(/quay\.io\/x\/arm:1 \(linux\/arm\/v7\); quay\.io\/x\/amd:1 \(linux\/amd64\)/),
      }),
    );
  });
});

describe('images.platforms', () => {
  test('is the short list, however it is spelt', async () => {
    const outcome = await runWith(['quay.io/x/three:1'], ['linux/arm64/v8', 'linux/arm']);
    expect(planOf(outcome, 'app').platforms.map(formatPlatform)).toEqual(['linux/arm/v7', 'linux/arm64']);
    expect(codesOf(outcome, 'app')).toEqual([]);
  });

  test('an image that lacks one of it is a warning that names the image', async () => {
    const outcome = await runWith(['quay.io/x/three:1', 'quay.io/x/two:1'], ['linux/amd64', 'linux/arm/v7']);
    expect(statusesOf(outcome)).toEqual({ app: 'migrated' });
    expect(planOf(outcome, 'app').platforms.map(formatPlatform)).toEqual(['linux/amd64']);
    expect(codesOf(outcome, 'app')).toEqual(['image.platform-missing']);
    expect(outcome.results[0]?.diagnostics[0]).toMatchObject({ message: 'quay.io/x/two:1 has no linux/arm/v7' });
  });

  test('none of it in common is an error', async () => {
    const outcome = await runWith(['quay.io/x/two:1'], ['linux/riscv64']);
    expect(statusesOf(outcome)).toEqual({ app: 'failed' });
    expect(codesOf(outcome, 'app')).toEqual(['IMAGE_PLATFORMS', 'image.platform-missing']);
  });
});
