import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NO_CONTENTS } from '../../src/device/client-entries.ts';
import { CLIENTS, RUNNING_CLIENTS } from '../../src/device/clients.ts';
import { simulateTargets } from '../../src/device/simulate.ts';
import { choosePairs } from '../../src/device/simulate-moves.ts';
import type { SimulationRow } from '../../src/device/simulation-rows.ts';
import { RebundleError } from '../../src/errors.ts';
import { createLimit } from '../../src/lib/limit.ts';
import { createCoverage, type FoundContents, readContents } from '../../src/pipeline/simulate.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { parseTargetsFile, type TargetsFile } from '../../src/targets/targets-file.ts';
import { ostreeTarget, TestFactory } from '../pipeline/factory.ts';
import { makeBundle, publish } from '../support/sample-bundle.ts';
import { dual, fileOf, type Json, ostree } from '../targets/samples.ts';

const query = { tagRules: [], from: [], to: [] };

describe('contents of targets', () => {
  let factory: TestFactory;
  beforeEach(async () => {
    factory = await TestFactory.withApps('web', 'api');
    await factory.writeTargets({ 'arm-lmp-7': ostreeTarget('arm', 7) });
    await factory.run();
  });
  afterEach(() => factory.close());

  const load = async (): Promise<TargetsFile> =>
    parseTargetsFile(Buffer.from(await factory.targetsText()), 'targets.json');

  async function read(
    file: TargetsFile,
    given: { readFile?: (name: string) => Promise<Uint8Array | undefined>; registry?: Registry | false } = {},
  ): Promise<FoundContents & { readonly rows: SimulationRow[] }> {
    const { readFile = (name: string) => factory.tufRepo.getTarget(name), registry = factory.destination } = given;
    const pairs = choosePairs({ ...query, file });
    const found = await readContents({
      file,
      pairs,
      groups: [],
      readFile,
      ...(registry === false ? {} : { registriesOf: () => [registry] as const }),
      limit: createLimit(4),
      options: {},
    });
    const { contents } = found;
    const isCovered = createCoverage(file, []);
    return { ...found, rows: simulateTargets({ file, pairs, clients: RUNNING_CLIENTS, contents, isCovered }) };
  }

  const losses = ({ rows }: { readonly rows: readonly SimulationRow[] }): string[] =>
    rows.filter(({ loss }) => loss).map(({ outcome, apps, detail }) => `${outcome} ${apps.join()}: ${detail}`);

  test('that a run wrote are read, and nothing is lost', async () => {
    const found = await read(await load());
    expect(found.unread).toEqual([]);
    expect([...found.contents.packages.keys()]).toHaveLength(2);
    expect([...found.contents.bundles.values()].every((each) => 'content' in each)).toBe(true);
    expect(losses(found)).toEqual([]);
    expect(found.rows.filter(({ move }) => move === 'both styles')).toEqual([]);
  });

  test('that cannot be had are said, and their maps are played all the same', async () => {
    const file = await load();
    const found = await read(file, { readFile: async () => undefined, registry: false });
    expect(found.unread).toHaveLength(4);
    expect(found.unread).toContain('web.dockerapp-8: its file is not there');
    expect(found.unread.join('\n')).toMatch(/web@sha256:[0-9a-f]{64}: no place is known for hub\.example\.com/);
    expect(found.rows.some(({ outcome }) => outcome === 'installed')).toBe(true);
    const empty = await read(file, { registry: createMemoryRegistry() });
    expect(empty.unread.every((text) => text.endsWith(': its manifest is not there'))).toBe(true);
    expect(empty.unread).toHaveLength(2);
  });

  test.each([['other bytes', async () => Buffer.from('x'), 'its file has another sha256 than the targets say']])(
    'of packages that a device refuses: %s',
    async (_, readFile, why) => {
      expect(losses(await read(await load(), { readFile }))[0]).toContain(why);
    },
  );

  test('a length of 0 or one that is too small is refused, one that is too large passes', async () => {
    const text = await factory.targetsText();
    const withLength = (change: (length: number) => number): TargetsFile => {
      const role = JSON.parse(text);
      const target = role.targets['web.dockerapp-8'];
      target.length = change(target.length);
      return parseTargetsFile(Buffer.from(JSON.stringify(role)), 'targets.json');
    };
    expect(losses(await read(withLength(() => 0)))[0]).toContain('length 0');
    expect(losses(await read(withLength((length) => length - 1)))[0]).toContain('larger than the targets say');
    expect(losses(await read(withLength((length) => length + 1)))).toEqual([]);
  });

  test('of bundles that devices refuse: their bytes, their annotation, their archive', async () => {
    const registry = createMemoryRegistry();
    const bundle = await makeBundle(registry, { host: 'hub.example.com', app: 'web' });
    const problem = async (other: Parameters<typeof publish>[2]): Promise<string | undefined> => {
      const uri = await publish(registry, bundle, other);
      const file = fileOf({ 'arm-1': ostree('arm', 1, { docker_compose_apps: { web: { uri } } }) });
      return losses(await read(file, { registry }))[0];
    };
    expect(await problem({})).toBe(undefined);
    expect(await problem({ manifest: (manifest) => ({ ...manifest, annotations: {} }) })).toContain('compose-app: v1');
    expect(await problem({ archive: Buffer.from('no archive') })).toMatch(/^fails web: the update fails/);
  });

  test('images of the factory are covered by where its bundles are, but for exempt ones', async () => {
    const file = await load();
    const isCovered = createCoverage(file, ['hub.example.com/acme/tool']);
    expect(['acme/web', 'acme/tool', 'other/web'].map((name) => isCovered(`hub.example.com/${name}`))).toEqual([
      true,
      false,
      false,
    ]);
  });
});

test('whatever a targets file says, every client is played, and a row names what it is about', () => {
  const junk = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom({ filename: 'web.dockerapp-1' }, { filename: 'arm-1' }, { uri: 'x' }),
  );
  const map = fc.oneof(junk, fc.dictionary(fc.constantFrom('web', '__proto__', 'constructor', 'A/b'), junk));
  const property = fc.property(
    fc.array(fc.tuple(map, map, junk), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    (maps, hasOlder) => {
      const targets: Json = Object.fromEntries(
        maps.map(([docker_apps, docker_compose_apps, hardware], i) => [
          `arm-${i}`,
          ostree('arm', i, { docker_apps, docker_compose_apps, hardwareIds: i === 0 ? hardware : ['arm'] }),
        ]),
      );
      const file = fileOf(targets);
      const older = fileOf({ 'arm-0': ostree('arm', 0, dual(1, 'web')) });
      const pairs = choosePairs({ ...query, file, ...(hasOlder ? { older } : {}) });
      const input = { file, pairs, clients: CLIENTS, contents: NO_CONTENTS, isCovered: () => true };
      const rows = simulateTargets(hasOlder ? { ...input, older } : input);
      expect(rows.filter(({ clients, to }) => clients.length === 0 || to.length === 0)).toEqual([]);
    },
  );
  fc.assert(property);
});

test('an unknown target is a usage error that says where it was looked for', () => {
  const file = fileOf({ 'arm-1': ostree('arm', 1) });
  const call = (): unknown => choosePairs({ ...query, file, from: ['9'], to: ['1'] });
  expect(call).toThrow(RebundleError);
  expect(call).toThrow(/targets\.json: no operating system target is named 9/);
});
