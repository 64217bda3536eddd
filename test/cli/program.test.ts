import { describe, expect, test } from 'vitest';
import type { CommandDefinition, CommandResult, Invocation } from '../../src/cli/command.ts';
import { loadCommands } from '../../src/cli/command-list.ts';
import type { CliEnvironment } from '../../src/cli/environment.ts';
import { runProgram } from '../../src/cli/program.ts';
import { RebundleError } from '../../src/errors.ts';
import { NOTHING_SAID } from '../support/flags.ts';

const environment: CliEnvironment = {
  version: '0.0.0',
  cwd: '/',
  env: {},
  writeError: () => {},
  stdoutIsTerminal: false,
  stderrIsTerminal: false,
  width: () => 80,
  now: () => 0,
  repeat: () => () => {},
  signal: new AbortController().signal,
  pid: process.pid,
  isRunning: () => true,
};

const COMMANDS = await loadCommands();

/** The commands with another thing to do. */
function commandsThat(
  act: (invocation: Invocation) => Promise<void>,
  result: CommandResult = { status: 0 },
): { commands: CommandDefinition[]; environment: CliEnvironment; version: string } {
  const run = async (invocation: Invocation): Promise<CommandResult> => {
    await act(invocation);
    return result;
  };
  return { commands: COMMANDS.map((command) => ({ ...command, run })), environment, version: '1.2.3' };
}

/** Runs a command line and gives what its command got. */
async function invoke(...args: string[]): Promise<Invocation> {
  const seen: Invocation[] = [];
  await runProgram(
    args,
    commandsThat(async (invocation) => void seen.push(invocation)),
  );
  expect(seen).toHaveLength(1);
  return seen[0]!;
}

const unreachable = commandsThat(() => Promise.reject(new Error('a command ran')));

async function failureOf(...args: string[]): Promise<RebundleError> {
  const thrown: unknown = await runProgram(args, unreachable).catch((error: unknown) => error);
  if (!(thrown instanceof RebundleError)) throw new Error('no RebundleError', { cause: thrown });
  return thrown;
}

const FIRST_WORDS = [...new Set(COMMANDS.map(({ name }) => name.split(' ')[0]))].join(', ');
const ALL = COMMANDS.map(({ name }) => name).filter((name) => !name.includes(' '));

describe('help', () => {
  test.each(COMMANDS.map(({ name }) => name))('of %s', async (name) => {
    const { status, stdout } = await runProgram([...name.split(' '), '--help'], unreachable);
    expect(status).toBe(0);
    await expect(stdout).toMatchFileSnapshot(`golden/${name.replace(' ', '-')}.txt`);
    if (ALL.includes(name)) expect(await runProgram(['help', name], unreachable)).toEqual({ status, stdout });
  });

  test('of the program', async () => {
    const { status, stdout } = await runProgram(['--help'], unreachable);
    expect(status).toBe(0);
    await expect(stdout).toMatchFileSnapshot('golden/rebundle.txt');
  });

  test('the version', async () => {
    expect(await runProgram(['--version'], unreachable)).toEqual({
      status: 0,
      stdout: '1.2.3\n',
    });
  });
});

describe('an invocation', () => {
  const empty = { operands: [], flags: NOTHING_SAID, own: {} };

  test('without flags says nothing', async () => {
    expect(await invoke('run')).toEqual({ ...empty, command: 'run', paths: [] });
    expect(await invoke('scan', 'a', 'b/c')).toEqual({ ...empty, command: 'scan', paths: ['a', 'b/c'] });
    expect(await invoke('apply', 'out/plan.json', 'a')).toEqual({
      ...empty,
      command: 'apply',
      operands: ['out/plan.json'],
      paths: ['a'],
    });
  });

  test('carries every flag, checked and typed; repeated ones in their order', async () => {
    const { flags } = await invoke(
      ...[
        'plan',
        '--config',
        'c.yml',
        '--out',
        'o',
        '--to',
        'oci-layout:reg',
        '--target-version',
        '12',
        '--tag',
        '4f2c9ab',
      ],
      ...['--registry', 'docker.io=oci-layout:images', '--registry', 'quay.io=mirror.example:5000'],
      ...['--app', 'web*', '--app', 'db', '--platform', 'linux/arm64', '--platform', 'linux/arm/v7'],
      ...['--interpolation', 'single', '--parameters-file', 'a.yml', '--parameters-file', 'b.yml'],
      ...[
        '--set',
        'x=1=2',
        '--set',
        'y=',
        '--set',
        'x=3',
        '--repin',
        'docker.io/**',
        '--repin',
        '--allow-partial',
        '--remove-app',
        'old',
        '--remove-app',
        'older',
      ],
      ...[
        '--fail-fast',
        '--error-on',
        'note',
        '--report',
        'html=r.html',
        '--report',
        'md=r.md',
        '--reporter',
        'ndjson',
        '--verbose',
      ],
    );
    expect(flags).toEqual({
      config: 'c.yml',
      out: 'o',
      to: { kind: 'oci-layout', directory: 'reg' },
      targetVersion: '12',
      tag: '4f2c9ab',
      registries: new Map([
        ['docker.io', { kind: 'oci-layout', directory: 'images' }],
        ['quay.io', { kind: 'registry', host: 'mirror.example:5000' }],
      ]),
      apps: ['web*', 'db'],
      platforms: ['linux/arm64', 'linux/arm/v7'],
      interpolation: 'single',
      parameterFiles: ['a.yml', 'b.yml'],
      set: new Map([
        ['x', '3'],
        ['y', ''],
      ]),
      repin: ['docker.io/**', '**'],
      allowPartial: true,
      removeApps: ['old', 'older'],
      maxFailures: 1,
      offline: false,
      onlyFailed: false,
      errorOn: 'note',
      reports: [
        { format: 'html', path: 'r.html' },
        { format: 'md', path: 'r.md' },
      ],
      reporter: 'ndjson',
      verbosity: 'verbose',
      inPlace: false,
      json: false,
    });
  });

  test('knows the flags of single commands', async () => {
    expect((await invoke('scan', '--json', '--quiet')).flags).toEqual({
      ...NOTHING_SAID,
      json: true,
      verbosity: 'quiet',
    });
    expect((await invoke('convert', '--in-place')).flags).toEqual({ ...NOTHING_SAID, inPlace: true });
  });

  test('keeps nothing from one run to the next', async () => {
    await invoke('plan', '--app', 'a');
    expect((await invoke('plan', '--app', 'b')).flags.apps).toEqual(['b']);
  });
});

describe('a result', () => {
  test('is that of the handler', async () => {
    const setup = commandsThat(async () => {}, { status: 2, stdout: 'data\n' });
    expect(await runProgram(['plan'], setup)).toEqual({ status: 2, stdout: 'data\n' });
  });

  test('and so is its error', async () => {
    const error = new RebundleError('NOTHING_TO_START', 'no repository');
    await expect(
      runProgram(
        ['run'],
        commandsThat(() => Promise.reject(error)),
      ),
    ).rejects.toBe(error);
  });
});

describe('a wrong command line', () => {
  test.each<[string[], string]>([
    [[], `no command is given, expected one of ${FIRST_WORDS}`],
    [['help', 'nope'], `there is no such command, expected one of ${FIRST_WORDS}`],
    [['pln'], "unknown command 'pln' (Did you mean plan?)"],
    [['zzz\u001b[31m'], "unknown command 'zzz\\x1b[31m'"],
    [['plan', '--alow-partial'], "unknown option '--alow-partial' (Did you mean --allow-partial?)"],
    [['scan', '--to', 'x.example'], "unknown option '--to'"],
    [['convert', '--tag', 'x'], "unknown option '--tag'"],
    [['apply', 'p', '--target-version', '1'], "unknown option '--target-version'"],
    [['run', '--json'], "unknown option '--json'"],
    [['plan', '--max-failures', '0'], '--max-failures: expected a whole number from 1 to 9999999, found "0"'],
    [
      ['run', '--fail-fast', '--max-failures', '2'],
      "option '--max-failures <n>' cannot be used with option '--fail-fast'",
    ],
    [['run', '--frozen', 'p', '--repin'], "option '--frozen <plan>' cannot be used with option '--repin [glob]'"],
    [['run', '--offline', '--repin'], "option '--offline' cannot be used with option '--repin [glob]'"],
    [['apply'], "missing required argument 'plan'"],
    [['plan', '--set'], "option '--set <name=value>' argument missing"],
    [['plan', '--quiet', '--verbose'], "option '--quiet' cannot be used with option '--verbose'"],
    [['convert', '--in-place', '--out', 'x'], "option '--in-place' cannot be used with option '--out <dir>'"],
    [['plan', '--to', 'hub'], '--to: expected oci-layout:DIR, memory: or a registry host, found "hub"'],
    [['plan', '--registry', 'x'], '--registry: expected HOST=PLACE, found "x"'],
    [['plan', '--registry', '=memory:'], '--registry: expected HOST=PLACE, found "=memory:"'],
    [
      ['plan', '--registry', 'a.b=ftp://x'],
      '--registry: expected oci-layout:DIR, memory: or a registry host, found "ftp://x"',
    ],
    [['plan', '--registry', 'a.b=memory:', '--registry', 'a.b=memory:'], '--registry: a.b is given twice'],
    [
      ['plan', '--platform', 'arm64'],
      '--platform: expected a platform, os/architecture or os/architecture/variant, found "arm64"',
    ],
    [['plan', '--tag', 'a b'], '--tag: expected an image tag, found "a b"'],
    [
      ['plan', '--target-version', '0'],
      '--target-version: expected a whole number from 1 to 2147483647, without a leading zero, found "0"',
    ],
    [['plan', '--app', ''], '--app: expected a text on one line, found ""'],
    [['plan', '--out', ''], '--out: expected a path, no URL, found ""'],
    [['plan', '--set', 'x'], '--set: expected NAME=VALUE, found "x"'],
    [['plan', '--remove-app', 'A'], '--remove-app: expected an app name of a-z, 0-9, ".", "_" and "-", found "A"'],
    [['plan', '--report', 'pdf=x'], '--report: expected a format of html, json, md, junit, metrics, found "pdf"'],
    [['plan', '--report', 'md='], '--report: expected a path, no URL, found ""'],
    [['plan', '--report', 'md=x', '--report', 'html=x'], '--report: x is given twice'],
    [
      ['plan', ''],
      'PATH: expected a path, or the URL of a git repository: https://host/path, ssh://user@host/path or user@host:path, without a password, found ""',
    ],
    [
      ['plan', 'ftp://git.example/a'],
      'PATH: expected a path, or the URL of a git repository: https://host/path, ssh://user@host/path or user@host:path, without a password, found "ftp://git.example/a"',
    ],
    [
      ['plan', '--interpolation', 'x'],
      "option '--interpolation <mode>' argument 'x' is invalid. Allowed choices are device, single.",
    ],
    [
      ['plan', '--error-on', 'x'],
      "option '--error-on <severity>' argument 'x' is invalid. Allowed choices are error, warning, note.",
    ],
    [
      ['plan', '--reporter', 'x'],
      "option '--reporter <kind>' argument 'x' is invalid. Allowed choices are live, lines, ndjson, silent.",
    ],
  ])('%j', async (args, message) => {
    const error = await failureOf(...args);
    expect({ code: error.code, message: error.message }).toEqual({ code: 'USAGE', message });
  });

  test('the hint names the help of the command', async () => {
    expect((await failureOf('plan', '--nope')).hint).toBe('See rebundle plan --help.');
    expect((await failureOf('nope')).hint).toBe('See rebundle --help.');
  });
});

test('only the commands that a command line can mean are loaded', async () => {
  const namesFor = async (...args: string[]) => (await loadCommands(args)).map(({ name }) => name);
  const all = COMMANDS.map(({ name }) => name);
  for (const name of all) {
    const [first = ''] = name.split(' ');
    expect(await namesFor(first, '--json')).toEqual(all.filter((each) => each.split(' ')[0] === first));
  }
  expect(await namesFor('--version')).toEqual([]);
  for (const args of [[], ['--help'], ['help', 'scan'], ['no-such'], ['--json', 'scan']])
    expect(await namesFor(...args)).toEqual(all);
});
