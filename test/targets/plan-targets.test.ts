import { describe, expect, test } from 'vitest';
import { addTargets } from '../../src/targets/add-targets.ts';
import { planTargets } from '../../src/targets/plan-targets.ts';
import { parseTargetsFile } from '../../src/targets/targets-file.ts';
import {
  app,
  customOf,
  dual,
  errorOf,
  fileOf,
  fileTarget,
  inputOf,
  type Json,
  namesOf,
  ostree,
  planFor,
  sha,
  uriOf,
} from './samples.ts';

/** Two hardware ids at version 5 that run web in both styles. */
const FLEET: Json = {
  'rpi-lmp-5': ostree('rpi', 5, dual(3, 'web')),
  'web.dockerapp-3': fileTarget('web', 3, 'web'),
  'minnow-lmp-5': ostree('minnow', 5, dual(3, 'web')),
};

describe('the first dual targets', () => {
  const parent = ostree('rpi', 7, {
    arch: 'aarch64',
    extra: { deep: [1] },
    createdAt: 'then',
    tags: ['main', 'devel'],
  });
  const plan = planFor({ 'rpi-lmp-7': parent }, { apps: [app('web'), app('db')], containersSha: 'abc' });

  test('are file targets by app, then the OSTREE target, all with the next version', () => {
    expect(plan.version).toBe('8');
    expect(namesOf(plan)).toEqual(['db.dockerapp-8', 'web.dockerapp-8', 'rpi-lmp-8']);
    expect(plan.targets.map((target) => [target.kind, target.parent, target.tag, target.hardwareId])).toEqual([
      ['file', undefined, undefined, undefined],
      ['file', undefined, undefined, undefined],
      ['ostree', 'rpi-lmp-7', 'main', 'rpi'],
    ]);
  });

  test('keep every field and its order, and name each app in both maps', () => {
    expect(plan.targets[2]?.target).toEqual({
      ...parent,
      custom: {
        ...(parent.custom as Json),
        version: '8',
        tags: ['main'],
        createdAt: '2026-01-02T03:04:05Z',
        updatedAt: '2026-01-02T03:04:05Z',
        'containers-sha': 'abc',
        docker_apps: { db: { filename: 'db.dockerapp-8' }, web: { filename: 'web.dockerapp-8' } },
        docker_compose_apps: { db: { uri: uriOf('db') }, web: { uri: uriOf('web') } },
      },
    });
    expect(Object.keys(customOf(plan, 'rpi-lmp-8')).slice(0, 8)).toEqual(Object.keys(parent.custom as Json));
  });

  test('have file targets as devices of the old style expect them', () => {
    expect(plan.targets[1]?.target).toEqual({
      hashes: { sha256: sha('web') },
      length: 3,
      custom: {
        targetFormat: 'BINARY',
        version: '8',
        name: 'web.dockerapp',
        hardwareIds: ['all'],
        createdAt: '2026-01-02T03:04:05Z',
        updatedAt: '2026-01-02T03:04:05Z',
      },
    });
    expect(plan.fileTargets.get('web')).toEqual({
      name: 'web.dockerapp-8',
      length: 3,
      sha256: sha('web'),
      reused: false,
    });
  });

  test('list the apps as new on devices', () => {
    expect(plan.newApps).toEqual(['db', 'web']);
    expect(plan.diagnostics.map((one) => one.code)).toEqual(['targets.new-app', 'targets.new-app']);
    expect(plan.targets[2]?.apps).toEqual([
      { app: 'db', dockerApp: 'added', composeApp: 'added' },
      { app: 'web', dockerApp: 'added', composeApp: 'added' },
    ]);
  });
});

describe('invariant 5: what is unchanged', () => {
  test('makes no target and no version, even where the configured version is taken', () => {
    const plan = planFor(FLEET, { apps: [app('web')], version: '4', containersSha: 'new', uri: 'https://ci/2' });
    expect(plan.targets).toEqual([]);
    expect(plan.version).toBeUndefined();
    expect(plan.newApps).toEqual([]);
    expect(plan.fileTargets.get('web')).toMatchObject({ name: 'web.dockerapp-3', reused: true });
  });

  test('keeps its file target beside an app that changed', () => {
    const plan = planFor(FLEET, { apps: [app('web'), app('db')] });
    expect(namesOf(plan)).toEqual(['db.dockerapp-6', 'minnow-lmp-6', 'rpi-lmp-6']);
    expect(customOf(plan, 'rpi-lmp-6').docker_apps).toEqual({
      web: { filename: 'web.dockerapp-3' },
      db: { filename: 'db.dockerapp-6' },
    });
    expect(plan.newApps).toEqual(['db']);
  });

  test('C3: a re-pinned bundle changes the uri alone', () => {
    const plan = planFor(FLEET, { apps: [app('web', { bundle: 'repinned' })] });
    expect(namesOf(plan)).toEqual(['minnow-lmp-6', 'rpi-lmp-6']);
    const custom = customOf(plan, 'rpi-lmp-6');
    expect(custom.docker_apps).toEqual({ web: { filename: 'web.dockerapp-3' } });
    expect(custom.docker_compose_apps).toEqual({ web: { uri: uriOf('web', 'repinned') } });
    expect(plan.targets[0]?.apps).toEqual([{ app: 'web', dockerApp: 'unchanged', composeApp: 'replaced' }]);
  });

  test('C3: changed .dockerapp bytes change the filename alone', () => {
    const plan = planFor(FLEET, { apps: [app('web', { dockerApp: 'other' })] });
    expect(namesOf(plan)).toEqual(['web.dockerapp-6', 'minnow-lmp-6', 'rpi-lmp-6']);
    expect(plan.targets[1]?.apps).toEqual([{ app: 'web', dockerApp: 'replaced', composeApp: 'unchanged' }]);
  });
});

describe('reuse of file targets', () => {
  const withFiles = (files: Json): Json => ({
    a: ostree('rpi', 9, dual(3, 'web')),
    'web.dockerapp-3': fileTarget('web', 3, 'old'),
    ...files,
  });

  test.each<[string, Json, string]>([
    [
      'the newest by number',
      { 'web.dockerapp-4': fileTarget('web', 4, 'new'), 'web.dockerapp-10': fileTarget('web', 10, 'new') },
      'web.dockerapp-10',
    ],
    ['one by its name alone', { 'web.dockerapp-4': { hashes: { sha256: sha('new') }, length: 3 } }, 'web.dockerapp-4'],
    ['one by custom.name', { other: fileTarget('web', 4, 'new') }, 'other'],
    [
      'one that an entry of the app refers to',
      {
        odd: { ...fileTarget('x', 4, 'new') },
        b: ostree('minnow', 8, { docker_apps: { web: { filename: 'odd' } }, tags: ['x'] }),
      },
      'odd',
    ],
    [
      'one with a hash in upper case',
      { 'web.dockerapp-4': { hashes: { sha256: sha('new').toUpperCase() }, length: 3 } },
      'web.dockerapp-4',
    ],
  ])('takes %s', (_, files, name) => {
    const plan = planFor(withFiles(files), { apps: [app('web', { dockerApp: 'new' })] });
    expect(customOf(plan, `rpi-lmp-${plan.version}`).docker_apps).toEqual({ web: { filename: name } });
    expect(plan.targets.map((target) => target.kind)).toEqual(['ostree']);
    expect(plan.fileTargets.get('web')).toMatchObject({ name, reused: true });
  });

  test.each<[string, Json]>([
    ['other bytes of equal length', { 'web.dockerapp-4': fileTarget('web', 4, 'NEW') }],
    ['another length', { 'web.dockerapp-4': { ...fileTarget('web', 4, 'new'), length: 4 } }],
    ['another app', { 'web2.dockerapp-4': fileTarget('web2', 4, 'new') }],
  ])('does not take %s', (_, files) => {
    const plan = planFor(withFiles(files), { apps: [app('web', { dockerApp: 'new' })] });
    expect(namesOf(plan)).toContain(`web.dockerapp-${plan.version}`);
  });

  test('leaves each parent its own entry where the bytes are equal, though there is a newer one', () => {
    const plan = planFor({ ...FLEET, 'web.dockerapp-4': fileTarget('web', 4, 'web') }, { apps: [app('web')] });
    expect(plan.targets).toEqual([]);
    expect(plan.fileTargets.get('web')?.name).toBe('web.dockerapp-4');
  });

  test('replaces an entry whose file target is missing', () => {
    const { 'web.dockerapp-3': _, ...dangling } = FLEET;
    const plan = planFor(dangling, { apps: [app('web')] });
    expect(namesOf(plan)).toEqual(['web.dockerapp-6', 'minnow-lmp-6', 'rpi-lmp-6']);
  });
});

describe('invariant 6: no device loses an app', () => {
  const rich = {
    docker_apps: {
      web: { filename: 'web.dockerapp-3' },
      legacy: { filename: 'legacy.dockerapp-1', uri: 'x' },
      odd: 'text',
    },
    docker_compose_apps: { web: { uri: uriOf('web') }, native: { uri: uriOf('native'), note: 1 } },
  };

  test('entries of apps that are not selected stay in both maps as they are', () => {
    const plan = planFor({ a: ostree('rpi', 5, rich) }, { apps: [app('db')] });
    const custom = customOf(plan, 'rpi-lmp-6');
    expect(custom.docker_apps).toEqual({ ...rich.docker_apps, db: { filename: 'db.dockerapp-6' } });
    expect(custom.docker_compose_apps).toEqual({ ...rich.docker_compose_apps, db: { uri: uriOf('db') } });
    expect(Object.keys(custom.docker_apps ?? {})).toEqual(['web', 'legacy', 'odd', 'db']);
  });

  test('a failed app holds all targets back', () => {
    const apps = [app('db'), { name: 'web', state: 'failed', newStyleOnly: false } as const];
    const plan = planFor(FLEET, { apps });
    expect(plan.targets).toEqual([]);
    expect(plan.version).toBeUndefined();
    expect(plan.heldBy).toEqual(['web']);
    expect([...plan.fileTargets.keys()]).toEqual([]);
  });

  test('a failed app holds nothing back where nothing is due', () => {
    const apps = [app('web'), { name: 'new', state: 'failed', newStyleOnly: false } as const];
    expect(planFor(FLEET, { apps }).heldBy).toEqual([]);
  });

  test('with a part allowed, a failed app keeps its entries', () => {
    const apps = [app('db'), { name: 'web', state: 'failed', newStyleOnly: false } as const];
    const plan = planFor(FLEET, { apps, allowPartial: true });
    expect(plan.heldBy).toEqual([]);
    expect(customOf(plan, 'rpi-lmp-6').docker_apps).toEqual({
      web: { filename: 'web.dockerapp-3' },
      db: { filename: 'db.dockerapp-6' },
    });
    expect(plan.newApps).toEqual(['db']);
  });

  test('an app leaves the maps only where it was confirmed', () => {
    const fleet = { a: ostree('rpi', 5, rich), 'web.dockerapp-3': fileTarget('web', 3, 'web') };
    expect(planFor(fleet, { apps: [app('web')] }).targets).toEqual([]);
    const plan = planFor(fleet, { apps: [app('web')], removed: ['legacy', 'native', 'unknown'] });
    const custom = customOf(plan, 'rpi-lmp-6');
    expect(custom.docker_apps).toEqual({ web: { filename: 'web.dockerapp-3' }, odd: 'text' });
    expect(custom.docker_compose_apps).toEqual({ web: { uri: uriOf('web') } });
    expect(plan.targets[0]?.apps).toContainEqual({ app: 'legacy', dockerApp: 'removed', composeApp: 'none' });
  });

  test('a removal of an app that is still selected is refused', () => {
    expect(errorOf(() => planFor(FLEET, { apps: [app('web')], removed: ['web'] })).code).toBe('USAGE');
  });

  test('T1: an OS build without maps gets those of the newest earlier target of its tag and hardware id', () => {
    const fleet = {
      ...FLEET,
      'rpi-lmp-6': ostree('rpi', 6, {}, 'os6'),
      'rpi-lmp-7': ostree('rpi', 7, {}, 'os7'),
      'rpi-devel-7': ostree('rpi', 7, { ...dual(1, 'devel'), tags: ['devel'] }),
    };
    const plan = planFor(fleet, { apps: [app('db')] });
    expect(namesOf(plan)).toEqual(['db.dockerapp-8', 'minnow-lmp-8', 'rpi-lmp-8']);
    expect(Object.keys(customOf(plan, 'rpi-lmp-8').docker_apps ?? {})).toEqual(['web', 'db']);
    expect(plan.targets[2]?.target.hashes.sha256).toBe(sha('os7'));
    expect(plan.newApps).toEqual(['db']);
  });

  test('T1: an OS build without maps gets a successor though no app changed', () => {
    const plan = planFor({ ...FLEET, 'rpi-lmp-6': ostree('rpi', 6, {}, 'os6') }, { apps: [app('web')] });
    expect(namesOf(plan)).toEqual(['minnow-lmp-7', 'rpi-lmp-7']);
    expect(customOf(plan, 'rpi-lmp-7')).toMatchObject(dual(3, 'web'));
  });

  test('T1: an OS build with one map takes nothing from earlier targets', () => {
    const fleet = { ...FLEET, 'rpi-lmp-6': ostree('rpi', 6, { docker_apps: {} }, 'os6') };
    const plan = planFor(fleet, { apps: [app('db')] });
    expect(Object.keys(customOf(plan, 'rpi-lmp-7').docker_apps ?? {})).toEqual(['db']);
  });

  test('T6: without its last app a target has no map, and no later run brings the app back', () => {
    const first = planFor(FLEET, { apps: [], removed: ['web'] });
    const custom = customOf(first, 'rpi-lmp-6');
    expect('docker_apps' in custom || 'docker_compose_apps' in custom).toBe(false);
    const added = parseTargetsFile(addTargets(fileOf(FLEET), first.targets), 'targets.json');
    expect(planTargets(inputOf(added)).targets).toEqual([]);
    const next = planTargets(inputOf(added, { apps: [app('db')] }));
    expect(Object.keys(customOf(next, 'rpi-lmp-7').docker_apps ?? {})).toEqual(['db']);
    const build = fileOf({ ...Object.fromEntries(added.targets), 'rpi-lmp-7': ostree('rpi', 7, {}, 'os7') });
    const later = planTargets(inputOf(build, { apps: [app('db')] }));
    expect(Object.keys(customOf(later, 'rpi-lmp-8').docker_apps ?? {})).toEqual(['db']);
  });

  test('T6: what never had apps gets no target', () => {
    expect(planFor({ a: ostree('rpi', 5) }).targets).toEqual([]);
    const plan = planFor({ ...FLEET, bare: ostree('bare', 5) }, { removed: ['web'] });
    expect(namesOf(plan)).toEqual(['minnow-lmp-6', 'rpi-lmp-6']);
  });

  test('maps that cannot be read stop the run', () => {
    const error = errorOf(() => planFor({ a: ostree('rpi', 5, { docker_apps: ['web'] }) }, { apps: [app('web')] }));
    expect([error.code, error.message]).toEqual([
      'TARGETS_INVALID',
      'targets.json: target a: custom.docker_apps is not an object',
    ]);
    expect(error.location).toEqual({ path: 'targets.json', line: 5, column: 5 });
  });
});

describe('entries', () => {
  test('B13: members of an entry that are not ours stay', () => {
    const maps = {
      docker_apps: { web: { uri: 'old', filename: 'web.dockerapp-3' } },
      docker_compose_apps: { web: { uri: 'old', hint: [1] } },
    };
    const custom = customOf(planFor({ a: ostree('rpi', 5, maps) }, { apps: [app('web')] }), 'rpi-lmp-6');
    expect(custom.docker_apps).toEqual({ web: { uri: 'old', filename: 'web.dockerapp-6' } });
    expect(custom.docker_compose_apps).toEqual({ web: { uri: uriOf('web'), hint: [1] } });
  });

  test('T2: an app of the new style only gets no entry for the old one, and keeps one that is there', () => {
    const native = { name: 'web', state: 'ok', composeUri: uriOf('web', '2'), newStyleOnly: true } as const;
    const added = planFor({ a: ostree('rpi', 5) }, { apps: [native] });
    expect(customOf(added, 'rpi-lmp-6').docker_apps).toBeUndefined();
    const kept = planFor(FLEET, { apps: [native] });
    expect(customOf(kept, 'rpi-lmp-6').docker_apps).toEqual({ web: { filename: 'web.dockerapp-3' } });
    expect(kept.fileTargets.size).toBe(0);
  });

  test('keep-parent leaves the docker_apps entry alone', () => {
    const kept = { ...app('web', { bundle: '2' }), dockerApp: 'keep-parent' } as const;
    expect(customOf(planFor(FLEET, { apps: [kept] }), 'rpi-lmp-6').docker_apps).toEqual({
      web: { filename: 'web.dockerapp-3' },
    });
  });

  test('replace an entry that is no object', () => {
    const maps = { docker_apps: { web: 'text' }, docker_compose_apps: { web: null } };
    const custom = customOf(planFor({ a: ostree('rpi', 5, maps) }, { apps: [app('web')] }), 'rpi-lmp-6');
    expect(custom.docker_apps).toEqual({ web: { filename: 'web.dockerapp-6' } });
    expect(custom.docker_compose_apps).toEqual({ web: { uri: uriOf('web') } });
  });

  test('names of JavaScript are names like others', () => {
    const plan = planFor({ a: ostree('rpi', 5) }, { apps: [app('constructor'), app('tostring')] });
    expect(Object.keys(customOf(plan, 'rpi-lmp-6').docker_apps ?? {})).toEqual(['constructor', 'tostring']);
    expect(errorOf(() => planFor({ a: ostree('rpi', 5) }, { apps: [app('__proto__')] })).code).toBe('APP_NAME_INVALID');
    expect(errorOf(() => planFor({ a: ostree('rpi', 5) }, { apps: [app('a/b')] })).code).toBe('APP_NAME_INVALID');
  });

  test('an app that is ok without a reference is a defect', () => {
    expect(errorOf(() => planFor(FLEET, { apps: [{ name: 'web', state: 'ok', newStyleOnly: true }] })).code).toBe(
      'INTERNAL',
    );
  });
});

describe('T3: versions and names', () => {
  test('all hardware ids of a tag get the new version where one differs', () => {
    const fleet = { ...FLEET, 'rpi-lmp-6': ostree('rpi', 6, dual(2, 'web')) };
    expect(namesOf(planFor(fleet, { apps: [app('web')] }))).toEqual(['minnow-lmp-7', 'rpi-lmp-7']);
  });

  test('a tag in which nothing differs gets none', () => {
    const fleet = { ...FLEET, 'rpi-d-4': ostree('rpi', 4, { tags: ['devel'] }) };
    expect(namesOf(planFor(fleet, { apps: [app('web')], tags: 'main,devel' }))).toEqual(['rpi-lmp-6-devel']);
  });

  test('the next version counts every target of the file, and only versions that devices can read', () => {
    const others = {
      x: fileTarget('x', 41, 'x'),
      y: ostree('z', 0, { version: 42, tags: [] }),
      z: ostree('z', 0, { version: '99999999999' }),
    };
    expect(planFor({ ...FLEET, ...others }, { apps: [app('db')] }).version).toBe('43');
  });

  test('a version that is given is taken where it is above all', () => {
    expect(namesOf(planFor(FLEET, { apps: [app('db')], version: '60' }))).toEqual([
      'db.dockerapp-60',
      'minnow-lmp-60',
      'rpi-lmp-60',
    ]);
  });

  test.each(['5', '4', '05', '1.0', 'x', '', '-1', '2147483648'])('the version %j is refused', (version) => {
    expect(errorOf(() => planFor(FLEET, { apps: [app('db')], version })).code).toBe('TARGETS_VERSION');
  });

  test('there is no version above the last one', () => {
    const full = { a: ostree('rpi', 2147483647) };
    expect(errorOf(() => planFor(full, { apps: [app('db')] })).message).toContain('no higher version is left');
  });

  test('an existing name is refused', () => {
    const taken = { 'rpi-lmp-6': fileTarget('x', 1, 'x') };
    const error = errorOf(() => planFor({ ...FLEET, ...taken }, { apps: [app('db')] }));
    expect([error.code, error.message]).toEqual(['TARGETS_NAME', 'targets.json: a target rpi-lmp-6 exists already']);
    const file = { 'db.dockerapp-6': fileTarget('other', 1, 'x') };
    expect(errorOf(() => planFor({ ...FLEET, ...file }, { apps: [app('db')] })).code).toBe('TARGETS_NAME');
  });

  test('two parents of one name are refused', () => {
    const error = errorOf(() =>
      planFor({ a: ostree('x', 5, { name: 'lmp' }), b: ostree('y', 5, { name: 'lmp' }) }, { apps: [app('db')] }),
    );
    expect([error.code, error.message]).toEqual([
      'TARGETS_NAME',
      'targets.json: a and b would both be followed by lmp-6',
    ]);
  });

  test.each([
    ['a..b', 'has ..'],
    ['n'.repeat(252), 'has 254 characters or more'],
    ['caf\u00e9', 'not printable ASCII'],
  ])('the name of %j is refused', (name, problem) => {
    const error = errorOf(() => planFor({ a: ostree('x', 5, { name }) }, { apps: [app('db')] }));
    expect([error.code, error.message]).toEqual(['TARGETS_NAME', expect.stringContaining(problem)]);
  });

  test('the longest name is taken', () => {
    expect(namesOf(planFor({ a: ostree('x', 5, { name: 'n'.repeat(251) }) }, { apps: [app('db')] }))[1]).toHaveLength(
      253,
    );
  });

  test.each([
    ['rpi-build-5', 'rpi-build-6'],
    ['rpi-5-main', 'rpi-6'],
    ['rpi', 'rpi-6'],
    ['rpi-15', 'rpi-15-6'],
  ])('without custom.name, %s is followed by %s', (parent, name) => {
    expect(namesOf(planFor({ [parent]: ostree('x', 5, { name: undefined }) }, { apps: [app('db')] }))[1]).toBe(name);
  });

  test('G8: several tags have their names in the targets, one has not', () => {
    const fleet = { a: ostree('rpi', 5, { tags: ['main', 'devel'] }) };
    const both = planFor(fleet, { apps: [app('db')], tags: 'main,devel' });
    expect(namesOf(both)).toEqual(['db.dockerapp-6', 'rpi-lmp-6-main', 'rpi-lmp-6-devel']);
    expect(both.targets.slice(1).map((target) => target.target.custom?.tags)).toEqual([['main'], ['devel']]);
    expect(namesOf(planFor(fleet, { apps: [app('db')], tags: 'devel' }))).toEqual(['db.dockerapp-6', 'rpi-lmp-6']);
  });
});

describe('tag:parent', () => {
  const fleet = {
    'rpi-lmp-5': ostree('rpi', 5, dual(3, 'web', 'shell'), 'os5'),
    'web.dockerapp-3': fileTarget('web', 3, 'web'),
  };

  test('a new tag starts from the apps of the parent', () => {
    const plan = planFor(fleet, { apps: [app('web')], tags: 'foo:main' });
    expect(namesOf(plan)).toEqual(['rpi-lmp-6']);
    expect(customOf(plan, 'rpi-lmp-6')).toMatchObject({ tags: ['foo'], ...dual(3, 'web', 'shell') });
  });

  test('later targets start from the apps of the tag, on the commit of the parent', () => {
    const foo = ostree('rpi', 6, { ...dual(3, 'web'), tags: ['foo'] }, 'os5');
    expect(planFor({ ...fleet, foo }, { apps: [app('web')], tags: 'foo:main' }).targets).toEqual([]);
    const built = { ...fleet, foo, 'rpi-lmp-7': ostree('rpi', 7, {}, 'os7') };
    const plan = planFor(built, { apps: [app('web')], tags: 'foo:main' });
    expect(namesOf(plan)).toEqual(['rpi-lmp-8']);
    expect(plan.targets[0]).toMatchObject({
      parent: 'rpi-lmp-7',
      tag: 'foo',
      target: { hashes: { sha256: sha('os7') } },
    });
    expect(customOf(plan, 'rpi-lmp-8')).toMatchObject(dual(3, 'web'));
    expect(Object.keys(customOf(plan, 'rpi-lmp-8').docker_apps ?? {})).toEqual(['web']);
  });
});

describe('T4: fields', () => {
  const first = { a: ostree('rpi', 5, { uri: 'https://ci/os' }) };

  test('a uri is set where one is given, and the first one kept', () => {
    const plan = planFor(first, { apps: [app('db')], uri: 'https://ci/apps/1' });
    expect(customOf(plan, 'rpi-lmp-6')).toMatchObject({ uri: 'https://ci/apps/1', origUri: 'https://ci/os' });
    const added = parseTargetsFile(addTargets(fileOf(first), plan.targets), 'targets.json');
    const second = planTargets(inputOf(added, { apps: [app('db', { bundle: '2' })], uri: 'https://ci/apps/2' }));
    expect(customOf(second, 'rpi-lmp-7')).toMatchObject({ uri: 'https://ci/apps/2', origUri: 'https://ci/os' });
  });

  test('without one the uri of the parent stays, and no origUri comes up', () => {
    const custom = customOf(planFor(first, { apps: [app('db')] }), 'rpi-lmp-6');
    expect(custom.uri).toBe('https://ci/os');
    expect('origUri' in custom || 'containers-sha' in custom).toBe(false);
    const none = customOf(planFor({ a: ostree('rpi', 5) }, { apps: [app('db')], uri: 'u' }), 'rpi-lmp-6');
    expect([none.uri, 'origUri' in none]).toEqual(['u', false]);
  });

  test('containers-sha of the parent stays unless one is given', () => {
    const fleet = { a: ostree('rpi', 5, { 'containers-sha': 'old' }) };
    expect(customOf(planFor(fleet, { apps: [app('db')] }), 'rpi-lmp-6')['containers-sha']).toBe('old');
    expect(customOf(planFor(fleet, { apps: [app('db')], containersSha: 'new' }), 'rpi-lmp-6')['containers-sha']).toBe(
      'new',
    );
  });

  test('targetFormat is always there', () => {
    const plan = planFor({ a: ostree('rpi', 5, { targetFormat: undefined }) }, { apps: [app('db')] });
    expect(customOf(plan, 'rpi-lmp-6').targetFormat).toBe('OSTREE');
  });

  test.each(['containersSha', 'uri', 'createdAt'] as const)('%s must be printable ASCII', (field) => {
    for (const value of ['caf\u00e9', 'a\nb', '']) {
      expect(errorOf(() => planFor(first, { apps: [app('db')], [field]: value })).code).toBe('TARGETS_INVALID');
    }
  });

  test('so must the uri of an app', () => {
    expect(errorOf(() => planFor(first, { apps: [{ ...app('db'), composeUri: '\u00e9' }] })).code).toBe(
      'TARGETS_INVALID',
    );
  });
});

describe('several hardware ids in one target', () => {
  test('give one new target, with the apps of all of them', () => {
    const fleet = {
      both: ostree('x', 6, { hardwareIds: ['x', 'y'] }, 'os6'),
      x: ostree('x', 5, dual(1, 'onx', 'on-both')),
      y: ostree('y', 5, dual(2, 'ony', 'on-both')),
    };
    const plan = planFor(fleet, { apps: [app('web')] });
    expect(namesOf(plan)).toEqual(['web.dockerapp-7', 'x-lmp-7']);
    const custom = customOf(plan, 'x-lmp-7');
    expect(custom.hardwareIds).toEqual(['x', 'y']);
    expect(custom.docker_apps).toEqual({
      onx: { filename: 'onx.dockerapp-1' },
      'on-both': { filename: 'on-both.dockerapp-1' },
      ony: { filename: 'ony.dockerapp-2' },
      web: { filename: 'web.dockerapp-7' },
    });
  });
});

describe('G5: size', () => {
  const padded = (size: number): Json => ({
    ...FLEET,
    pad: { hashes: {}, length: 1, custom: { pad: 'x'.repeat(size) } },
  });

  test('is a warning from 75 % on, also where nothing is added', () => {
    expect(planFor(padded(6 * 1024 * 1024 - 100_000), { apps: [app('web')] }).diagnostics).toEqual([]);
    const plan = planFor(padded(6 * 1024 * 1024), { apps: [app('web')] });
    expect(plan.diagnostics).toMatchObject([
      { code: 'targets.size', severity: 'warning', message: expect.stringContaining('75 %') },
    ]);
  });

  test('is an error where the new targets would not fit', () => {
    const full = padded(8 * 1024 * 1024 - 2_500);
    expect(planFor(full, { apps: [app('web')] }).targets).toEqual([]);
    expect(errorOf(() => planFor(full, { apps: [app('db')] })).code).toBe('TARGETS_SIZE');
  });
});

describe('planTargets', () => {
  test('says what is missing where there is no file', () => {
    const error = errorOf(() => planTargets(inputOf(undefined, { apps: [app('web')] })));
    expect(error.code).toBe('TARGETS_PARENT');
    expect(error.hint).toContain('targets.seed');
  });

  test('does not depend on the order of apps and removals', () => {
    const apps = ['c', 'a', 'web', 'b'].map((name) => app(name));
    const file = fileOf({ ...FLEET, x: ostree('x', 5, dual(1, 'p', 'q')) });
    const one = planTargets(inputOf(file, { apps, removed: ['p', 'q'] }));
    const two = planTargets(inputOf(file, { apps: apps.toReversed(), removed: ['q', 'p'] }));
    expect(JSON.stringify(two)).toBe(JSON.stringify(one));
    expect(two.newApps).toEqual(['a', 'b', 'c']);
  });

  test('invariant 9: changes no target that is out', () => {
    const file = fileOf(FLEET);
    const before = JSON.stringify([...file.targets]);
    const plan = planTargets(inputOf(file, { apps: [app('web', { bundle: '2', dockerApp: '2' })], removed: [] }));
    const after = parseTargetsFile(addTargets(file, plan.targets), 'targets.json');
    expect(JSON.stringify([...file.targets])).toBe(before);
    expect(JSON.stringify([...after.targets].slice(0, file.targets.size))).toBe(before);
  });
});
