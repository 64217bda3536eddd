import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unpackRow } from '../../src/pipeline/state.ts';
import { codesOf, HOST, imageOf, planOf, singleFile, statusesOf, TAG, TestFactory } from './factory.ts';

let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.withApps('alpha', 'beta');
});
afterEach(async () => {
  await factory.close();
});

describe('repositories', () => {
  test('two selected packages with one name are an error that names both places', async () => {
    factory.repositories = ['repo', 'other'];
    await factory.addApp('alpha', 'other');
    await expect(factory.plan()).rejects.toMatchObject({
      code: 'APP_NAME_DUPLICATE',
      message: expect.stringMatching(/'alpha'.*repo\/alpha\.dockerapp.*other\/alpha\.dockerapp/),
      hint: expect.stringContaining('apps.exclude'),
    });
  });

  test('one of them that is not selected is none', async () => {
    factory.repositories = ['repo', 'other'];
    await factory.addApp('alpha', 'other/deep');
    expect(statusesOf(await factory.run({ apps: ['beta'] }))).toEqual({ alpha: 'skipped', beta: 'migrated' });
    const outcome = await factory.run();
    expect(outcome.results.map(({ app, origin, status }) => [app, origin.repository, status])).toEqual([
      ['alpha', 'repo', 'migrated'],
      ['beta', 'repo', 'unchanged'],
      ['alpha', 'other', 'skipped'],
    ]);
  });

  test('one that cannot be read is reported, and the others go on', async () => {
    factory.repositories = ['missing', 'repo'];
    const outcome = await factory.run();
    expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated' });
    expect(outcome.scanned[0]?.error).toContain('missing');
    expect(factory.events).toContainEqual({
      type: 'source:failed',
      repository: 'missing',
      message: expect.stringContaining('ENOENT'),
    });
  });

  test.each([[['missing', 'missing2']], [[]]])(
    'none that can be read: nothing is started (%j)',
    async (repositories) => {
      factory.repositories = repositories;
      await expect(factory.run()).rejects.toMatchObject({ code: 'NOTHING_TO_START' });
      expect(factory.saved).toEqual([]);
    },
  );

  test('the order in which they are given does not change the plan of an app', async () => {
    factory.repositories = ['repo', 'other'];
    await factory.addApp('gamma', 'other');
    const { plan } = await factory.plan();
    factory.repositories = ['other', 'repo'];
    const reversed = await factory.plan();
    expect(reversed.plan.apps.map(unpackRow)).toEqual(plan.apps.map(unpackRow));
    expect(reversed.plan.targets).toEqual(plan.targets);
  });
});

describe('names', () => {
  test.each(['Alpha', 'al__.pha', 'al pha', 'älpha', '__proto__', '-alpha'])(
    '%j cannot be a repository name, so the app fails',
    async (name) => {
      await factory.write(`repo/${name}.dockerapp`, singleFile(imageOf('alpha')));
      const outcome = await factory.run();
      expect(codesOf(outcome, name)).toEqual(['APP_NAME_INVALID']);
      expect(outcome.results.map(({ app, status }) => [app, status]).sort()).toEqual(
        [
          ['alpha', 'held'],
          ['beta', 'held'],
          [name, 'failed'],
        ].sort(),
      );
    },
  );
});

test('an image that two apps share is resolved once', async () => {
  await factory.write(
    'repo/beta.dockerapp',
    singleFile(imageOf('alpha'), `  second:\n    image: ${HOST}/acme/alpha:${TAG}\n`),
  );
  const outcome = await factory.run();
  const resolved = factory.events.filter((event) => event.type === 'image:resolved');
  expect(resolved).toHaveLength(1);
  expect(planOf(outcome, 'beta').images.map(({ pinned }) => pinned)).toEqual(
    [1, 2].map(() => planOf(outcome, 'alpha').images[0]?.pinned),
  );
  expect(outcome.plan.images).toHaveLength(1);
});

test('repositories are told of in their order, whichever is listed first', async () => {
  factory.repositories = ['repo', 'other', 'missing'];
  await factory.addApp('gamma', 'other');
  const [slow, ...others] = factory.sources();
  const sources = [
    {
      origin: slow!.origin,
      list: async function* () {
        await new Promise((resolve) => setTimeout(resolve, 50));
        yield* slow!.list();
      },
      read: (path: string, limit: number) => slow!.read(path, limit),
      open: (path: string) => slow!.open(path),
    },
    ...others,
  ];
  await factory.plan({ context: { sources } });
  const told = factory.events.flatMap((event) => ('repository' in event ? [`${event.type} ${event.repository}`] : []));
  expect(told).toEqual(['source:scanned repo', 'source:scanned other', 'source:failed missing']);
});
