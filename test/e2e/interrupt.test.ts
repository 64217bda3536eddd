import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readMetric } from '../support/prometheus.ts';
import { startScriptedServer } from '../support/scripted-server.ts';
import { writeBigFactory } from './big-factory.ts';
import { CONFIG, referencesIn, Workspace } from './cli.ts';

const APPS = 40;
const EXIT = 'rebundle_exit_status';
const LAST_SUCCESS = 'rebundle_last_success_timestamp_seconds';
let workspace: Workspace;
/** What a run that nobody stops gives. */
let whole: { readonly blobs: Map<string, string>; readonly targets: string };

beforeAll(async () => {
  const fresh = await Workspace.create();
  try {
    await writeBigFactory(fresh, APPS);
    await fresh.run(['run', '--config', 'big.yml', '--reporter', 'silent']);
    whole = { blobs: await fresh.listing('out/registry/blobs'), targets: await fresh.read('out/targets.json') };
  } finally {
    await fresh.close();
  }
});

beforeEach(async () => {
  workspace = await Workspace.create();
  await writeBigFactory(workspace, APPS);
});
afterEach(async () => {
  await workspace.close();
});

/** What a stopped run may have left: nothing half-written, nothing under a wrong digest, no targets. */
async function expectWhole(): Promise<number> {
  const files = await workspace.listing('out');
  expect([...files.keys()].filter((path) => path.includes('.tmp'))).toEqual([]);
  for (const [path, digest] of files) {
    if (path.startsWith('registry/blobs/')) expect(path).toBe(`registry/blobs/sha256/${digest}`);
  }
  expect(await workspace.readJson('out/plan.json')).toMatchObject({ state: 'started' });
  expect(workspace.exists('out/targets.json')).toBe(false);
  if (!workspace.exists('out/registry/index.json')) return 0;
  return (await workspace.readJson<{ manifests: unknown[] }>('out/registry/index.json')).manifests.length;
}

/** All reports name what stopped the run; none does where nothing did. */
async function expectReportsSay(code: string | undefined): Promise<void> {
  const { failure } = await workspace.readJson<{ failure?: { code: string } }>('out/report.json');
  expect(failure?.code).toBe(code);
  for (const path of ['out/report.md', 'out/report.html'])
    expect((await workspace.read(path)).includes('CANCELLED'), path).toBe(code !== undefined);
}

/** A time of the real clock, in seconds: the runs here are given one of 2020. */
function isOfToday(seconds: unknown): boolean {
  return typeof seconds === 'number' && Math.abs(Date.now() / 1000 - seconds) < 3600;
}

describe('a run that is stopped while it publishes', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s: exit 130, and the next run completes it to the same bytes',
    async (signal) => {
      const args = ['run', '--config', 'big.yml', '--reporter', 'ndjson', '--report', 'metrics=run.prom'];
      const stopped = await workspace.run(args, { interrupt: { at: '"type":"blob:sent"', signal } });
      expect([stopped.status, stopped.stdout]).toEqual([130, '']);
      expect(stopped.stderr).toContain('rebundle: CANCELLED');
      expect(await expectWhole()).toBeLessThan(APPS);
      await expectReportsSay('CANCELLED');
      expect(await workspace.read('out/report.md')).toContain(
        'the run ended before it was certain that they are written',
      );
      const metrics = await workspace.read('run.prom');
      expect([readMetric(metrics, EXIT), readMetric(metrics, LAST_SUCCESS)]).toEqual([130, undefined]);

      const next = await workspace.run(args, { env: { SOURCE_DATE_EPOCH: '1700000000' } });
      expect(next.status).toBe(0);
      expect(Object.keys(referencesIn(next.stdout))).toHaveLength(APPS);
      expect(await workspace.listing('out/registry/blobs')).toEqual(whole.blobs);
      expect(await workspace.read('out/targets.json')).toBe(whole.targets);
      await expectReportsSay(undefined);
      const after = await workspace.read('run.prom');
      // Not the clock of the plan, which is that of the first try.
      expect([readMetric(after, EXIT), readMetric(after, LAST_SUCCESS)]).toEqual([0, expect.toSatisfy(isOfToday)]);
    },
  );

  test('(one that is not stopped prints nothing but what it is asked for, however many streams are open)', async () => {
    await workspace.write('big.yml', (await workspace.read('big.yml')).replace('concurrency: 2', 'concurrency: 30'));
    const { status, stderr } = await workspace.run(['run', '--config', 'big.yml', '--quiet']);
    expect([status, stderr]).toEqual([0, '']);
  });
});

describe('SIGTERM while a registry does not answer ends the run long before any timeout', () => {
  test.each([
    ['reads images', '--registry', 'docker.io='],
    ['publishes', '--to', ''],
  ])('that %s', async (_, flag, prefix) => {
    let tell = (): void => {};
    const asked = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const server = await startScriptedServer(() => tell());
    try {
      const args = ['run', '--config', CONFIG, flag, `${prefix}${server.host}`, '--reporter', 'ndjson'];
      const stopped = await workspace.run(args, { interrupt: { at: asked, signal: 'SIGTERM' } });
      expect([stopped.status, stopped.stdout]).toEqual([130, '']);
      await expectReportsSay('CANCELLED');
      expect(workspace.exists('out/targets.json')).toBe(false);
    } finally {
      await server.close();
    }
  });
});
