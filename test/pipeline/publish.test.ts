import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { once } from '../../src/lib/bytes.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { MEDIA_TYPES } from '../../src/model/oci.ts';
import { createLayoutRegistry } from '../../src/registry/layout.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import type { Registry } from '../../src/registry/registry.ts';
import type { TufRepo } from '../../src/tufrepo/tuf-repo.ts';
import { readBundle } from './bundle-content.ts';
import { codesOf, ostreeTarget, planOf, recordCalls, singleFile, statusesOf, TestFactory } from './factory.ts';

let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.withApps('alpha', 'beta');
});
afterEach(async () => {
  await factory.close();
});

const nameOf = (app: string) => ({ registry: 'hub.example.com', repository: `acme/${app}` });
const callsOf = (calls: readonly string[], app: string): string[] =>
  calls.filter((call) => call.includes(` acme/${app} `)).map((call) => call.split(' ')[0]!);

/** A registry with single methods replaced. */
function replaced(registry: Registry, methods: Partial<Registry>): Registry {
  return { ...recordCalls(registry).registry, ...methods };
}

describe('the order of calls', () => {
  test('look first, blobs before the manifest, the manifest once, then read it back', async () => {
    const { registry, calls } = recordCalls(factory.destination);
    factory.destination = registry;
    await factory.plan();
    calls.length = 0;
    await factory.run();
    const ours = callsOf(calls, 'alpha');
    const isWrite = (call: string): boolean => call.startsWith('put');
    expect(ours.findIndex(isWrite)).toBeGreaterThan(ours.indexOf('headManifest'));
    expect(ours.filter((call) => call === 'putManifest')).toHaveLength(1);
    expect(ours.filter((call) => call === 'putBlob').length).toBeGreaterThan(0);
    expect(ours.lastIndexOf('putBlob')).toBeLessThan(ours.indexOf('putManifest'));
    expect(ours.indexOf('getManifest', ours.indexOf('putManifest'))).toBeGreaterThan(0);
    // The answer about the manifest is enough for small blobs.
    expect(ours).not.toContain('hasBlob');
  });

  test('what one repository has by now another one takes over, where the registry does that', async () => {
    const mounted: string[] = [];
    const inner = factory.destination;
    const { registry, calls } = recordCalls(inner);
    factory.destination = {
      ...registry,
      mountBlob: async (name, descriptor, from) => {
        mounted.push(`${from} -> ${name.repository} ${descriptor.size}`);
        await inner.putBlob(name, descriptor, () => once(Buffer.from('{}')));
        return true;
      },
    };
    await factory.run();
    expect(mounted).toEqual(['acme/alpha -> acme/beta 2']);
    const sent = (app: string): number => callsOf(calls, app).filter((call) => call === 'putBlob').length;
    expect(sent('beta')).toBe(sent('alpha') - 1);
  });

  test('without that it is sent again', async () => {
    const { registry, calls } = recordCalls(factory.destination);
    factory.destination = { ...registry, mountBlob: async () => false };
    await factory.run();
    const sent = (app: string): number => callsOf(calls, app).filter((call) => call === 'putBlob').length;
    expect(sent('beta')).toBe(sent('alpha'));
  });

  test('the tag is app- and 12 digits of the manifest digest', async () => {
    const { registry, calls } = recordCalls(factory.destination);
    factory.destination = registry;
    const outcome = await factory.run();
    const digits = planOf(outcome, 'alpha').manifest!.digest.slice('sha256:'.length, 'sha256:'.length + 12);
    expect(calls).toContain(`putManifest acme/alpha app-${digits}`);
  });
});

describe('what is there already (invariant 3)', () => {
  test('a second run sends nothing', async () => {
    await factory.run();
    const { registry, calls } = recordCalls(factory.destination);
    factory.destination = registry;
    const second = await factory.run();
    expect(second.bytesSent).toBe(0);
    expect(calls.filter((call) => call.startsWith('put'))).toEqual([]);
  });

  test('a bundle that a new target names again is read back, and not sent', async () => {
    await factory.run();
    await factory.write('repo/beta.dockerapp', singleFile('hub.example.com/acme/beta', '', 'port: 81'));
    const { registry, calls } = recordCalls(factory.destination);
    factory.destination = registry;
    await factory.run();
    expect(callsOf(calls, 'alpha')).toContain('getManifest');
    expect(callsOf(calls, 'alpha').filter((call) => call.startsWith('put'))).toEqual([]);
    expect(callsOf(calls, 'beta')).toContain('putManifest');
  });

  test('a run that goes on looks for each blob: one that is there is not sent, the rest is', async () => {
    const { plan } = await factory.plan();
    const empty = Buffer.from('{}');
    const config = { mediaType: MEDIA_TYPES.ociEmpty, digest: digestOf(empty), size: 2 };
    await factory.destination.putBlob(nameOf('alpha'), config, () => once(empty));
    const { registry, calls } = recordCalls(factory.destination);
    factory.destination = registry;
    const outcome = await factory.run({ earlier: { ...plan, state: 'started' } });
    const sent = calls.filter((call) => call.startsWith('putBlob acme/alpha'));
    expect(sent.length).toBeGreaterThan(1);
    expect(sent.join()).not.toContain(config.digest);
    const events = factory.events.flatMap((event) =>
      event.type === 'blob:sent' && event.app === 'alpha' ? [event] : [],
    );
    expect(events.map(({ digest, sent: isSent }) => [digest === config.digest, isSent])).toContainEqual([true, false]);
    expect(outcome.bytesSent).toBeGreaterThan(0);
  });

  test('a manifest without its tag gets it', async () => {
    const first = await factory.run();
    const { manifest } = planOf(first, 'alpha');
    const lost = createMemoryRegistry();
    const old = factory.destination;
    const { bytes } = (await old.getManifest(nameOf('alpha'), manifest!.digest))!;
    const document = JSON.parse(bytes.toString());
    const { annotations } = document.layers[0];
    const index = {
      digest: annotations['org.foundries.app.bundle.index.digest'],
      size: Number(annotations['org.foundries.app.bundle.index.size']),
      mediaType: MEDIA_TYPES.bundle,
    };
    for (const blob of [document.config, ...document.layers, index]) {
      await lost.putBlob(nameOf('alpha'), blob, () => old.getBlob(nameOf('alpha'), blob));
    }
    await lost.putManifest(nameOf('alpha'), { bytes, mediaType: manifest!.mediaType });
    factory.destination = lost;
    await factory.run();
    const tag = `app-${manifest!.digest.slice(7, 19)}`;
    expect((await lost.headManifest(nameOf('alpha'), tag))?.digest).toBe(manifest!.digest);
  });
});

test('a layout folder gets what a registry in memory gets', async () => {
  const inMemory = await factory.run();
  const layout = createLayoutRegistry(join(factory.root, 'layout'));
  await factory.writeTargets({ 'amd-lmp-7': ostreeTarget('amd', 7) });
  factory.destination = layout;
  const onDisk = await factory.run();
  for (const app of ['alpha', 'beta']) {
    expect(planOf(onDisk, app).reference).toBe(planOf(inMemory, app).reference);
    expect(await readBundle(layout, planOf(onDisk, app))).toEqual(
      new Map([['docker-compose.yml', expect.any(String)]]),
    );
  }
  const again = await factory.run();
  expect([statusesOf(again), again.bytesSent]).toEqual([{ alpha: 'unchanged', beta: 'unchanged' }, 0]);
});

describe('reading back (invariant 4)', () => {
  test.each<[string, Partial<Registry>]>([
    [
      'serves other bytes',
      {
        getManifest: async (name, reference) => {
          const found = await factory.destination.getManifest(name, reference);
          if (found === undefined || name.repository !== 'acme/alpha') return found;
          const bytes = Buffer.from(found.bytes.toString().replace('"v1"', '"v2"'));
          return { bytes, descriptor: { ...found.descriptor, digest: digestOf(bytes), size: bytes.byteLength } };
        },
      },
    ],
    [
      'says that it is not there',
      {
        getManifest: async (name, reference) =>
          name.repository === 'acme/alpha' ? undefined : factory.destination.getManifest(name, reference),
      },
    ],
    [
      'serves it as another type',
      {
        getManifest: async (name, reference) => {
          const found = await factory.destination.getManifest(name, reference);
          if (found === undefined || name.repository !== 'acme/alpha') return found;
          return { ...found, descriptor: { ...found.descriptor, mediaType: MEDIA_TYPES.dockerManifest } };
        },
      },
    ],
  ])('a registry that %s: the app fails and no target names it', async (_what, methods) => {
    const before = await factory.targetsText();
    const destination = replaced(factory.destination, methods);
    const outcome = await factory.run({ context: { destination } });
    expect(statusesOf(outcome)).toEqual({ alpha: 'failed', beta: 'held' });
    expect(codesOf(outcome, 'alpha')).toContain('REGISTRY_DIGEST_MISMATCH');
    expect(await factory.targetsText()).toBe(before);
  });

  test('what an earlier run published is read back again before a target names it', async () => {
    const { tufRepo } = factory;
    const failing: TufRepo = {
      location: 'targets.json',
      readTargets: () => tufRepo.readTargets(),
      writeTargets: () => Promise.reject(new Error('no space')),
      getTarget: (name) => tufRepo.getTarget(name),
      putTarget: (name, bytes) => tufRepo.putTarget(name, bytes),
    };
    await expect(factory.run({ context: { tufRepo: failing } })).rejects.toThrow('no space');
    const destination = replaced(factory.destination, { getManifest: async () => undefined });
    const outcome = await factory.run({ context: { destination } });
    expect(statusesOf(outcome)).toEqual({ alpha: 'failed', beta: 'failed' });
  });
});

describe('a failing registry', () => {
  test('a blob that cannot be sent leaves no manifest, and the other apps go on', async () => {
    const under = factory.destination;
    const destination = replaced(under, {
      putBlob: async (name, descriptor, open, options) => {
        if (name.repository === 'acme/alpha') throw new Error('connection reset');
        return under.putBlob(name, descriptor, open, options);
      },
    });
    const outcome = await factory.run({ context: { destination } });
    const [alpha, beta] = [planOf(outcome, 'alpha'), planOf(outcome, 'beta')];
    expect(await under.headManifest(nameOf('alpha'), alpha.manifest!.digest)).toBeUndefined();
    expect(await under.headManifest(nameOf('beta'), beta.manifest!.digest)).toEqual(beta.manifest);
    expect(statusesOf(outcome)).toEqual({ alpha: 'failed', beta: 'held' });
    expect(outcome.results[0]?.diagnostics.at(-1)).toMatchObject({ severity: 'error', message: 'connection reset' });
    expect(beta.reason).toBe('waits for alpha');
    expect(factory.saved.at(-1)?.state).toBe('started');
  });

  test('the next run sends only what is missing, and writes the targets with the clock of the first', async () => {
    const under = factory.destination;
    const destination = replaced(under, { putManifest: () => Promise.reject(new Error('gateway timeout')) });
    const failed = await factory.run({ context: { destination } });
    expect(statusesOf(failed)).toEqual({ alpha: 'failed', beta: 'failed' });
    const { registry, calls } = recordCalls(under);
    const next = await factory.run({
      context: { destination: registry, createdAt: '2027-01-01T00:00:00Z' },
      earlier: factory.saved.at(-1)!,
    });
    expect(calls.filter((call) => call.startsWith('putBlob'))).toEqual([]);
    expect(statusesOf(next)).toEqual({ alpha: 'migrated', beta: 'migrated' });
    const target = (await factory.readTargets())['amd-lmp-8'];
    expect(target?.custom?.createdAt).toBe('2026-03-04T05:06:07Z');
  });
});

describe('publish.tag app-{tag}', () => {
  const CONFIG =
    'images: { tag: 4f2c9ab }\ntargets: { repo: tuf/targets.json, tags: main }\npublish: { tag: "app-{tag}" }\n';

  test('needs a release tag', async () => {
    factory.config = CONFIG.replace('images: { tag: 4f2c9ab }\n', '');
    await factory.write('repo/alpha.dockerapp', singleFile('quay.io/acme/free:v1'));
    const { results } = await factory.run();
    expect(results.find(({ app }) => app === 'alpha')?.diagnostics.map(({ code }) => code)).toContain(
      'IMAGE_TAG_UNKNOWN',
    );
  });

  test('the tag is that of the release; a second run changes nothing', async () => {
    factory.config = CONFIG;
    const first = await factory.run();
    const found = await factory.destination.headManifest(nameOf('alpha'), 'app-4f2c9ab');
    expect(found).toEqual(planOf(first, 'alpha').manifest);
    const second = await factory.run();
    expect([statusesOf(second), second.bytesSent]).toEqual([{ alpha: 'unchanged', beta: 'unchanged' }, 0]);
  });

  test('a tag that names another bundle stays; ours gets its digits too, and a second run changes nothing', async () => {
    const other = await factory.run();
    const bytes = (await factory.destination.getManifest(nameOf('alpha'), planOf(other, 'alpha').manifest!.digest))!
      .bytes;
    await factory.destination.putManifest(nameOf('alpha'), {
      bytes,
      mediaType: MEDIA_TYPES.ociManifest,
      tag: 'app-4f2c9ab',
    });
    await factory.write('repo/alpha.dockerapp', singleFile('hub.example.com/acme/alpha', '', 'port: 81'));
    factory.config = CONFIG;
    const first = await factory.run();
    expect(first.results.find(({ app }) => app === 'alpha')?.diagnostics.map(({ code }) => code)).toContain(
      'publish.tag-taken',
    );
    const ours = planOf(first, 'alpha').manifest!;
    expect(ours.digest).not.toBe(planOf(other, 'alpha').manifest!.digest);
    expect((await factory.destination.headManifest(nameOf('alpha'), 'app-4f2c9ab'))?.digest).toBe(
      planOf(other, 'alpha').manifest!.digest,
    );
    expect(
      (await factory.destination.headManifest(nameOf('alpha'), `app-4f2c9ab-${ours.digest.slice(7, 19)}`))?.digest,
    ).toBe(ours.digest);
    const { registry, calls } = recordCalls(factory.destination);
    factory.destination = registry;
    const second = await factory.run();
    expect([statusesOf(second), second.bytesSent]).toEqual([{ alpha: 'unchanged', beta: 'unchanged' }, 0]);
    expect(calls.filter((call) => call.startsWith('put'))).toEqual([]);
  });
});
