import { chmod, readFile, symlink, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG, referencesIn, Workspace } from './cli.ts';

let workspace: Workspace;
let references: Record<string, string>;

beforeAll(async () => {
  workspace = await Workspace.create();
  const { stdout } = await workspace.run(['run', '--config', CONFIG, '--reporter', 'silent']);
  references = referencesIn(stdout);
});
afterAll(() => workspace.close());

const ref = (app: string): string => references[app] ?? '';
const PLACES = ['--config', CONFIG];
const verify = (...args: string[]) => workspace.run(['verify', ...args, ...PLACES]);
const pull = (...args: string[]) => workspace.run(['pull', ...args, ...PLACES, '--reporter', 'lines']);

/** Changes a byte of a blob that a manifest in the layout names; the function puts it back. */
async function damage(app: string, choose: (manifest: { layers: { digest: string }[] }) => string) {
  const manifest = JSON.parse(await workspace.read(`out/registry/blobs/sha256/${ref(app).split('@sha256:')[1]}`));
  const path = `out/registry/blobs/sha256/${choose(manifest).slice('sha256:'.length)}`;
  const whole = await readFile(workspace.path(path));
  const bytes = Buffer.from(whole);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  await writeFile(workspace.path(path), bytes);
  return () => writeFile(workspace.path(path), whole);
}

describe('verify of bundles', () => {
  test('finds nothing wrong with what run published, a block for each', async () => {
    const { status, stdout, stderr } = await verify(...Object.values(references));
    expect([status, stderr]).toEqual([0, '7 of 7 bundles can be installed\n']);
    const heads = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(' '));
    expect(heads).toEqual(Object.values(references).map((text) => `${text}: good (0 errors, 0 warnings, 0 notes)`));
    expect(stdout).toContain('  2 files, 1 image, linux/amd64 linux/arm/v7 linux/arm64\n');
  });

  test('by tag, as JSON', async () => {
    const [name = '', digest = ''] = ref('status-page').split('@sha256:');
    const { status, stdout } = await verify(`${name}:app-${digest.slice(0, 12)}`, '--json', '--quiet');
    const [verdict] = JSON.parse(stdout);
    expect(status).toBe(0);
    expect(verdict).toMatchObject({ pinned: ref('status-page'), isOwn: true, files: 2, findings: [] });
  });

  test('exit 1 on errors, 3 where a lower threshold is reached, 4 for what cannot be meant', async () => {
    const restore = await damage('status-page', ({ layers }) => layers[0]?.digest ?? '');
    const damaged = await verify(ref('status-page'), ref('metrics'));
    await restore();
    expect(damaged.status).toBe(1);
    expect(damaged.stdout).toContain(`${ref('status-page')}: not good (1 error`);
    expect(damaged.stdout).toContain('error verify.digest: the archive: ');
    expect(damaged.stderr).toBe('1 of 2 bundles can be installed\n');
    await workspace.run([
      'copy',
      ref('status-page'),
      'hub.riverbend.example/mirror/other:v1',
      '--from',
      'oci-layout:out/registry',
      '--to',
      'oci-layout:out/registry',
      '--reporter',
      'silent',
    ]);
    const renamed = await verify('hub.riverbend.example/mirror/other:v1', '--error-on', 'warning');
    expect([renamed.status, renamed.stdout]).toEqual([3, expect.stringContaining('warning verify.project-name')]);
    for (const args of [
      ['nothing.example/a/b'],
      ['./missing'],
      [ref('metrics'), 'out/targets.json'],
      [ref('metrics'), '--older', 'x.json'],
      [],
    ]) {
      expect((await verify(...args)).status).toBe(4);
    }
  });

  test('a platform that an image lacks', async () => {
    const { status, stdout } = await verify(ref('debris-camera'), '--platform', 'linux/arm/v7');
    expect([status, stdout]).toEqual([1, expect.stringContaining('has nothing for linux/arm/v7')]);
  });
});

describe('pull', () => {
  test('gives the folder that devices have, and the next command', async () => {
    const { status, stdout, stderr } = await pull(ref('status-page'), '-o', 'app/status-page');
    expect([status, stdout]).toEqual([0, 'app/status-page\n']);
    expect(stderr).toContain('Next: cd app/status-page && docker compose up -d\n');
    const files = await workspace.listing('app/status-page');
    expect([...files.keys()].sort()).toEqual(['.meta/rebundle.json', 'docker-compose.yml', 'nginx.conf']);
    expect(await workspace.read('app/status-page/docker-compose.yml')).toContain('@sha256:');
    expect(await workspace.modeOf('app/status-page')).toBe(0o755);
    expect([...(await workspace.listing('app')).keys()].every((path) => path.startsWith('status-page/'))).toBe(true);
  });

  test('replaces the folder as a whole but for what is the own of the device', async () => {
    await pull(ref('link-probe'), '-o', 'probe');
    await workspace.write('probe/.env', 'A=1\n');
    await workspace.write('probe/data/rows', 'x');
    const { status } = await pull(ref('link-probe'), '-o', 'probe');
    expect(status).toBe(0);
    expect([...(await workspace.listing('probe')).keys()].sort()).toEqual([
      '.env',
      '.meta/rebundle.json',
      'data/rows',
      'docker-compose.yml',
      'runbook.md',
      'scripts/probe.sh',
    ]);
    expect(await workspace.modeOf('probe/scripts/probe.sh')).toBe(0o755);
  });

  test('with its images, into a layout that it can be pulled from again', async () => {
    const first = await pull(
      ref('status-page'),
      '-o',
      'one',
      '--images',
      'oci-layout:stick',
      '--platform',
      'linux/arm64',
    );
    expect([first.status, first.stderr]).toEqual([0, expect.stringContaining('1 image copied')]);
    expect(first.stderr).toContain('docker compose -p status-page up -d');
    const stick = ['--from', 'oci-layout:stick', '--images', 'oci-layout:again', '--platform', 'linux/arm64', '--json'];
    const second = await workspace.run(['pull', ref('status-page'), '-o', 'two', ...stick, '--reporter', 'silent']);
    expect([second.status, JSON.parse(second.stdout)]).toMatchObject([
      0,
      { reference: ref('status-page'), app: 'status-page', copied: 1 },
    ]);
    expect(await workspace.listing('two')).toEqual(await workspace.listing('one'));
  });

  test('of what is damaged leaves the folder as it is', async () => {
    await pull(ref('metrics'), '-o', 'kept');
    const before = await workspace.listing('.');
    const restore = await damage('metrics', ({ layers }) => layers[0]?.digest ?? '');
    const { status, stdout, stderr } = await pull(ref('metrics'), '-o', 'kept');
    await restore();
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain('BUNDLE_REFUSED');
    expect(stderr).toContain('verify.digest');
    expect(await workspace.listing('.')).toEqual(before);
  });

  test('refuses folders that are no bundles', async () => {
    await workspace.write('photos/a.jpg', 'x');
    await symlink('photos', workspace.path('link'));
    for (const folder of ['photos', 'link', 'samples']) {
      const { status, stderr } = await pull(ref('metrics'), '-o', folder);
      expect([status, stderr]).toEqual([4, expect.stringContaining('OUTPUT_UNSAFE')]);
    }
    expect([...(await workspace.listing('photos')).keys()]).toEqual(['a.jpg']);
  });

  test.runIf(process.getuid?.() !== 0)('a folder that may not be written', async () => {
    await workspace.write('locked/x', '');
    await chmod(workspace.path('locked'), 0o555);
    const { status, stderr } = await pull(ref('metrics'), '-o', 'locked/app');
    await chmod(workspace.path('locked'), 0o755);
    expect([status, stderr]).toEqual([1, expect.stringContaining('OUTPUT_UNWRITABLE')]);
  });

  test.each([
    [['--platform', 'linux/arm64']],
    [['--images', 'hub.example']],
    [['--images', 'memory:']],
    [['--from', 'x y']],
  ])('refuses %j', async (args) => {
    expect((await pull(ref('metrics'), '-o', 'no', ...args)).status).toBe(4);
    expect(workspace.exists('no')).toBe(false);
  });
});
