import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG, Workspace } from './cli.ts';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  const { status, stderr } = await workspace.run(['run', '--config', CONFIG, '--reporter', 'silent']);
  if (status !== 0) throw new Error(stderr);
});
afterAll(() => workspace.close());

const simulate = (...args: string[]) => workspace.run(['simulate', ...args, '--config', CONFIG]);

interface Row {
  readonly move: string;
  readonly outcome: string;
  readonly apps: readonly string[];
  readonly clients: readonly string[];
  readonly loss: boolean;
}

async function rowsOf(...args: string[]): Promise<{ status: number | null; rows: Row[]; unread: string[] }> {
  const { status, stdout } = await simulate(...args, '--json');
  return { status, ...JSON.parse(stdout) };
}

/** The targets of the run with other maps of one target. */
async function edit(change: (custom: Record<string, Record<string, unknown>>) => void): Promise<string> {
  const role = await workspace.readJson<{
    targets: Record<string, { custom: Record<string, Record<string, unknown>> }>;
  }>('out/targets.json');
  change(role.targets['intel-corei7-64-lmp-42']!.custom);
  await workspace.write('out/edited.json', JSON.stringify(role));
  return 'out/edited.json';
}

describe('simulate', () => {
  test('says of the sample factory that nothing is lost', async () => {
    const { status, stdout, stderr } = await simulate('out/targets.json', '--older', 'samples/targets.json');
    expect(status, stdout).toBe(0);
    expect(stderr).toMatch(
      /^out\/targets\.json: 6 ways between targets, 7 clients: nothing is lost; going back removes 7 apps/,
    );
    expect(stdout).not.toContain('LOSS');
    expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([]);
    await expect(stdout).toMatchFileSnapshot('golden/simulate-sample.txt');
  });

  test('the same every time', async () => {
    const [one, two] = [await simulate('out/targets.json', '--json'), await simulate('out/targets.json', '--json')];
    expect(one.stdout).toBe(two.stdout);
    expect(one.status).toBe(0);
  });

  test('exits with 3 where an app is gone for a client, and names it', async () => {
    const path = await edit((custom) => {
      delete custom.docker_apps?.['river-gauge'];
    });
    const { status, rows } = await rowsOf(path);
    expect(status).toBe(3);
    const lost = rows.filter(({ loss }) => loss);
    expect(lost.map(({ move, outcome, apps, clients }) => ({ move, outcome, apps, clients }))).toEqual([
      {
        move: 'to',
        outcome: 'removed',
        apps: ['river-gauge'],
        clients: ['docker-app', '2020-07-docker-app', '2020-09-docker-app'],
      },
    ]);
  });

  test('exits with 3 where a target that is out was edited', async () => {
    const path = await edit((custom) => {
      custom.docker_apps!.metrics = { filename: 'river-gauge.dockerapp-42' };
    });
    const { status, rows } = await rowsOf(path, '--older', 'out/targets.json');
    expect(status).toBe(3);
    expect(rows.filter(({ loss }) => loss)).toMatchObject([{ outcome: 'endless-loop', apps: ['metrics'] }]);
  });

  test('named ways are asked about as they are: to a target of the former style compose clients lose their apps', async () => {
    const { status, rows } = await rowsOf('out/targets.json', '--from', '42', '--to', '41');
    expect(status).toBe(3);
    // A device that is set to compose apps there leaves those of the former style running.
    expect(rows.filter(({ loss }) => loss)).toMatchObject([
      { move: 'to', outcome: 'removed', apps: ['debris-camera'], clients: expect.arrayContaining(['docker-app']) },
      { move: 'to', outcome: 'removed', clients: ['2020-07-compose', '2020-09-compose', '2020-10', 'newest'] },
      { move: 'switch', outcome: 'left-running', clients: ['2020-07-compose', '2020-09-compose'] },
    ]);
  });

  test('tells devices with values of their own what they lose, and that the .env file of a run saves it', async () => {
    await workspace.write('lab.yml', "datum: '113.00'\n");
    const lost = await rowsOf('out/targets.json', '--parameters-file', 'lab.yml');
    expect(lost.status).toBe(3);
    const losses = lost.rows.filter(({ loss }) => loss);
    expect(losses).toMatchObject([{ outcome: 'override-lost', move: 'switch', apps: ['river-gauge'] }]);
    expect(JSON.stringify(losses)).not.toContain('113.00');
    const fleet = ['--fleet', 'lab=lab.yml'];
    const converted = await workspace.run(['convert', '--config', CONFIG, ...fleet, '--out', 'converted']);
    expect(converted.status, converted.stderr).toBe(0);
    const saved = await rowsOf('out/targets.json', ...fleet, '--env', 'converted/env');
    expect(saved.status).toBe(0);
    expect(saved.rows.filter(({ outcome }) => outcome.startsWith('env-'))).toMatchObject([
      { outcome: 'env-lost', move: 'back', loss: false },
      { outcome: 'env-needed', move: 'switch', apps: ['river-gauge'] },
    ]);
  });

  test('without configuration no host is asked, and that is said', async () => {
    const { status, stderr } = await workspace.run(['simulate', 'out/targets.json', '--names-only']);
    expect(status).toBe(0);
    expect(stderr).toContain('judged by name only: ');
    const { stderr: more } = await workspace.run(['simulate', 'out/targets.json', '--json']);
    expect(more).toContain('judged by name only: ');
  });

  test.each([
    [['none.json'], 'none.json: no such file'],
    [['out/targets.json', '--from', '1'], '--from and --to belong together'],
    [['out/targets.json', '--client', 'x'], 'there is no client x'],
    [['out/targets.json', '--files', 'no/folder'], 'there is no folder no/folder'],
    [['out/targets.json', '--older', 'a.json', '--older', 'b.json'], '--older is given twice'],
  ])('%j is a usage error', async (args, message) => {
    const { status, stderr } = await simulate(...args);
    expect(status).toBe(4);
    expect(stderr).toContain(message);
  });

  test('writes a table for a review', async () => {
    const { status } = await simulate('out/targets.json', '--report', 'md=out/simulation.md', '--quiet');
    expect(status).toBe(0);
    const text = await workspace.read('out/simulation.md');
    expect(text).toContain('Nothing is lost.');
    expect(text).toContain('| removed | debris-camera');
  });
});
