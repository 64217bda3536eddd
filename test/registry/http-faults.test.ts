import { afterEach, expect, test } from 'vitest';
import { digestOf } from '../../src/lib/digest.ts';
import { MEDIA_TYPES } from '../../src/model/oci.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { type Fault, type FaultRule, type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { createQuickTimers, openHttpRegistry } from '../support/http-registry.ts';
import { collect, describeBytes, inChunks, manifestBytes } from './contract.ts';

const APPS = 200;
const CONFIG = Buffer.from('{}');

let closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers) await close();
  closers = [];
});

/** Look, blobs, manifest, read back: as an app is published. */
async function publish(registry: Registry, number: number): Promise<string> {
  const name = { registry: 'hub.example.com', repository: `factory/app-${number}` };
  // Every tenth is sent in chunks.
  const archive = Buffer.alloc(number % 10 === 0 ? 60_000 : 2_000, `archive ${number}, `);
  const blobs = [CONFIG, Buffer.from(`index ${number}`), archive];
  const [config, ...layers] = blobs.map((bytes) => describeBytes(bytes));
  const bytes = manifestBytes({ config, layers });
  const digest = digestOf(bytes);
  if ((await registry.headManifest(name, 'app'))?.digest !== digest) {
    await Promise.all(blobs.map((blob) => registry.putBlob(name, describeBytes(blob), () => inChunks(blob))));
    await registry.putManifest(name, { bytes, mediaType: MEDIA_TYPES.ociManifest, tag: 'app' });
  }
  const found = await registry.getManifest(name, digest);
  expect(found?.bytes.equals(bytes)).toBe(true);
  expect((await collect(registry.getBlob(name, describeBytes(archive)))).equals(archive)).toBe(true);
  return digest;
}

async function publishAll(server: HostileServer): Promise<string[]> {
  const timers = createQuickTimers();
  const parts = openHttpRegistry(server.host, { timers, chunkAbove: 50_000, chunkBytes: 20_000 });
  closers.push(() => parts.transport.close());
  const digests: string[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < APPS) {
      const number = next;
      next += 1;
      digests[number] = await publish(parts.registry, number);
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  return digests;
}

const stored = (server: HostileServer) => ({
  tags: [...server.tags].map(([name, tags]) => [name, ...tags].flat()).sort(),
  manifests: [...server.manifests].map(([name, each]) => [name, ...[...each.keys()].sort()]).sort(),
});

const FAULTS: readonly Fault[] = [
  { do: 'reset' },
  { do: 'reset', done: true },
  { do: 'cut' },
  { do: 'answer', status: 500 },
  { do: 'answer', status: 503, headers: { 'retry-after': '0' } },
  { do: 'answer', status: 429, headers: { 'retry-after': '0' } },
  { do: 'headers', headers: { 'docker-content-digest': digestOf('another') } },
];

/** Trouble with one request in twenty; which ones and how follows from the seed and the request, not from the order of time. */
function createTrouble(seed: number): { readonly rule: FaultRule; readonly count: () => number } {
  const tries = new Map<string, number>();
  let count = 0;
  return {
    rule: ({ method, path }) => {
      const key = `${method} ${path.replace(/uploads\/\d+/, 'uploads/N')}`;
      const number = (tries.get(key) ?? 0) + 1;
      tries.set(key, number);
      const dice = Number.parseInt(digestOf(`${seed} ${key} ${number}`).slice(-8), 16);
      if (dice % 20 !== 0) return undefined;
      count += 1;
      return FAULTS[Math.floor(dice / 20) % FAULTS.length];
    },
    count: () => count,
  };
}

test.each([1, 2, 3])(
  'one request in twenty fails (seed %i): every app is published, with the same digests',
  async (seed) => {
    const calm = await startHostileServer();
    closers.push(() => calm.close());
    const expected = await publishAll(calm);

    const trouble = createTrouble(seed);
    const server = await startHostileServer(trouble.rule);
    closers.push(() => server.close());
    expect(await publishAll(server)).toEqual(expected);
    expect(stored(server)).toEqual(stored(calm));
    expect(trouble.count()).toBeGreaterThan(50);
  },
);
