import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type Config,
  type ConfigFlags,
  defaultConfig,
  mergeConfig,
  parseConfig,
  requireIdentity,
  resolvePaths,
} from '../../src/config.ts';

const NO_FLAGS: ConfigFlags = { registries: new Map(), platforms: [], parameterFiles: [], set: new Map(), repin: [] };

function configOf(text: string): Config {
  return resolvePaths(parseConfig(text, 'rebundle.yml'), '/factory/conf', posix.resolve);
}

describe('resolvePaths', () => {
  test('makes every path absolute and names repositories by their folders', () => {
    const config = configOf(`
registries: { docker.io: "oci-layout:images", quay.io: mirror.example }
repositories: [., ../gateway, { path: /vision, name: team }]
parameters: { files: [site.yml] }
publish: { to: oci-layout:../out }
targets: { repo: t.json, seed: seeds/t.json, tags: main }
`);
    expect(config.repositories).toEqual([
      { path: '/factory/conf', name: 'conf' },
      { path: '/factory/gateway', name: 'gateway' },
      { path: '/vision', name: 'team' },
    ]);
    expect([...config.registries]).toEqual([
      ['docker.io', { kind: 'oci-layout', directory: '/factory/conf/images' }],
      ['quay.io', { kind: 'registry', host: 'mirror.example' }],
    ]);
    expect(config.parameters.files).toEqual(['/factory/conf/site.yml']);
    expect(config.publish.to).toEqual({ kind: 'oci-layout', directory: '/factory/out' });
    expect(config.targets).toMatchObject({ repo: '/factory/conf/t.json', seed: '/factory/conf/seeds/t.json' });
    expect(config.out).toBe('out');
  });

  test('two repositories of one name are refused', () => {
    expect(() => configOf('repositories: [a/apps, b/apps]\n')).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: 'two repositories are named apps: /factory/conf/a/apps and /factory/conf/b/apps',
      }),
    );
    expect(configOf('repositories: [a/apps, {path: b/apps, name: b}]\n').repositories).toHaveLength(2);
  });
});

describe('mergeConfig', () => {
  const file = configOf(`
factory: riverbend
images: { tag: filetag, platforms: [linux/amd64] }
registries: { docker.io: "memory:", quay.io: "memory:" }
parameters: { files: [site.yml], set: { a: file, b: file } }
publish: { to: filehost.example }
interpolation: single
targets: { repo: t.json, tags: main, version: 7 }
`);

  test('without environment and flags the file stands', () => {
    expect(mergeConfig(file, {}, NO_FLAGS)).toEqual(file);
  });

  test('the environment stands over the file', () => {
    const merged = mergeConfig(
      file,
      { REBUNDLE_TAG: 'envtag', REBUNDLE_FACTORY: 'lakeside', REBUNDLE_TARGET_VERSION: '8', REBUNDLE_OUT: 'env-out' },
      NO_FLAGS,
    );
    expect(merged).toEqual({
      ...file,
      factory: 'lakeside',
      images: { ...file.images, tag: 'envtag' },
      targets: { ...file.targets, version: '8' },
      out: 'env-out',
    });
  });

  test('an empty variable does not count', () => {
    const empty = { REBUNDLE_TAG: '', REBUNDLE_FACTORY: '', REBUNDLE_TARGET_VERSION: '', REBUNDLE_OUT: undefined };
    expect(mergeConfig(file, empty, NO_FLAGS)).toEqual(file);
  });

  test('flags stand over both; maps and parameter files are joined', () => {
    const merged = mergeConfig(
      file,
      { REBUNDLE_TAG: 'envtag', REBUNDLE_TARGET_VERSION: '8', REBUNDLE_OUT: 'env-out' },
      {
        out: 'flag-out',
        to: { kind: 'memory' },
        registries: new Map([['quay.io', { kind: 'registry', host: 'mirror.example' }]]),
        platforms: ['linux/arm64'],
        tag: 'flagtag',
        targetVersion: '9',
        interpolation: 'device',
        parameterFiles: ['flag.yml'],
        set: new Map([['b', 'flag']]),
        repin: ['docker.io/**'],
      },
    );
    expect(merged).toEqual({
      ...file,
      registries: new Map([
        ['docker.io', { kind: 'memory' }],
        ['quay.io', { kind: 'registry', host: 'mirror.example' }],
      ]),
      interpolation: 'device',
      images: { tag: 'flagtag', platforms: ['linux/arm64'], exempt: [] },
      parameters: {
        files: ['/factory/conf/site.yml', 'flag.yml'],
        set: new Map([
          ['a', 'file'],
          ['b', 'flag'],
        ]),
      },
      pin: { refresh: ['docker.io/**'] },
      publish: { ...file.publish, to: { kind: 'memory' } },
      targets: { ...file.targets, version: '9' },
      out: 'flag-out',
    });
  });

  test.each([
    ['REBUNDLE_TAG', 'a b', 'expected an image tag'],
    ['REBUNDLE_FACTORY', 'a/b', 'expected a factory name'],
    ['REBUNDLE_TARGET_VERSION', '007', 'expected a whole number'],
    ['REBUNDLE_OUT', 'http://x', 'expected a path'],
  ])('a wrong %s is refused by name', (name, text, expected) => {
    expect(() => mergeConfig(file, { [name]: text }, NO_FLAGS)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringMatching(`^${name}: ${expected}.*, found "${text}"$`),
      }),
    );
  });

  test('a target version needs targets when it is a flag, and is ignored as a variable', () => {
    expect(() => mergeConfig(defaultConfig(), {}, { ...NO_FLAGS, targetVersion: '9' })).toThrow(
      expect.objectContaining({ code: 'USAGE', message: '--target-version: the configuration has no targets' }),
    );
    expect(mergeConfig(defaultConfig(), { REBUNDLE_TARGET_VERSION: '9' }, NO_FLAGS)).toEqual(defaultConfig());
  });
});

describe('requireIdentity', () => {
  test('gives the names that references need', () => {
    expect(requireIdentity(configOf('factory: a\nregistry: b.example\n'))).toEqual({
      factory: 'a',
      registry: 'b.example',
    });
  });

  test.each([
    ['registry: b.example\n', 'the configuration lacks factory'],
    ['factory: a\n', 'the configuration lacks registry'],
    ['interpolation: device\n', 'the configuration lacks factory and registry'],
  ])('%j is refused', (text, message) => {
    expect(() => requireIdentity(configOf(text))).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message }));
  });
});
