import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { RebundleError } from '../../src/errors.ts';

function errorOf(text: string): RebundleError {
  try {
    parseConfig(text, 'rebundle.yml');
  } catch (error) {
    if (error instanceof RebundleError) return error;
    throw error;
  }
  throw new Error('the text was accepted');
}

const COMPLETE = `
factory: riverbend
registry: hub.riverbend.example
registries:
  hub.riverbend.example: oci-layout:images
  docker.io: "memory:"
  "registry:5000": mirror.example
repositories:
  - gateway
  - path: vision
    name: vision-team
apps:
  include: ["extras/*"]
  exclude: [old]
  interpolation: { web: single }
interpolation: device
images:
  tag: 4f2c9ab
  platforms: [linux/amd64, linux/arm/v7]
  exempt: [hub.riverbend.example/riverbend/base]
parameters: { files: [site.yml], set: { web.port: 8080 } }
fleet: { parameters: { press: fleet/press.yml } }
findings: { ignore: [{ id: param.unused, path: web.*, reason: known, expires: 2031-01-31 }, { id: param.fixed, reason: ours }] }
publish:
  to: oci-layout:../out/registry
  tag: "app-{tag}"
  concurrency: 8
targets:
  repo: ../out/targets.json
  seed: targets.json
  tags: main,devel:main
  machines: [raspberrypi4-64]
  platforms: [arm64]
  composeOnly: [web]
  version: "120"
  containersSha: 0123456789abcdef0123456789abcdef01234567
  uri: https://ci.riverbend.example/120
`;

/** What stands where the sections say nothing. */
const DEFAULTS = {
  git: { fileUrls: false },
  semantics: 'auto',
  serviceConfigs: 'keep',
  bundle: { files: 'referenced', dockerCompose: true },
  hosts: new Map(),
  http: {
    attempts: 5,
    connectTimeout: 10,
    headersTimeout: 60,
    idleTimeout: 60,
    longestWait: 300,
    totalTimeout: 300,
  },
  pin: { refresh: [] },
  report: { downloads: true },
  secrets: { allow: [] },
};

describe('a right configuration', () => {
  test('comes with every member that it has', () => {
    expect(parseConfig(COMPLETE, 'rebundle.yml')).toEqual({
      ...DEFAULTS,
      factory: 'riverbend',
      registry: 'hub.riverbend.example',
      registries: new Map([
        ['hub.riverbend.example', { kind: 'oci-layout', directory: 'images' }],
        ['docker.io', { kind: 'memory' }],
        ['registry:5000', { kind: 'registry', host: 'mirror.example' }],
      ]),
      repositories: [{ path: 'gateway' }, { path: 'vision', name: 'vision-team' }],
      apps: {
        include: ['extras/*'],
        exclude: ['old'],
        interpolation: new Map([['web', 'single']]),
        semantics: new Map(),
        serviceConfigs: new Map(),
        compose: false,
      },
      interpolation: 'device',
      images: {
        tag: '4f2c9ab',
        platforms: ['linux/amd64', 'linux/arm/v7'],
        exempt: ['hub.riverbend.example/riverbend/base'],
      },
      parameters: { files: ['site.yml'], set: new Map([['web.port', '8080']]) },
      fleet: { parameters: new Map([['press', 'fleet/press.yml']]) },
      findings: {
        ignore: [
          { id: 'param.unused', path: 'web.*', reason: 'known', expires: '2031-01-31' },
          { id: 'param.fixed', reason: 'ours' },
        ],
      },
      publish: { to: { kind: 'oci-layout', directory: '../out/registry' }, tag: 'app-{tag}', concurrency: 8 },
      targets: {
        repo: '../out/targets.json',
        seed: 'targets.json',
        tags: 'main,devel:main',
        machines: ['raspberrypi4-64'],
        platforms: ['arm64'],
        composeOnly: new Set(['web']),
        version: '120',
        containersSha: '0123456789abcdef0123456789abcdef01234567',
        uri: 'https://ci.riverbend.example/120',
      },
    });
  });

  test('has defaults for what it leaves out, and no targets', () => {
    expect(parseConfig('factory: riverbend\n', 'rebundle.yml')).toEqual({
      ...DEFAULTS,
      factory: 'riverbend',
      registries: new Map(),
      repositories: [],
      apps: {
        include: [],
        exclude: [],
        interpolation: new Map(),
        semantics: new Map(),
        serviceConfigs: new Map(),
        compose: false,
      },
      interpolation: 'device',
      images: { platforms: [], exempt: [] },
      parameters: { files: [], set: new Map() },
      fleet: { parameters: new Map() },
      findings: { ignore: [] },
      publish: { tag: 'app-{digest12}', concurrency: 16 },
    });
  });

  test('keeps scalars as they are written, whatever YAML makes of them', () => {
    const config = parseConfig(
      'images: {tag: 12e4567}\nparameters: {set: {a: 1.10, b: 0755, c: yes, d: ~, e: "", constructor: x}}\n',
      'rebundle.yml',
    );
    expect(config.images.tag).toBe('12e4567');
    expect([...config.parameters.set]).toEqual([
      ['a', '1.10'],
      ['b', '0755'],
      ['c', 'yes'],
      ['d', '~'],
      ['e', ''],
      ['constructor', 'x'],
    ]);
  });

  test('may use anchors, a list of tags, and start with a byte order mark', () => {
    const text = '\ufeffapps: {include: &l [a], exclude: *l}\ntargets: {repo: t.json, tags: [main, "devel:main"]}\n';
    const config = parseConfig(text, 'rebundle.yml');
    expect(config.apps.exclude).toEqual(['a']);
    expect(config.targets?.tags).toEqual(['main', 'devel:main']);
  });
});

describe('a wrong configuration is refused with place, key and expectation', () => {
  test.each([
    ['', '1:1: the file is empty'],
    ['# nothing\n', '1:1: the file is empty'],
    ['text', '1:1: the file: expected a mapping, found "text"'],
    ['- a', '1:1: the file: expected a mapping, found a list'],
    ['factory: a\nfactory: b\n', '2:1: factory: is written twice'],
    ['images:\n  tag: a\n  "tag": b\n', '3:3: images.tag: is written twice'],
    ['__proto__: {}\n', '1:1: __proto__: this key is not allowed'],
    ['parameters:\n  set: {__proto__: x}\n', '2:9: parameters.set.__proto__: this key is not allowed'],
    ['? [a]\n: b\n', '1:3: expected a text as key'],
    ['factory: a\n---\nfactory: b\n', '2:1: expected one YAML document, found more'],
    ['factory: a: b\n', '1:10: Nested mappings are not allowed in compact mappings'],
    ['factory: !secret a\n', '1:10: Unresolved tag: !secret'],
    ['factory: *a\n', '1:10: factory: unknown anchor a'],
    ['apps:\n  include: &a [*a]\n', '2:16: apps.include[0]: unknown anchor a'],
    ['factroy: a\n', '1:1: factroy: unknown key, did you mean factory?'],
    ['apps:\n  inclde: []\n', '2:3: apps.inclde: unknown key, did you mean apps.include?'],
    ['tag: a\n', '1:1: tag: unknown key, did you mean images.tag?'],
    ['publish:\n  zzz: a\n', '2:3: publish.zzz: unknown key, expected one of to, tag, concurrency'],
    [
      'repositories:\n  - path: a\n    nmae: b\n',
      '3:5: repositories[0].nmae: unknown key, did you mean repositories[0].name?',
    ],
    ['repositories:\n  - name: b\n', '2:5: repositories[0]: expected either path or url, found a mapping'],
    ['repositories: [[a]]\n', '1:16: repositories[0]: expected a text or a mapping, found a list'],
    ['repositories: gateway\n', '1:15: repositories: expected a list, found "gateway"'],
    [
      'repositories: [""]\n',
      '1:16: repositories[0]: expected a path, or the URL of a git repository: https://host/path, ssh://user@host/path or user@host:path, without a password, found nothing',
    ],
    ['apps:\nimages: {}\n', '1:1: apps: expected a mapping, found nothing'],
    ['apps: [a]\n', '1:7: apps: expected a mapping, found a list'],
    ['factory: [a]\n', '1:10: factory: expected a text, found a list'],
    ['factory: {a: b}\n', '1:10: factory: expected a text, found a mapping'],
    ['factory: a/b\n', '1:10: factory: expected a factory name of a-z, 0-9, ".", "_" and "-", found "a/b"'],
    [
      'registry: hub\n',
      '1:11: registry: expected a registry host as in references, host.example or host:port, found "hub"',
    ],
    [
      'registries: {hub: "memory:"}\n',
      '1:14: registries.hub: expected a registry host as in references, host.example or host:port, found "hub"',
    ],
    [
      'registries:\n  docker.io: https://x\n',
      '2:14: registries.docker.io: expected oci-layout:DIR, memory: or a registry host, found "https://x"',
    ],
    ['interpolation: twice\n', '1:16: interpolation: expected device or single, found "twice"'],
    ['interpolation: devise\n', '1:16: interpolation: expected device or single, found "devise", did you mean device?'],
    ['apps: {interpolation: {web: none}}\n', '1:29: apps.interpolation.web: expected device or single, found "none"'],
    ['images: {tag: "a b"}\n', '1:15: images.tag: expected an image tag, found "a b"'],
    [
      'images: {platforms: [arm64]}\n',
      '1:22: images.platforms[0]: expected a platform, os/architecture or os/architecture/variant, found "arm64"',
    ],
    [
      'images: {exempt: ["hub.example/a:1"]}\n',
      '1:19: images.exempt[0]: expected an image name with its host, without a tag, found "hub.example/a:1"',
    ],
    ['parameters: {set: {a: [b]}}\n', '1:23: parameters.set.a: expected a text, found a list'],
    [
      'publish: {tag: "app-{tg}"}\n',
      '1:16: publish.tag: expected app-{digest12} or app-{tag}, found "app-{tg}", did you mean app-{tag}?',
    ],
    ['publish: {concurrency: 0}\n', '1:24: publish.concurrency: expected a whole number from 1 to 99, found "0"'],
    ['publish: {concurrency: 1e1}\n', '1:24: publish.concurrency: expected a whole number from 1 to 99, found "1e1"'],
    ['targets: {tags: main}\n', '1:10: targets.repo: is missing, expected a text'],
    [
      'targets: {repo: "http://x/t.json", tags: a}\n',
      '1:17: targets.repo: expected a path, or an https URL without user and password, found "http://x/t.json"',
    ],
    [
      'targets: {repo: t, tags: "a,,b"}\n',
      '1:26: targets.tags: expected tags as in main or tag1,tag2 or tag:parent, found "a,,b"',
    ],
    ['targets: {repo: t, tags: []}\n', '1:26: targets.tags: expected at least one tag, found a list'],
    [
      'targets: {repo: t, tags: a, version: 0120}\n',
      '1:38: targets.version: expected a whole number from 1 to 2147483647, without a leading zero, found "0120"',
    ],
    [
      'targets: {repo: t, tags: a, version: 2147483648}\n',
      '1:38: targets.version: expected a whole number up to 2147483647, found "2147483648"',
    ],
    [
      'targets: {repo: t, tags: a, containersSha: abc}\n',
      '1:44: targets.containersSha: expected a commit of 40 or 64 hex digits, found "abc"',
    ],
    ['targets: {repo: t, tags: a, uri: "a b"}\n', '1:34: targets.uri: expected a URI in ASCII, found "a b"'],
    [
      'targets: {repo: t, tags: a, composeOnly: [A]}\n',
      '1:43: targets.composeOnly[0]: expected an app name of a-z, 0-9, ".", "_" and "-", found "A"',
    ],
  ])('%j', (text, message) => {
    const error = errorOf(text);
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toBe(`rebundle.yml:${message}`);
    const [line, column] = message.split(':').map(Number);
    expect(error.location).toEqual({ path: 'rebundle.yml', line, column });
  });

  test('a text that is too deep or too large is refused before it is read', () => {
    expect(errorOf(`#\n${'['.repeat(100_000)}`).message).toBe('rebundle.yml:2:18: is nested deeper than 16');
    const size = 256 * 1024;
    expect(errorOf(' '.repeat(size)).message).toBe('rebundle.yml:1:1: the file is empty');
    expect(errorOf(' '.repeat(size + 1)).message).toBe('rebundle.yml:1:1: the file is over 262144 characters');
  });

  test('all errors are listed in the order of the text', () => {
    const error = errorOf('publish: {tag: x}\nfactroy: a\nimages:\n  platforms: linux/amd64\n');
    expect(error.message.split('\n')).toEqual([
      'rebundle.yml:1:16: publish.tag: expected app-{digest12} or app-{tag}, found "x"',
      'rebundle.yml:2:1: factroy: unknown key, did you mean factory?',
      'rebundle.yml:4:14: images.platforms: expected a list, found "linux/amd64"',
    ]);
    expect(error.location).toEqual({ path: 'rebundle.yml', line: 1, column: 16 });
  });

  test('a long list of errors is cut', () => {
    const lines = errorOf(Array.from({ length: 30 }, (_, i) => `k${i}: a`).join('\n')).message.split('\n');
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('and 10 more');
  });

  test('what the file says is shown without control characters and cut', () => {
    expect(errorOf('"a\\x1b[31m\\u202e": b\n').message).toContain('1:1: a\\x1b[31m\\u202e: unknown key');
    expect(errorOf(`interpolation: ${'x'.repeat(500)}\n`).message.length).toBeLessThan(200);
  });

  test('aliases that would grow to millions of values are refused', () => {
    const lines = ['apps: {include: &a0 [x, x, x, x, x, x, x, x, x, x]}'];
    for (let i = 1; i < 9; i++)
      lines.push(`k${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`);
    expect(errorOf(lines.join('\n')).message).toMatch(/holds more than 10000 values$/);
  });
});
