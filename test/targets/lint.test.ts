import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FINDINGS } from '../../src/model/findings.ts';
import { addTargets } from '../../src/targets/add-targets.ts';
import { findNewErrors, type LintOptions, lintTargets } from '../../src/targets/lint.ts';
import { planTargets } from '../../src/targets/plan-targets.ts';
import { parseTargetsFile, type TargetsFile } from '../../src/targets/targets-file.ts';
import { app, dual, fileOf, fileTarget, inputOf, type Json, ostree, readFile, sha, uriOf } from './samples.ts';

const NOW = '2026-01-02T03:04:05Z';

/** A file without a fault: two apps in both styles, for two hardware ids. */
function clean(): Record<string, Json> {
  return {
    'web.dockerapp-1': fileTarget('web', 1, 'web'),
    'db.dockerapp-1': fileTarget('db', 1, 'db'),
    'rpi-lmp-1': ostree('rpi', 1, dual(1, 'web', 'db')),
    'x86-lmp-1': ostree('x86', 1, dual(1, 'web', 'db')),
  };
}

type Change = (targets: Record<string, Json>) => void;

function changed(change: Change): TargetsFile {
  const targets = structuredClone(clean());
  change(targets);
  return fileOf(targets);
}

/** The code, target and place of each finding; the place is the text there up to the end of its line. */
function lint(file: TargetsFile, options: LintOptions = {}): string[] {
  const lines = file.text.split('\n');
  return lintTargets(file, options).map(({ diagnostic, target }) => {
    const { line = 0, column = 0 } = diagnostic.location ?? {};
    const place = (lines[line - 1] ?? '').slice(column - 1).replace(/,$/, '');
    return `${diagnostic.code} ${target ?? '-'} ${place.slice(0, 40)}`.trim();
  });
}

const at = (targets: Record<string, Json>, name: string, ...path: string[]): Json =>
  path.reduce<Json>((value, key) => value[key] as Json, targets[name] as Json);
const custom = (targets: Record<string, Json>, name = 'rpi-lmp-1'): Json => at(targets, name, 'custom');
const entry = (targets: Record<string, Json>, map: string, name = 'rpi-lmp-1'): Json =>
  at(targets, name, 'custom', map);

test('a file without a fault has no findings', () => {
  expect(lint(fileOf(clean()), { now: NOW, own: new Set(['web', 'db']), older: fileOf(clean()) })).toEqual([]);
});

const DIGEST = sha('web');
const CASES: readonly (readonly [string, Change, readonly string[]])[] = [
  [
    'an empty name',
    (t) => Object.assign(t, { '': fileTarget('x', 1, 'x') }),
    ['lint.target-name  ""', 'lint.file-unused'],
  ],
  [
    'a name with ..',
    (t) => Object.assign(t, { 'a/../b': ostree('rpi', 1, dual(1, 'web', 'db')) }),
    ['lint.target-name', 'lint.version-twice'],
  ],
  ['no hash', (t) => Object.assign(at(t, 'rpi-lmp-1'), { hashes: { sha512: 'x' } }), ['lint.target-hash rpi-lmp-1 {']],
  [
    'a short hash',
    (t) => Object.assign(at(t, 'rpi-lmp-1', 'hashes'), { sha256: 'abc' }),
    ['lint.target-hash rpi-lmp-1 "abc"'],
  ],
  ['no targetFormat', (t) => Object.assign(custom(t), { targetFormat: undefined }), ['lint.target-format rpi-lmp-1 {']],
  [
    'an unknown format',
    (t) => Object.assign(t, { z: { ...ostree('rpi', 9), custom: { targetFormat: 'DELTA' } } }),
    ['lint.unknown-format z "DELTA"'],
  ],
  ['OSTREE with a length', (t) => Object.assign(at(t, 'rpi-lmp-1'), { length: 5 }), ['lint.ostree-length rpi-lmp-1 5']],
  ['no version', (t) => Object.assign(custom(t), { version: undefined }), ['lint.version rpi-lmp-1 {']],
  [
    'a version with a leading zero',
    (t) => Object.assign(custom(t), { version: '01' }),
    ['lint.version rpi-lmp-1 "01"'],
  ],
  [
    'a version that is too great',
    (t) => Object.assign(custom(t), { version: '2147483648' }),
    ['lint.version rpi-lmp-1 "2147483648"'],
  ],
  ['no hardware id', (t) => Object.assign(custom(t), { hardwareIds: [] }), ['lint.hardware-ids rpi-lmp-1 []']],
  [
    'hardware ids as a text',
    (t) => Object.assign(custom(t), { hardwareIds: 'rpi' }),
    ['lint.hardware-ids rpi-lmp-1 "rpi"'],
  ],
  ['tags as a text', (t) => Object.assign(custom(t), { tags: 'main' }), ['lint.tags rpi-lmp-1 "main"']],
  ['no tags', (t) => Object.assign(custom(t), { tags: undefined }), ['lint.no-tags rpi-lmp-1 {']],
  [
    'one version twice',
    (t) => Object.assign(t, { 'rpi-other-1': ostree('rpi', 1, dual(1, 'web', 'db')) }),
    ['lint.version-twice rpi-other-1 "1"'],
  ],
  [
    'mixed newest versions',
    (t) => Object.assign(t, { 'x86-lmp-2': ostree('x86', 2, dual(1, 'web', 'db')) }),
    ['lint.mixed-versions - {'],
  ],
  [
    'a commit that went back',
    (t) => {
      for (const [version, commit] of [
        [2, 'new'],
        [3, 'commit'],
      ] as const) {
        for (const id of ['rpi', 'x86']) t[`${id}-lmp-${version}`] = ostree(id, version, dual(1, 'web', 'db'), commit);
      }
    },
    ['lint.commit-went-back rpi-lmp-3 {', 'lint.commit-went-back x86-lmp-3 {'],
  ],
  [
    'a map that is a list',
    (t) => Object.assign(custom(t), { docker_apps: [] }),
    ['lint.compose-style-only rpi-lmp-1 {', 'lint.app-map rpi-lmp-1 []'].toSorted(),
  ],
  [
    'an entry that is a text',
    (t) => Object.assign(entry(t, 'docker_apps'), { web: 'web.dockerapp-1' }),
    ['lint.entry-ignored rpi-lmp-1 "web.dockerapp-1"'],
  ],
  [
    'an entry with neither key',
    (t) => Object.assign(entry(t, 'docker_apps'), { web: {} }),
    ['lint.entry-ignored rpi-lmp-1 {}'],
  ],
  [
    'a compose entry without uri',
    (t) => Object.assign(entry(t, 'docker_compose_apps'), { web: { url: 'x' } }),
    ['lint.entry-ignored rpi-lmp-1 {'],
  ],
  [
    'a docker_apps entry with a uri only',
    (t) => Object.assign(entry(t, 'docker_apps'), { web: { uri: 'x' } }),
    ['lint.entry-uri-only rpi-lmp-1 {'],
  ],
  [
    'a dangling filename',
    (t) => Object.assign(entry(t, 'docker_apps'), { web: { filename: 'web.dockerapp-7' } }),
    ['lint.filename-dangling rpi-lmp-1 "web.dockerapp-7"'],
  ],
  [
    'a filename of an OSTREE target',
    (t) => Object.assign(entry(t, 'docker_apps'), { web: { filename: 'x86-lmp-1' } }),
    ['lint.filename-dangling rpi-lmp-1 "x86-lmp-1"'],
  ],
  [
    'a filename of another app',
    (t) => Object.assign(entry(t, 'docker_apps'), { web: { filename: 'db.dockerapp-1' } }),
    ['lint.filename-key rpi-lmp-1 "db.dockerapp-1"'],
  ],
  [
    'a file of length 0',
    (t) => Object.assign(at(t, 'web.dockerapp-1'), { length: 0 }),
    ['lint.file-length web.dockerapp-1 0'],
  ],
  [
    'a file with a uri',
    (t) => Object.assign(custom(t, 'web.dockerapp-1'), { uri: 'https://cdn.example.net/x' }),
    ['lint.file-uri web.dockerapp-1 "https://cdn.example.net/x"'],
  ],
  [
    'a file with the uri that devices pass over',
    (t) => Object.assign(custom(t, 'web.dockerapp-1'), { uri: 'https://example.com/x' }),
    [],
  ],
  [
    'a file that nothing names',
    (t) => Object.assign(t, { 'old.dockerapp-1': fileTarget('old', 1, 'old') }),
    ['lint.file-unused old.dockerapp-1 "old.dockerapp-1": {'],
  ],
  [
    'an app in upper case',
    (t) => Object.assign(entry(t, 'docker_apps'), { Web: { filename: 'web.dockerapp-1' } }),
    ['lint.app-key', 'lint.filename-key', 'lint.docker-style-only'],
  ],
  [
    'an app for the old style only',
    (t) => delete entry(t, 'docker_compose_apps').web,
    ['lint.docker-style-only rpi-lmp-1 {'],
  ],
  [
    'an app for the compose style only',
    (t) => delete entry(t, 'docker_apps').web,
    ['lint.compose-style-only rpi-lmp-1 {'],
  ],
  [
    'a uri of another app',
    (t) => Object.assign(entry(t, 'docker_compose_apps'), { web: { uri: uriOf('db') } }),
    ['lint.uri-key'],
  ],
  ...[
    `https://hub.example.io/acme/web@sha256:${DIGEST}`,
    `hub.example.io/acme/web:1@sha256:${DIGEST}`,
    'hub.example.io/acme/web:1',
    `hub.example.io/web@sha256:${DIGEST}`,
    `hub.example.io/acme/more/web@sha256:${DIGEST}`,
    `hub.example.io/acme/web@sha256:${DIGEST.toUpperCase()}`,
    `hub.example.io/acme/web@sha512:${DIGEST}`,
    `hub.example.io/acme/web@sha256:${DIGEST}@`,
    `acme/more/web@sha256:${DIGEST}`,
    `hub.example.io/Acme/web@sha256:${DIGEST}`,
  ].map((uri): readonly [string, Change, readonly string[]] => [
    `the uri ${uri}`,
    (t) => Object.assign(entry(t, 'docker_compose_apps'), { web: { uri } }),
    ['lint.uri-form rpi-lmp-1'],
  ]),
  ['a text that is not ASCII', (t) => Object.assign(custom(t), { note: 'für' }), ['lint.not-ascii rpi-lmp-1 "für"']],
  ['a number that is not whole', (t) => Object.assign(custom(t), { ratio: 0.25 }), ['lint.not-integer rpi-lmp-1 0.25']],
  [
    'a lost app',
    (t) => {
      for (const id of ['rpi', 'x86']) t[`${id}-lmp-2`] = ostree(id, 2, dual(1, id === 'rpi' ? 'web' : 'db', 'db'));
    },
    ['lint.app-lost x86-lmp-2 {', 'lint.app-lost x86-lmp-2 {'],
  ],
  [
    'an operating system build without apps',
    (t) => {
      for (const id of ['rpi', 'x86']) t[`${id}-lmp-2`] = ostree(id, 2, id === 'rpi' ? {} : dual(1, 'web', 'db'));
    },
    ['lint.app-lost rpi-lmp-2 {', 'lint.app-lost rpi-lmp-2 {'],
  ],
  [
    'a dropped style',
    (t) => {
      for (const id of ['rpi', 'x86'])
        t[`${id}-lmp-2`] = ostree(id, 2, { ...dual(1, 'web', 'db'), docker_apps: undefined });
    },
    ['lint.style-dropped', 'lint.compose-style-only', 'lint.style-dropped', 'lint.compose-style-only'].toSorted(),
  ],
];

describe('each rule', () => {
  test.each(CASES)('%s', (_, change, expected) => {
    const found = lint(changed(change));
    const matches = expected.filter((start) => found.some((line) => line.startsWith(start)));
    expect(matches, found.join('\n')).toEqual(expected);
    expect(found).toHaveLength(expected.length);
  });

  test('an app that is to be removed is not lost', () => {
    const file = changed((t) => {
      for (const id of ['rpi', 'x86']) t[`${id}-lmp-2`] = ostree(id, 2, dual(1, 'db'));
    });
    expect(lint(file, { removed: new Set(['web']) })).toEqual([]);
    expect(lint(file)).toHaveLength(4);
  });

  test('one of our apps for the old style only is an error', () => {
    const file = changed((t) => delete entry(t, 'docker_compose_apps').web);
    expect(lint(file, { own: new Set(['web']) })).toEqual(['lint.own-docker-style-only rpi-lmp-1 {']);
  });
});

describe('the role', () => {
  const role = { _type: 'Targets', expires: '2030-01-01T00:00:00Z', targets: {}, version: 3 };
  const signature = { keyid: 'a'.repeat(64), method: 'ed25519', sig: 'AAAA' };
  const envelope = (members: Json = {}, signatures: unknown[] = [signature]): TargetsFile =>
    readFile(JSON.stringify({ signatures, signed: { ...role, ...members } }, null, 1));

  test.each<readonly [string, TargetsFile, readonly string[]]>([
    ['in lower case', envelope({ _type: 'targets' }), ['lint.role-type - "targets"']],
    ['without a type', envelope({ _type: undefined }), ['lint.role-type']],
    ['with a version of 0', envelope({ version: 0 }), ['lint.role-version - 0']],
    ['without a date', envelope({ expires: undefined }), ['lint.expires -']],
    ['with a fraction', envelope({ expires: '2030-01-01T00:00:00.5Z' }), ['lint.expires - "2030-01-01T00:00:00.5Z"']],
    ['that has expired', envelope({ expires: '2026-01-01T00:00:00Z' }), ['lint.expired - "2026-01-01T00:00:00Z"']],
    [
      'that expires soon',
      envelope({ expires: '2026-01-20T00:00:00Z' }),
      ['lint.expires-soon - "2026-01-20T00:00:00Z"'],
    ],
    ['without signatures', envelope({}, []), ['lint.unsigned - []']],
    ['with a signature without id', envelope({}, [{ ...signature, keyid: 'x' }]), ['lint.signature - [']],
    ['with a method that devices do not know', envelope({}, [{ ...signature, method: 'rsa' }]), ['lint.signature - [']],
    ['with one key twice', envelope({}, [signature, signature]), ['lint.signature - [']],
    ['without fault', envelope(), []],
    ['that is bare and has nothing to say', readFile('{"targets": {}}'), []],
  ])('%s', (_, file, expected) => {
    const found = lint(file, { now: NOW });
    expect(found).toHaveLength(expected.length);
    expected.forEach((start, i) => {
      expect(found[i]).toContain(start);
    });
  });
});

describe('an older copy', () => {
  const older = fileOf(clean());
  const of = (change: Change): string[] =>
    lint(changed(change), { older }).filter((line) => !/mixed|lost|unused/.test(line));

  test.each<readonly [string, Change, readonly string[]]>([
    [
      'an edited app map',
      (t) => Object.assign(entry(t, 'docker_compose_apps'), { web: { uri: uriOf('web', 'new') } }),
      ['lint.frozen-edited rpi-lmp-1 {'],
    ],
    [
      'an edited commit',
      (t) => Object.assign(at(t, 'rpi-lmp-1', 'hashes'), { sha256: sha('other') }),
      ['lint.frozen-edited rpi-lmp-1 {'],
    ],
    [
      'another spelling of the same',
      (t) => Object.assign(at(t, 'rpi-lmp-1', 'hashes'), { sha256: sha('commit').toUpperCase() }),
      ['lint.frozen-changed rpi-lmp-1'],
    ],
    ['another date', (t) => Object.assign(custom(t), { updatedAt: '2026' }), ['lint.frozen-changed rpi-lmp-1']],
    ['a pruned target', (t) => delete t['x86-lmp-1'], ['lint.target-pruned -']],
    [
      'a new target that is not above',
      (t) => Object.assign(t, { 'rpi-new': ostree('rpi', 1, dual(1, 'web', 'db')) }),
      ['lint.version-twice rpi-new', 'lint.version-not-above rpi-new'],
    ],
    ['a new target that is above', (t) => Object.assign(t, { 'rpi-new': ostree('rpi', 2, dual(1, 'web', 'db')) }), []],
  ])('%s', (_, change, expected) => {
    const found = of(change);
    expect(found).toHaveLength(expected.length);
    expected.forEach((start, i) => {
      expect(found[i]).toContain(start);
    });
  });

  test('a signed role has to raise its version', () => {
    const signed = (version: number, targets: Json): TargetsFile =>
      readFile(
        JSON.stringify({
          signatures: [{ keyid: 'a'.repeat(64), method: 'ed25519', sig: 'AAAA' }],
          signed: { _type: 'Targets', version, expires: '2030-01-01T00:00:00Z', targets },
        }),
      );
    const before = signed(3, {});
    const more = { 'rpi-lmp-1': ostree('rpi', 1) };
    expect(lint(signed(3, more), { older: before })).toEqual([expect.stringContaining('lint.role-version')]);
    expect(lint(signed(2, {}), { older: before })).toEqual([expect.stringContaining('lint.role-version')]);
    expect(lint(signed(4, more), { older: before })).toEqual([]);
    expect(lint(signed(3, {}), { older: before })).toEqual([]);
  });
});

test('bytes of file targets: missing, longer, other ones', () => {
  const file = fileOf(clean());
  const good = { length: 3, sha256: sha('web') };
  expect(lint(file, { files: new Map([['web.dockerapp-1', good]]) })).toEqual([
    'lint.file-missing db.dockerapp-1 "db.dockerapp-1": {',
  ]);
  const files = new Map([
    ['web.dockerapp-1', { ...good, length: 4 }],
    ['db.dockerapp-1', { length: 2, sha256: sha('xx') }],
  ]);
  expect(lint(file, { files })).toEqual([
    'lint.file-bytes web.dockerapp-1 3',
    `lint.file-bytes db.dockerapp-1 "${sha('db').slice(0, 39)}`,
  ]);
});

test('many of one kind are listed in part and counted', () => {
  const targets: Record<string, Json> = {};
  for (let i = 1; i <= 120; i++) targets[`f-${i}`] = fileTarget('f', i, 'f');
  const found = lintTargets(fileOf(targets));
  expect(found).toHaveLength(51);
  expect(found.at(-1)?.diagnostic).toMatchObject({
    code: 'lint.file-unused',
    message: 'targets.json: 70 more like those that are listed',
  });
});

test('foreign text is shown escaped', () => {
  const file = changed((t) => Object.assign(entry(t, 'docker_apps'), { 'a\u001b[2J\u202e': 5 }));
  for (const { diagnostic } of lintTargets(file)) expect(diagnostic.message).not.toMatch(/[\u0000-\u001f\u202e]/);
});

test('errors that were there before, or that a parent has, are not new', () => {
  const before = changed((t) => {
    custom(t).note = 'für';
    entry(t, 'docker_apps').web = 'x';
  });
  const { targets } = planTargets(inputOf(before, { apps: [app('db', { bundle: 'new' })] }));
  const after = parseTargetsFile(addTargets(before, targets), 'targets.json');
  const parents = new Map(targets.map(({ name, parent }) => [name, parent]));
  const found = lintTargets(after);
  expect(found.filter(({ target }) => target === 'rpi-lmp-2').length).toBeGreaterThan(0);
  expect(findNewErrors(found, lintTargets(before), parents)).toEqual([]);
  // Without its parent to excuse it, the same is new.
  expect(findNewErrors(found, lintTargets(before), new Map()).map(({ target }) => target)).toEqual([
    'rpi-lmp-2',
    'rpi-lmp-2',
  ]);
});

test('every file that we write is one without errors', () => {
  const names = fc.uniqueArray(fc.constantFrom('web', 'db', 'shell', 'a-b', 'x1'), { minLength: 1 });
  const step = fc.record({ names, content: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 4 }),
      fc.constantFrom('main', 'main,devel:main'),
      (steps, tags) => {
        let file = fileOf({ 'rpi-lmp-1': ostree('rpi', 1, { arch: 'arm64' }), 'x86-lmp-1': ostree('x86', 1) });
        for (const { names: chosen, content } of steps) {
          const apps = chosen.map((name) => app(name, { bundle: `${name}${content}`, dockerApp: `${name}${content}` }));
          const { targets } = planTargets(inputOf(file, { apps, tags }));
          const next = parseTargetsFile(addTargets(file, targets), 'targets.json');
          const found = lintTargets(next, { own: new Set(chosen), older: file, now: NOW });
          expect(found.filter(({ diagnostic }) => diagnostic.severity === 'error')).toEqual([]);
          file = next;
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('each rule of the table of findings is one that is tested', async () => {
  const { readFile: read } = await import('node:fs/promises');
  const texts = await Promise.all(
    ['lint.test.ts', '../pipeline/lint-content.test.ts'].map((name) => read(new URL(name, import.meta.url), 'utf8')),
  );
  const untested = Object.keys(FINDINGS).filter((code) => code.startsWith('lint.') && !texts.join('').includes(code));
  expect(untested).toEqual([]);
});
