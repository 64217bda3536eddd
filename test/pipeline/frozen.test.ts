import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AppDetails, MigrationPlan, ServicePin } from '../../src/model/plan.ts';
import type { ImageLock } from '../../src/pipeline/migration.ts';
import type { MigrationOutcome } from '../../src/pipeline/run.ts';
import { codesOf, HOST, imageOf, planOf, recordCalls, singleFile, statusesOf, TAG, TestFactory } from './factory.ts';
import { pushImage } from './images.ts';

const THIRD = 'docker.io/library/redis:6';
const CACHE = '  cache:\n    image: redis:6\n';
let factory: TestFactory;
/** What registries of images were asked. */
let asked: string[];
let planned: MigrationOutcome;

beforeEach(async () => {
  factory = await TestFactory.withApps('web', 'api');
  await pushImage(factory.images, THIRD, { content: 'old' });
  await factory.write('repo/web.dockerapp', singleFile(imageOf('web'), CACHE));
  planned = await factory.plan();
});
afterEach(() => factory.close());

const frozenBy = (plan: MigrationPlan): ImageLock => ({ plan, name: 'lock.json', isWhole: true, covers: () => true });
const pinsOf = (outcome: MigrationOutcome, app: string): Record<string, string> =>
  Object.fromEntries(planOf(outcome, app).images.map(({ service, pinned }) => [service, pinned]));
const errorOf = (outcome: MigrationOutcome, app: string): string =>
  outcome.results.find((result) => result.app === app)?.diagnostics.find(({ severity }) => severity === 'error')
    ?.message ?? '';

function context(): { readonly imageRegistry: () => TestFactory['images'] } {
  const { registry, calls } = recordCalls(factory.images);
  asked = calls;
  return { imageRegistry: () => registry };
}

/** The plan with other pins in its rows. */
function withPins(plan: MigrationPlan, pinOf: (app: string, image: ServicePin) => string): MigrationPlan {
  const apps = plan.apps.map((row) => {
    const read = (): AppDetails => {
      const details = row.details.read();
      return { ...details, images: details.images.map((image) => ({ ...image, pinned: pinOf(row.app, image) })) };
    };
    return { ...row, details: { ...row.details, read } };
  });
  return { ...plan, apps };
}

async function moveTags(): Promise<void> {
  await pushImage(factory.images, THIRD, { content: 'new' });
  for (const app of ['web', 'api']) await pushImage(factory.images, `${HOST}/acme/${app}:${TAG}`, { content: 'new' });
}

describe('a frozen run', () => {
  test.each(['proposed', 'started', 'done'] as const)(
    'takes every digest of a %s plan and asks for none',
    async (state) => {
      await moveTags();
      const outcome = await factory.run({ lock: frozenBy({ ...planned.plan, state }), context: context() });
      expect(statusesOf(outcome)).toEqual({ api: 'migrated', web: 'migrated' });
      for (const app of ['api', 'web']) {
        expect(planOf(outcome, app).reference).toBe(planOf(planned, app).reference);
        expect(codesOf(outcome, app)).toEqual([]);
      }
      // What devices download is told from manifests by digest.
      expect(asked.filter((call) => !call.includes('@') && !call.includes('sha256:'))).toEqual([]);
      expect(asked.filter((call) => call.startsWith('head'))).toEqual([]);
    },
  );

  test('wins over the pins of published bundles and over a started plan with others', async () => {
    await factory.run();
    await moveTags();
    const moved = await factory.plan({ config: `${factory.config}pin: { refresh: ['**'] }\n` });
    expect(pinsOf(moved, 'web')).not.toEqual(pinsOf(planned, 'web'));
    const started = { ...factory.saved.at(-1)!, state: 'started' } as const;
    const outcome = await factory.run({ lock: frozenBy(moved.plan), earlier: started, context: context() });
    expect(pinsOf(outcome, 'web')).toEqual(pinsOf(moved, 'web'));
    expect(statusesOf(outcome)).toEqual({ api: 'migrated', web: 'migrated' });
  });

  test('that was begun is continued with its clock', async () => {
    await moveTags();
    const lock = frozenBy(planned.plan);
    const begun = { ...planned.plan, createdAt: '2025-01-01T00:00:00Z', state: 'started' } as const;
    const outcome = await factory.run({ lock, earlier: begun, context: context() });
    expect(outcome.plan.createdAt).toBe('2025-01-01T00:00:00Z');
  });

  test('a reference that the plan does not have is an error of its app, and no other', async () => {
    await factory.write('repo/api.dockerapp', singleFile('docker.io/library/none:1'));
    await factory.write('repo/web.dockerapp', singleFile(imageOf('web'), CACHE.replace('redis:6', 'redis:7')));
    await factory.addApp('new');
    await factory.write('repo/new.dockerapp', singleFile('redis:6'));
    const outcome = await factory.run({ lock: frozenBy(planned.plan), context: context(), allowPartial: true });
    expect(statusesOf(outcome)).toEqual({ api: 'failed', new: 'migrated', web: 'failed' });
    expect(errorOf(outcome, 'api')).toContain('docker.io/library/none:1 is not in lock.json');
    expect(errorOf(outcome, 'web')).toContain('services.cache.image: docker.io/library/redis:7 is not in lock.json');
    // An app that the plan does not have takes what it says of the reference.
    expect(pinsOf(outcome, 'new').main).toBe(pinsOf(planned, 'web').cache);
    expect(asked.filter((call) => call.startsWith('head'))).toEqual([]);
  });

  test('an app goes by its own row; where others do not agree, an app without one is not guessed for', async () => {
    const old = pinsOf(planned, 'web').cache!;
    const { digest } = await pushImage(factory.images, THIRD, { content: 'other' });
    const other = `docker.io/library/redis@${digest}`;
    await factory.write('repo/api.dockerapp', singleFile('redis:6'));
    const { plan } = await factory.plan();
    const mixed = withPins(plan, (app, { service, pinned }) =>
      app === 'api' ? other : service === 'cache' ? old : pinned,
    );
    await factory.write('repo/new.dockerapp', singleFile('redis:6'));
    const outcome = await factory.plan({ lock: frozenBy(mixed), context: context() });
    expect([pinsOf(outcome, 'api').main, pinsOf(outcome, 'web').cache]).toEqual([other, old]);
    expect(errorOf(outcome, 'new')).toContain('docker.io/library/redis:6 has more than one digest in lock.json');
  });

  test('a digest in the source stands, and is looked at by itself where the plan does not know it', async () => {
    const { digest } = await pushImage(factory.images, 'quay.io/acme/tool:1', { content: 'tool' });
    await factory.write('repo/api.dockerapp', singleFile(`quay.io/acme/tool:1@${digest}`));
    const outcome = await factory.plan({ lock: frozenBy(planned.plan), context: context() });
    expect(pinsOf(outcome, 'api').main).toBe(`quay.io/acme/tool@${digest}`);
    expect(planOf(outcome, 'api').platforms).toHaveLength(2);
    expect(asked.filter((call) => call.includes('acme/tool') && !call.includes('sha256:'))).toEqual([]);
    await factory.write('repo/api.dockerapp', singleFile(`quay.io/acme/tool@sha256:${'0'.repeat(64)}`));
    const gone = await factory.plan({ lock: frozenBy(planned.plan), context: context() });
    expect(codesOf(gone, 'api')).toContain('IMAGE_UNRESOLVED');
  });

  test('a pin of another image in a plan that was tampered with is none', async () => {
    const evil = withPins(planned.plan, () => `evil.example/x@sha256:${'1'.repeat(64)}`);
    const outcome = await factory.plan({ lock: frozenBy(evil), context: context() });
    expect(statusesOf(outcome)).toEqual({ api: 'failed', web: 'failed' });
  });
});

describe('a lock that is not the whole', () => {
  const partly = (plan: MigrationPlan): ImageLock => ({
    plan,
    name: 'lock.json',
    isWhole: false,
    covers: (host) => host === 'docker.io',
  });

  test('answers for its hosts; published bundles come first, and other hosts are resolved', async () => {
    await factory.run();
    const first = planned.plan;
    await moveTags();
    const later = await factory.plan({ config: `${factory.config}pin: { refresh: ['**'] }\n` });
    const outcome = await factory.plan({ lock: partly(later.plan), context: context() });
    expect(pinsOf(outcome, 'web')).toEqual({
      cache: pinsOf(planned, 'web').cache,
      main: pinsOf(later, 'web').main,
    });
    expect(asked.some((call) => call.startsWith('headManifest library/redis'))).toBe(false);
    expect(asked).toContain(`headManifest acme/web ${TAG}`);
    await factory.write('repo/new.dockerapp', singleFile('redis:6'));
    const more = await factory.plan({ lock: partly(first), context: context() });
    expect(pinsOf(more, 'new').main).toBe(pinsOf(planned, 'web').cache);
  });
});
