import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostileServer } from '../support/hostile-server.ts';
import { plainPackage, startImageServer } from '../support/plain-factory.ts';
import { readReport, Workspace } from './cli.ts';

const APPS = ['api', 'cart', 'web'];
let workspace: Workspace;
let server: HostileServer;

beforeEach(async () => {
  server = await startImageServer();
  workspace = await Workspace.create({ samples: false });
  for (const app of APPS)
    await workspace.write(`apps/${app}.dockerapp`, plainPackage(app, `${server.host}/tools/proxy:1`));
  await workspace.write(
    'rebundle.yml',
    `registry: ${server.host}\nfactory: acme\nimages: { tag: v1 }\nrepositories: [apps]\n`,
  );
});
afterEach(async () => {
  await workspace.close();
  await server.close();
});

/** Starts a command that comes to a request which is never answered. */
async function startHanging(command: string, method: string): Promise<ReturnType<Workspace['start']>> {
  let hangs = false;
  server.fault = (request) => {
    if (request.method !== method) return undefined;
    hangs = true;
    return { do: 'hang' };
  };
  const started = workspace.start([command, '--reporter', 'ndjson']);
  let ended = false;
  void started.result.then(() => {
    ended = true;
  });
  while (!hangs && !ended) await sleep(10);
  expect(hangs).toBe(true);
  server.fault = () => undefined;
  return started;
}

describe('while a run is at work', () => {
  test('no other begins in its folder; killed, it leaves a lock that the next one takes over and tells of', async () => {
    const first = await startHanging('run', 'POST');
    const { pid } = await workspace.readJson<{ pid: number }>('out/run.lock');
    // It goes on planning while its blobs wait: once the plan is whole, it writes nothing more.
    const planned = () => workspace.readJson<{ apps: readonly unknown[] }>('out/plan.json');
    while ((await planned()).apps.length < APPS.length) await sleep(10);
    const before = await workspace.listing('out');
    for (const command of ['run', 'plan', 'convert']) {
      const { status, stdout, stderr } = await workspace.run([command]);
      expect([command, status, stdout]).toEqual([command, 5, '']);
      expect(stderr).toMatch(new RegExp(`^rebundle: RUN_LOCKED: another run is at work in .*/out: process ${pid} on `));
    }
    expect(await workspace.listing('out')).toEqual(before);
    expect((await workspace.run(['plan', '--out', 'other'])).status).toBe(2);

    first.kill('SIGKILL');
    expect((await first.result).status).toBe(null);
    expect(workspace.exists('out/run.lock')).toBe(true);
    const next = await workspace.run(['run', '--reporter', 'lines']);
    expect(next.status).toBe(0);
    expect(next.stderr).toContain(`process ${pid}, at work here since`);
    expect([...(await workspace.listing('out')).keys()].filter((path) => path.includes('lock'))).toEqual([]);
  });
});

describe('a signal', () => {
  test.each([
    // Blobs go while other apps are planned.
    ['run', 'POST', 'SIGINT', /at (bundle|publish)$/],
    ['run', 'HEAD', 'SIGTERM', /at pin$/],
    ['plan', 'GET', 'SIGINT', /at pin$/],
  ] as const)(
    'ends %s at a registry that does not answer %s: 130, no lock, and what was not done is told',
    async (command, method, signal, stage) => {
      const started = await startHanging(command, method);
      started.kill(signal);
      const { status, stdout, stderr } = await started.result;
      expect([status, stdout]).toEqual([130, '']);
      expect(stderr).toContain('rebundle: CANCELLED');
      const files = [...(await workspace.listing('out')).keys()];
      expect(files.filter((path) => /lock|tmp/.test(path))).toEqual([]);
      const report = await readReport(workspace);
      expect(report).toMatchObject({ status: 130, command, failure: { code: 'CANCELLED' } });
      const rows = (report.apps as { app: string; status: string; reason: string }[]) ?? [];
      expect(rows.map(({ app, status: each }) => [app, each])).toEqual(APPS.map((app) => [app, 'held']));
      expect(rows.some(({ reason }) => stage.test(reason))).toBe(true);
      expect((await workspace.read('out/failed.txt')).split('\n').slice(2, -1)).toEqual(
        APPS.map((app) => `../apps package=${app}.dockerapp`),
      );
      if (command === 'run') {
        const next = await workspace.run(['run', '--only-failed']);
        expect([next.status, next.stdout.split('\n').length]).toEqual([0, APPS.length + 1]);
      }
    },
  );

  test('ends the wait for a list that does not come to its end', async () => {
    const started = workspace.start(['scan', '--repositories', '-']);
    // More than a pipe holds is taken only by a program that reads.
    await new Promise((resolve) => started.input.write('#'.repeat(1_000_000), resolve));
    started.kill('SIGINT');
    const { status, stderr } = await started.result;
    expect([status, stderr]).toEqual([130, 'rebundle: CANCELLED: interrupted\n']);
  });

  test('ends convert, and the next one completes it', async () => {
    const at = { at: '"stage":"split"', signal: 'SIGTERM' } as const;
    for (let i = 0; i < 200; i += 1)
      await workspace.write(`apps/more-${i}.dockerapp`, await workspace.read('apps/api.dockerapp'));
    const stopped = await workspace.run(['convert', '--reporter', 'ndjson'], { interrupt: at });
    expect([stopped.status, stopped.stdout]).toEqual([130, '']);
    expect([...(await workspace.listing('out')).keys()].filter((path) => /lock|tmp/.test(path))).toEqual([]);
    const next = await workspace.run(['convert']);
    expect([next.status, next.stdout.split('\n').length]).toEqual([0, 204]);
  });
});
