import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { checkBundle } from '../../src/device/verify-bundle.ts';
import { finding } from '../../src/lib/finding.ts';
import { buildMigration } from '../../src/pipeline/build.ts';
import { publishBundles } from '../../src/pipeline/publish.ts';
import { createBlobSender } from '../../src/pipeline/send-blobs.ts';
import { codesOf, recordCalls, statusesOf, TestFactory } from './factory.ts';

vi.mock('../../src/device/verify-bundle.ts', { spy: true });

const APPS = ['alpha', 'beta', 'gamma'];
const isWrite = (call: string): boolean => call.startsWith('put');
let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.withApps(...APPS);
});
afterEach(async () => {
  await factory.close();
  vi.mocked(checkBundle).mockRestore();
});

test('a bundle that devices would not take is an error of its app, and nothing of it is sent', async () => {
  vi.mocked(checkBundle).mockImplementation(async ({ name }) =>
    name === 'beta' ? [finding('verify.compose-missing', 'the bundle has no docker-compose.yml')] : [],
  );
  const { registry: destination, calls } = recordCalls(factory.destination);
  const planned = await factory.plan({ allowPartial: true, context: { destination } });
  const run = await factory.run({ allowPartial: true, context: { destination } });
  for (const outcome of [planned, run]) {
    expect(statusesOf(outcome)).toMatchObject({ alpha: 'migrated', beta: 'failed' });
    expect(codesOf(outcome, 'beta')).toContain('verify.compose-missing');
  }
  expect(calls.filter((call) => isWrite(call) && call.includes('acme/beta'))).toEqual([]);
  expect(calls.filter((call) => isWrite(call) && call.includes('acme/alpha'))).not.toEqual([]);
});

test('a bundle that is there is read back and its blobs are looked for, without its bytes', async () => {
  await factory.run();
  const { apps } = await buildMigration(factory.request(), factory.context(), {});
  const closed = apps.map((app) => ({ ...app, open: () => Promise.reject(new Error('opened')) }));
  const { registry: destination, calls } = recordCalls(factory.destination);
  const outcome = await publishBundles(
    closed,
    { ...factory.context(), destination },
    { sendBlobs: createBlobSender(factory.context()), concurrency: 2, resumed: false },
  );
  expect(outcome).toEqual({ bytesSent: 0, findings: new Map() });
  const kinds = calls.map((call) => call.split(' ').slice(0, 2).join(' '));
  for (const app of APPS) {
    expect(kinds.filter((kind) => kind === `getManifest acme/${app}`)).toHaveLength(1);
    expect(kinds.filter((kind) => kind === `hasBlob acme/${app}`).length).toBeGreaterThanOrEqual(3);
  }
  expect(calls.filter(isWrite)).toEqual([]);
});

test('the converted tree of an app is handed over once it is published, with its bytes', async () => {
  const trees: [string, string[]][] = [];
  await factory.run({
    context: {
      saveTree: async ({ name, tree }) => void trees.push([name, tree.map(({ path }) => path)]),
    },
  });
  expect(trees.sort()).toEqual(APPS.map((app) => [app, ['docker-compose.yml']]));
});
