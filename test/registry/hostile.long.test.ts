import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseReference, repositoryOf } from '../../src/lib/reference.ts';
import { copyReference } from '../../src/pipeline/copy.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import { HOST, TAG, TestFactory } from '../pipeline/factory.ts';
import { type Fault, type FaultRule, startHostileServer } from '../support/hostile-server.ts';
import { createWarpTimers, openHttpRegistry } from '../support/http-registry.ts';

const APPS = 200;
const SHARE = 0.05;

const FAULTS: readonly Fault[] = [
  { do: 'reset' },
  { do: 'reset', done: true },
  { do: 'answer', status: 500 },
  { do: 'answer', status: 503, headers: { 'retry-after': '1' } },
  { do: 'answer', status: 429, headers: { 'retry-after': '2' } },
  { do: 'answer', status: 429 },
  { do: 'cut' },
  { do: 'headers', headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` } },
];

/** One in twenty requests goes wrong; which ones and how follows from the seed and the request, not from the order. */
function randomFaults(seed: number): FaultRule {
  const tries = new Map<string, number>();
  return ({ method, path }) => {
    // Session numbers come in the order of time.
    const key = `${method} ${path.replace(/uploads\/[0-9]+/, 'uploads/N')}`;
    const number = (tries.get(key) ?? 0) + 1;
    tries.set(key, number);
    const hash = createHash('sha256').update(`${seed} ${key} ${number}`).digest();
    if (hash.readUInt32BE(0) / 2 ** 32 >= SHARE) return undefined;
    return FAULTS[hash.readUInt32BE(4) % FAULTS.length];
  };
}

test.each([1, 2, 3])(
  'seed %i: with random faults in every twentieth request all 200 apps are published, digests equal to a run without',
  async (seed) => {
    const names = Array.from({ length: APPS }, (_, i) => `app-${String(i).padStart(3, '0')}`);
    const factory = await TestFactory.withApps(...names);
    const [images, bundles] = [await startHostileServer(), await startHostileServer()];
    const timers = createWarpTimers();
    const from = openHttpRegistry(images.host, { timers, access: 'pull' });
    const to = openHttpRegistry(bundles.host, { timers });
    try {
      factory.destination = createMemoryRegistry();
      const quiet = await factory.plan();
      const wanted = quiet.plan.apps.map(({ reference }) => reference);
      const filling = openHttpRegistry(images.host);
      for (const name of names) {
        const source = parseReference(`${HOST}/acme/${name}:${TAG}`);
        const destination = repositoryOf(source);
        await copyReference({
          source,
          from: factory.images,
          destination,
          to: filling.registry,
          force: false,
          sameHost: false,
          emit: () => {},
          concurrency: 8,
        });
      }
      await filling.transport.close();
      images.requests.length = 0;
      images.fault = randomFaults(seed);
      bundles.fault = randomFaults(seed + 1_000);
      factory.destination = to.registry;
      const outcome = await factory.run({ context: { imageRegistry: () => from.registry } });
      const failed = outcome.results.filter(({ status }) => status === 'failed');
      const errors = failed.flatMap(({ diagnostics }) => diagnostics.filter(({ severity }) => severity === 'error'));
      expect(errors).toEqual([]);
      expect(new Set(outcome.results.map(({ status }) => status))).toEqual(new Set(['migrated']));
      expect(outcome.plan.apps.map(({ reference }) => reference)).toEqual(wanted);
      for (const text of wanted) {
        const { repository, digest } = parseReference(text ?? '');
        expect([...(bundles.tags.get(repository)?.values() ?? [])]).toEqual([digest]);
      }
      const retries = [...from.events, ...to.events].filter(({ type }) => type === 'request:retry').length;
      expect(retries).toBeGreaterThan(APPS * 0.2);
      // What was said twice was the same: no blob is stored under a wrong digest.
      for (const blobs of bundles.blobs.values()) {
        for (const [digest, bytes] of blobs) {
          expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(digest);
        }
      }
    } finally {
      await Promise.all([from.transport.close(), to.transport.close()]);
      await Promise.all([images.close(), bundles.close(), factory.close()]);
    }
  },
);
