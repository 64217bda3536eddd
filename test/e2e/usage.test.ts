import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG, Workspace } from './cli.ts';

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(async () => {
  await workspace.close();
});

describe('a wrong command line', () => {
  test.each([
    [[], /no command is given/],
    [['run', '--confg', CONFIG], /--config/],
    [['rnu'], /run/],
    [['run', '--target-version', '007'], /leading zero/],
    [['run', '--to', 'nowhere'], /oci-layout:DIR/],
    [['run', '--config', 'missing.yml'], /missing\.yml: no such file/],
    [['run', 'samples/gateway/missing.dockerapp', '--config', CONFIG], /no such package/],
    [['run', '--config', CONFIG, '--to', 'memory:'], /memory/],
    [['plan', '--config', CONFIG, '--parameters-file', 'missing.yml'], /no such parameters file/],
  ])('%j: exit 4, nothing on standard output, nothing written', async (args, message) => {
    const before = await workspace.listing();
    const { status, stdout, stderr } = await workspace.run(args);
    expect([status, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^rebundle: (?:USAGE|CONFIG_INVALID): /);
    expect(await workspace.listing()).toEqual(before);
  });
});

describe('help and version', () => {
  test('are data: on standard output, with exit 0', async () => {
    const help = await workspace.run(['run', '--help']);
    expect([help.status, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toContain('Exit status');
    const version = await workspace.run(['--version']);
    expect([version.status, version.stdout, version.stderr]).toEqual([
      0,
      expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      '',
    ]);
  });
});

describe('a broken rebundle.yml', () => {
  const cases: [string, string, RegExp][] = [
    ['an unknown key', 'registry: hub.example.com\nfactroy: acme\n', /broken\.yml:2:1.*factroy.*factory/],
    ['an unknown key deeper down', 'images:\n  tag: x\n  platfroms: []\n', /broken\.yml:3:3.*platfroms.*platforms/],
    ['a wrong value', 'images:\n  platforms: [arm64]\n', /broken\.yml:2:15.*arm64/],
    ['a value of another type', 'targets:\n  repo: a.json\n  tags: {}\n', /broken\.yml:3:9/],
    ['no YAML', 'images: [\n', /broken\.yml:\d+:\d+/],
    ['one name twice', 'repositories: [a/x, b/x]\n', /x/],
  ];

  test.each(cases)('%s: exit 4 with file, line, column and what is right', async (_what, text, message) => {
    await workspace.write('broken.yml', text);
    const { status, stdout, stderr } = await workspace.run(['run', '--config', 'broken.yml']);
    expect([status, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(/^rebundle: CONFIG_INVALID: /);
    expect(stderr.replaceAll('\n', ' ')).toMatch(message);
  });

  test('one without registry and factory: plan says which is missing', async () => {
    await workspace.write('broken.yml', 'repositories: [samples/vision]\n');
    const { status, stderr } = await workspace.run(['plan', '--config', 'broken.yml']);
    expect(status).toBe(4);
    expect(stderr).toContain('factory and registry');
  });
});

describe('hostile input', () => {
  test('control characters of a package are not printed', async () => {
    const evil = 'evil\u001b[31m\u202e';
    await workspace.write(
      'repo/bad.dockerapp',
      `version: 1.0.0\nname: bad\n---\nversion: '3.2'\nservices:\n  "${evil}": { image: 5, "${evil}": x }\n---\n`,
    );
    await workspace.write(`repo/${evil}.dockerapp`, 'x');
    for (const args of [
      ['convert', 'repo'],
      ['scan', 'repo'],
      ['convert', 'repo', '--reporter', 'ndjson'],
      ['scan', 'repo', '--json'],
    ]) {
      const { stdout, stderr } = await workspace.run(args);
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202e]/);
      expect(stdout + stderr).toContain('evil');
    }
  });
});
