import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RebundleError } from '../../src/errors.ts';
import type { MigrationPlan } from '../../src/model/plan.ts';
import { formatPlan, parsePlan, unpackRow } from '../../src/pipeline/state.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import {
  codesOf,
  HOST,
  imageOf,
  ostreeTarget,
  planOf,
  recordCalls,
  singleFile,
  statusesOf,
  TAG,
  TestFactory,
} from './factory.ts';
import { pushImage } from './images.ts';

let factory: TestFactory;
let plan: MigrationPlan;

beforeEach(async () => {
  factory = await TestFactory.withApps('alpha', 'beta');
  ({ plan } = await factory.plan());
});
afterEach(async () => {
  await factory.close();
});

describe('plan', () => {
  test('writes nothing and proposes what a run makes: digests, references, targets', async () => {
    const { registry, calls } = recordCalls(factory.destination);
    const before = await factory.targetsText();
    const planned = await factory.plan({ context: { destination: registry } });
    expect(calls.filter((call) => call.startsWith('put'))).toEqual([]);
    expect(await factory.targetsText()).toBe(before);
    expect([planned.plan.state, planned.plan.hasChanges, factory.saved]).toEqual(['proposed', true, []]);
    const ran = await factory.run();
    const rows = ({ plan: { apps } }: typeof ran): unknown[] =>
      apps.map(unpackRow).map(({ published: _, ...app }) => app);
    expect(rows(planned)).toEqual(rows(ran));
    expect(planned.plan.targets).toEqual(ran.plan.targets);
    expect(Buffer.from(planned.targets!).toString()).toBe(await factory.targetsText());
  });

  test('says that nothing is pending after a run', async () => {
    await factory.run();
    const { plan: next, targets } = await factory.plan();
    expect([next.hasChanges, targets]).toEqual([false, undefined]);
  });
});

describe('apply', () => {
  test('counts towards --max-failures what fails while publishing, not what the plan has failed already', async () => {
    await factory.addApp('gamma');
    await factory.write('repo/alpha.dockerapp', singleFile('quay.io/acme/none:v1'));
    const { plan: partly } = await factory.plan();
    const config = `${factory.config}publish: { concurrency: 1 }\n`;
    const done = await factory.apply(partly, { maxFailures: 1, config });
    expect(statusesOf(done)).toMatchObject({ alpha: 'failed' });
    expect(planOf(done, 'beta').published || done.bytesSent > 0).toBe(true);

    const inner = createMemoryRegistry();
    const destination: typeof inner = {
      ...recordCalls(inner).registry,
      putManifest: async (name) => Promise.reject(new RebundleError('REGISTRY_DENIED', name.repository)),
    };
    const stopped = await factory.apply(partly, { maxFailures: 1, config, context: { destination } });
    expect(statusesOf(stopped)).toEqual({ alpha: 'failed', beta: 'failed', gamma: 'held' });
    expect(planOf(stopped, 'gamma').reason).toContain('not tried');
  });

  test('refuses a plan that stopped before it had tried every app', async () => {
    await factory.write('repo/alpha.dockerapp', singleFile('quay.io/acme/none:v1'));
    const { plan: stopped } = await factory.plan({ maxFailures: 1 });
    await expect(factory.apply(stopped)).rejects.toMatchObject({
      code: 'PLAN_STALE',
      message: 'not as planned: beta was not tried by the plan',
    });
  });

  test('publishes what was planned, with the clock of the plan', async () => {
    const proposed = await factory.plan();
    const outcome = await factory.apply(plan, { context: { createdAt: '2030-01-01T00:00:00Z' } });
    expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated' });
    expect(await factory.targetsText()).toBe(Buffer.from(proposed.targets!).toString());
    for (const { app, manifest } of plan.apps.map(unpackRow)) {
      const name = { registry: HOST, repository: `acme/${app}` };
      expect(await factory.destination.headManifest(name, manifest!.digest)).toEqual(manifest);
    }
    expect(factory.saved.at(-1)).toMatchObject({ state: 'done', createdAt: plan.createdAt });
  });

  test('keeps the planned digest although the tag moved', async () => {
    await pushImage(factory.images, `${HOST}/acme/alpha:${TAG}`, { content: 'moved' });
    const outcome = await factory.apply(plan);
    expect(planOf(outcome, 'alpha').reference).toBe(planOf({ ...outcome, plan }, 'alpha').reference);
    expect(codesOf(outcome, 'alpha')).toEqual(['image.tag-moved']);
  });

  test('twice is done, not a conflict, and changes nothing', async () => {
    await factory.apply(plan);
    const before = await factory.targetsText();
    const again = await factory.apply(plan, { context: { createdAt: '2030-01-01T00:00:00Z' } });
    expect([statusesOf(again), again.bytesSent]).toEqual([{ alpha: 'unchanged', beta: 'unchanged' }, 0]);
    expect(await factory.targetsText()).toBe(before);
    const third = await factory.apply(factory.saved.at(-1)!);
    expect([statusesOf(third), await factory.targetsText()]).toEqual([
      { alpha: 'unchanged', beta: 'unchanged' },
      before,
    ]);
  });

  test('again, once other targets have become due, publishes none of them', async () => {
    await factory.apply(plan);
    await factory.writeTargets({ ...(await factory.readTargets()), 'amd-lmp-9': ostreeTarget('amd', 9) });
    expect((await factory.plan()).plan.targets.map(({ name }) => name)).toContain('amd-lmp-10');
    const before = await factory.targetsText();
    const again = await factory.apply(plan);
    expect([statusesOf(again), again.targets]).toEqual([{ alpha: 'unchanged', beta: 'unchanged' }, undefined]);
    expect(await factory.targetsText()).toBe(before);
  });

  test('after a run of the same is done, too', async () => {
    await factory.run();
    expect(statusesOf(await factory.apply(plan))).toEqual({ alpha: 'unchanged', beta: 'unchanged' });
  });

  test('goes on where it was stopped', async () => {
    const destination = {
      ...recordCalls(factory.destination).registry,
      putManifest: () => Promise.reject(new Error('down')),
    };
    expect(statusesOf(await factory.apply(plan, { context: { destination } }))).toEqual({
      alpha: 'failed',
      beta: 'failed',
    });
    const outcome = await factory.apply(factory.saved.at(-1)!);
    expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated' });
    expect(Object.keys(await factory.readTargets())).toContain('amd-lmp-8');
  });

  test('a removal and a selection that the plan was made for are those of apply', async () => {
    await factory.apply(plan);
    await factory.remove('repo/alpha.dockerapp');
    const removal = await factory.plan({ removeApps: ['alpha'] });
    await factory.apply(removal.plan);
    expect(Object.keys((await factory.readTargets())['amd-lmp-9']?.custom?.docker_apps ?? {})).toEqual(['beta']);
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), '', 'port: 81'));
    await factory.addApp('gamma');
    const selected = await factory.plan({ apps: ['beta'] });
    expect(statusesOf(await factory.apply(selected.plan))).toEqual({ beta: 'migrated', gamma: 'skipped' });
  });

  test('new targets of others that change nothing about ours are no hindrance', async () => {
    await factory.writeTargets({
      ...(await factory.readTargets()),
      'other-3': ostreeTarget('other', 3, { tags: ['devel'] }),
    });
    await factory.apply(plan);
    expect(Object.keys(await factory.readTargets())).toEqual(expect.arrayContaining(['other-3', 'amd-lmp-8']));
  });
});

describe('apply refuses', () => {
  const cases: [string, RegExp, () => Promise<void> | void][] = [
    [
      'a changed package',
      /alpha/,
      () => factory.write('repo/alpha.dockerapp', singleFile(imageOf('alpha'), '', 'port: 81')),
    ],
    [
      'a package that cannot be converted any more',
      /alpha.*PARAM_UNDEFINED/,
      () => factory.write('repo/alpha.dockerapp', singleFile(imageOf('alpha'), '    command: ${a.b.c}\n')),
    ],
    ['a package that is gone', /alpha is gone/, () => factory.remove('repo/alpha.dockerapp')],
    ['a new package', /gamma is new/, () => factory.addApp('gamma')],
    [
      'an image digest that is gone',
      /alpha.*IMAGE_UNRESOLVED/,
      async () => {
        const fewer = createMemoryRegistry();
        await pushImage(fewer, `${HOST}/acme/beta:${TAG}`);
        await pushImage(fewer, `${HOST}/acme/alpha:${TAG}`, { content: 'moved' });
        Object.assign(factory, { images: fewer });
      },
    ],
    [
      'other options',
      /options/,
      () => {
        factory.config += 'interpolation: single\n';
      },
    ],
    [
      'other parameter values',
      /options/,
      () => {
        factory.config += 'parameters: { set: { port: 99 } }\n';
      },
    ],
    [
      'a newer target of a hardware id',
      /version|target/,
      async () => factory.writeTargets({ ...(await factory.readTargets()), 'amd-lmp-9': ostreeTarget('amd', 9) }),
    ],
    [
      'a target of the planned version',
      /version/,
      async () =>
        factory.writeTargets({ ...(await factory.readTargets()), 'x-8': ostreeTarget('x', 8, { tags: ['devel'] }) }),
    ],
    [
      'a planned name that is taken',
      /amd-lmp-8/,
      async () =>
        factory.writeTargets({
          ...(await factory.readTargets()),
          'amd-lmp-8': ostreeTarget('amd', 3, { tags: ['devel'] }),
        }),
    ],
    [
      'changed apps of a parent',
      /amd-lmp-8/,
      () =>
        factory.writeTargets({
          'amd-lmp-7': ostreeTarget('amd', 7, { docker_apps: { other: { filename: 'other-1' } } }),
          'arm-lmp-7': ostreeTarget('arm', 7),
        }),
    ],
    [
      'a hardware id that is gone',
      /arm-lmp-8|fewer/,
      () => factory.writeTargets({ 'amd-lmp-7': ostreeTarget('amd', 7) }),
    ],
    ['targets without anything to build upon', /targets|tag main/, () => factory.writeTargets({})],
  ];

  test.each(cases)('%s, and writes nothing', async (_what, message, change) => {
    await change();
    const before = await factory.targetsText();
    const { registry, calls } = recordCalls(factory.destination);
    await expect(factory.apply(plan, { context: { destination: registry } })).rejects.toMatchObject({
      code: 'PLAN_STALE',
      message: expect.stringMatching(message),
      hint: expect.stringContaining('rebundle plan'),
    });
    expect(calls.filter((call) => call.startsWith('put'))).toEqual([]);
    expect(await factory.targetsText()).toBe(before);
    expect(factory.saved).toEqual([]);
  });

  test('a changed support file', async () => {
    await factory.write('repo/beta/app.conf', 'x = 1\n');
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), '    volumes: ["./app.conf:/a:ro"]\n'));
    factory.config = factory.config.replace('tags: main', 'tags: main, composeOnly: [beta]');
    const made = await factory.plan();
    await factory.write('repo/beta/app.conf', 'x = 2\n');
    await expect(factory.apply(made.plan)).rejects.toMatchObject({
      code: 'PLAN_STALE',
      message: expect.stringContaining('beta'),
    });
  });

  test('a package that is another although its bundle is the same', async () => {
    const config = `images: { tag: ${TAG} }\n`;
    const made = await factory.plan({ config });
    const text = singleFile(imageOf('beta')).replace('version: 1.0.0', 'version: 1.0.1');
    await factory.write('repo/beta.dockerapp', text);
    expect(planOf(await factory.plan({ config }), 'beta').reference).toBe(planOf(made, 'beta').reference);
    await expect(factory.apply(made.plan, { config })).rejects.toMatchObject({ code: 'PLAN_STALE' });
  });

  test('a plan of other rules', async () => {
    await expect(async () => factory.apply({ ...plan, rules: 2 })).rejects.toMatchObject({ code: 'PLAN_STALE' });
  });

  test.each<[string, (text: string) => string]>([
    ['no JSON', () => 'plan'],
    ['no plan', () => '{}'],
    ['a digest that is none', (text) => text.replace(/"options": "sha256:[0-9a-f]{64}"/, '"options": "sha256:x"')],
    ['a clock that is none', (text) => text.replace(/"createdAt": "[^"]+"/, '"createdAt": "yesterday"')],
  ])('a file that is %s', (_what, edit) => {
    const text = edit([...formatPlan(plan)].join(''));
    expect(() => parsePlan(Buffer.from(text), 'p.json')).toThrowError(
      expect.objectContaining({ code: 'PLAN_INVALID' }),
    );
  });
});

describe('which earlier plan is gone on with', () => {
  const LATER = { createdAt: '2030-01-01T00:00:00Z' };
  const started = (): MigrationPlan => ({ ...plan, state: 'started' });

  test('a started one: its clock and its pins', async () => {
    await pushImage(factory.images, `${HOST}/acme/alpha:${TAG}`, { content: 'moved' });
    const outcome = await factory.run({ earlier: started(), context: LATER });
    expect(outcome.plan.createdAt).toBe(plan.createdAt);
    expect(planOf(outcome, 'alpha').reference).toBe(planOf({ ...outcome, plan }, 'alpha').reference);
  });

  test('plan keeps it as started, with the very clock', async () => {
    const outcome = await factory.plan({ earlier: started(), context: LATER });
    expect([outcome.plan.state, outcome.plan.createdAt]).toEqual(['started', plan.createdAt]);
  });

  test.each(['proposed', 'done'] as const)('not a %s one', async (state) => {
    await pushImage(factory.images, `${HOST}/acme/alpha:${TAG}`, { content: 'moved' });
    const outcome = await factory.run({ earlier: { ...plan, state }, context: LATER });
    expect(outcome.plan.createdAt).toBe(LATER.createdAt);
    expect(planOf(outcome, 'alpha').reference).not.toBe(planOf({ ...outcome, plan }, 'alpha').reference);
  });

  test('not one whose inputs or options are others; that is a new, proposed plan although its clock is the same', async () => {
    await factory.write('repo/alpha.dockerapp', singleFile(imageOf('alpha'), '', 'port: 81'));
    const changed = await factory.plan({ earlier: started() });
    expect([changed.plan.state, changed.plan.createdAt]).toEqual(['proposed', plan.createdAt]);
    const outcome = await factory.run({ earlier: started(), context: LATER });
    expect(outcome.plan.createdAt).toBe(LATER.createdAt);
  });

  test('not one whose targets are all written: then nothing is left to do', async () => {
    await factory.run();
    const outcome = await factory.run({ earlier: started(), context: LATER });
    expect(statusesOf(outcome)).toEqual({ alpha: 'unchanged', beta: 'unchanged' });
  });

  test('not one whose version is taken: that is a new run with the next one', async () => {
    await factory.writeTargets({ ...(await factory.readTargets()), 'amd-lmp-9': ostreeTarget('amd', 9) });
    const outcome = await factory.run({ earlier: started(), context: LATER });
    expect([outcome.plan.targetVersion, outcome.plan.createdAt]).toEqual(['10', LATER.createdAt]);
  });

  test('file targets that an interrupted run left behind do not stop a run with other bytes', async () => {
    await factory.tufRepo.putTarget('alpha.dockerapp-8', Buffer.from('left behind'));
    const outcome = await factory.run();
    expect(outcome.plan.targetVersion).toBe('9');
    expect(Object.keys(await factory.readTargets())).toContain('alpha.dockerapp-9');
  });
});
