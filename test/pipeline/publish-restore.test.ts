import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { once } from '../../src/lib/bytes.ts';
import { digestOf } from '../../src/lib/digest.ts';
import type { Digest } from '../../src/model/oci.ts';
import type { MigrationOutcome } from '../../src/pipeline/run.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { codesOf, planOf, recordCalls, singleFile, statusesOf, TestFactory } from './factory.ts';

let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.withApps('alpha', 'beta');
});
afterEach(async () => {
  await factory.close();
});

const nameOf = (app: string) => ({ registry: 'hub.example.com', repository: `acme/${app}` });
const writesOf = (calls: readonly string[]): string[] => calls.filter((call) => call.startsWith('put'));
/** A new target is due, which names alpha as it was published before. */
const changeBeta = () => factory.write('repo/beta.dockerapp', singleFile('hub.example.com/acme/beta', '', 'port: 81'));

/** The blobs of a published bundle: what its manifest lists, and the file index. */
async function blobsOf(outcome: MigrationOutcome, app: string): Promise<{ listed: Digest[]; index: Digest }> {
  const found = await factory.destination.getManifest(nameOf(app), planOf(outcome, app).manifest!.digest);
  const { config, layers } = JSON.parse(found!.bytes.toString());
  const index = layers[0].annotations['org.foundries.app.bundle.index.digest'];
  return { listed: [config, ...layers].map(({ digest }) => digest), index };
}

/** A registry that lost blobs of alpha; what is put there is there again. */
function withLost(registry: Registry, lost: readonly Digest[]): Registry {
  const gone = new Set<string>(lost);
  return {
    ...recordCalls(registry).registry,
    hasBlob: async (name, digest, options) =>
      !(name.repository === 'acme/alpha' && gone.has(digest)) && registry.hasBlob(name, digest, options),
    putBlob: async (name, descriptor, open, options) => {
      await registry.putBlob(name, descriptor, open, options);
      if (name.repository === 'acme/alpha') gone.delete(descriptor.digest);
    },
  };
}

describe('a published bundle that a new target names', () => {
  test('gets back what a clean-up of the registry took: the file index, or any other blob', async () => {
    const first = await factory.run();
    const { listed, index } = await blobsOf(first, 'alpha');
    for (const lost of [index, ...listed]) {
      await factory.write(
        'repo/beta.dockerapp',
        singleFile('hub.example.com/acme/beta', '', `port: 9${lost.slice(-3)}`),
      );
      const { registry, calls } = recordCalls(withLost(factory.destination, [lost]));
      const outcome = await factory.run({ context: { destination: registry } });
      const ours = writesOf(calls).filter((call) => call.includes(' acme/alpha '));
      expect(ours).toEqual([`putBlob acme/alpha ${lost}`]);
      expect(codesOf(outcome, 'alpha')).toContain('publish.restored');
      expect(statusesOf(outcome).alpha).not.toBe('failed');
    }
  });

  test('has each blob looked for once, and nothing sent, where all is there', async () => {
    const first = await factory.run();
    const { listed, index } = await blobsOf(first, 'alpha');
    await changeBeta();
    const { registry, calls } = recordCalls(factory.destination);
    const outcome = await factory.run({ context: { destination: registry } });
    const ours = calls.filter((call) => call.includes(' acme/alpha ')).map((call) => call.split(' ')[0]);
    expect(ours.filter((call) => call === 'hasBlob')).toHaveLength(new Set([...listed, index]).size);
    // One for the pins, one before the target names it.
    expect(ours.filter((call) => call === 'getManifest')).toHaveLength(2);
    expect(ours.filter((call) => call?.startsWith('put'))).toEqual([]);
    expect(codesOf(outcome, 'alpha')).not.toContain('publish.restored');
  });

  test('is published again where only its HEAD says that it is there', async () => {
    const planned = await factory.plan();
    const { manifest } = planOf(planned, 'alpha');
    const under = factory.destination;
    const lying: Registry = {
      ...recordCalls(under).registry,
      headManifest: async (name, reference, options) =>
        name.repository === 'acme/alpha' ? manifest! : under.headManifest(name, reference, options),
    };
    const outcome = await factory.run({ context: { destination: lying } });
    expect(await under.headManifest(nameOf('alpha'), manifest!.digest)).toEqual(manifest);
    expect(Object.keys(await factory.readTargets())).toContain('amd-lmp-8');
    expect(statusesOf(outcome).alpha).not.toBe('failed');
    const { listed, index } = await blobsOf(outcome, 'alpha');
    for (const digest of [...listed, index]) expect(await under.hasBlob(nameOf('alpha'), digest)).toBe(true);
  });

  test('fails where the registry cannot serve it even after that, and no target names it', async () => {
    const before = await factory.targetsText();
    const { manifest } = planOf(await factory.plan(), 'alpha');
    const under = factory.destination;
    const lying: Registry = {
      ...recordCalls(under).registry,
      headManifest: async (name, reference, options) =>
        name.repository === 'acme/alpha' ? manifest! : under.headManifest(name, reference, options),
      getManifest: async (name, reference, options) =>
        name.repository === 'acme/alpha' ? undefined : under.getManifest(name, reference, options),
    };
    const outcome = await factory.run({ context: { destination: lying } });
    expect(statusesOf(outcome).alpha).toBe('failed');
    expect(codesOf(outcome, 'alpha')).toContain('REGISTRY_DIGEST_MISMATCH');
    expect(await factory.targetsText()).toBe(before);
  });
});

describe('a tag whose HEAD names another digest', () => {
  test('is not taken for that: the manifest decides, and the bundle is unchanged', async () => {
    await factory.run();
    const under = factory.destination;
    const { registry, calls } = recordCalls({
      ...recordCalls(under).registry,
      headManifest: async (name, reference, options) => {
        const found = await under.headManifest(name, reference, options);
        return found === undefined ? undefined : { ...found, digest: digestOf('another') };
      },
    });
    const outcome = await factory.run({ context: { destination: registry } });
    expect(statusesOf(outcome)).toEqual({ alpha: 'unchanged', beta: 'unchanged' });
    expect(codesOf(outcome, 'alpha')).not.toContain('publish.tag-taken');
    expect(writesOf(calls)).toEqual([]);
  });

  test('and that holds nothing is free', async () => {
    const under = factory.destination;
    const bytes = Buffer.from('{}');
    await under.putBlob(nameOf('alpha'), { mediaType: 'a/b', digest: digestOf(bytes), size: 2 }, () => once(bytes));
    const lying: Registry = {
      ...recordCalls(under).registry,
      headManifest: async (name, reference, options) =>
        name.repository === 'acme/alpha' && reference.startsWith('app-')
          ? { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digestOf('another'), size: 7 }
          : under.headManifest(name, reference, options),
    };
    const outcome = await factory.run({ context: { destination: lying } });
    const { digest } = planOf(outcome, 'alpha').manifest!;
    expect((await under.headManifest(nameOf('alpha'), `app-${digest.slice(7, 19)}`))?.digest).toBe(digest);
    expect(codesOf(outcome, 'alpha')).not.toContain('publish.tag-taken');
  });
});
