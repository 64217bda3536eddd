import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RebundleError } from '../../src/errors.ts';
import { createLimit } from '../../src/lib/limit.ts';
import { imagesIn, readBundle } from './bundle-content.ts';
import {
  bundleUris,
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

beforeEach(async () => {
  factory = await TestFactory.withApps('alpha', 'beta');
});
afterEach(async () => {
  await factory.close();
});

const BROKEN = singleFile('quay.io/acme/none:v1', '    command: ${nobody.defined.me}\n');

describe('a first run', () => {
  test('publishes every app and adds one target per hardware id that names each app in both styles', async () => {
    const outcome = await factory.run();
    expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated' });
    const targets = await factory.readTargets();
    for (const hardwareId of ['amd', 'arm']) {
      const { custom } = targets[`${hardwareId}-lmp-8`]!;
      expect(custom?.docker_apps).toEqual({
        alpha: { filename: 'alpha.dockerapp-8' },
        beta: { filename: 'beta.dockerapp-8' },
      });
      expect(bundleUris(custom)).toEqual({
        alpha: planOf(outcome, 'alpha').reference,
        beta: planOf(outcome, 'beta').reference,
      });
    }
    expect(outcome.plan.targetVersion).toBe('8');
    expect(planOf(outcome, 'alpha').newOnDevices).toBe(true);
  });

  test('saves the plan as started before the first write and as done at the end', async () => {
    const order: string[] = [];
    const under = factory.destination;
    factory.destination = {
      headManifest: (...args) => under.headManifest(...args),
      getManifest: (...args) => under.getManifest(...args),
      hasBlob: (...args) => under.hasBlob(...args),
      getBlob: (...args) => under.getBlob(...args),
      putBlob: (...args) => {
        order.push(`write after ${factory.saved.at(-1)?.state}`);
        return under.putBlob(...args);
      },
      putManifest: (...args) => under.putManifest(...args),
    };
    await factory.run();
    expect(new Set(order)).toEqual(new Set(['write after started']));
    expect(factory.saved.map(({ state }) => state)).toEqual(['started', 'done']);
  });

  test('without targets publishes the bundles', async () => {
    const outcome = await factory.run({ config: `images: { tag: ${TAG} }\n` });
    expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated' });
    expect([outcome.plan.targets, outcome.targets]).toEqual([[], undefined]);
    const again = await factory.run({ config: `images: { tag: ${TAG} }\n` });
    expect(statusesOf(again)).toEqual({ alpha: 'unchanged', beta: 'unchanged' });
  });

  test('starts from the seed while there are no targets, and leaves the seed alone', async () => {
    const bytes = Buffer.from(await factory.targetsText());
    await factory.remove('tuf/targets.json');
    const targetsSeed = { path: 'seed.json', bytes };
    await factory.run({ context: { targetsSeed } });
    expect(Object.keys(await factory.readTargets())).toContain('amd-lmp-8');
    await factory.run({ context: { targetsSeed: { path: 'seed.json', bytes: Buffer.from('no json') } } });
  });

  test('the commit is the release tag where none is given', async () => {
    const [source] = factory.sources();
    const origin = { ...source!.origin, commit: `${TAG}${'0'.repeat(33)}` };
    const sources = [
      {
        origin,
        list: () => source!.list(),
        read: (path: string, limit: number) => source!.read(path, limit),
        open: (path: string) => source!.open(path),
      },
    ];
    const outcome = await factory.run({
      config: 'targets: { repo: tuf/targets.json, tags: main }\n',
      context: { sources },
    });
    expect(planOf(outcome, 'alpha').images[0]?.reference).toBe(`${HOST}/acme/alpha:${TAG}`);
  });
});

describe('an unchanged app (invariant 5)', () => {
  test('a second run changes no byte of the targets and saves a plan without changes', async () => {
    await factory.run();
    const before = await factory.targetsText();
    const second = await factory.run({ context: { createdAt: '2027-01-01T00:00:00Z' } });
    expect(statusesOf(second)).toEqual({ alpha: 'unchanged', beta: 'unchanged' });
    expect([second.plan.hasChanges, second.plan.targets, second.bytesSent]).toEqual([false, [], 0]);
    expect(await factory.targetsText()).toBe(before);
  });

  test('keeps its digest and its file entry when another app changes', async () => {
    await factory.run();
    const before = (await factory.readTargets())['amd-lmp-8']!.custom!;
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), '', 'port: 81'));
    const outcome = await factory.run();
    expect(statusesOf(outcome)).toEqual({ alpha: 'unchanged', beta: 'migrated' });
    const after = (await factory.readTargets())['amd-lmp-9']!.custom!;
    expect(after.docker_apps?.alpha).toEqual(before.docker_apps?.alpha);
    expect(after.docker_compose_apps?.alpha).toEqual(before.docker_compose_apps?.alpha);
    expect(after.docker_apps?.beta).toEqual({ filename: 'beta.dockerapp-9' });
    expect(after.docker_compose_apps?.beta).not.toEqual(before.docker_compose_apps?.beta);
  });

  test('a new release tag whose images have the same digests changes nothing', async () => {
    await factory.run();
    for (const app of ['alpha', 'beta']) {
      await pushImage(factory.images, `${HOST}/acme/${app}:0000abc`, { content: `${HOST}/acme/${app}:${TAG}` });
    }
    const outcome = await factory.run({ config: factory.config.replace(TAG, '0000abc') });
    expect(planOf(outcome, 'alpha').images[0]?.reference).toContain(':0000abc');
    expect(statusesOf(outcome)).toEqual({ alpha: 'unchanged', beta: 'unchanged' });
    expect(Object.keys(await factory.readTargets())).not.toContain('amd-lmp-9');
  });

  test('a new image under a new release tag changes both styles', async () => {
    await factory.run();
    await pushImage(factory.images, `${HOST}/acme/alpha:0000abc`, { content: 'new' });
    await pushImage(factory.images, `${HOST}/acme/beta:0000abc`, { content: `${HOST}/acme/beta:${TAG}` });
    const outcome = await factory.run({ config: factory.config.replace(TAG, '0000abc') });
    expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'unchanged' });
    const { apps } = outcome.plan.targets.find(({ name }) => name === 'amd-lmp-9')!;
    expect(apps).toEqual([
      { app: 'alpha', dockerApp: 'replaced', composeApp: 'replaced' },
      { app: 'beta', dockerApp: 'unchanged', composeApp: 'unchanged' },
    ]);
  });

  test('the second run needs neither plan nor clock of the first', async () => {
    await factory.run();
    factory.saved.length = 0;
    expect(statusesOf(await factory.run())).toEqual({ alpha: 'unchanged', beta: 'unchanged' });
  });
});

describe('no app is lost (invariant 6)', () => {
  const keysOf = async (name: string): Promise<string[][]> => {
    const { custom } = (await factory.readTargets())[name]!;
    return [custom?.docker_apps, custom?.docker_compose_apps].map((map) => Object.keys(map ?? {}));
  };

  test('a failed app holds the targets of all; its own entries and the file stay', async () => {
    await factory.run();
    const before = await factory.targetsText();
    await factory.write('repo/alpha.dockerapp', BROKEN);
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), '', 'port: 81'));
    const outcome = await factory.run();
    expect(statusesOf(outcome)).toEqual({ alpha: 'failed', beta: 'held' });
    expect(planOf(outcome, 'beta').reason).toBe('waits for alpha');
    expect(codesOf(outcome, 'alpha')).toContain('PARAM_UNDEFINED');
    expect(await factory.targetsText()).toBe(before);
    const { registry, repository } = { registry: HOST, repository: 'acme/beta' };
    const { manifest } = planOf(outcome, 'beta');
    expect(await factory.destination.headManifest({ registry, repository }, manifest!.digest)).toBeDefined();
  });

  test('--allow-partial writes targets in which the failed app keeps both entries', async () => {
    await factory.run();
    const before = (await factory.readTargets())['amd-lmp-8']!.custom!;
    await factory.write('repo/alpha.dockerapp', BROKEN);
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), '', 'port: 81'));
    const outcome = await factory.run({ allowPartial: true });
    expect(statusesOf(outcome)).toEqual({ alpha: 'failed', beta: 'migrated' });
    const after = (await factory.readTargets())['amd-lmp-9']!.custom!;
    expect(after.docker_apps?.alpha).toEqual(before.docker_apps?.alpha);
    expect(after.docker_compose_apps?.alpha).toEqual(before.docker_compose_apps?.alpha);
    expect(after.docker_compose_apps?.beta).not.toEqual(before.docker_compose_apps?.beta);
  });

  test('a failed app alone, with nothing else due, holds nothing', async () => {
    await factory.run();
    await factory.write('repo/alpha.dockerapp', BROKEN);
    expect(statusesOf(await factory.run())).toEqual({ alpha: 'failed', beta: 'unchanged' });
  });

  test('a package that is gone keeps its entries', async () => {
    await factory.run();
    await factory.remove('repo/alpha.dockerapp');
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), '', 'port: 81'));
    const outcome = await factory.run();
    expect(statusesOf(outcome)).toEqual({ beta: 'migrated' });
    expect(await keysOf('amd-lmp-9')).toEqual([
      ['alpha', 'beta'],
      ['alpha', 'beta'],
    ]);
  });

  test('what is not selected or not readable keeps its entries', async () => {
    factory.repositories = ['repo', 'other'];
    await factory.addApp('gamma', 'other');
    await factory.run();
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), '', 'port: 81'));
    await factory.remove('other');
    const outcome = await factory.run({ apps: ['beta'] });
    expect(statusesOf(outcome)).toEqual({ alpha: 'skipped', beta: 'migrated' });
    expect(await keysOf('amd-lmp-9')).toEqual([
      ['alpha', 'beta', 'gamma'],
      ['alpha', 'beta', 'gamma'],
    ]);
  });

  test('an operating system build without app maps gets a successor with the apps of the last one that has them', async () => {
    await factory.run();
    const targets = await factory.readTargets();
    await factory.writeTargets({
      ...targets,
      'amd-lmp-9': { ...ostreeTarget('amd', 9), hashes: { sha256: 'cd'.repeat(32) } },
    });
    const outcome = await factory.run();
    expect(outcome.plan.targets.map(({ name, parent }) => [name, parent])).toContainEqual(['amd-lmp-10', 'amd-lmp-9']);
    expect(await keysOf('amd-lmp-10')).toEqual([
      ['alpha', 'beta'],
      ['alpha', 'beta'],
    ]);
  });

  describe('--remove-app', () => {
    test('takes a package that is gone out of both maps', async () => {
      await factory.run();
      await factory.remove('repo/alpha.dockerapp');
      await factory.run({ removeApps: ['alpha'] });
      expect(await keysOf('amd-lmp-9')).toEqual([['beta'], ['beta']]);
      expect(await keysOf('arm-lmp-9')).toEqual([['beta'], ['beta']]);
    });

    test('says so where no target has the app', async () => {
      const { plan } = await factory.run({ removeApps: ['gamma'] });
      expect(plan.diagnostics.map(({ code }) => code)).toContain('targets.nothing-removed');
    });

    test('takes a package that is disabled', async () => {
      await factory.run();
      const text = singleFile(imageOf('alpha'));
      await factory.remove('repo/alpha.dockerapp');
      await factory.write('repo/alpha.dockerapp.disabled', text);
      await factory.run({ removeApps: ['alpha'] });
      expect(await keysOf('amd-lmp-9')).toEqual([['beta'], ['beta']]);
    });

    test.each([
      ['a package that is still there', 'repo/alpha.dockerapp', {}],
      ['one that is left out by configuration', 'repo/alpha.dockerapp', { exclude: true }],
      ['one in a folder that only looks disabled', 'repo/x.disabled-not/alpha.dockerapp', {}],
    ])('refuses %s', async (_what, path, { exclude }: { exclude?: boolean }) => {
      await factory.run();
      const before = await factory.targetsText();
      await factory.remove('repo/alpha.dockerapp');
      await factory.write(path, singleFile(imageOf('alpha')));
      const config = exclude === true ? `${factory.config}apps: { exclude: [alpha] }\n` : factory.config;
      await expect(factory.run({ removeApps: ['alpha'], config })).rejects.toMatchObject({
        code: 'APP_REMOVED',
        message: expect.stringContaining('still there'),
      });
      expect(await factory.targetsText()).toBe(before);
    });

    test('needs a complete scan', async () => {
      await factory.run();
      const before = await factory.targetsText();
      await factory.remove('repo/alpha.dockerapp');
      const refused = { code: 'APP_REMOVED', message: expect.stringContaining('complete scan') };
      const removeApps = ['alpha'];
      await expect(factory.run({ removeApps, apps: ['b*'] })).rejects.toMatchObject(refused);
      await expect(factory.run({ removeApps, only: new Map([['repo', ['beta.dockerapp']]]) })).rejects.toMatchObject(
        refused,
      );
      factory.repositories = ['repo', 'missing'];
      await expect(factory.run({ removeApps })).rejects.toMatchObject(refused);
      expect(await factory.targetsText()).toBe(before);
    });
  });
});

describe('what is published is frozen, what is not ours stays (invariants 8 and 9)', () => {
  test('every target of the file stays as it is written, foreign members too', async () => {
    const odd = {
      ...ostreeTarget('amd', 7, { docker_apps: { foreign: { filename: 'foreign.dockerapp-3', extra: [1] } } }),
      note: 'é 1.50',
    };
    const text = `{"_type":"Targets", "x-vendor" : {"b":1,"a":[ ]},\n "targets":{ "amd-lmp-7" :${JSON.stringify(odd)},"foreign.dockerapp-3":{"length":5,"hashes":{"sha256":"${'0'.repeat(64)}"}}},\n"expires":"2030-01-01T00:00:00Z","version":3}`;
    await factory.write('tuf/targets.json', text);
    await factory.run();
    const once = await factory.targetsText();
    expect(once).toContain('"x-vendor" : {"b":1,"a":[ ]}');
    expect(once).toContain(`"amd-lmp-7" :${JSON.stringify(odd)}`);
    expect(once).toContain(`"foreign.dockerapp-3":{"length":5,"hashes":{"sha256":"${'0'.repeat(64)}"}}`);
    const next = (await factory.readTargets())['amd-lmp-8']!.custom!;
    expect(next.docker_apps?.foreign).toEqual({ filename: 'foreign.dockerapp-3', extra: [1] });
    expect(Object.keys(next.docker_compose_apps ?? {})).toEqual(['alpha', 'beta']);

    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), '', 'port: 81'));
    const [before, file] = [await factory.readTargets(), await factory.tufRepo.getTarget('beta.dockerapp-8')];
    await factory.run();
    const after = await factory.readTargets();
    for (const [name, target] of Object.entries(before)) expect(after[name]).toEqual(target);
    expect(await factory.tufRepo.getTarget('beta.dockerapp-8')).toEqual(file);
    expect(Object.keys(after)).toContain('amd-lmp-9');
  });

  test('a targets file that changes while the run is at work is built upon, not overwritten', async () => {
    const { tufRepo } = factory;
    const meddled = {
      location: tufRepo.location,
      readTargets: () => tufRepo.readTargets(),
      getTarget: (name: string) => tufRepo.getTarget(name),
      writeTargets: (bytes: Uint8Array, checksum: string) => tufRepo.writeTargets(bytes, checksum),
      putTarget: async (name: string, bytes: Uint8Array) => {
        await factory.writeTargets({ 'amd-lmp-9': ostreeTarget('amd', 9) });
        return tufRepo.putTarget(name, bytes);
      },
    };
    await factory.run({ context: { tufRepo: meddled } });
    const names = Object.keys(await factory.readTargets());
    expect(names[0]).toBe('amd-lmp-9');
    expect(names).toContain('amd-lmp-10');
    expect(names).not.toContain('amd-lmp-8');
  });
});

describe('names stay and both styles run the same images (invariants 10 and 11)', () => {
  test('the key is the base name of the package in both maps; services, volumes and networks are as they were', async () => {
    const extra = '    volumes: ["Data.1:/d"]\n    networks: [Net_1]\nvolumes:\n  Data.1: {}\nnetworks:\n  Net_1: {}\n';
    await factory.write(
      'repo/beta.dockerapp',
      singleFile(imageOf('beta'), extra).replace('name: some-app', 'name: another-name'),
    );
    const outcome = await factory.run();
    const { custom } = (await factory.readTargets())['amd-lmp-8']!;
    expect(Object.keys(custom?.docker_apps ?? {})).toEqual(Object.keys(custom?.docker_compose_apps ?? {}));
    expect(planOf(outcome, 'beta').reference).toMatch(/^hub\.example\.com\/acme\/beta@sha256:/);
    const text = (await readBundle(factory.destination, planOf(outcome, 'beta'))).get('docker-compose.yml')!;
    expect(text).toContain(
      '    volumes: ["Data.1:/d"]\n    networks: [Net_1]\nvolumes:\n  Data.1: {}\nnetworks:\n  Net_1: {}\n',
    );
    expect(text).toMatch(/^ {2}main:$/m);
    expect(text).not.toMatch(/^name:/m);
  });

  test('the published .dockerapp is the committed file with the pins of the bundle', async () => {
    const committed = singleFile(imageOf('beta'), '  second:\n    image: redis:5\n').replace(
      'name: some-app',
      'name: some-app # note',
    );
    await pushImage(factory.images, 'docker.io/library/redis:5');
    await factory.write('repo/beta.dockerapp', committed);
    const outcome = await factory.run();
    const plan = planOf(outcome, 'beta');
    const published = (await factory.tufRepo.getTarget('beta.dockerapp-8'))!.toString();
    const bundled = (await readBundle(factory.destination, plan)).get('docker-compose.yml')!;
    const [ours, redis] = imagesIn(bundled);
    expect([ours, redis]).toEqual([plan.images[0]?.pinned, plan.images[1]?.pinned]);
    expect(published).toBe(committed.replace(imageOf('beta'), ours!));
    expect((await factory.readTargets())['beta.dockerapp-8']).toMatchObject({
      length: Buffer.byteLength(published),
      hashes: { sha256: plan.dockerApp?.sha256 },
    });
  });

  test('an entry with the same bytes is used again', async () => {
    const committed = singleFile('redis:5');
    await pushImage(factory.images, 'docker.io/library/redis:5');
    await factory.write('repo/beta.dockerapp', committed);
    const first = await factory.run();
    const { sha256, length } = planOf(first, 'beta').dockerApp!;
    await factory.writeTargets({
      'amd-lmp-7': ostreeTarget('amd', 7),
      'beta.dockerapp-5': { hashes: { sha256 }, length, custom: { version: '5', name: 'beta.dockerapp' } },
    });
    const second = await factory.run();
    expect(planOf(second, 'beta').dockerApp).toEqual({ name: 'beta.dockerapp-5', sha256, length, reused: true });
    expect((await factory.readTargets())['amd-lmp-8']?.custom?.docker_apps?.beta).toEqual({
      filename: 'beta.dockerapp-5',
    });
  });

  test('a folder package is published as its three documents in one file', async () => {
    await factory.remove('repo/beta.dockerapp');
    await factory.write('repo/beta.dockerapp/metadata.yml', 'version: 1.0.0\nname: beta\n');
    await factory.write(
      'repo/beta.dockerapp/docker-compose.yml',
      `version: '3.2'\nservices:\n  main: { image: "${imageOf('beta')}" }\n`,
    );
    await factory.write('repo/beta.dockerapp/parameters.yml', 'a: 1\n');
    const outcome = await factory.run();
    const { pinned } = planOf(outcome, 'beta').images[0]!;
    expect((await factory.tufRepo.getTarget('beta.dockerapp-8'))!.toString()).toBe(
      `version: 1.0.0\nname: beta\n\n---\nversion: '3.2'\nservices:\n  main: { image: "${pinned}" }\n\n---\na: 1\n`,
    );
  });
});

describe('no form for devices of the old style (T5)', () => {
  const MOUNTS = '    volumes: ["./app.conf:/etc/app.conf:ro"]\n';
  const composeOnly = (): string => factory.config.replace('tags: main', 'tags: main, composeOnly: [beta]');

  beforeEach(async () => {
    await factory.write('repo/beta/app.conf', 'x = 1\n');
  });

  test.each([
    ['mounts a file beside it', MOUNTS],
    ['reads an env_file', '    env_file: [./app.conf]\n'],
    ['has a config that is a file', '    configs: [c]\nconfigs:\n  c: { file: ./app.conf }\n'],
  ])('an app that %s fails with a hint, and holds the targets', async (_what, extra) => {
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), extra).replace("'3.2'", "'3.3'"));
    const outcome = await factory.run();
    expect(statusesOf(outcome)).toEqual({ alpha: 'held', beta: 'failed' });
    expect(outcome.results[1]?.diagnostics).toContainEqual(
      expect.objectContaining({ code: 'DOCKER_APP_FORM', hint: expect.stringContaining('targets.composeOnly') }),
    );
  });

  test('compose version 3.8 is one reason, as most of those docker-apps refuse it', async () => {
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta')).replace("'3.2'", "'3.8'"));
    expect(codesOf(await factory.run(), 'beta')).toContain('DOCKER_APP_FORM');
  });

  test('metadata that docker-app refuses is one reason, too', async () => {
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta')).replace('version: 1.0.0\n', ''));
    expect(codesOf(await factory.run(), 'beta')).toContain('DOCKER_APP_FORM');
  });

  test('a parameter that only this run has is one reason: the package itself does not render', async () => {
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), '    command: ${level}\n'));
    factory.config += 'parameters: { set: { level: 3 } }\n';
    const outcome = await factory.run();
    const reasons = outcome.results[1]?.diagnostics.filter(({ code }) => code === 'DOCKER_APP_FORM');
    expect(reasons?.map(({ message }) => message)).toEqual([expect.stringContaining('no value for level')]);
  });

  test('an image elsewhere that names the release has its digest in the published package', async () => {
    const { digest } = await pushImage(factory.images, `quay.io/acme/beta:${TAG}`);
    await factory.write('repo/beta.dockerapp', singleFile('quay.io/acme/beta:${TAG}'));
    const outcome = await factory.run();
    expect(statusesOf(outcome).beta).toBe('migrated');
    const published = await factory.tufRepo.getTarget(planOf(outcome, 'beta').dockerApp?.name ?? '');
    expect(published?.toString()).toContain(`image: quay.io/acme/beta@${digest}\n`);
  });

  test('an app in composeOnly is published, and named in the new style only', async () => {
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), MOUNTS));
    const outcome = await factory.run({ config: composeOnly() });
    expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated' });
    expect(codesOf(outcome, 'beta')).toContain('targets.compose-only');
    const files = await readBundle(factory.destination, planOf(outcome, 'beta'));
    expect(files.get('app.conf')).toBe('x = 1\n');
    const { custom } = (await factory.readTargets())['amd-lmp-8']!;
    expect(Object.keys(custom?.docker_apps ?? {})).toEqual(['alpha']);
    expect(Object.keys(custom?.docker_compose_apps ?? {})).toEqual(['alpha', 'beta']);
  });

  test('and keeps an entry in the old style that the parent has', async () => {
    await factory.run();
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), MOUNTS));
    await factory.run({ config: composeOnly() });
    const { custom } = (await factory.readTargets())['amd-lmp-9']!;
    expect(custom?.docker_apps?.beta).toEqual({ filename: 'beta.dockerapp-8' });
  });

  test('without targets there is no such form to care for', async () => {
    await factory.write('repo/beta.dockerapp', singleFile(imageOf('beta'), MOUNTS));
    expect(statusesOf(await factory.run({ config: `images: { tag: ${TAG} }\n` }))).toEqual({
      alpha: 'migrated',
      beta: 'migrated',
    });
  });
});

describe('--fail-fast and --max-failures', () => {
  const NAMES = ['alpha', 'beta', 'delta', 'gamma', 'omega'];
  const broken = (...apps: string[]): Promise<unknown> =>
    Promise.all(apps.map((app) => factory.write(`repo/${app}.dockerapp`, BROKEN)));

  beforeEach(async () => {
    for (const app of NAMES.slice(2)) await factory.addApp(app);
  });

  test.each([1, 8])(
    'the app that is one too many is the same however many are under way (%i), and those after it count as not tried',
    async (concurrency) => {
      await broken('beta', 'delta', 'omega');
      const before = await factory.targetsText();
      const { registry, calls } = recordCalls(factory.destination);
      factory.destination = registry;
      const limited = { maxFailures: 2, context: { limit: createLimit(concurrency) } };
      const outcome = await factory.run(limited);
      expect(statusesOf(outcome)).toEqual({
        alpha: 'held',
        beta: 'failed',
        delta: 'failed',
        gamma: 'held',
        omega: 'held',
      });
      expect(planOf(outcome, 'alpha').reason).toBe('waits for beta, delta');
      const omega = outcome.results.find(({ app }) => app === 'omega');
      expect(omega).toMatchObject({ reason: 'not tried: the run stops once 2 apps failed', diagnostics: [] });
      expect(calls.filter((call) => call.startsWith('put'))).toEqual([]);
      expect(await factory.targetsText()).toBe(before);
      expect(factory.saved.map(({ state }) => state)).toEqual(['proposed']);
    },
  );

  test('nothing is published or written after it, not even with --allow-partial', async () => {
    await broken('omega');
    const before = await factory.targetsText();
    const stopped = await factory.run({ maxFailures: 1, allowPartial: true });
    expect(statusesOf(stopped)).toMatchObject({ alpha: 'held', gamma: 'held', omega: 'failed' });
    expect(await factory.targetsText()).toBe(before);
    const { config } = factory;
    const plain = await factory.run({ maxFailures: 1, config: config.replace(/targets:.*\n/, '') });
    expect(planOf(plain, 'alpha')).toMatchObject({
      status: 'held',
      reason: 'not published: the run stops once an app failed',
    });
    const below = await factory.run({ maxFailures: 2, allowPartial: true });
    expect(statusesOf(below)).toMatchObject({ alpha: 'migrated', omega: 'failed' });
    expect(await factory.targetsText()).not.toBe(before);
  });

  test('a failure while publishing counts, too: what is not begun by then is not', async () => {
    const inner = factory.destination;
    factory.destination = {
      ...recordCalls(inner).registry,
      putManifest: async (name, manifest, options) => {
        if (name.repository.endsWith('/beta')) throw new RebundleError('REGISTRY_DENIED', 'no');
        return inner.putManifest(name, manifest, options);
      },
    };
    const before = await factory.targetsText();
    const config = `${factory.config}publish: { concurrency: 1 }\n`;
    const outcome = await factory.run({ maxFailures: 1, allowPartial: true, config });
    expect(statusesOf(outcome)).toEqual({
      alpha: 'held',
      beta: 'failed',
      delta: 'held',
      gamma: 'held',
      omega: 'held',
    });
    expect(planOf(outcome, 'alpha').reason).toBe('waits for beta');
    expect(planOf(outcome, 'gamma').reason).toBe('not tried: the run stops once an app failed');
    expect(await factory.targetsText()).toBe(before);
    expect(factory.saved.at(-1)?.state).toBe('started');
    factory.destination = inner;
    const next = await factory.run({ earlier: factory.saved.at(-1)! });
    expect(new Set(Object.values(statusesOf(next)))).toEqual(new Set(['migrated']));
  });
});

describe('interrupted', () => {
  test('before the targets: nothing is in them, and the next run goes on with the clock of the first', async () => {
    const before = await factory.targetsText();
    const abort = new AbortController();
    const emit = (event: { type: string }): void => {
      if (event.type === 'blob:sent') abort.abort();
    };
    await expect(factory.run({ context: { signal: abort.signal, emit } })).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await factory.targetsText()).toBe(before);
    expect(factory.saved.at(-1)?.state).toBe('started');
    const outcome = await factory.run({
      earlier: factory.saved.at(-1)!,
      context: { createdAt: '2027-07-07T07:07:07Z' },
    });
    expect(statusesOf(outcome)).toEqual({ alpha: 'migrated', beta: 'migrated' });
    expect(outcome.plan.createdAt).toBe('2026-03-04T05:06:07Z');
  });
});
