import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_CONTENTS } from '../../src/device/client-entries.ts';
import { CLIENTS, type Client, RUNNING_CLIENTS } from '../../src/device/clients.ts';
import { simulateTargets } from '../../src/device/simulate.ts';
import { choosePairs } from '../../src/device/simulate-moves.ts';
import type { SimulationRow } from '../../src/device/simulation-rows.ts';
import { addTargets } from '../../src/targets/add-targets.ts';
import { parseTagRules } from '../../src/targets/tag-rules.ts';
import { parseTargetsFile, type TargetsFile } from '../../src/targets/targets-file.ts';
import { app, dual, fileOf, fileTarget, type Json, ostree, planFor, uriOf } from '../targets/samples.ts';

type Style = 'D' | 'B' | 'C';
const STYLES: readonly Style[] = ['D', 'B', 'C'];

/** The maps of a target: docker_apps only, both, docker_compose_apps only. */
function mapsOf(style: Style, version: number): Json {
  return {
    ...(style === 'C' ? {} : { docker_apps: dual(version, 'web').docker_apps }),
    ...(style === 'D' ? {} : { docker_compose_apps: { web: { uri: uriOf('web', String(version)) } } }),
  };
}

function moveFile(from: Style, to: Style): TargetsFile {
  return fileOf({
    'arm-1': ostree('arm', 1, mapsOf(from, 1)),
    'arm-2': ostree('arm', 2, mapsOf(to, 2)),
    'web.dockerapp-1': fileTarget('web', 1, 'one'),
    'web.dockerapp-2': fileTarget('web', 2, 'two'),
  });
}

function simulate(file: TargetsFile, clients: readonly Client[], more: { older?: TargetsFile } = {}): SimulationRow[] {
  const pairs = choosePairs({ file, tagRules: [], from: [], to: [], ...more });
  return simulateTargets({ file, pairs, clients, contents: NO_CONTENTS, isCovered: () => false, ...more });
}

/** What one client does on the way from one target to the next. */
function outcomes(from: Style, to: Style, client: Client, move: SimulationRow['move'] = 'to'): string[] {
  const rows = simulate(moveFile(from, to), [client]).filter((row) => row.move === move);
  return rows
    .filter(({ outcome }) => outcome !== 'first-loop')
    .map(({ outcome, loss }) => `${outcome}${loss ? '!' : ''}`);
}

const client = (id: string): Client => {
  const found = CLIENTS.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no client ${id}`);
  return found;
};

/** Section 6 of what was seen with real clients: which cells install, and which take the app down. */
const RUNS: Readonly<Record<string, Readonly<Record<Style, boolean>>>> = {
  'docker-app': { D: true, B: true, C: false },
  '2020-07-docker-app': { D: true, B: true, C: false },
  '2020-09-docker-app': { D: true, B: true, C: false },
  '2020-07-compose': { D: false, B: true, C: true },
  '2020-09-compose': { D: false, B: true, C: true },
  '2020-10': { D: false, B: true, C: true },
  newest: { D: false, B: true, C: true },
};

describe('the matrix of clients and styles of targets', () => {
  test('every client that starts is in it', () => {
    expect(RUNNING_CLIENTS.map(({ id }) => id)).toEqual(Object.keys(RUNS));
  });

  for (const [id, cells] of Object.entries(RUNS)) {
    for (const from of STYLES) {
      for (const to of STYLES) {
        const expected = cells[to] ? [cells[from] ? 'replaced' : 'installed'] : cells[from] ? ['removed!'] : [];
        test(`${id}: ${from} to ${to} ${expected.join('') || 'nothing to run'}`, () => {
          expect(outcomes(from, to, client(id))).toEqual(expected);
          // Only the end of a way counts, and on a way back nothing is held against the newer target.
          expect(outcomes(to, from, client(id), 'back')).toEqual(expected.map((text) => text.replace('!', '')));
        });
      }
    }
  }

  test.each(STYLES)('a new client with the old type does not start: %s', (to) => {
    expect(outcomes('B', to, client('newest-docker-app'))).toEqual(['fails!']);
  });

  test('removal is told as what it is', () => {
    const [row] = simulate(moveFile('B', 'C'), [client('docker-app')]).filter(({ loss }) => loss);
    expect(row).toMatchObject({
      outcome: 'removed',
      apps: ['web'],
      from: ['arm-1'],
      to: ['arm-2'],
      detail: expect.stringContaining('success'),
    });
  });
});

describe('rows', () => {
  test('with one outcome are one: clients, apps, ways and hardware ids', () => {
    const two = { ...dual(1, 'web', 'api') };
    const next = {
      ...dual(2, 'web', 'api'),
      docker_compose_apps: { web: { uri: uriOf('web', '2') }, api: { uri: uriOf('api', '2') } },
    };
    const files = Object.fromEntries(
      ['web', 'api'].flatMap((name) =>
        [1, 2].map((v) => [`${name}.dockerapp-${v}`, fileTarget(name, v, `${name}${v}`)]),
      ),
    );
    const rows = simulate(
      fileOf({
        'arm-1': ostree('arm', 1, two),
        'amd-1': ostree('amd', 1, two),
        'arm-2': ostree('arm', 2, next),
        'amd-2': ostree('amd', 2, next),
        ...files,
      }),
      RUNNING_CLIENTS,
    ).filter(({ move }) => move === 'to');
    const ways = { from: ['amd-1', 'arm-1'], to: ['amd-2', 'arm-2'], hardwareIds: ['amd', 'arm'], tags: ['main'] };
    const apps = ['api', 'web'];
    expect(rows.toSorted((a, b) => (a.outcome < b.outcome ? -1 : 1))).toEqual([
      {
        move: 'to',
        ...ways,
        clients: ['2020-09-compose', '2020-10'],
        apps,
        outcome: 'first-loop',
        loss: false,
        detail: expect.any(String),
      },
      { move: 'to', ...ways, clients: Object.keys(RUNS), apps, outcome: 'replaced', loss: false },
    ]);
  });

  test('an equal entry is untouched, one that is new is installed, one that is gone is removed', () => {
    const file = fileOf({
      'arm-1': ostree('arm', 1, dual(1, 'web', 'old')),
      'arm-2': ostree('arm', 2, dual(1, 'web', 'new')),
      ...Object.fromEntries(['web', 'old', 'new'].map((name) => [`${name}.dockerapp-1`, fileTarget(name, 1, name)])),
    });
    const of = (outcome: string) =>
      simulate(file, RUNNING_CLIENTS).filter((row) => row.move === 'to' && row.outcome === outcome);
    expect(of('untouched')).toMatchObject([{ apps: ['web'] }]);
    expect(of('installed')).toMatchObject([{ apps: ['new'] }]);
    expect(of('removed')).toMatchObject([{ apps: ['old'], loss: true }]);
  });

  test('an entry that a device cannot use: passed over without a word, or the whole update fails', () => {
    const broken = (maps: Json): SimulationRow[] =>
      simulate(
        fileOf({
          'arm-1': ostree('arm', 1, dual(1, 'web')),
          'arm-2': ostree('arm', 2, maps),
          'web.dockerapp-1': fileTarget('web', 1, 'web'),
        }),
        RUNNING_CLIENTS,
      ).filter(({ move }) => move === 'to');
    const outcomesOf = (rows: SimulationRow[]) =>
      rows
        .filter(({ loss }) => loss)
        .map(({ outcome, clients }) => `${outcome} ${clients.join(' ')}`)
        .sort();
    const olds = 'docker-app 2020-07-docker-app 2020-09-docker-app';
    const news = '2020-07-compose 2020-09-compose 2020-10';
    expect(
      outcomesOf(broken({ docker_apps: { web: { filename: 'none' } }, docker_compose_apps: { web: 'x' } })),
    ).toEqual([`fails newest`, `skipped ${news}`, `skipped ${olds}`]);
    expect(
      outcomesOf(
        broken({
          docker_apps: { web: { filename: 'web.dockerapp-1' } },
          docker_compose_apps: { web: { uri: 'hub/acme/web:1' } },
        }),
      ),
    ).toEqual([`fails ${news} newest`]);
  });
});

describe('the commit', () => {
  const at = (commit: string, version: number): Json => ostree('arm', version, dual(version, 'web'), commit);
  const files = { 'web.dockerapp-1': fileTarget('web', 1, '1'), 'web.dockerapp-2': fileTarget('web', 2, '2') };

  test('another one: apps of the new target under the old system where the boot fails, in clients of 2020', () => {
    const rows = simulate(fileOf({ 'arm-1': at('a', 1), 'arm-2': at('b', 2), ...files }), RUNNING_CLIENTS);
    const failed = rows.filter(({ outcome, move }) => outcome === 'failed-boot' && move === 'to');
    expect(failed).toMatchObject([{ apps: ['web'], loss: false }]);
    expect(failed[0]?.clients).not.toContain('newest');
    expect(rows.filter(({ outcome }) => outcome === 'not-taken')).toMatchObject([{ move: 'back' }]);
  });

  test('the same one: no boot', () => {
    const rows = simulate(fileOf({ 'arm-1': at('a', 1), 'arm-2': at('a', 2), ...files }), RUNNING_CLIENTS);
    expect(rows.filter(({ outcome }) => outcome === 'failed-boot' || outcome === 'not-taken')).toEqual([]);
  });
});

describe('a target that was edited after it was out', () => {
  const before = fileOf({ 'arm-1': ostree('arm', 1, dual(1, 'web')), 'web.dockerapp-1': fileTarget('web', 1, '1') });
  const edit = (changes: Json): SimulationRow[] => {
    const now = fileOf({
      'arm-1': ostree('arm', 1, { ...dual(1, 'web'), ...changes }),
      'web.dockerapp-1': fileTarget('web', 1, '1'),
    });
    return simulate(now, RUNNING_CLIENTS, { older: before }).filter(({ move }) => move === 'edited');
  };

  test('is installed again and again: by each client that compares that map', () => {
    expect(edit({ docker_compose_apps: { web: { uri: uriOf('web', 'x') } } })).toMatchObject([
      {
        outcome: 'endless-loop',
        loss: true,
        apps: ['web'],
        clients: Object.keys(RUNS).filter((id) => id !== 'newest'),
      },
      { outcome: 'not-noticed', loss: false, apps: ['web'], clients: ['newest'] },
    ]);
    const [row] = edit({ docker_apps: {} });
    expect(row?.clients).toEqual(Object.keys(RUNS).filter((id) => id !== 'newest' && id !== '2020-10'));
  });

  test('members that devices do not compare are no edit', () => {
    expect(
      edit({ uri: 'https://example.com/', docker_apps: { web: { filename: 'web.dockerapp-1', more: 1 } } }),
    ).toEqual([]);
  });
});

describe('a switch of the type and back', () => {
  test('takes over equal keys, leaves running what only docker_apps names, and does nothing on the way back', () => {
    const maps = {
      ...dual(1, 'web', 'old'),
      docker_compose_apps: { web: { uri: uriOf('web') }, more: { uri: uriOf('more') } },
    };
    const rows = simulate(
      fileOf({
        'arm-1': ostree('arm', 1, maps),
        'web.dockerapp-1': fileTarget('web', 1, 'w'),
        'old.dockerapp-1': fileTarget('old', 1, 'o'),
      }),
      RUNNING_CLIENTS,
    ).filter(({ move }) => move.startsWith('switch'));
    expect(rows.map(({ move, outcome, apps, loss }) => [move, outcome, apps, loss])).toEqual([
      ['switch', 'left-running', ['old'], true],
      ['switch', 'installed', ['more'], false],
      ['switch', 'replaced', ['web'], false],
      ['switch back', 'untouched', ['web'], false],
    ]);
  });
});

describe('pairs', () => {
  const line = (...versions: number[]): Json => Object.fromEntries(versions.map((v) => [`arm-${v}`, ostree('arm', v)]));
  const named = (pairs: ReturnType<typeof choosePairs>): string[] =>
    pairs.map(({ from, to, tag }) => `${from?.name ?? '-'} ${to.name} ${tag}`);
  const query = { tagRules: [], from: [], to: [] };

  test('are the newest target with the three before it, by number', () => {
    expect(named(choosePairs({ ...query, file: fileOf(line(8, 9, 10, 11, 7)) }))).toEqual([
      'arm-10 arm-11 main',
      'arm-8 arm-11 main',
      'arm-9 arm-11 main',
    ]);
    expect(named(choosePairs({ ...query, file: fileOf(line(1)) }))).toEqual(['- arm-1 main']);
  });

  test('with an older copy: every target that it lacks', () => {
    const pairs = choosePairs({ ...query, file: fileOf(line(1, 2, 3)), older: fileOf(line(1)) });
    expect(named(pairs)).toEqual(['arm-1 arm-2 main', 'arm-1 arm-3 main', 'arm-2 arm-3 main']);
  });

  test('of a tag that is built upon another one begin at the newest of that', () => {
    const file = fileOf({ ...line(1, 2), 'arm-3-dev': ostree('arm', 3, { tags: ['dev'] }) });
    expect(named(choosePairs({ ...query, file, tagRules: parseTagRules(['dev:main']) }))).toContain(
      'arm-2 arm-3-dev dev',
    );
  });

  test('by name or version, where a device can have both', () => {
    const file = fileOf({ ...line(1, 2, 3), 'amd-9': ostree('amd', 9) });
    expect(named(choosePairs({ ...query, file, from: ['1'], to: ['arm-3'] }))).toEqual(['arm-1 arm-3 main']);
    expect(() => choosePairs({ ...query, file, from: ['amd-9'], to: ['arm-3'] })).toThrow('no device');
    expect(() => choosePairs({ ...query, file, from: ['none'], to: ['arm-3'] })).toThrow('none');
    expect(() => choosePairs({ ...query, file, from: ['1'], to: [] })).toThrow('belong together');
  });
});

test('no client is said to remove an app on its way to a target that rebundle adds, whatever was there', () => {
  const names = fc.uniqueArray(fc.constantFrom('web', 'api', 'db', 'log'), { maxLength: 4 });
  const property = fc.property(names, names, names, fc.boolean(), (ofDocker, ofCompose, built, hasOther) => {
    const maps = {
      ...(ofDocker.length === 0 ? {} : { docker_apps: dual(1, ...ofDocker).docker_apps }),
      ...(ofCompose.length === 0 ? {} : { docker_compose_apps: dual(1, ...ofCompose).docker_compose_apps }),
    };
    const targets: Json = {
      'arm-1': ostree('arm', 1, maps),
      // A build of the operating system that knows no apps.
      ...(hasOther ? { 'arm-2': ostree('arm', 2, {}, 'other') } : {}),
      ...Object.fromEntries(ofDocker.map((name) => [`${name}.dockerapp-1`, fileTarget(name, 1, name)])),
    };
    const plan = planFor(targets, {
      apps: built.map((name) => app(name, { bundle: `${name}2`, dockerApp: `${name}2` })),
    });
    const file = parseTargetsFile(addTargets(fileOf(targets), plan.targets), 'targets.json');
    const rows = simulate(file, RUNNING_CLIENTS, { older: fileOf(targets) });
    expect(rows.filter(({ move, outcome }) => move === 'to' && outcome === 'removed')).toEqual([]);
  });
  fc.assert(property);
});
