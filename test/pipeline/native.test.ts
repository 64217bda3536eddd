import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readAll } from '../../src/lib/bytes.ts';
import type { MigrationOutcome } from '../../src/pipeline/run.ts';
import {
  bundleUris,
  codesOf,
  HOST,
  imageOf,
  ostreeTarget,
  planOf,
  singleFile,
  statusesOf,
  TAG,
  TestFactory,
} from './factory.ts';
import { pushImage } from './images.ts';

const NATIVE = `images: { tag: ${TAG} }\napps: { compose: true }\ntargets: { repo: tuf/targets.json, tags: main }\n`;
const THIRD = 'docker.io/library/redis:6';
let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.withApps('alpha', 'beta');
  factory.config = NATIVE;
});
afterEach(async () => {
  await factory.close();
});

const compose = (image: string, more = ''): string => `services:\n  main:\n    image: ${image}\n${more}`;

/** The converted text of an app in the place of its package, as the patch of retire leaves it. */
async function replacePackage(outcome: MigrationOutcome, app: string): Promise<void> {
  const bytes = await outcome.apps.find(({ name }) => name === app)?.open?.();
  for (const { path, open } of bytes?.tree ?? [])
    await factory.write(`repo/${app}/${path}`, await readAll(open(), 1_000_000, path));
  await factory.remove(`repo/${app}.dockerapp`);
}

describe('a folder with a compose file', () => {
  test('is an app for compose devices only, with pinned images', async () => {
    await pushImage(factory.images, `${HOST}/acme/web:${TAG}`);
    await factory.write('repo/web/docker-compose.yml', compose(`${HOST}/acme/web:latest`));
    const outcome = await factory.run();
    expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated', web: 'migrated' });
    expect(planOf(outcome, 'web')).toMatchObject({
      kind: 'compose',
      images: [{ reference: `${HOST}/acme/web:${TAG}` }],
    });
    expect(codesOf(outcome, 'web')).toEqual(['targets.compose-only']);
    const { custom } = (await factory.readTargets())['amd-lmp-8']!;
    expect(Object.keys(custom?.docker_apps ?? {})).toEqual(['alpha', 'beta']);
    expect(Object.keys(bundleUris(custom))).toEqual(['alpha', 'beta', 'web']);
  });

  test('is nothing while apps.compose is not set, beside its package, within another app, and at the root', async () => {
    await pushImage(factory.images, `${HOST}/acme/web:${TAG}`);
    await factory.write('repo/docker-compose.yml', compose('x'));
    await factory.write('repo/alpha/docker-compose.yml', compose('x'));
    await factory.write('repo/web/docker-compose.yml', compose(`${HOST}/acme/web`));
    await factory.write('repo/web/inner/docker-compose.yml', compose('x'));
    expect(statusesOf(await factory.plan())).toEqual({ alpha: 'migrated', beta: 'migrated', web: 'migrated' });
    expect(planOf(await factory.plan(), 'alpha').kind).toBe('single-file');
    const off = await factory.plan({ config: NATIVE.replace('compose: true', 'compose: false') });
    expect(statusesOf(off)).toEqual({ alpha: 'migrated', beta: 'migrated' });
  });

  test('is listed but not selected where it is deep, disabled or its package is', async () => {
    await factory.write('repo/deep/web/docker-compose.yml', compose('x'));
    await factory.write('repo/old.disabled/docker-compose.yml', compose('x'));
    await factory.write('repo/off/docker-compose.yml', compose('x'));
    await factory.write('repo/off.dockerapp.disabled', singleFile('x'));
    const reasons = (await factory.plan()).results.flatMap(({ app, origin, reason }) =>
      reason === undefined ? [] : [[app, origin.path, reason]],
    );
    expect(reasons).toEqual([
      ['web', 'deep/web', expect.stringContaining('top level')],
      ['off', 'off', expect.stringContaining('its package is disabled')],
      ['off', 'off.dockerapp.disabled', expect.stringContaining('disabled')],
      ['old', 'old.disabled', expect.stringContaining('disabled')],
    ]);
    const config = NATIVE.replace('compose: true', "compose: true, include: ['deep/*']");
    expect((await factory.plan({ config })).results.find(({ app }) => app === 'web')?.status).toBe('failed');
  });

  test('takes the files that it mounts, follows the tag rule and is judged by what devices take', async () => {
    await pushImage(factory.images, `${HOST}/acme/web:${TAG}`);
    await factory.write('repo/web/nginx.conf', 'server {}\n');
    await factory.write('repo/web/Dockerfile', 'FROM scratch\n');
    const mounts = '    volumes:\n      - ./nginx.conf:/etc/nginx.conf:ro\n';
    await factory.write('repo/web/docker-compose.yml', compose(`${HOST}/acme/web:\${TAG}`, mounts));
    const { files } = planOf(await factory.plan(), 'web');
    expect(files.map(({ path }) => path)).toEqual(['docker-compose.yml', 'nginx.conf']);
    await factory.write('repo/web/docker-compose.yml', compose(`${HOST}/acme/web:other`, '    portz: []\n'));
    const broken = await factory.plan();
    expect(statusesOf(broken).web).toBe('failed');
    expect(codesOf(broken, 'web')).toContain('COMPOSE_INVALID');
  });

  test('with a text that is no compose file fails alone, at its place', async () => {
    await factory.write('repo/web/docker-compose.yml', 'services: [\n');
    await factory.write('repo/bin/docker-compose.yml', Buffer.from([0xff, 0xfe]));
    const outcome = await factory.plan({ allowPartial: true });
    expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated', bin: 'failed', web: 'failed' });
    expect(planOf(outcome, 'web').diagnostics[0]?.location?.path).toBe('web/docker-compose.yml');
    expect(codesOf(outcome, 'bin')).toEqual(['APP_FORM']);
  });
});

describe('the converted tree in the place of a package', () => {
  test('is its successor: same bundle, the docker_apps entry stays, no device sees an update', async () => {
    await pushImage(factory.images, THIRD);
    await factory.write('repo/alpha.dockerapp', singleFile(imageOf('alpha'), '  cache:\n    image: redis:6\n'));
    const first = await factory.run();
    const targets = await factory.targetsText();
    await replacePackage(first, 'alpha');
    const second = await factory.run();
    expect(statusesOf(second)).toEqual({ alpha: 'unchanged', beta: 'unchanged' });
    expect(planOf(second, 'alpha').reference).toBe(planOf(first, 'alpha').reference);
    expect(await factory.targetsText()).toBe(targets);
  });

  test('an update of it leaves the docker_apps entry, and the app is not gone', async () => {
    const first = await factory.run();
    await replacePackage(first, 'alpha');
    const path = 'repo/alpha/docker-compose.yml';
    await factory.write(path, compose(`${HOST}/acme/alpha`, '    command: [serve]\n'));
    await factory.run();
    const { custom } = (await factory.readTargets())['amd-lmp-9']!;
    expect(custom?.docker_apps?.alpha).toEqual({ filename: 'alpha.dockerapp-8' });
    expect(bundleUris(custom).alpha).not.toBe(planOf(first, 'alpha').reference);
    await expect(factory.plan({ removeApps: ['alpha'] })).rejects.toMatchObject({ code: 'APP_REMOVED' });
  });
});

describe('the end of the dual window', () => {
  test('new targets have no docker_apps, others entries in it go too, and a second time there is nothing to do', async () => {
    await factory.writeTargets({
      'amd-lmp-7': ostreeTarget('amd', 7, { docker_apps: { foreign: { filename: 'foreign.dockerapp-7' } } }),
    });
    const first = await factory.run();
    for (const app of ['alpha', 'beta']) await replacePackage(first, app);
    await factory.run({ dropDockerApps: true });
    const { custom } = (await factory.readTargets())['amd-lmp-9']!;
    expect(custom).not.toHaveProperty('docker_apps');
    expect(bundleUris(custom)).toEqual(bundleUris((await factory.readTargets())['amd-lmp-8']!.custom));
    const text = await factory.targetsText();
    for (const dropDockerApps of [true, false]) {
      expect(statusesOf(await factory.run({ dropDockerApps }))).toEqual({ alpha: 'unchanged', beta: 'unchanged' });
    }
    expect(await factory.targetsText()).toBe(text);
  });

  test('a build of the operating system with an old map is followed by a target without it only in retire', async () => {
    const first = await factory.run();
    for (const app of ['alpha', 'beta']) await replacePackage(first, app);
    const targets = await factory.readTargets();
    const { docker_apps } = targets['amd-lmp-8']!.custom ?? {};
    await factory.run({ dropDockerApps: true });
    await factory.writeTargets({
      ...(await factory.readTargets()),
      'amd-lmp-20': ostreeTarget('amd', 20, { docker_apps }),
    });
    await factory.run();
    expect(Object.keys((await factory.readTargets())['amd-lmp-21']!.custom?.docker_apps ?? {})).toEqual([
      'alpha',
      'beta',
    ]);
    await factory.run({ dropDockerApps: true });
    expect((await factory.readTargets())['amd-lmp-22']!.custom).not.toHaveProperty('docker_apps');
  });
});
