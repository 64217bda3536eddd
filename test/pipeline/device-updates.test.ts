import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatReference, parseReference, repositoryOf } from '../../src/lib/reference.ts';
import { MEDIA_TYPES } from '../../src/model/oci.ts';
import type { MigrationPlan } from '../../src/model/plan.ts';
import type { Target } from '../../src/model/target.ts';
import type { MigrationOutcome } from '../../src/pipeline/run.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import { HOST, imageOf, ostreeTarget, planOf, recordCalls, singleFile, TAG, TestFactory } from './factory.ts';
import { pushImage } from './images.ts';

const THIRD = 'docker.io/library/redis:6';
const NEXT = `targets: { repo: tuf/targets.json, tags: main }\nimages: { tag: '1234567' }\n`;

let factory: TestFactory;

function packageText(extra = '', parameters = 'port: 80'): string {
  return singleFile(imageOf('web'), `${extra}  cache:\n    image: redis:6\n`, parameters);
}

beforeEach(async () => {
  factory = await TestFactory.withApps('web', 'other');
  for (const app of ['web', 'other']) await pushImage(factory.images, `${HOST}/acme/${app}:${TAG}`, { content: app });
  await pushImage(factory.images, THIRD, { content: 'old' });
  await factory.write('repo/web.dockerapp', packageText());
  await factory.run();
});
afterEach(() => factory.close());

/** Each group as `style cause+cause|unclear/unclear: apps`, of the one step. */
function told(outcome: MigrationOutcome): string[] {
  const { updates = [] } = outcome.plan;
  return updates.flatMap(({ groups }) =>
    groups.map(
      ({ style, causes, unclear, apps }) =>
        `${style} ${[causes.join('+'), unclear.join('/')].filter((part) => part !== '').join('|')}: ${apps.join(' ')}`,
    ),
  );
}

/** With and without the plan of the run before. */
async function plans(options: Parameters<TestFactory['plan']>[0] = {}): Promise<{ fresh: string[]; known: string[] }> {
  const earlier = factory.saved.at(-1) as MigrationPlan;
  expect(earlier.state).toBe('done');
  return { fresh: told(await factory.plan(options)), known: told(await factory.plan({ ...options, earlier })) };
}

/** The same with and without state. */
async function bothTell(lines: string[], options: Parameters<TestFactory['plan']>[0] = {}): Promise<void> {
  expect(await plans(options)).toEqual({ fresh: lines, known: lines });
}

test('an unchanged factory: nothing', async () => {
  expect((await factory.plan()).plan.updates).toEqual([]);
  await bothTell([]);
});

test('no targets configured: nothing is said', async () => {
  const outcome = await factory.plan({ config: `images: { tag: ${TAG} }\n` });
  expect(outcome.plan).not.toHaveProperty('updates');
});

test('the first run: apps are new, for the devices of each tag and hardware id', async () => {
  await factory.writeTargets({ 'amd-lmp-7': ostreeTarget('amd', 7), 'arm-lmp-7': ostreeTarget('arm', 7) });
  const { updates } = (await factory.plan()).plan;
  const group = { causes: ['new'], unclear: [], apps: ['other', 'web'], images: [] };
  const groups = ['docker-app', 'bundle'].map((style) => ({ style, ...group }));
  expect(updates).toEqual([{ tag: 'main', hardwareIds: ['amd', 'arm'], changesSystem: false, groups }]);
});

describe('source', () => {
  test.each([
    ['a member', packageText('    restart: always\n')],
    ['a default', packageText('', 'port: 81')],
    ['a third-party reference', packageText().replace('redis:6', 'redis:7')],
    ['a service that goes', singleFile(imageOf('web'))],
    ['a comment', packageText('    # why\n')],
  ])('%s', async (_, text) => {
    await pushImage(factory.images, 'docker.io/library/redis:7', { content: 'seven' });
    await factory.write('repo/web.dockerapp', text);
    await bothTell(['docker-app source: web', 'bundle source: web']);
  });

  test('metadata: only devices of docker-app see it', async () => {
    await factory.write('repo/web.dockerapp', packageText().replace('1.0.0', '1.0.1'));
    await bothTell(['docker-app source: web']);
  });

  test('a support file: only devices of bundles see it', async () => {
    const config = `${factory.config.replace('tags: main', 'tags: main, composeOnly: [web]')}bundle: { files: all }\n`;
    await factory.write('repo/web/a.conf', 'one');
    await factory.run({ config });
    await factory.write('repo/web/a.conf', 'two');
    await bothTell(['bundle source: web'], { config });
  });
});

describe('image', () => {
  test('a release with the same digests: nothing', async () => {
    for (const app of ['web', 'other'])
      await pushImage(factory.images, `${HOST}/acme/${app}:1234567`, { content: app });
    await bothTell([], { config: NEXT });
  });

  test('a release with another digest: both styles', async () => {
    await pushImage(factory.images, `${HOST}/acme/other:1234567`, { content: 'other' });
    const next = await pushImage(factory.images, `${HOST}/acme/web:1234567`, { content: 'next' });
    await bothTell(['docker-app image: web', 'bundle image: web'], { config: NEXT });
    const { updates } = (await factory.plan({ config: NEXT })).plan;
    expect(updates?.[0]?.groups.map(({ images }) => images.map(({ reference, after }) => [reference, after]))).toEqual([
      [[`${HOST}/acme/web:1234567`, next.digest]],
      [[`${HOST}/acme/web:1234567`, next.digest]],
    ]);
  });

  test('a repin: only devices of bundles see it', async () => {
    await pushImage(factory.images, THIRD, { content: 'new' });
    const config = `${factory.config}pin: { refresh: ["**"] }\n`;
    await bothTell(['bundle image: web'], { config });
  });

  test('a moved tag alone: nothing', async () => {
    await pushImage(factory.images, THIRD, { content: 'new' });
    await bothTell([]);
  });

  test('together with a change of the package: both causes', async () => {
    await pushImage(factory.images, `${HOST}/acme/web:${TAG}`, { content: 'rebuilt' });
    await factory.write('repo/web.dockerapp', packageText('    restart: always\n'));
    await bothTell(['docker-app source+image: web', 'bundle source+image: web']);
  });
});

describe('option', () => {
  test.each([
    ['parameters', 'parameters: { set: { port: "81" } }\n'],
    ['a form for docker compose', 'bundle: { dockerCompose: false }\n'],
  ])('%s: only devices of bundles see it', async (_, more) => {
    await bothTell(['bundle option: other web'], { config: `${factory.config}${more}` });
  });

  test('and a change of the package cannot be told apart', async () => {
    await factory.write('repo/web.dockerapp', packageText('    restart: always\n'));
    await bothTell(['docker-app source: web', 'bundle option: other', 'bundle source/option: web'], {
      config: `${factory.config}parameters: { set: { port: "81" } }\n`,
    });
  });

  test('what is known of the run before narrows it where there is no .dockerapp', async () => {
    const config = factory.config.replace('tags: main', 'tags: main, composeOnly: [web, other]');
    await factory.run({ config });
    await factory.write('repo/web.dockerapp', packageText('    restart: always\n'));
    expect(await plans({ config })).toEqual({
      fresh: ['bundle source/option: web'],
      known: ['bundle source: web'],
    });
  });
});

describe('format, and what cannot be read', () => {
  test('a bundle in the form of another tool', async () => {
    const uri = planOf(await factory.plan(), 'web').reference ?? '';
    const name = repositoryOf(parseReference(uri));
    const own = await factory.destination.getManifest(name, uri.slice(uri.indexOf('@') + 1));
    const { artifactType: _, ...manifest } = JSON.parse(own?.bytes.toString() ?? '');
    const bytes = Buffer.from(JSON.stringify(manifest));
    const { digest } = await factory.destination.putManifest(name, { bytes, mediaType: MEDIA_TYPES.ociManifest });
    const text = await factory.targetsText();
    await factory.write('tuf/targets.json', text.replaceAll(uri, formatReference({ ...name, digest })));
    await bothTell(['bundle format: web']);
  });

  test('a bundle that is gone: all may be', async () => {
    factory.destination = createMemoryRegistry();
    await factory.write('repo/web.dockerapp', packageText('    restart: always\n'));
    const line = 'bundle source/image/option/format: web';
    expect((await plans()).fresh).toEqual(['docker-app source: web', line]);
  });
});

describe('targets', () => {
  const build = (custom: Record<string, unknown> = {}, commit = 'cd') => ({
    ...ostreeTarget('arm', 9, custom),
    hashes: { sha256: commit.repeat(32) },
  });
  const add = async (target: Target): Promise<void> =>
    factory.writeTargets({ ...(await factory.readTargets()), 'arm-lmp-9': target });

  test('a build of the operating system without the maps: apps come back as they were, for its hardware id', async () => {
    await add(build());
    await bothTell(['docker-app targets: other web', 'bundle targets: other web']);
    expect((await factory.plan()).plan.updates?.map(({ hardwareIds }) => hardwareIds)).toEqual([['arm']]);
  });

  test('a build with older apps', async () => {
    const older = (await factory.readTargets())['arm-lmp-8']?.custom;
    await factory.write('repo/web.dockerapp', packageText('    restart: always\n'));
    await factory.run();
    const { docker_apps, docker_compose_apps } = older ?? {};
    await factory.writeTargets({
      ...(await factory.readTargets()),
      'arm-lmp-12': { ...build({ docker_apps, docker_compose_apps, version: '12' }) },
    });
    await bothTell(['docker-app targets: web', 'bundle targets: web']);
  });

  test('and a change of the package: both causes', async () => {
    await add(build());
    await factory.write('repo/web.dockerapp', packageText('    restart: always\n'));
    expect(told(await factory.plan())).toEqual([
      'docker-app source: web',
      'bundle source: web',
      'docker-app source+targets: web',
      'docker-app targets: other',
      'bundle source+targets: web',
      'bundle targets: other',
    ]);
  });

  test('an app that is removed', async () => {
    await factory.remove('repo/other.dockerapp');
    expect(told(await factory.plan({ removeApps: ['other'] }))).toEqual([
      'docker-app removed: other',
      'bundle removed: other',
    ]);
  });

  test('a tag that follows another one and gets its build: no app changes', async () => {
    const config = factory.config.replace('tags: main', 'tags: "devel:main"');
    await factory.run({ config });
    await factory.writeTargets({
      ...(await factory.readTargets()),
      'amd-lmp-20': { ...ostreeTarget('amd', 20), hashes: { sha256: 'ef'.repeat(32) } },
    });
    const { updates } = (await factory.plan({ config })).plan;
    expect(updates).toEqual([{ tag: 'devel', hardwareIds: ['amd'], changesSystem: true, groups: [] }]);
  });
});

test('while an app fails no target is written, and no device sees anything', async () => {
  await factory.write('repo/web.dockerapp', packageText('    restart: always\n'));
  await factory.write('repo/broken.dockerapp', 'no package');
  const outcome = await factory.plan();
  expect([outcome.plan.targets, outcome.plan.updates]).toEqual([[], []]);
});

test('apply says what plan said', async () => {
  await factory.write('repo/web.dockerapp', packageText('    restart: always\n'));
  const { plan } = await factory.plan();
  const applied = await factory.apply(plan);
  expect(applied.plan.updates).toEqual(plan.updates);
  expect(told(applied)).toEqual(['docker-app source: web', 'bundle source: web']);
});

test('the published bundle is fetched once for an app that changed, and for no other', async () => {
  await factory.write('repo/web.dockerapp', packageText('    restart: always\n'));
  const { registry, calls } = recordCalls(factory.destination);
  factory.destination = registry;
  await factory.plan({ earlier: factory.saved.at(-1) as MigrationPlan });
  const reads = calls
    .filter((call) => !call.startsWith('headManifest'))
    .map((call) => call.split(' ').slice(0, 2).join(' '));
  expect(reads).toEqual(['getManifest acme/web', 'getBlob acme/web', 'getBlob acme/web']);
});
