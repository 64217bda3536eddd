import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BROKEN, type CliResult, CONFIG, CREATED_AT, EPOCH, readReport, referencesIn, Workspace } from './cli.ts';

const SELECTED = [
  'debris-camera',
  'frame-archive',
  'link-probe',
  'metrics',
  'mqtt-bridge',
  'river-gauge',
  'status-page',
];
const COMPOSE_ONLY = ['link-probe', 'status-page'];
const MACHINES = ['intel-corei7-64', 'raspberrypi4-64'];

interface Targets {
  readonly targets: Record<string, { readonly custom: Record<string, unknown> }>;
}

describe('run, on the sample factory', () => {
  let workspace: Workspace;
  let samples: Map<string, string>;
  let first: CliResult;

  beforeAll(async () => {
    workspace = await Workspace.create();
    samples = await workspace.listing('samples');
    first = await workspace.run(['run', '--config', CONFIG]);
  });
  afterAll(async () => {
    await workspace.close();
  });

  test('exits with 0, migrates every selected app and says where the report is', async () => {
    expect(first.status).toBe(0);
    expect(first.stderr).toContain('7 migrated, 0 unchanged, 2 skipped, 0 held, 0 failed');
    expect(first.stderr).toContain('out/report.html');
    expect(await readReport(workspace)).toMatchObject({ status: 0, createdAt: CREATED_AT });
  });

  test('standard output is data only: each app with its reference', () => {
    expect(Object.keys(referencesIn(first.stdout))).toEqual(SELECTED);
    for (const [app, reference] of Object.entries(referencesIn(first.stdout))) {
      expect(reference).toMatch(new RegExp(`^hub\\.riverbend\\.example/riverbend/${app}@sha256:[0-9a-f]{64}$`));
    }
  });

  test('leaves behind what it should, and nothing else', async () => {
    const files = [...(await workspace.listing('out')).keys()].filter((path) => !path.startsWith('registry/blobs/'));
    expect(files).toEqual([
      ...SELECTED.flatMap((app) => {
        const more: Record<string, string[]> = {
          'link-probe': ['runbook.md', 'scripts/probe.sh'],
          'status-page': ['nginx.conf'],
        };
        return ['docker-compose.yml', ...(more[app] ?? [])].map((path) => `apps/${app}/${path}`);
      }),
      'plan.json',
      'registry/index.json',
      'registry/oci-layout',
      'report.html',
      'report.json',
      'report.md',
      'targets.json',
      ...['debris-camera', 'frame-archive', 'mqtt-bridge', 'river-gauge'].map((app) => `targets/${app}.dockerapp-42`),
    ]);
    expect(await workspace.modeOf('out/apps/link-probe/scripts/probe.sh')).toBe(0o755);
    expect(await workspace.modeOf('out/apps/status-page/nginx.conf')).toBe(0o644);
  });

  test('changes no input', async () => {
    expect(await workspace.listing('samples')).toEqual(samples);
  });

  test('writes targets that name every app in both styles', async () => {
    const { targets } = await workspace.readJson<Targets & Record<string, unknown>>('out/targets.json');
    for (const machine of MACHINES) {
      const custom = targets[`${machine}-lmp-42`]?.custom ?? {};
      const references = referencesIn(first.stdout);
      expect(custom.docker_compose_apps).toEqual(
        Object.fromEntries(SELECTED.map((app) => [app, { uri: references[app] }])),
      );
      const dockerApps = custom.docker_apps as Record<string, { filename: string }>;
      expect(Object.keys(dockerApps).sort()).toEqual(SELECTED.filter((app) => !COMPOSE_ONLY.includes(app)));
      expect(dockerApps.metrics).toEqual({ filename: 'metrics.dockerapp-39' });
      for (const { filename } of Object.values(dockerApps)) expect(targets[filename]).toBeDefined();
    }
    const seed = await workspace.readJson<Targets>('samples/targets.json');
    for (const [name, target] of Object.entries(seed.targets)) expect(targets[name]).toEqual(target);
  });

  test('a second run reports every app unchanged and changes no byte of registry and targets', async () => {
    const before = await workspace.listing('out');
    const second = await workspace.run(['run', '--config', CONFIG], { env: { SOURCE_DATE_EPOCH: '1700000000' } });
    const after = await workspace.listing('out');
    expect([second.status, second.stdout]).toEqual([0, first.stdout]);
    expect(second.stderr).toContain('0 migrated, 7 unchanged, 2 skipped, 0 held, 0 failed');
    expect(second.stderr).toContain('0 B sent');
    const ofRun = (path: string): boolean => /^(?:plan\.json|report\.\w+)$/.test(path);
    expect([...after].filter(([path]) => !ofRun(path))).toEqual([...before].filter(([path]) => !ofRun(path)));
  });
});

describe('samples/broken', () => {
  let workspace: Workspace;
  let result: CliResult;

  beforeAll(async () => {
    workspace = await Workspace.create();
    result = await workspace.run(['run', '--config', BROKEN]);
  });
  afterAll(async () => {
    await workspace.close();
  });

  test('exits with 1, names each error with file, line and column, and a fix', () => {
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/APP_SPLIT tilt-meter field-trials\/tilt-meter\.dockerapp:12:1: .*3 documents/);
    expect(result.stderr).toMatch(/PARAM_UNDEFINED siren field-trials\/siren\.dockerapp:9:14: .*seconds/);
    expect(result.stderr).toMatch(/fix: /);
    expect(result.stderr).toContain('4 held, 2 failed');
  });

  test('publishes the good apps', async () => {
    const references = referencesIn(result.stdout);
    expect(Object.keys(references)).toEqual(['level-alarm', 'mqtt-bridge', 'river-gauge', 'status-page']);
    const blobs = await workspace.listing('out/broken/registry/blobs/sha256');
    for (const reference of Object.values(references)) expect(blobs.has(reference.split(':')[1]!)).toBe(true);
  });

  test('holds the targets, and the report says so', async () => {
    expect(workspace.exists('out/broken/targets.json')).toBe(false);
    expect(workspace.exists('out/broken/targets')).toBe(false);
    expect(await workspace.readJson('out/report.json')).toMatchObject({
      status: 1,
      counts: { failed: 2, held: 4, migrated: 0 },
      targets: expect.objectContaining({}),
    });
    expect(await workspace.read('out/report.md')).toContain('waits for siren, tilt-meter');
    expect(workspace.exists('out/apps/siren')).toBe(false);
  });

  test('the repaired packages are migrated by the next run', async () => {
    const siren = await workspace.read('samples/broken/field-trials/siren.dockerapp');
    await workspace.write('samples/broken/field-trials/siren.dockerapp', `${siren.trimEnd()}\nseconds: 3\n`);
    const tilt = await workspace.read('samples/broken/field-trials/tilt-meter.dockerapp');
    await workspace.write(
      'samples/broken/field-trials/tilt-meter.dockerapp',
      tilt.replace(/---\n# the second station.*/s, ''),
    );
    const next = await workspace.run(['run', '--config', BROKEN]);
    expect(next.stderr).toContain('6 migrated, 0 unchanged, 0 skipped, 0 held, 0 failed');
    expect(next.status).toBe(0);
    const { targets } = await workspace.readJson<Targets>('out/broken/targets.json');
    expect(Object.keys(targets['raspberrypi4-64-lmp-42']?.custom.docker_compose_apps ?? {})).toEqual(
      expect.arrayContaining(['level-alarm', 'siren', 'tilt-meter']),
    );
  });
});

describe('the clock', () => {
  test('is SOURCE_DATE_EPOCH where it is set, and read once where not', async () => {
    const workspace = await Workspace.create();
    try {
      expect(CREATED_AT).toBe(new Date(Number(EPOCH) * 1000).toISOString().replace('.000', ''));
      await workspace.run(['run', '--config', CONFIG]);
      expect(await workspace.readJson('out/plan.json')).toMatchObject({ createdAt: CREATED_AT, state: 'done' });
      const before = Date.now();
      await workspace.run(['plan', '--config', CONFIG], { env: { SOURCE_DATE_EPOCH: undefined } });
      const { createdAt } = await workspace.readJson<{ createdAt: string }>('out/plan.json');
      expect(Date.parse(createdAt)).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000);
      expect((await workspace.readJson('out/report.json')).createdAt).toBe(createdAt);
      const wrong = await workspace.run(['plan', '--config', CONFIG], { env: { SOURCE_DATE_EPOCH: 'now' } });
      expect([wrong.status, wrong.stdout]).toEqual([4, '']);
      expect(wrong.stderr).toContain('SOURCE_DATE_EPOCH');
    } finally {
      await workspace.close();
    }
  });
});

test('a folder of the user in place of a converted tree stops the run before anything is published', async () => {
  const workspace = await Workspace.create();
  try {
    await workspace.write('out/apps/metrics/notes.txt', 'mine');
    const { status, stderr } = await workspace.run(['run', '--config', CONFIG]);
    expect([status, stderr.includes('OUTPUT_UNSAFE')]).toEqual([4, true]);
    expect([...(await workspace.listing('out')).keys()]).toEqual(['apps/metrics/notes.txt', 'report.json']);
  } finally {
    await workspace.close();
  }
});

test('an app whose bundle was made but not published is not among the references that are printed', async () => {
  const workspace = await Workspace.create();
  try {
    const path = 'samples/gateway/river-gauge.dockerapp';
    // docker-app did not split it so, and its targets would name it for devices of both styles.
    await workspace.write(path, (await workspace.read(path)).replaceAll('\n---\n', '\n--\n'));
    const { status, stdout, stderr } = await workspace.run(['run', '--config', CONFIG, '--reporter', 'ndjson']);
    expect(status).toBe(1);
    expect(Object.keys(referencesIn(stdout))).toEqual(SELECTED.filter((app) => app !== 'river-gauge'));
    const end = stderr.split('\n').find((line) => line.includes('"run:end"')) ?? '';
    expect(JSON.parse(end).counts).toMatchObject({ failed: 1, bundles: SELECTED.length - 1 });
    const index = await workspace.read('out/registry/index.json');
    expect([index.includes('riverbend/river-gauge:'), index.includes('riverbend/metrics:')]).toEqual([false, true]);
  } finally {
    await workspace.close();
  }
});
