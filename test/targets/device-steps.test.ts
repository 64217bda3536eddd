import { describe, expect, test } from 'vitest';
import { app, fileTarget, type Json, ostree, planFor, uriOf } from './samples.ts';

/** Both entries of `web`, whose contents are `content`. */
const web = (version: number, content = 'web'): Json => ({
  docker_apps: { web: { filename: `web.dockerapp-${version}` } },
  docker_compose_apps: { web: { uri: uriOf('web', content) } },
});
const FILES = { 'web.dockerapp-2': fileTarget('web', 2, 'web'), 'web.dockerapp-3': fileTarget('web', 3, 'other') };

/** Each change of the bundle entry: `hardware ids: before > after behind`. */
function steps(targets: Json, tags = 'main', content = 'web'): string[] {
  const name = (uri: string | undefined): string =>
    uri === undefined ? 'none' : (['web', 'other', 'third'].find((each) => uri === uriOf('web', each)) ?? uri);
  return planFor(
    { ...FILES, ...targets },
    { tags, apps: [app('web', { bundle: content, dockerApp: content })] },
  ).steps.flatMap(({ hardwareIds, changesSystem, changes }) => {
    const rows = changes.filter(({ style }) => style === 'bundle');
    const told = rows.map(({ before, after, behind }) => `${name(before)} > ${name(after)} ${behind}`);
    return `${hardwareIds.join()}${changesSystem ? ' (system)' : ''}: ${told.join() || 'nothing'}`;
  });
}

describe('what devices see is compared', () => {
  test.each<[string, Json, string[]]>([
    ['with nothing, where no target has the app', { a1: ostree('a', 1) }, ['a: none > web no']],
    [
      'with the target that they have',
      { a1: ostree('a', 1), a2: ostree('a', 2, web(3, 'other')) },
      ['a: other > web no'],
    ],
    [
      'with the last target made for its apps, where a build has none',
      { a1: ostree('a', 1), a2: ostree('a', 2, web(2)), a3: ostree('a', 3, {}, 'build') },
      ['a: web > web yes'],
    ],
    [
      'with that too where the build has others',
      {
        a1: ostree('a', 1, web(3, 'other')),
        a2: ostree('a', 2, web(2)),
        a3: ostree('a', 3, web(3, 'other'), 'build'),
      },
      ['a: web > web yes'],
    ],
    [
      'with the build, where nothing shows that the one before was made for its apps',
      { a1: ostree('a', 1, web(3, 'third'), 'first'), a2: ostree('a', 2, web(3, 'other'), 'build') },
      ['a: other > web no'],
    ],
    [
      'with the build, which may be behind where an earlier one says what the new one says',
      { a1: ostree('a', 1, web(2), 'first'), a2: ostree('a', 2, web(3, 'other'), 'build') },
      ['a: other > web maybe'],
    ],
    [
      'with nothing, where a build with other apps lacks it',
      { a1: ostree('a', 1, web(2), 'first'), a2: ostree('a', 2, { docker_apps: {} }, 'build') },
      ['a: none > web maybe'],
    ],
    [
      'with the newest one with apps, where a build has none and nothing is proved',
      {
        a1: ostree('a', 1, web(3, 'other'), 'first'),
        a2: ostree('a', 2, web(2), 'second'),
        a3: ostree('a', 3, {}, 'build'),
      },
      ['a: web > web yes'],
    ],
    [
      'for each hardware id by itself, although all of a tag get a target',
      { a1: ostree('a', 1, web(2)), b1: ostree('b', 1) },
      ['a: nothing', 'b: none > web no'],
    ],
    [
      'once for hardware ids of one target that see the same',
      { ab1: ostree('a', 1, { hardwareIds: ['b', 'a'] }) },
      ['a,b: none > web no'],
    ],
  ])('%s', (_, targets, expected) => {
    expect(steps(targets)).toEqual(expected);
  });
});

describe('a tag that follows another one', () => {
  const devel = { tags: ['devel'] };

  test('is compared with its own newest target, and gets a build with it', () => {
    const targets = { a1: ostree('a', 1, { ...web(2), ...devel }), a2: ostree('a', 2, {}, 'build') };
    expect(steps(targets, 'devel:main')).toEqual(['a (system): nothing']);
  });

  test('is compared with the parent where it has none', () => {
    expect(steps({ a1: ostree('a', 1, web(3, 'other')) }, 'devel:main')).toEqual(['a: other > web no']);
  });
});

test('no target, no step', () => {
  expect(steps({ a1: ostree('a', 1, web(2)) })).toEqual([]);
});

test('the package of the former bundle is named, though it does not change', () => {
  const { steps: all } = planFor(
    { ...FILES, a1: ostree('a', 1, { ...web(2), docker_compose_apps: { web: { uri: uriOf('web', 'other') } } }) },
    { apps: [app('web')] },
  );
  expect(all.flatMap(({ changes }) => changes)).toEqual([
    {
      app: 'web',
      style: 'bundle',
      before: uriOf('web', 'other'),
      after: uriOf('web'),
      partner: 'web.dockerapp-2',
      behind: 'no',
    },
  ]);
});
