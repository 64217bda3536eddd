import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { judgeManifest } from '../../src/device/lint-manifest.ts';
import { parseReference, repositoryOf } from '../../src/lib/reference.ts';
import { lintPackages } from '../../src/pipeline/lint-packages.ts';
import { lintReachable } from '../../src/pipeline/lint-reachable.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { lintTargets } from '../../src/targets/lint.ts';
import { parseTargetsFile } from '../../src/targets/targets-file.ts';
import { ostreeTarget, TestFactory } from './factory.ts';

let factory: TestFactory;
beforeEach(async () => {
  factory = await TestFactory.withApps('web');
  await factory.writeTargets({
    'amd-lmp-7': ostreeTarget('amd', 7, { arch: 'amd64' }),
    'arm-lmp-7': ostreeTarget('arm', 7, { arch: 'arm64' }),
  });
  await factory.run();
});
afterEach(async () => {
  await factory.close();
});

const load = async () => parseTargetsFile(Buffer.from(await factory.targetsText()), 'targets.json');

describe('the bytes of file targets', () => {
  const codes = async (bytes?: Uint8Array): Promise<string[]> => {
    const file = await load();
    const { files, reports } = await lintPackages(file, async (name) => bytes ?? factory.tufRepo.getTarget(name));
    return lintTargets(file, { files, more: reports }).map(
      ({ diagnostic }) => `${diagnostic.code}: ${diagnostic.message}`,
    );
  };

  test('that we publish are in order', async () => {
    expect(await codes()).toEqual([]);
  });

  test.each([
    ['no package', 'hello', 'three documents'],
    ['two documents', 'version: 1\nname: web\n---\nversion: "3.2"\n', 'three documents'],
    [
      'an undefined parameter',
      'version: 1.0.0\nname: web\n---\nversion: "3.2"\nservices:\n  a:\n    image: x:${no}\n---\n{}\n',
      'PARAM_UNDEFINED',
    ],
    [
      'what docker-compose refuses',
      'version: 1.0.0\nname: web\n---\nversion: "3.2"\nservices:\n  a:\n    image: [x]\n---\n{}\n',
      'COMPOSE_INVALID',
    ],
  ])('that are %s are found', async (_, text, word) => {
    const found = await codes(Buffer.from(text));
    expect(
      found.some((line) => line.startsWith('lint.package-broken') && line.includes(word)),
      found.join('\n'),
    ).toBe(true);
    expect(found.some((line) => line.startsWith('lint.file-bytes'))).toBe(true);
  });
});

describe('the registry', () => {
  const lint = async (destination: Registry): Promise<string[]> => {
    const file = await load();
    const more = await lintReachable(file, factory.context(), () => [destination, factory.images]);
    return lintTargets(file, { more }).map(({ diagnostic, target }) => `${diagnostic.code} ${target}`);
  };
  const uri = async (): Promise<string> =>
    (await factory.readTargets())['amd-lmp-8']?.custom?.docker_compose_apps?.web?.uri ?? '';

  test('has all of what we publish', async () => {
    expect(await lint(factory.destination)).toEqual([]);
  });

  test('without the manifest', async () => {
    expect(await lint(createMemoryRegistry())).toEqual(['lint.manifest-missing amd-lmp-8']);
  });

  test('without a blob', async () => {
    const { destination } = factory;
    const blind: Registry = { ...wrap(destination), hasBlob: async () => false };
    const found = await lint(blind);
    expect(new Set(found)).toEqual(new Set(['lint.blob-missing amd-lmp-8']));
    expect(found.length).toBeGreaterThanOrEqual(3);
  });

  test('with other bytes than the digest says', async () => {
    const reference = parseReference(await uri());
    const broken: Registry = {
      ...wrap(factory.destination),
      getManifest: async () => {
        const { RebundleError } = await import('../../src/errors.ts');
        throw new RebundleError('REGISTRY_DIGEST_MISMATCH', `other bytes in ${repositoryOf(reference).repository}`);
      },
    };
    expect(await lint(broken)).toEqual(['lint.manifest-digest amd-lmp-8']);
  });

  test('with an archive that is none', async () => {
    const broken: Registry = {
      ...wrap(factory.destination),
      async *getBlob() {
        yield Buffer.from('no archive');
      },
    };
    expect(await lint(broken)).toEqual(['lint.bundle-broken amd-lmp-8']);
  });

  test('without the images, or without those for the hardware', async () => {
    const file = await load();
    const context = { ...factory.context(), imageRegistry: () => createMemoryRegistry() };
    const missing = await lintReachable(file, context, () => [factory.destination]);
    expect(missing.map(({ code, target }) => `${code} ${target}`)).toEqual(['lint.image-missing amd-lmp-8']);
    const text = (await factory.targetsText()).replaceAll('"arm64"', '"riscv64"');
    const other = parseTargetsFile(Buffer.from(text), 'targets.json');
    const uncovered = await lintReachable(other, factory.context(), () => [factory.destination]);
    expect(uncovered.map(({ code, target }) => `${code} ${target}`)).toEqual(['lint.image-platform arm-lmp-8']);
  });
});

function wrap(registry: Registry): Registry {
  return {
    headManifest: (...args) => registry.headManifest(...args),
    getManifest: (...args) => registry.getManifest(...args),
    putManifest: (...args) => registry.putManifest(...args),
    hasBlob: (...args) => registry.hasBlob(...args),
    getBlob: (...args) => registry.getBlob(...args),
    putBlob: (...args) => registry.putBlob(...args),
  };
}

describe('a manifest', () => {
  const layer = { digest: `sha256:${'a'.repeat(64)}`, size: 5 };
  const manifest = { annotations: { 'compose-app': 'v1' }, config: {}, layers: [layer] };
  const codes = (value: unknown): string[] =>
    judgeManifest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))).problems.map(
      ({ code }) => code,
    );

  test.each<readonly [string, unknown, readonly string[]]>([
    ['as devices take it', manifest, []],
    ['of 2,049 bytes', { ...manifest, x: 'x'.repeat(2049) }, ['lint.manifest-size']],
    ['of 16,385 bytes', { ...manifest, x: 'x'.repeat(16_385) }, ['lint.manifest-form']],
    ['without its annotation', { ...manifest, annotations: {} }, ['lint.manifest-form']],
    ['with a layer of size 0', { ...manifest, layers: [{ ...layer, size: 0 }] }, ['lint.manifest-form']],
    ['without layers', { ...manifest, layers: [] }, ['lint.manifest-form']],
    ['that is no JSON', '{', ['lint.manifest-form']],
    ['that is a list', '[]', ['lint.manifest-form']],
  ])('%s', (_, value, expected) => {
    expect(codes(value)).toEqual(expected);
  });
});
