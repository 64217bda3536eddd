import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateFactory } from '../support/generated-factory.ts';
import { referencesIn, Workspace } from './cli.ts';

const REPOSITORIES = 300;
const PACKAGES = 2_000;
const TOUCHED = [0, 777, PACKAGES - 1];
const RUN = ['run', '--reporter', 'silent'];

interface Report {
  readonly counts: Readonly<Record<string, number>>;
  readonly apps: readonly { readonly app: string; readonly status: string }[];
}

interface Targets {
  readonly targets: Readonly<
    Record<string, { readonly custom: { readonly docker_compose_apps?: AppMap; readonly docker_apps?: AppMap } }>
  >;
}

type AppMap = Readonly<Record<string, unknown>>;

describe(`a factory of ${REPOSITORIES} bare repositories and ${PACKAGES} packages`, () => {
  let workspace: Workspace;
  let factory: Awaited<ReturnType<typeof generateFactory>>;
  let first: ReadonlyMap<string, string>;

  beforeAll(async () => {
    workspace = await Workspace.create({ samples: false, inMemory: true });
    factory = await generateFactory(workspace.root, { repositories: REPOSITORIES, packages: PACKAGES });
  });
  afterAll(() => workspace.close());

  const run = async (): Promise<Report & { readonly references: Readonly<Record<string, string>> }> => {
    const { status, stdout, stderr } = await workspace.run(RUN);
    expect([status, stderr]).toEqual([0, '']);
    return {
      ...(await workspace.readJson<Report & Record<string, unknown>>('out/report.json')),
      references: referencesIn(stdout),
    };
  };
  const readTargets = () => workspace.readJson<Targets & Record<string, unknown>>('kept/targets.json');

  test('the first run publishes all', async () => {
    const { counts, references } = await run();
    expect(counts).toMatchObject({ migrated: PACKAGES, unchanged: 0, held: 0, failed: 0 });
    expect(Object.keys(references)).toEqual(factory.names);
    first = await workspace.listing('kept');
    const { targets } = await readTargets();
    for (const machine of ['raspberrypi4-64', 'intel-corei7-64'])
      expect(targets[`${machine}-lmp-2`]?.custom.docker_compose_apps).toEqual(
        Object.fromEntries(factory.names.map((name) => [name, { uri: references[name] }])),
      );
  });

  test('the second changes no byte', async () => {
    const { counts } = await run();
    expect(counts).toMatchObject({ migrated: 0, unchanged: PACKAGES, held: 0, failed: 0 });
    expect(await workspace.listing('kept')).toEqual(first);
  });

  test('the third publishes the three packages that were touched, and no other app of the new targets changes', async () => {
    await factory.touch(TOUCHED);
    const touched = TOUCHED.map((number) => factory.names[number] ?? '');
    const before = await readTargets();
    const { counts, apps } = await run();
    expect(counts).toMatchObject({ migrated: 3, unchanged: PACKAGES - 3, held: 0, failed: 0 });
    expect(apps.filter(({ status }) => status === 'migrated').map(({ app }) => app)).toEqual(touched);
    const after = await readTargets();
    const own = touched.map((name) => `${name}.dockerapp-3`).filter((name) => after.targets[name] !== undefined);
    const machines = ['intel-corei7-64', 'raspberrypi4-64'];
    const added = Object.keys(after.targets).filter((name) => before.targets[name] === undefined);
    expect(added.sort()).toEqual([...own, ...machines.map((machine) => `${machine}-lmp-3`)].sort());
    for (const [name, target] of Object.entries(before.targets)) expect(after.targets[name]).toEqual(target);
    for (const machine of machines)
      for (const map of ['docker_compose_apps', 'docker_apps'] as const) {
        const [old = {}, now = {}] = [2, 3].map((version) => after.targets[`${machine}-lmp-${version}`]?.custom[map]);
        expect(Object.keys(now)).toEqual(Object.keys(old));
        const changed = Object.keys(now).filter((name) => JSON.stringify(now[name]) !== JSON.stringify(old[name]));
        expect(changed).toEqual(map === 'docker_compose_apps' ? touched : own.map((name) => name.split('.')[0]));
      }
    // What was there stays.
    const kept = await workspace.listing('kept');
    const changing = ['targets.json', 'registry/index.json'];
    expect([...first].filter(([path, digest]) => !changing.includes(path) && kept.get(path) !== digest)).toEqual([]);
    first = kept;
  });

  test('the fourth, from a fresh machine, changes no byte', async () => {
    await rm(workspace.path('out'), { recursive: true });
    const { counts } = await run();
    expect(counts).toMatchObject({ migrated: 0, unchanged: PACKAGES, held: 0, failed: 0 });
    expect(await workspace.listing('kept')).toEqual(first);
  });
});
