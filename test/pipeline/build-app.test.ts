import { afterEach, beforeEach, expect, test } from 'vitest';
import { RebundleError } from '../../src/errors.ts';
import { createLimit } from '../../src/lib/limit.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { codesOf, statusesOf, TestFactory } from './factory.ts';

let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.withApps('alpha', 'beta', 'gamma');
});
afterEach(() => factory.close());

/** The destination with another way of looking for a manifest. */
function withLook(look: (repository: string) => Promise<void>): Registry {
  const { destination } = factory;
  return {
    headManifest: async (name, ...rest) => {
      await look(name.repository);
      return destination.headManifest(name, ...rest);
    },
    getManifest: (...call) => destination.getManifest(...call),
    putManifest: (...call) => destination.putManifest(...call),
    hasBlob: (...call) => destination.hasBlob(...call),
    getBlob: (...call) => destination.getBlob(...call),
    putBlob: (...call) => destination.putBlob(...call),
  };
}

test('while the registry is asked for one app, the next ones are converted', async () => {
  const asked = new Set<string>();
  let open = (): void => {};
  const allAsked = new Promise<void>((resolve) => {
    open = resolve;
  });
  const destination = withLook(async (repository) => {
    asked.add(repository);
    if (asked.size === 3) open();
    await allAsked;
  });
  const outcome = await factory.run({ context: { destination, limit: createLimit(1) } });
  expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated', gamma: 'migrated' });
});

const denied = (repository: string): Promise<void> =>
  repository === 'acme/alpha' ? Promise.reject(new RebundleError('REGISTRY_DENIED', 'not yours')) : Promise.resolve();

test('a registry that refuses to tell fails its app only', async () => {
  const outcome = await factory.run({ allowPartial: true, context: { destination: withLook(denied) } });
  expect(statusesOf(outcome)).toEqual({ alpha: 'failed', beta: 'migrated', gamma: 'migrated' });
  expect(codesOf(outcome, 'alpha')).toEqual(['REGISTRY_DENIED']);
  expect(outcome.results[0]?.reference).toBeUndefined();
});

test('--fail-fast waits for what the registry says', async () => {
  const context = { destination: withLook(denied), limit: createLimit(1) };
  const outcome = await factory.run({ maxFailures: 1, context });
  expect(statusesOf(outcome)).toEqual({ alpha: 'failed', beta: 'held', gamma: 'held' });
});
