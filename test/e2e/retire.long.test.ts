import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { referencesIn, Workspace } from './cli.ts';

const CONFIG = 'samples/rebundle.yml';
const APPS = ['debris-camera', 'frame-archive', 'link-probe', 'metrics', 'mqtt-bridge', 'river-gauge', 'status-page'];
const SINGLE =
  'version: 1.0.0\nname: web\n---\nversion: "3.2"\nservices:\n  web:\n    image: nginx:1.19\n---\nport: 80\n';

let workspace: Workspace;

beforeEach(async () => {
  workspace = await Workspace.create();
});
afterEach(async () => {
  await workspace.close();
});

function git(folder: string, ...args: string[]): string {
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'protocol.file.allow=always'];
  return execFileSync('git', [...who, ...args], {
    cwd: workspace.path(folder),
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

function init(folder: string): void {
  git(folder, 'init', '--quiet', '--initial-branch=main');
  git(folder, 'add', '--all');
  git(folder, 'commit', '--quiet', '-m', 'first');
}

const run = (...args: string[]) => workspace.run([...args, '--reporter', 'silent']);

interface Newest {
  readonly version: string;
  readonly custom: Record<string, Record<string, unknown>>;
}

/** The newest target of each hardware id. */
async function newest(): Promise<Record<string, Newest>> {
  const { targets } = await workspace.readJson<{ targets: Record<string, Newest> }>('out/targets.json');
  const found: Record<string, Newest> = {};
  for (const target of Object.values(targets)) {
    const [id] = (target.custom?.hardwareIds ?? []) as unknown as string[];
    if (id === undefined) continue;
    const version = Number(target.custom.version);
    if (!(version < Number(found[id]?.custom.version ?? 0))) found[id] = target;
  }
  return found;
}

describe('the sample factory in git repositories', () => {
  beforeEach(async () => {
    for (const repository of ['gateway', 'vision', 'monitoring']) init(`samples/${repository}`);
    git('samples', 'clone', '--quiet', '--bare', 'vision', 'vision.git');
    const config = (await workspace.read(CONFIG))
      .replace('  - vision\n', '  - { path: vision.git, name: vision }\n')
      .replace('  include: []', '  include: []\n  compose: true');
    await workspace.write(CONFIG, config);
  });

  test('packages become compose folders, docker_apps goes, and the nightly job goes on', async () => {
    const first = await run('run', '--config', CONFIG);
    expect(first.status, first.stderr).toBe(0);
    const before = await workspace.read('out/targets.json');
    const files = await workspace.listing('samples');

    const told = await run('retire', '--config', CONFIG);
    expect(told.status, told.stderr).toBe(0);
    expect(told.stdout).toMatch(/^7 packages of the old form are left/);
    expect(told.stdout).toMatch(
      /docker-app: LOSES debris-camera, frame-archive, metrics,\s+mqtt-bridge, river-gauge: brought down/,
    );
    expect(told.stdout).toMatch(/newest: loses nothing/);
    expect(told.stdout).toMatch(/runbook\.md leaves the bundle/);
    expect(told.stdout).toContain('Nothing was written');
    expect(told.stdout.split('\n').every((line) => line.length <= 100)).toBe(true);
    expect(await workspace.listing('samples')).toEqual(files);

    const unsaid = await run('retire', '--config', CONFIG, '--fleet-ready');
    expect(unsaid.status).toBe(4);
    expect(unsaid.stderr).toContain('--patch DIR');

    const ready = ['retire', '--config', CONFIG, '--fleet-ready', '--patch', 'patches', '--branch', 'retire'];
    const written = await run(...ready);
    expect(written.status, written.stderr).toBe(0);
    expect(written.stderr).toMatch(/docker-app: LOSES\s+debris-camera/);
    expect(written.stdout).toMatch(/^gateway: retire [0-9a-f]{40}\npatches\/gateway\.patch\nvision: retire/);
    for (const repository of ['gateway', 'monitoring']) {
      expect(git(`samples/${repository}`, 'status', '--porcelain')).toBe('');
      expect(git(`samples/${repository}`, 'log', '--format=%s', 'main')).toBe('first');
    }
    expect(await workspace.read('out/targets.json')).toBe(before);
    expect((await run(...ready)).stdout).toBe(written.stdout);

    git('samples/gateway', 'am', '--quiet', '../../patches/gateway.patch');
    expect(git('samples/gateway', 'rev-parse', 'main^{tree}')).toBe(
      git('samples/gateway', 'rev-parse', 'retire^{tree}'),
    );
    git('samples/vision.git', 'update-ref', 'refs/heads/main', 'refs/heads/retire');
    git('samples/monitoring', 'merge', '--quiet', 'retire');
    expect(git('samples/vision.git', 'ls-tree', '-r', '--name-only', 'main').split('\n')).toEqual([
      'debris-camera/docker-compose.yml',
      'frame-archive/docker-compose.yml',
    ]);
    for (const [app, repository] of [
      ['status-page', 'gateway'],
      ['mqtt-bridge', 'gateway'],
      ['metrics', 'monitoring'],
    ] as const) {
      expect(await workspace.listing(`samples/${repository}/${app}`)).toEqual(
        await workspace.listing(`out/apps/${app}`),
      );
    }
    expect(await workspace.modeOf('samples/monitoring/link-probe/scripts/probe.sh')).toBe(
      await workspace.modeOf('out/apps/link-probe/scripts/probe.sh'),
    );

    const dual = await newest();
    const config = await workspace.read(CONFIG);
    await workspace.write(CONFIG, config.slice(0, config.indexOf('  # These run a file')));
    expect((await run('retire', '--config', CONFIG)).stdout).toContain('All apps are compose folders.');
    const dropped = await run('retire', '--config', CONFIG, '--fleet-ready', '--json');
    expect(dropped.status, dropped.stderr).toBe(0);
    const after = await newest();
    expect(JSON.parse(dropped.stdout)).toMatchObject({
      step: 'targets',
      targets: ['intel-corei7-64-lmp-43', 'raspberrypi4-64-lmp-43'],
    });
    for (const id of ['intel-corei7-64', 'raspberrypi4-64']) {
      const custom = after[id]?.custom ?? {};
      expect(custom).not.toHaveProperty('docker_apps');
      expect(Object.keys(dual[id]?.custom.docker_apps ?? {})).toHaveLength(5);
      expect(Object.keys(custom.docker_compose_apps ?? {})).toEqual(APPS);
      // Nothing refers to its runbook, which a folder package has in its bundle and a compose folder has not.
      const { 'link-probe': probe, ...rest } = custom.docker_compose_apps ?? {};
      const { 'link-probe': former, ...others } = dual[id]?.custom.docker_compose_apps ?? {};
      expect(rest).toEqual(others);
      expect(probe).not.toEqual(former);
    }
    const final = await workspace.read('out/targets.json');
    expect(final.startsWith(before.slice(0, before.lastIndexOf('"raspberrypi4-64-lmp-42"')))).toBe(true);

    const nightly = await run('run', '--config', CONFIG);
    expect([nightly.status, Object.keys(referencesIn(nightly.stdout))]).toEqual([0, APPS]);
    const again = await run('retire', '--config', CONFIG, '--fleet-ready');
    expect(again.status).toBe(0);
    expect(again.stderr).toContain('nothing is lost');
    expect(await workspace.read('out/targets.json')).toBe(final);
  });

  test('with bundle.files: all every bundle stays what it was', async () => {
    await workspace.write(CONFIG, (await workspace.read(CONFIG)).replace('bundle:\n', 'bundle:\n  files: all\n'));
    const before = await run('run', '--config', CONFIG);
    const written = await run('retire', '--config', CONFIG, '--fleet-ready', '--branch', 'retire');
    expect(written.stderr).not.toContain('leaves the bundle');
    for (const repository of ['gateway', 'monitoring']) git(`samples/${repository}`, 'merge', '--quiet', 'retire');
    git('samples/vision.git', 'update-ref', 'refs/heads/main', 'refs/heads/retire');
    const config = await workspace.read(CONFIG);
    await workspace.write(CONFIG, config.slice(0, config.indexOf('  # These run a file')));
    const after = await run('run', '--config', CONFIG);
    expect(after.stdout).toBe(before.stdout);
    expect(Object.keys(referencesIn(after.stdout))).toEqual(APPS);
  });

  test('refuses to drop docker_apps for a part of the apps, and without apps', async () => {
    for (const repository of ['gateway', 'monitoring', 'vision']) {
      git(`samples/${repository}`, 'rm', '-rq', '.');
    }
    await workspace.write(CONFIG, (await workspace.read(CONFIG)).replace(/^ {2}- \{ path: vision.git.*\n/m, ''));
    await workspace.write('samples/gateway/web/docker-compose.yml', 'services:\n  web:\n    image: nginx:1.19\n');
    const part = await run('retire', '--config', CONFIG, '--fleet-ready', '--app', 'web');
    expect([part.status, part.stderr]).toEqual([1, expect.stringContaining('only a part of the apps')]);
    await workspace.write(CONFIG, (await workspace.read(CONFIG)).replace('compose: true', 'compose: false'));
    const none = await run('retire', '--config', CONFIG, '--fleet-ready');
    expect([none.status, none.stderr]).toEqual([
      1,
      expect.stringMatching(/no app was found[\s\S]*apps\.compose: true/),
    ]);
    expect(workspace.exists('out/targets.json')).toBe(false);
  });
});

describe('packages of one repository', () => {
  test('with carriage returns, odd names and executable files: the patch gives the very tree of the branch', async () => {
    const crlf = SINGLE.replaceAll('\n', '\r\n');
    await workspace.write(
      'repo/web.dockerapp',
      crlf.replace('nginx:1.19\r\n', 'nginx:1.19\r\n    volumes: ["./ä b.sh:/x"]\r\n'),
    );
    await workspace.write('repo/web/ä b.sh', '#!/bin/sh\r\n');
    await workspace.write(
      'repo/big.dockerapp/docker-compose.yml',
      'version: "3.2"\nservices:\n  big:\n    image: nginx:1.19\n    volumes: ["./d:/d"]\n',
    );
    await workspace.write('repo/big.dockerapp/metadata.yml', 'version: 1.0.0\nname: big\n');
    await workspace.write('repo/big.dockerapp/parameters.yml', '{}\n');
    await workspace.write('repo/big.dockerapp/d/blob', '\0\u0001binary');
    await workspace.write('repo/big.dockerapp/.composeappignores', 'd/secret\n');
    await workspace.write('repo/big.dockerapp/d/secret', 'x');
    init('repo');
    const { status, stderr } = await run('retire', 'repo', '--fleet-ready', '--patch', 'p', '--branch', 'b');
    expect(status, stderr).toBe(0);
    git('repo', 'am', '--quiet', '../p/repo.patch');
    expect(git('repo', 'rev-parse', 'main^{tree}')).toBe(git('repo', 'rev-parse', 'b^{tree}'));
    expect(git('repo', '-c', 'core.quotePath=false', 'ls-files').split('\n')).toEqual([
      'big/.composeappignores',
      'big/d/blob',
      'big/d/secret',
      'big/docker-compose.yml',
      'web/docker-compose.yml',
      'web/ä b.sh',
    ]);
    const left = await run('retire', 'repo');
    expect([left.status, left.stdout]).toEqual([0, expect.stringContaining('no app was found')]);
  });

  test('what is not committed, no git repository, not to be read or wrong is refused, and nothing is written', async () => {
    await workspace.write('repo/web.dockerapp', SINGLE);
    const refuse = async (...args: string[]) => {
      const { status, stderr, stdout } = await run('retire', ...args, '--fleet-ready', '--branch', 'b', '--patch', 'p');
      expect([stdout, workspace.exists('p')]).toEqual(['', false]);
      return `${status} ${stderr}`;
    };
    expect(await refuse('repo')).toMatch(/^5 [\s\S]*is no git repository/);
    init('repo');
    await workspace.write('repo/more.dockerapp', SINGLE);
    expect(await refuse('repo')).toMatch(/^1 [\s\S]*'repo\/more\.dockerapp' is in no commit/);
    await workspace.write('other/x.dockerapp', SINGLE);
    git('repo', 'clean', '-fq');
    expect(await refuse('repo', 'other')).toMatch(/^1 [\s\S]*other could not be read/);
    await workspace.write('repo/bad.dockerapp', 'a: [');
    git('repo', 'add', '.');
    git('repo', 'commit', '-qm', 'bad');
    expect(await refuse('repo')).toMatch(/^1 [\s\S]*not every app could be converted: bad/);
    const told = await run('retire', 'repo');
    expect([told.status, told.stdout]).toEqual([
      0,
      expect.stringMatching(/^2 packages[\s\S]*This would be refused: not every app/),
    ]);
    expect(git('repo', 'branch', '--list', 'b')).toBe('');
    const one = await run('retire', 'repo', '--app', 'web', '--fleet-ready', '--branch', 'b');
    expect(one.status, one.stderr).toBe(0);
    expect(git('repo', 'ls-tree', '-r', '--name-only', 'b').split('\n')).toEqual([
      'bad.dockerapp',
      'web/docker-compose.yml',
    ]);
  });

  test('a package in a submodule is refused', async () => {
    await workspace.write('inner/web.dockerapp', SINGLE);
    init('inner');
    await workspace.write('repo/README', 'x');
    init('repo');
    git('repo', 'submodule', '--quiet', 'add', '../inner', 'sub');
    git('repo', 'commit', '-qm', 'sub');
    await workspace.write('c.yml', "repositories: [{ path: repo, submodules: true }]\napps: { include: ['sub/*'] }\n");
    const { status, stderr } = await run('retire', '--config', 'c.yml', '--fleet-ready', '--branch', 'b');
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/'repo\/sub\/web\.dockerapp' is in no commit[\s\S]*submodule/),
    ]);
    expect(git('repo', 'branch', '--list', 'b')).toBe('');
  });
});
