import { readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { once, readAll } from '../../src/lib/bytes.ts';
import { convertPackages } from '../../src/pipeline/convert.ts';
import { hasErrors } from '../../src/pipeline/migration.ts';
import { planReplacements } from '../../src/pipeline/retire.ts';
import { checkReplacements } from '../../src/pipeline/retire-check.ts';
import { findRetireLosses } from '../../src/pipeline/retire-losses.ts';
import { scanSources } from '../../src/pipeline/scan.ts';
import type { Source } from '../../src/source/source.ts';
import { parseTargetsFile } from '../../src/targets/targets-file.ts';
import { imageOf, ostreeTarget, singleFile, TestFactory } from './factory.ts';

const mounts = (...paths: string[]): string =>
  `    volumes:\n${paths.map((path) => `      - ./${path}:/x/${path}\n`).join('')}`;

let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.withApps('alpha', 'beta');
});
afterEach(async () => {
  await factory.close();
});

async function plan(options: Parameters<TestFactory['request']>[0] = {}) {
  const request = factory.request(options);
  const context = factory.context(options);
  const scanned = await scanSources(request, context);
  const apps = await convertPackages(scanned, request, context, async (app) => app);
  const replacements = await planReplacements(apps, scanned);
  return { replacements, outlook: await checkReplacements(replacements, scanned, { request, context }) };
}

/** Files written and removed, by app. */
async function changes(options: Parameters<TestFactory['request']>[0] = {}) {
  const { replacements } = await plan(options);
  return Object.fromEntries(
    replacements.flatMap(({ apps }) =>
      apps.map(({ app, files, removed, dropped }) => [
        app.name,
        { files: files.map(({ path }) => path), removed, ...(dropped.length > 0 ? { dropped } : {}) },
      ]),
    ),
  );
}

async function folderPackage(app: string, files: Record<string, string>, more = ''): Promise<void> {
  await factory.write(`repo/${app}.dockerapp/metadata.yml`, `version: 1.0.0\nname: ${app}\n`);
  await factory.write(`repo/${app}.dockerapp/parameters.yml`, '{}\n');
  const compose = `version: '3.2'\nservices:\n  main:\n    image: ${imageOf(app)}\n${more}`;
  await factory.write(`repo/${app}.dockerapp/docker-compose.yml`, compose);
  for (const [path, text] of Object.entries(files)) await factory.write(`repo/${app}.dockerapp/${path}`, text);
}

describe('the place of a package', () => {
  test('takes what convert writes; what lies in the folder already stays', async () => {
    await factory.write('repo/alpha.dockerapp', singleFile(imageOf('alpha'), mounts('a.conf', 'b.conf')));
    await factory.write('repo/alpha/a.conf', 'in its place');
    await factory.write('repo/b.conf', 'beside');
    await factory.write('repo/alpha/docker-compose.yml', 'of an older convert');
    const { replacements } = await plan();
    const [alpha] = replacements[0]?.apps ?? [];
    expect(alpha?.files.map(({ path }) => path)).toEqual(['alpha/docker-compose.yml', 'alpha/b.conf']);
    const [compose, conf] = await Promise.all((alpha?.files ?? []).map(({ open }) => readAll(open(), 9999, 'x')));
    expect(compose?.toString()).toBe(alpha?.app.app?.composeText);
    expect(conf?.toString()).toBe('beside');
  });

  test('takes all files of a folder package but those with reserved names', async () => {
    const files = { 'a.conf': 'a', 'notes.md': 'n', '.env': 'A=1', '.composeappignores': 'skipped\n', skipped: 's' };
    await folderPackage('gamma', files, mounts('a.conf'));
    const { replacements, outlook } = await plan({ apps: ['gamma'] });
    const [gamma] = replacements[0]?.apps ?? [];
    expect(gamma?.files.map(({ path }) => path)).toEqual([
      'gamma/docker-compose.yml',
      'gamma/.composeappignores',
      'gamma/a.conf',
      'gamma/notes.md',
      'gamma/skipped',
    ]);
    expect([gamma?.removed, gamma?.dropped]).toEqual([['gamma.dockerapp'], ['gamma.dockerapp/.env']]);
    expect([...outlook.lostFiles]).toEqual([['gamma', ['notes.md']]]);
    const all = await plan({
      apps: ['gamma'],
      config: factory.config.replace('targets:', 'bundle: { files: all }\ntargets:'),
    });
    expect(all.outlook.lostFiles.size).toBe(0);
  });

  test('also takes files beside the packages that nothing else uses, and in doubt leaves them', async () => {
    const conf = { files: ['alpha/docker-compose.yml', 'alpha/x.conf'], removed: ['alpha.dockerapp', 'x.conf'] };
    await factory.write('repo/alpha.dockerapp', singleFile(imageOf('alpha'), mounts('x.conf')));
    await factory.write('repo/x.conf', 'x');
    expect((await changes()).alpha).toEqual(conf);
    const kept = { ...conf, removed: ['alpha.dockerapp'] };
    await factory.write('repo/ci/build.sh', 'cp ../x.conf image/\n');
    expect((await changes()).alpha).toEqual(kept);
    await factory.write('repo/ci/build.sh', 'make\n');
    expect((await changes()).alpha).toEqual(conf);
    await factory.write('repo/Dockerfile', 'COPY . .\n');
    expect((await changes()).alpha).toEqual(kept);
    await factory.remove('repo/Dockerfile');
    expect((await changes({ apps: ['alpha'] })).alpha).toEqual(kept);
    await factory.write('repo/old.dockerapp.disabled', 'x');
    expect((await changes()).alpha).toEqual(kept);
  });

  test('is refused where a file or a link has its name', async () => {
    await factory.write('repo/alpha', 'a file');
    await expect(plan()).rejects.toMatchObject({ code: 'RETIRE_REFUSED', message: expect.stringContaining('a file') });
    await factory.remove('repo/alpha');
    await factory.write('repo/conf/x', 'x');
    await symlink('conf', join(factory.root, 'repo/alpha'));
    await expect(plan()).rejects.toMatchObject({ code: 'RETIRE_REFUSED', message: expect.stringContaining('a link') });
  });

  test('replaces a link in the folder that led into the package', async () => {
    await folderPackage('gamma', { 'a.conf': 'a' }, mounts('b.conf'));
    await factory.write('repo/gamma/keep', 'x');
    await symlink('../gamma.dockerapp/a.conf', join(factory.root, 'repo/gamma/b.conf'));
    expect((await changes({ apps: ['gamma'] })).gamma?.files).toEqual([
      'gamma/docker-compose.yml',
      'gamma/a.conf',
      'gamma/b.conf',
    ]);
  });
});

describe('what comes after the merge', () => {
  test('an app that would not be selected is refused, and one that is named or included is fine', async () => {
    await factory.write('repo/deep/web.dockerapp', singleFile(imageOf('web')));
    const include = (globs: string) => factory.config.replace('targets:', `apps: { include: ['${globs}'] }\ntargets:`);
    await expect(plan({ config: include('deep/*.dockerapp') })).rejects.toMatchObject({
      code: 'RETIRE_REFUSED',
      message: expect.stringContaining("web: its folder 'deep/web' would not be selected: not at the top level"),
    });
    expect((await changes({ config: include('deep/*') })).web).toEqual({
      files: ['deep/web/docker-compose.yml'],
      removed: ['deep/web.dockerapp'],
    });
    const only = new Map([['repo', ['deep/web.dockerapp']]]);
    expect(Object.keys(await changes({ only }))).toEqual(['web']);
  });

  test('a file that the rules of the folder would leave out is refused', async () => {
    await folderPackage('gamma', { 'a.conf': 'a' }, mounts('a.conf'));
    await factory.write('repo/gamma/.composeappignores', 'a.conf\n');
    await expect(plan({ apps: ['gamma'] })).rejects.toMatchObject({
      code: 'RETIRE_REFUSED',
      message: expect.stringContaining('a.conf'),
    });
  });

  test('other compose folders that become apps are told', async () => {
    await factory.write('repo/tools/docker-compose.yml', 'services: {}\n');
    expect((await plan()).outlook.newApps).toEqual(['repo/tools']);
  });

  test('a failed app is refused by name', async () => {
    await factory.write('repo/beta.dockerapp', 'a: [');
    await expect(plan()).rejects.toMatchObject({ code: 'RETIRE_REFUSED', message: expect.stringContaining('beta') });
  });
});

test('every recorded package that can be published comes out of its compose folder as it was', async () => {
  const path = join(import.meta.dirname, '../fixtures/convert/recorded-cases.json');
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as {
    cases: { single?: string; files?: Record<string, string | null> }[];
  };
  const files = new Map(
    cases.flatMap(({ single, files: parts = {} }, i) =>
      (single === undefined ? Object.entries(parts) : [['', single] as const]).flatMap(([name, text]) => {
        const inside = name === '' ? '' : `/${name.replace('<params>', 'parameters.yml')}`;
        return text === null ? [] : [[`case-${i}.dockerapp${inside}`, Buffer.from(text)] as const];
      }),
    ),
  );
  const sourceOf = (fine: ReadonlyMap<string, Buffer>): Source => ({
    origin: { repository: 'repo', path: '' },
    async *list() {
      for (const [name, { byteLength }] of fine) yield { path: name, mode: 'file', size: byteLength };
    },
    read: async (name) => fine.get(name) ?? Buffer.alloc(0),
    open: (name) => once(fine.get(name) ?? Buffer.alloc(0)),
  });
  const request = factory.request();
  const read = async (fine: ReadonlyMap<string, Buffer>) => {
    const context = { ...factory.context(), sources: [sourceOf(fine)], emit: () => {} };
    const scanned = await scanSources(request, context);
    return { context, scanned, apps: await convertPackages(scanned, request, context, async (app) => app) };
  };
  const all = await read(files);
  const bad = new Set(
    all.apps.filter(({ diagnostics }) => hasErrors(diagnostics)).map(({ location }) => location.path),
  );
  const { context, scanned, apps } = await read(
    new Map([...files].filter(([name]) => !bad.has(name.split('/')[0] ?? ''))),
  );
  expect(apps.length).toBeGreaterThan(50);
  const replacements = await planReplacements(apps, scanned);
  const outlook = await checkReplacements(replacements, scanned, { request, context });
  expect(outlook).toEqual({ lostFiles: new Map(), newApps: [] });
});

describe('what devices lose', () => {
  const losses = (targets: Record<string, unknown>, tags = ['main']) =>
    findRetireLosses(
      parseTargetsFile(Buffer.from(JSON.stringify({ _type: 'Targets', version: 1, targets })), 'targets.json'),
      { ...factory.request().config.targets!, tags },
    );
  const file = { hashes: { sha256: 'cd'.repeat(32) }, length: 3, custom: { targetFormat: 'BINARY' } };
  const docker_apps = { a: { filename: 'a.dockerapp-1' }, b: { filename: 'gone' }, old: { filename: 'a.dockerapp-1' } };
  const docker_compose_apps = {
    a: { uri: `h.example/f/a@sha256:${'0'.repeat(64)}` },
    c: { uri: `h.example/f/c@sha256:${'1'.repeat(64)}` },
  };

  test('each client by its own map, of what it really runs', () => {
    const [loss, ...more] = losses({
      'a.dockerapp-1': file,
      'amd-lmp-3': ostreeTarget('amd', 3, { docker_apps, docker_compose_apps }),
      'arm-lmp-3': ostreeTarget('arm', 3, { docker_compose_apps }),
    });
    expect(more).toEqual([]);
    expect(loss).toMatchObject({ tag: 'main', hardwareIds: ['amd'], target: 'amd-lmp-3', gone: ['b', 'old'] });
    expect(loss?.clients).toEqual([
      ...['docker-app', '2020-07-docker-app', '2020-09-docker-app'].map((client) => ({
        client,
        starts: true,
        removes: ['a', 'old'],
        keeps: [],
      })),
      ...['2020-07-compose', '2020-09-compose', '2020-10', 'newest'].map((client) => ({
        client,
        starts: true,
        removes: [],
        keeps: ['a', 'c'],
      })),
      { client: 'newest-docker-app', starts: false, removes: [], keeps: [] },
    ]);
  });

  test('an OS build without maps is judged by the target before it; a new tag by its parent', () => {
    const found = losses(
      {
        'a.dockerapp-1': file,
        'amd-lmp-3': ostreeTarget('amd', 3, { docker_apps, docker_compose_apps }),
        'amd-lmp-4': { ...ostreeTarget('amd', 4), hashes: { sha256: 'ef'.repeat(32) } },
      },
      ['main', 'next:main'],
    );
    expect(found.map(({ tag, target }) => [tag, target])).toEqual([
      ['main', 'amd-lmp-4'],
      ['next', undefined],
    ]);
    expect(found[1]?.clients[0]?.removes).toEqual(['a', 'old']);
  });
});
