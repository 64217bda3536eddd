import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MigrationPlan } from '../../src/model/plan.ts';
import type { MigrationOutcome } from '../../src/pipeline/run.ts';
import { formatPlan } from '../../src/pipeline/state.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { codesOf, imageOf, recordCalls, singleFile, statusesOf, TAG, TestFactory } from './factory.ts';

const APPS = ['alpha', 'beta', 'gamma'];
const isWrite = (call: string): boolean => call.startsWith('put');
let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.withApps(...APPS);
});
afterEach(() => factory.close());

const CONFIG_HEAD = `images: { tag: ${TAG} }\ntargets: { repo: tuf/targets.json, `;

type Options = Parameters<TestFactory['run']>[0];

/** Runs with the destination as a server; what is saved stands among the calls as `save STATE APPS`. */
async function runRemote(options: Options = {}, destination: Registry = factory.destination) {
  const { registry, calls } = recordCalls(destination);
  const noted = noteSaves(calls);
  const run = (): Promise<MigrationOutcome> =>
    factory.run({ ...options, context: { isRemote: true, destination: registry, ...options.context } });
  return { calls, outcome: await run().finally(noted) };
}

/** Until the function that is given back is called. */
function noteSaves(calls: string[]): () => void {
  const { push } = factory.saved;
  factory.saved.push = (...plans: MigrationPlan[]) => {
    for (const { state, apps } of plans) calls.push(`save ${state} ${apps.length}`);
    return push.apply(factory.saved, plans);
  };
  return () => {
    factory.saved.push = push;
  };
}

/** The images of gamma are answered for once this settles. */
function holdImage(until: Promise<void>): { imageRegistry: () => Registry } {
  const images: Registry = {
    ...recordCalls(factory.images).registry,
    headManifest: async (name, reference, options) => {
      if (name.repository === 'acme/gamma') await until;
      return factory.images.headManifest(name, reference, options);
    },
  };
  return { imageRegistry: () => images };
}

/** A destination that tells when the first blob has gone. */
function tellFirstBlob(): { destination: Registry; gone: Promise<void> } {
  let tell = (): void => {};
  const gone = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const { destination } = factory;
  const putBlob: Registry['putBlob'] = (...call) => destination.putBlob(...call).finally(tell);
  return { destination: { ...recordCalls(destination).registry, putBlob }, gone };
}

test('a first run sends blobs while other apps are planned, after a plan that says so, and names nothing before the plan is whole', async () => {
  const { destination, gone } = tellFirstBlob();
  const { calls, outcome } = await runRemote({ context: holdImage(gone) }, destination);
  expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated', gamma: 'migrated' });
  const steps = calls.filter((call) => isWrite(call) || call.startsWith('save'));
  expect(steps[0]).toBe('save started 0');
  expect(steps[1]).toMatch(/^putBlob acme\/(alpha|beta) /);
  const whole = steps.indexOf('save started 3');
  expect(steps.findIndex((call) => call.startsWith('putManifest'))).toBeGreaterThan(whole);
  expect(whole).toBeGreaterThan(1);
  expect(steps.at(-1)).toBe('save done 3');
  // Each blob goes once.
  const blobs = calls.filter((call) => call.startsWith('putBlob'));
  expect(new Set(blobs).size).toBe(blobs.length);
});

test('what comes of it is what comes of any run', async () => {
  const { destination, gone } = tellFirstBlob();
  const { outcome } = await runRemote({ context: holdImage(gone) }, destination);
  const targets = await factory.targetsText();
  const other = await TestFactory.withApps(...APPS);
  try {
    const usual = await other.run();
    expect(outcome.bytesSent).toBe(usual.bytesSent);
    expect(outcome.results).toEqual(usual.results);
    expect(savedText(factory)).toBe(savedText(other));
    expect(targets).toBe(await other.targetsText());
  } finally {
    await other.close();
  }
});

function savedText({ saved }: TestFactory): string {
  const plan = saved.at(-1);
  return plan === undefined ? '' : [...formatPlan(plan)].join('');
}

test.each<[string, () => Promise<Options>]>([
  ['a run that may stop', async () => ({ maxFailures: 1 })],
  ['a run whose targets get a given version', async () => ({ config: `${CONFIG_HEAD}version: 9, tags: main }\n` })],
  ['a run with a plan', async () => ({ earlier: (await factory.plan()).plan })],
  ['a run to a folder', async () => ({ context: { isRemote: false } })],
])('%s sends nothing before its plan is whole', async (_name, prepare) => {
  const { calls } = await runRemote(await prepare());
  const steps = calls.filter((call) => isWrite(call) || call.startsWith('save'));
  expect(steps[0]).toBe('save started 3');
  expect(steps.filter(isWrite)).not.toEqual([]);
});

test('of an app with an error nothing is sent', async () => {
  await factory.write('repo/beta.dockerapp', singleFile('hub.example.com/acme/none:1'));
  const { calls, outcome } = await runRemote();
  expect(statusesOf(outcome)).toMatchObject({ alpha: 'held', beta: 'failed' });
  expect(calls.filter((call) => isWrite(call) && call.includes('acme/beta'))).toEqual([]);
});

test('of a bundle with a secret nothing is sent', async () => {
  const secret = `ghp_${'A1b2C3d4'.repeat(4)}Zz9Y`;
  await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), `      TOKEN: ${secret}\n`));
  const { calls, outcome } = await runRemote();
  expect(codesOf(outcome, 'beta')).toContain('SECRET_IN_BUNDLE');
  expect(calls.filter((call) => isWrite(call) && call.includes('acme/beta'))).toEqual([]);
});

test('where the plan fails no manifest is sent, and the next run sends no blob again', async () => {
  const { destination, gone } = tellFirstBlob();
  const context = { ...holdImage(gone), tufRepo: failingAfter(gone) };
  const failed = runRemote({ context, removeApps: ['delta'] }, destination);
  await expect(failed).rejects.toThrow('the targets are gone');
  // Nothing is said of what is not known yet.
  expect(factory.saved[0]?.diagnostics).toEqual([]);
  expect(factory.saved.map(({ state, apps }) => [state, apps.length])).toEqual([['started', 0]]);
  const later = { createdAt: '2026-03-05T00:00:00Z' };
  const again = await runRemote({ earlier: factory.saved[0]!, context: later });
  expect(statusesOf(again.outcome)).toEqual({ alpha: 'migrated', beta: 'migrated', gamma: 'migrated' });
  const { calls } = again;
  for (const blob of calls.filter((call) => call.startsWith('putBlob')))
    expect(calls.indexOf(blob.replace('putBlob', 'hasBlob'))).toBeLessThan(calls.indexOf(blob));
  const sent = calls.filter((call) => call.startsWith('putBlob'));
  expect(sent.length).toBeLessThan(calls.filter((call) => call.startsWith('hasBlob')).length);
  // It is the same run, to its clock; with other options it is another one.
  expect(factory.saved.at(-1)).toMatchObject({ state: 'done', createdAt: factory.saved[0]?.createdAt });
  const config = `${factory.config}publish: { tag: 'app-{tag}' }\n`;
  const other = await runRemote({ config, earlier: factory.saved[0]!, context: later });
  expect(other.outcome.plan.createdAt).toBe(later.createdAt);
});

/** Targets that can be read, and not again once the first blob has gone. */
function failingAfter(gone: Promise<void>) {
  let isGone = false;
  void gone.then(() => {
    isGone = true;
  });
  const { tufRepo } = factory;
  return new Proxy(tufRepo, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return (...call: unknown[]) => {
        if (isGone) throw new Error('the targets are gone');
        return member.apply(target, call);
      };
    },
  });
}

test('a plan that is only proposed stays so, whatever an earlier run began', async () => {
  const { destination, gone } = tellFirstBlob();
  const failed = runRemote({ context: { ...holdImage(gone), tufRepo: failingAfter(gone) } }, destination);
  await expect(failed).rejects.toThrow('the targets are gone');
  const { plan } = await factory.plan({ earlier: factory.saved[0]! });
  expect([plan.state, plan.apps.length]).toEqual(['proposed', 3]);
});

test('what could not be sent ahead is sent with its app', async () => {
  let failures = 0;
  const { destination, gone } = tellFirstBlob();
  const putBlob: Registry['putBlob'] = async (...call) => {
    if (failures++ === 0) {
      await destination.putBlob(...call).catch(() => {});
      throw new Error('lost on its way');
    }
    return destination.putBlob(...call);
  };
  const { outcome } = await runRemote({ context: holdImage(gone) }, { ...destination, putBlob });
  expect(failures).toBeGreaterThan(1);
  expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated', gamma: 'migrated' });
  for (const app of APPS) expect(codesOf(outcome, app)).toEqual([]);
});

test('a registry that takes nothing is not asked for each app twice', async () => {
  const putBlob: Registry['putBlob'] = async () => {
    throw new Error('no room');
  };
  const destination = { ...recordCalls(factory.destination).registry, putBlob };
  const config = `${factory.config}publish: { concurrency: 1 }\n`;
  const { calls, outcome } = await runRemote({ config }, destination);
  expect(statusesOf(outcome)).toEqual({ alpha: 'failed', beta: 'failed', gamma: 'failed' });
  const tried = (app: string): number => calls.filter((call) => call.startsWith(`putBlob acme/${app} `)).length;
  const [once, ...again] = APPS.map(tried).sort((a, b) => a - b);
  expect(again).toEqual([once, (once ?? 0) * 2]);
});

test('a run that is cancelled meanwhile ends', async () => {
  const abort = new AbortController();
  const { destination, gone } = tellFirstBlob();
  void gone.then(() => abort.abort());
  const cancelled = runRemote({ context: { ...holdImage(gone), signal: abort.signal } }, destination);
  await expect(cancelled).rejects.toThrow();
  expect(factory.saved.map(({ state, apps }) => [state, apps.length])).toEqual([['started', 0]]);
});
