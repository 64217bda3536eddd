import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BROKEN, type CliResult, CONFIG, referencesIn, Workspace } from './cli.ts';

interface PlanFile {
  readonly state: string;
  readonly apps: readonly {
    readonly app: string;
    readonly reference: string;
    readonly bundle: { readonly digest: string };
  }[];
}

let workspace: Workspace;
let before: Map<string, string>;
let planned: CliResult;
let proposal: string;

beforeAll(async () => {
  workspace = await Workspace.create();
  before = await workspace.listing();
  planned = await workspace.run(['plan', '--config', CONFIG]);
  proposal = await workspace.read('out/targets.planned.json');
});
afterAll(async () => {
  await workspace.close();
});

test('plan exits with 2 and writes the plan, the reports and the proposed targets, nothing else anywhere', async () => {
  expect(planned.status).toBe(2);
  const after = await workspace.listing();
  const added = [...after.keys()].filter((path) => !before.has(path));
  expect(added).toEqual(
    ['plan.json', 'report.html', 'report.json', 'report.md', 'targets.planned.json'].map((name) => `out/${name}`),
  );
  for (const [path, digest] of before) expect(after.get(path)).toBe(digest);
});

test('a second plan gives the same bytes', async () => {
  const first = await workspace.listing('out');
  const again = await workspace.run(['plan', '--config', CONFIG]);
  expect([again.status, again.stdout]).toEqual([2, planned.stdout]);
  const second = await workspace.listing('out');
  // Durations are in two of the reports.
  for (const path of ['report.html', 'report.json']) {
    first.delete(path);
    second.delete(path);
  }
  expect(second).toEqual(first);
});

test('apply refuses a plan whose source changed, and writes nothing', async () => {
  const path = 'samples/gateway/river-gauge.dockerapp';
  const text = await workspace.read(path);
  await workspace.write(path, text.replace('interval: 30', 'interval: 31'));
  const listing = await workspace.listing();
  const refused = await workspace.run(['apply', 'out/plan.json', '--config', CONFIG]);
  expect([refused.status, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toMatch(/PLAN_STALE: .*river-gauge/);
  const { failure } = await workspace.readJson<{ failure: unknown }>('out/report.json');
  expect(failure).toMatchObject({ code: 'PLAN_STALE' });
  const after = await workspace.listing();
  for (const files of [listing, after]) files.delete('out/report.json');
  expect(after).toEqual(listing);
  await workspace.write(path, text);
});

test('apply publishes the planned digests and writes the proposed targets byte for byte', async () => {
  const plan = await workspace.readJson<PlanFile>('out/plan.json');
  const applied = await workspace.run(['apply', 'out/plan.json', '--config', CONFIG], {
    env: { SOURCE_DATE_EPOCH: '1800000000' },
  });
  expect(applied.status).toBe(0);
  expect(applied.stdout).toBe(planned.stdout);
  expect(await workspace.read('out/targets.json')).toBe(proposal);
  const blobs = await workspace.listing('out/registry/blobs/sha256');
  for (const { app, reference, bundle } of plan.apps) {
    expect(referencesIn(applied.stdout)[app]).toBe(reference);
    for (const digest of [reference.split('@')[1]!, bundle.digest]) {
      const hex = digest.slice('sha256:'.length);
      expect(blobs.get(hex)).toBe(hex);
    }
  }
});

test('apply again is done', async () => {
  const listing = await workspace.listing('out/registry');
  const again = await workspace.run(['apply', 'out/plan.json', '--config', CONFIG]);
  expect(again.status).toBe(0);
  expect(await workspace.listing('out/registry')).toEqual(listing);
  expect(await workspace.read('out/targets.json')).toBe(proposal);
});

test('run on a fresh copy gives the digests and targets of the plan', async () => {
  const other = await Workspace.create();
  try {
    const ran = await other.run(['run', '--config', CONFIG]);
    expect(ran.stdout).toBe(planned.stdout);
    expect(await other.read('out/targets.json')).toBe(proposal);
    expect(await other.listing('out/registry')).toEqual(await workspace.listing('out/registry'));
  } finally {
    await other.close();
  }
});

test('a plan after that has nothing pending: exit 0, and no proposal stays', async () => {
  const next = await workspace.run(['plan', '--config', CONFIG]);
  expect(next.status).toBe(0);
  expect(workspace.exists('out/targets.planned.json')).toBe(false);
});

test('a plan file that is none is refused before anything is done', async () => {
  await workspace.write('other.json', '{"version":1}');
  const result = await workspace.run(['apply', 'other.json', '--config', CONFIG]);
  expect([result.status, result.stdout]).toEqual([4, '']);
  expect(result.stderr).toContain('PLAN_INVALID');
  expect((await workspace.run(['apply', 'none.json', '--config', CONFIG])).status).toBe(4);
});

describe('the next command that a summary names', () => {
  const nextOf = ({ stderr }: CliResult): string[] => / next {6}rebundle (.+)$/m.exec(stderr)?.[1]?.split(' ') ?? [];

  let fresh: Workspace;
  beforeAll(async () => {
    fresh = await Workspace.create();
  });
  afterAll(async () => {
    await fresh.close();
  });

  test('after a plan of some repositories: applies that plan', async () => {
    const words = ['plan', '--config', CONFIG, '--out', 'part', 'samples/gateway', 'samples/vision'];
    const plan = await fresh.run(words);
    expect(nextOf(plan)).toEqual(['apply', 'part/plan.json', ...words.slice(1)]);
    const applied = await fresh.run(nextOf(plan));
    expect([applied.status, Object.keys(referencesIn(applied.stdout)).length]).toEqual([0, 5]);
    expect(nextOf(applied)).toEqual(['run', ...words.slice(1)]);
  });

  test('after a plan with other places, parameters and digests: says all that the plan depends on, and no value of a parameter', async () => {
    const always = [
      '--config',
      CONFIG,
      '--out',
      'there',
      '--to',
      'oci-layout:there/layout',
      '--platform',
      'linux/arm64',
    ];
    const set = (value: string) => ['--set', `greeting=${value}`];
    const plan = await fresh.run(['plan', '--repin', '**', ...always, ...set('hello')]);
    const next = nextOf(plan);
    expect(next).toEqual(['apply', 'there/plan.json', '--repin', "'**'", ...always, ...set('...')]);
    const stale = await fresh.run(next.map((word) => word.replaceAll("'", '')));
    expect([stale.status, stale.stderr.includes('PLAN_STALE')]).toEqual([1, true]);
    const words = next.map((word) => word.replaceAll("'", '').replace('=...', '=hello'));
    const applied = await fresh.run(words);
    expect([applied.status, fresh.exists('there/layout/index.json')]).toEqual([0, true]);
    expect(nextOf(applied)).toEqual(['run', ...always, ...set('...')]);
  });

  test('after an apply that failed: makes a new plan', async () => {
    const words = ['--config', BROKEN, '--out', 'bad'];
    await fresh.run(['plan', ...words]);
    const applied = await fresh.run(['apply', 'bad/plan.json', ...words]);
    expect([applied.status, nextOf(applied)]).toEqual([1, ['plan', ...words]]);
  });
});
