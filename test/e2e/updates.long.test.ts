import { cp, rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, CONFIG, Workspace } from './cli.ts';

interface Group {
  readonly style: string;
  readonly causes: readonly string[];
  readonly unclear: readonly string[];
  readonly apps: readonly string[];
  readonly images: readonly { readonly reference: string }[];
}

interface Report {
  readonly hasChanges: boolean;
  readonly updates?: readonly {
    readonly tag: string;
    readonly hardwareIds: readonly string[];
    readonly groups: readonly Group[];
  }[];
}

const GAUGE = 'samples/gateway/river-gauge.dockerapp';
const IMAGES = 'samples/images/index.json';
const HOST = 'hub.riverbend.example/riverbend';
const MACHINES = ['intel-corei7-64', 'raspberrypi4-64'];
const NOTHING = 'no device will see an update';

/** What each test begins with: the factory after its first run. */
const FOLDERS = ['samples', 'out'];

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.create();
  expect((await workspace.run(['run', '--config', CONFIG])).status).toBe(0);
  for (const folder of FOLDERS) await copy(folder, `saved/${folder}`);
});
afterEach(async () => {
  for (const folder of FOLDERS) await copy(`saved/${folder}`, folder);
});
afterAll(async () => {
  await workspace.close();
});

async function copy(from: string, to: string): Promise<void> {
  await rm(workspace.path(to), { recursive: true, force: true });
  await cp(workspace.path(from), workspace.path(to), { recursive: true });
}

async function edit(path: string, from: string, to: string): Promise<void> {
  const text = await workspace.read(path);
  expect(text).toContain(from);
  await workspace.write(path, text.replaceAll(from, to));
}

/** Moves what `reference` names to what `from` names, or adds it. */
async function tagImage(reference: string, from: string): Promise<void> {
  const key = 'org.opencontainers.image.ref.name';
  const index = await workspace.readJson<{ manifests: { annotations: Record<string, string> }[] }>(IMAGES);
  const source = index.manifests.find(({ annotations }) => annotations[key] === from);
  const others = index.manifests.filter(({ annotations }) => annotations[key] !== reference);
  const manifests = [...others, { ...source, annotations: { ...source?.annotations, [key]: reference } }];
  await workspace.write(IMAGES, JSON.stringify({ ...index, manifests }));
}

/** The plan of this machine, and of one that has nothing but the repositories: both say the same. */
async function plan(...flags: string[]): Promise<{ readonly result: CliResult; readonly report: Report }> {
  const line = ['plan', '--config', CONFIG, ...flags];
  const result = await workspace.run(line);
  const report = await workspace.readJson<Report>('out/report.json');
  for (const path of ['out/plan.json', 'out/cache', 'out/report.json'])
    await rm(workspace.path(path), { recursive: true, force: true });
  const fresh = await workspace.run(line);
  expect(fresh.status).toBe(result.status);
  const { updates } = await workspace.readJson<Report>('out/report.json');
  expect(updates).toEqual(report.updates);
  return { result, report };
}

function told({ updates = [] }: Report): string[] {
  expect(updates.map(({ tag, hardwareIds }) => ({ tag, hardwareIds }))).toEqual([
    { tag: 'main', hardwareIds: MACHINES },
  ]);
  return (updates[0]?.groups ?? []).map(
    ({ style, causes, unclear, apps }) => `${style} ${causes.join('+')}|${unclear.join('/')}: ${apps.join(' ')}`,
  );
}

async function retagAll(tag: string, except: readonly string[] = []): Promise<void> {
  for (const name of [
    'debris-camera',
    'debris-detector',
    'frame-archive',
    'link-probe',
    'mqtt-bridge',
    'river-gauge',
  ]) {
    if (!except.includes(name)) await tagImage(`${HOST}/${name}:${tag}`, `${HOST}/${name}:2c9f1eb`);
  }
}

test('an unchanged factory: exit 0, and every format says that no device will see an update', async () => {
  const formats = ['--report', 'junit=out/junit.xml', '--report', 'metrics=out/metrics.prom'];
  const { result, report } = await plan(...formats);
  expect(result.status).toBe(0);
  expect([report.updates, report.hasChanges]).toEqual([[], false]);
  expect(result.stderr).toContain(NOTHING);
  for (const path of ['out/report.html', 'out/report.md']) {
    expect((await workspace.read(path)).toLowerCase(), path).toContain(NOTHING);
  }
  expect(await workspace.read('out/junit.xml')).toContain(`name="devices" value="${NOTHING}"`);
  expect(await workspace.read('out/metrics.prom')).toContain(
    'rebundle_apps_updated{factory="riverbend",style="bundle",cause="source"} 0',
  );
});

test('one package touched: its app, the source, in both styles', async () => {
  await edit(GAUGE, 'interval: 30', 'interval: 31');
  const { result, report } = await plan();
  expect(result.status).toBe(2);
  expect(told(report)).toEqual(['docker-app source|: river-gauge', 'bundle source|: river-gauge']);
  expect(result.stderr).toContain('tag main, hardware ids intel-corei7-64, raspberrypi4-64: 1 app gets an update');
  expect(result.stderr).toContain('source, both styles: river-gauge');
});

describe('a new release', () => {
  test('with the same digests: nothing', async () => {
    await retagAll('1111111');
    const { result, report } = await plan('--tag', '1111111');
    expect([result.status, report.updates]).toEqual([0, []]);
  });

  test('with another digest: the image', async () => {
    await retagAll('1111111', ['river-gauge']);
    await tagImage(`${HOST}/river-gauge:1111111`, `${HOST}/mqtt-bridge:2c9f1eb`);
    const { result, report } = await plan('--tag', '1111111');
    expect(result.status).toBe(2);
    expect(told(report)).toEqual(['docker-app image|: river-gauge', 'bundle image|: river-gauge']);
    expect(report.updates?.[0]?.groups[1]?.images.map(({ reference }) => reference)).toEqual([
      `${HOST}/river-gauge:1111111`,
    ]);
    expect(result.stderr).toMatch(/image, both styles: river-gauge \(hub\.riverbend\.example/);
  });
});

test('a moved tag changes nothing, --repin is an image, and for devices with bundles alone', async () => {
  await tagImage('docker.io/library/influxdb:1.8', 'docker.io/library/redis:5');
  expect((await plan()).result.status).toBe(0);
  const { result, report } = await plan('--repin');
  expect(result.status).toBe(2);
  expect(told(report)).toEqual(['bundle image|: metrics']);
});

test('a parameter given: the option, for devices with bundles alone', async () => {
  const { result, report } = await plan('--set', 'station=weir-07');
  expect(result.status).toBe(2);
  expect(told(report)).toEqual([expect.stringMatching(/^bundle option\|: .*river-gauge/)]);
});

test('a plan of other rules is no state: what is told comes from what is published', async () => {
  const saved = await workspace.readJson('out/plan.json');
  await workspace.write('out/plan.json', JSON.stringify({ ...saved, rules: 0 }));
  await edit(GAUGE, 'interval: 30', 'interval: 31');
  const { report } = await plan();
  expect(told(report)).toEqual(['docker-app source|: river-gauge', 'bundle source|: river-gauge']);
});

test('what was published is gone: no cause is guessed', async () => {
  await rm(workspace.path('out/registry'), { recursive: true });
  await rm(workspace.path('out/plan.json'));
  await edit(GAUGE, 'interval: 30', 'interval: 31');
  const { result, report } = await plan();
  expect(told(report)).toEqual(['docker-app source|: river-gauge', 'bundle |source/image/option/format: river-gauge']);
  expect(result.stderr).toContain('cause not known, Compose Bundles: river-gauge');
});

test('without targets nothing is said about devices', async () => {
  const text = await workspace.read(CONFIG);
  await workspace.write(CONFIG, text.slice(0, text.indexOf('\ntargets:')));
  const { result, report } = await plan();
  expect(report).not.toHaveProperty('updates');
  expect(result.stderr).toContain('no targets are configured: nothing is said about devices');
});
