import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CliEnvironment } from '../../src/cli/environment.ts';
import { formatRepository, listRepositories } from '../../src/cli/repository-list.ts';
import { createLayoutRegistry } from '../../src/registry/layout.ts';
import { pushImage } from '../pipeline/images.ts';
import { GitFolder } from '../support/git-repository.ts';
import { PLAIN_TARGETS, plainPackage } from '../support/plain-factory.ts';
import { ProgramFolder } from '../support/program.ts';

const GOOD = plainPackage('some-app', 'nginx:1');
const BROKEN = plainPackage('some-app', 'nginx:1', ', command: "$' + '{nobody}"');

let folder: ProgramFolder;
let repositories: GitFolder;

beforeEach(async () => {
  folder = await ProgramFolder.create();
  repositories = new GitFolder();
  repositories.init('shop');
  repositories.write('shop/apps/cart.dockerapp', GOOD);
  repositories.commit('shop');
  for (const app of ['web', 'api']) await folder.write(`gate way/${app}.dockerapp`, GOOD);
  await folder.write('targets.json', PLAIN_TARGETS);
  await pushImage(createLayoutRegistry(join(folder.root, 'images')), 'docker.io/library/nginx:1');
  await configure();
});
afterEach(async () => {
  repositories.close();
  await folder.close();
});

function configure(more = ''): Promise<void> {
  return folder.write(
    'rebundle.yml',
    `registry: hub.example.com
factory: acme
registries: { docker.io: "oci-layout:images" }
publish: { to: "oci-layout:bundles" }
targets: { repo: targets.json, tags: main }
apps: { include: ['apps/*'] }
repositories: [{ path: gate way }, { path: ${repositories.path('shop')}, ref: HEAD, name: shelf }${more}]
`,
  );
}

const left = async (): Promise<string[]> => (await folder.read('out/failed.txt')).split('\n').slice(2, -1);
const appsOf = (plan: string): string[] => JSON.parse(plan).apps.map(({ app }: { app: string }) => app);
const newest = async (version: number): Promise<Record<string, unknown>> =>
  JSON.parse(await folder.read('targets.json')).targets[`rpi-lmp-${version}`].custom.docker_compose_apps;

describe('what a run leaves', () => {
  beforeEach(async () => {
    expect((await folder.run('run')).status).toBe(0);
    expect(await folder.list('out')).not.toContain('failed.txt');
    await folder.write('gate way/api.dockerapp', BROKEN);
    repositories.write('shop/apps/cart.dockerapp', plainPackage('some-app', 'nginx:1', ', command: new'));
    repositories.commit('shop');
    expect((await folder.run('run')).status).toBe(1);
  });

  test('is listed: what failed and what waits for it, and --only-failed goes on with just that', async () => {
    const lines = await left();
    expect(lines[0]).toBe('"../gate way" package=api.dockerapp');
    expect(lines[1]).toMatch(/^\S+\/shop ref=HEAD name=shelf package=apps\/cart\.dockerapp$/);
    expect(lines).toHaveLength(2);
    const before = await newest(2);

    const again = await folder.run('run', '--only-failed');
    expect([again.status, await left()]).toEqual([1, lines]);
    await folder.write('gate way/api.dockerapp', plainPackage('some-app', 'nginx:1', ', command: fixed'));
    const { status, stdout } = await folder.run('run', '--only-failed');
    expect(status).toBe(0);
    expect(stdout.split('\n').map((line) => line.split('\t')[0])).toEqual(['api', 'cart', '']);
    const report = JSON.parse(await folder.read('out/report.json'));
    expect(report.skippedPackages).toMatchObject([{ name: 'web', reason: 'not left by the last run' }]);
    const after = await newest(3);
    expect(Object.keys(after)).toEqual(['api', 'cart', 'web']);
    expect(after.web).toEqual(before.web);
    expect(await folder.list('out')).not.toContain('failed.txt');

    const nothing = await folder.run('run', '--only-failed');
    expect([nothing.status, nothing.stdout]).toEqual([0, '']);
    const whole = await folder.run('run');
    expect(whole.stderr).toContain('3 unchanged');
  });

  test('is a list of repositories: --repositories takes it, with refs and names', async () => {
    const plan = await folder.run('plan', '--out', 'other', '--only-failed');
    expect(plan.error).toContain('there was no run in');
    const given = await folder.run('plan', '--out', 'other', '--repositories', 'out/failed.txt');
    expect(given.status).toBe(1);
    const { apps } = JSON.parse(await folder.read('other/plan.json'));
    expect(apps.map(({ app, origin }: { app: string; origin: object }) => ({ app, ...origin }))).toMatchObject([
      { app: 'api', repository: 'gate way', path: 'api.dockerapp' },
      { app: 'cart', repository: 'shelf', path: 'apps/cart.dockerapp', ref: 'HEAD' },
    ]);
  });

  test('can be planned and applied', async () => {
    await folder.write('gate way/api.dockerapp', plainPackage('some-app', 'nginx:1', ', command: fixed'));
    expect((await folder.run('plan', '--only-failed')).status).toBe(2);
    expect(appsOf(await folder.read('out/plan.json'))).toEqual(['api', 'cart']);
    expect((await folder.run('apply', 'out/plan.json')).status).toBe(0);
    expect(Object.keys(await newest(3))).toEqual(['api', 'cart', 'web']);
  });

  test('names packages that were named themselves', async () => {
    const named = await folder.run('run', 'gate way/api.dockerapp', '--only-failed');
    expect([named.status, appsOf(await folder.read('out/plan.json'))]).toEqual([1, ['api']]);
    const other = await folder.run('run', 'gate way/web.dockerapp', '--only-failed');
    expect([other.status, appsOf(await folder.read('out/plan.json'))]).toEqual([0, []]);
  });

  test('is not touched by a run that was refused', async () => {
    const before = await folder.read('out/failed.txt');
    await folder.write('lock.json', '{}');
    expect((await folder.run('apply', 'lock.json')).error).toContain('PLAN_INVALID');
    expect((await folder.run('run', '--error-on', 'x')).error).toContain('USAGE');
    expect(await folder.read('out/failed.txt')).toBe(before);
  });
});

test('a repository that cannot be read is left as a whole, with its settings', async () => {
  await configure(', { path: gone, git: true, exclude: [x*], include: ["a b/*"] }');
  expect((await folder.run('run')).status).toBe(1);
  expect(await left()).toEqual(['../gone git=true include="a b/*" exclude=x*']);
  await folder.write('gone/x.dockerapp', GOOD);
  await folder.write('gone/y.dockerapp', GOOD);
  expect((await folder.run('run', '--only-failed')).status).toBe(1);
  repositories.git('.', 'init', '--quiet', join(folder.root, 'gone'));
  repositories.git('.', '-C', join(folder.root, 'gone'), 'add', '.');
  const { status, stdout } = await folder.run('run', '--only-failed');
  expect([status, stdout.split('\t')[0]]).toEqual([0, 'y']);
});

describe('a list of repositories', () => {
  test('what is written is read again, whatever it holds', async () => {
    const word = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' });
    const plain = word.filter(
      (text) => !/[\u0000-\u001f\u007f]/.test(text) && !/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.test(text),
    );
    const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
    const settings = fc.record(
      {
        name: optional(plain),
        ref: optional(fc.constantFrom('main', 'v1', 'a/b')),
        git: optional(fc.boolean()),
        submodules: optional(fc.boolean()),
        include: optional(fc.array(plain, { minLength: 1, maxLength: 2 })),
        exclude: optional(fc.array(plain, { minLength: 1, maxLength: 2 })),
      },
      { requiredKeys: [] },
    );
    const environment = (text: string): CliEnvironment =>
      ({ cwd: '/base/out', readInput: async () => Buffer.from(text) }) as unknown as CliEnvironment;
    await fc.assert(
      fc.asyncProperty(plain, settings, optional(word), async (place, rest, path) => {
        const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
        const spec = { ...given, path: resolve('/base', `out/${place}`) };
        const line = formatRepository(spec, path, '/base/out');
        expect(line).not.toMatch(/[\n\r]/);
        const read = await listRepositories('-', environment(`# head\n${line}\n`));
        expect(read).toEqual([{ spec, ...(path === undefined ? {} : { packages: [path] }) }]);
      }),
      { numRuns: 500, examples: [['ann@git.example:shop', {}, 'web.dockerapp']] },
    );
  });

  test('packages by path or by name, joined by repository; the whole repository wins', async () => {
    await folder.write('list.txt', 'gate way/web.dockerapp\ngate way package=api.dockerapp\n');
    const scan = async (): Promise<string[]> =>
      (await folder.run('scan', '--repositories', 'list.txt')).stdout
        .split('\n')
        .map((line) => line.split('\t').slice(0, 2).join(' '))
        .filter((line) => line !== '');
    expect(await scan()).toEqual(['selected api', 'selected web']);
    await folder.write('list.txt', 'gate way package=api.dockerapp\n');
    expect(await scan()).toEqual(['selected api', 'skipped web']);
    await folder.write('list.txt', 'gate way package=api.dockerapp\ngate way\n');
    expect(await scan()).toEqual(['selected api', 'selected web']);
    await folder.write('odd/a "[1]/web.dockerapp', GOOD);
    await folder.write('list.txt', 'odd package="a \\"[1]/web.dockerapp"\n');
    expect(await scan()).toEqual(['selected web']);
  });

  test.each([
    ['a git=yes', 'list.txt:1: git: expected true or false, found "yes"'],
    ['a name="\\x"', 'list.txt:1: expected a text quoted as in JSON'],
    ['gone.dockerapp', 'gone.dockerapp: no such package'],
  ])('refuses %s', async (line, message) => {
    await folder.write('list.txt', `${line}\n`);
    expect((await folder.run('scan', '--repositories', 'list.txt')).error).toContain(message);
  });
});

test('the list of an earlier run goes with it', async () => {
  await folder.write('gate way/api.dockerapp', BROKEN);
  await folder.run('run');
  rmSync(join(folder.root, 'gate way/api.dockerapp'));
  expect((await folder.run('run')).status).toBe(0);
  expect(await folder.list('out')).not.toContain('failed.txt');
});
