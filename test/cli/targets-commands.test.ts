import { sign } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { cp, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCommands } from '../../src/cli/command-list.ts';
import type { CliEnvironment } from '../../src/cli/environment.ts';
import { runProgram } from '../../src/cli/program.ts';
import { toRebundleError } from '../../src/errors.ts';
import { ED25519, PUBLIC, pemOf, SEED, tufKey } from '../targets/signing-keys.ts';
import { TufServer } from '../tufrepo/tuf-server.ts';

const SAMPLES = join(import.meta.dirname, '../../samples');
const ROOT_ID = 'ab'.repeat(32);
const ROOT = {
  signed: {
    _type: 'Root',
    keys: { [ROOT_ID]: { keytype: 'ED25519', keyval: { public: PUBLIC } } },
    roles: { targets: { keyids: [ROOT_ID], threshold: 1 } },
  },
};

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rebundle-cli-')));
  await cp(SAMPLES, folder, { recursive: true });
  await writeFile(join(folder, 'rebundle.yml'), (await read('rebundle.yml')).replaceAll('../out/', 'out/'));
  await writeFile(join(folder, 'key.pem'), pemOf(ED25519.privateKey));
  await writeFile(join(folder, 'key.pub'), pemOf(ED25519.publicKey));
  await writeFile(join(folder, 'root.json'), JSON.stringify(ROOT));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const read = (path: string): Promise<string> => readFile(join(folder, path), 'utf8');

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly code?: string;
}

async function rebundle(args: string, options: { input?: string; env?: Record<string, string> } = {}): Promise<Ended> {
  let stderr = '';
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  const environment: CliEnvironment = {
    version: '0.0.0',
    cwd: folder,
    env: { SOURCE_DATE_EPOCH: '1760000000', ...options.env },
    writeError: (text) => {
      stderr += text;
    },
    readInput: async () => Buffer.from(options.input ?? ''),
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    width: () => 100,
    now: () => 0,
    repeat: () => () => {},
    signal: abort.signal,
    pid: process.pid,
    isRunning: () => true,
  };
  try {
    const { status, stdout = '' } = await runProgram(args.split(' '), {
      commands: await loadCommands(args.split(' ')),
      version: '1',
      environment,
    });
    return { status, stdout: Buffer.from(stdout).toString(), stderr };
  } catch (thrown) {
    const { code, message, hint } = toRebundleError(thrown);
    return { status: 1, stdout: '', stderr: `${stderr}${message} ${hint ?? ''}`, code };
  }
}

describe('signing', () => {
  test('elsewhere: export, sign, attach, verify', async () => {
    expect(await rebundle('targets export targets.json --expires 2031-01-31T00:00:00Z -o unsigned.json')).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
    const bytes = Buffer.from(await read('unsigned.json'));
    expect(JSON.parse(bytes.toString())).toMatchObject({
      _type: 'Targets',
      version: 28,
      expires: '2031-01-31T00:00:00Z',
    });
    await writeFile(join(folder, 'role.sig'), sign(null, bytes, ED25519.privateKey).toString('base64'));
    const attached = await rebundle(
      `targets attach unsigned.json --signature role.sig --keyid ${ROOT_ID} --root root.json -o signed.json`,
    );
    expect(attached).toEqual({ status: 0, stdout: '', stderr: '' });
    const verified = await rebundle('verify signed.json --root root.json --json --quiet');
    expect(verified.status).toBe(0);
    expect(JSON.parse(verified.stdout)[0]).toMatchObject({ path: 'signed.json', targets: 13, counts: { error: 0 } });
    const again = await rebundle(
      `targets attach unsigned.json --signature role.sig --keyid ${ROOT_ID} --public-key key.pub`,
    );
    expect(again.stdout).toBe(await read('signed.json'));
  });

  test.each([
    ['a file', '--sign-key key.pem', ''],
    ['standard input', '--sign-key -', tufKey('ED25519', { public: PUBLIC, private: SEED })],
  ])('with a key from %s', async (_, option, input) => {
    const { status, stdout, stderr } = await rebundle(`targets sign targets.json ${option} --root root.json`, {
      input,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    await writeFile(join(folder, 'signed.json'), stdout);
    expect((await rebundle('verify signed.json --root root.json')).status).toBe(0);
    // The same command once more counts on: the version is raised once for each signing.
    const next = JSON.parse((await rebundle(`targets sign signed.json ${option} --root root.json`, { input })).stdout);
    expect([JSON.parse(stdout).signed.version, next.signed.version]).toEqual([28, 29]);
  });

  test('with a damaged file is found by verify', async () => {
    const { stdout } = await rebundle('targets sign targets.json --sign-key key.pem --root root.json');
    await writeFile(join(folder, 'signed.json'), stdout.replace('"version":28', '"version":30'));
    const { status, stdout: found } = await rebundle('verify signed.json --root root.json --quiet');
    expect(status).toBe(1);
    expect(found).toContain('lint.signature');
  });

  test.each([
    ['targets sign targets.json', 'USAGE'],
    ['targets sign no.json --sign-key key.pem', 'USAGE'],
    ['targets sign targets.json --sign-key key.pem --sign-key key.pem', 'USAGE'],
    ['targets sign targets.json --sign-key key.pub', 'KEY_INVALID'],
    ['targets sign targets.json --sign-key targets.json', 'KEY_INVALID'],
    ['targets sign targets.json --sign-key key.pem --expires tomorrow', 'USAGE'],
    ['targets sign targets.json --sign-key key.pem --expires 2020-01-01T00:00:00Z', 'TARGETS_EXPIRES'],
    ['targets export targets.json --role-version 3', 'TARGETS_VERSION'],
    ['targets attach targets.json --signature key.pub', 'USAGE'],
    [`targets attach targets.json --signature targets.json --keyid ${ROOT_ID}`, 'TARGETS_SIGNATURE'],
    ['verify', 'USAGE'],
    ['verify no.json', 'USAGE'],
    ['verify targets.json targets.json --older targets.json', 'USAGE'],
    ['run --sign-key key.pub', 'KEY_INVALID'],
    ['run --expires 2031-01-31T00:00:00Z', 'CONFIG_INVALID'],
  ])('%s is refused as %s, and no key is shown', async (args, code) => {
    const ended = await rebundle(args);
    expect(ended.code).toBe(code);
    expect(ended.stderr).not.toContain(pemOf(ED25519.privateKey).split('\n')[1]);
  });

  test('tells where a date is near and where signatures are missing', async () => {
    const two = structuredClone(ROOT);
    two.signed.roles.targets.threshold = 2;
    await writeFile(join(folder, 'root.json'), JSON.stringify(two));
    const { stderr } = await rebundle(
      'targets sign targets.json --sign-key key.pem --root root.json --expires 2025-10-20T00:00:00Z',
    );
    expect(stderr).toContain('warning targets.expires-soon: ');
    expect(stderr).toContain('warning targets.threshold: 1 of 2 ');
  });
});

describe('verify', () => {
  test('says what is wrong and where, and the status follows --error-on', async () => {
    const text = (await read('targets.json')).replace(
      '"filename": "mqtt-bridge.dockerapp-38"',
      '"filename": "mqtt-bridge.dockerapp-83"',
    );
    await writeFile(join(folder, 'broken.json'), text);
    const { status, stdout, stderr } = await rebundle('verify broken.json');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^broken\.json:\d+:\d+: error lint\.filename-dangling: target intel-corei7-64-lmp-38: /m);
    expect(stderr).toBe('broken.json: 13 targets, 1 error, 2 warnings, 0 notes\n');
    expect((await rebundle('verify targets.json')).status).toBe(0);
    expect((await rebundle('verify targets.json --error-on warning')).status).toBe(3);
  });

  test('compares with an older copy, and reads the file targets and the registry', async () => {
    expect((await rebundle('run --reporter silent')).status).toBe(0);
    const options = '--older targets.json --files out/targets --own metrics --reachable';
    const { status, stdout } = await rebundle(`verify out/targets.json ${options} --json --quiet`);
    const { findings } = JSON.parse(stdout)[0];
    // The file targets of former versions are on their server only; two apps are configured to be in the new style only.
    const codes = new Set(findings.map(({ code }: { code: string }) => code));
    expect([...codes]).toEqual(['lint.file-missing', 'lint.compose-style-only']);
    expect(status).toBe(1);
    const edited = (await read('out/targets.json')).replace(
      '"filename": "mqtt-bridge.dockerapp-38"',
      '"filename": "river-gauge.dockerapp-38"',
    );
    await writeFile(join(folder, 'edited.json'), edited);
    expect((await rebundle('verify edited.json --older targets.json')).stdout).toContain('lint.frozen-edited');
  });
});

describe('a run', () => {
  test('signs with the configured key, and says nothing of it', async () => {
    const config = `${await read('rebundle.yml')}  signing: { keys: [key.pem], expires: '2031-01-31T00:00:00Z', root: root.json }\n`;
    await writeFile(join(folder, 'rebundle.yml'), config);
    const { status, stdout, stderr } = await rebundle('run --reporter lines --verbose --report json=report.json');
    expect(status).toBe(0);
    const signed = JSON.parse(await read('out/targets.json'));
    expect(signed.signed).toMatchObject({ version: 28, expires: '2031-01-31T00:00:00Z' });
    expect(signed.signatures).toEqual([expect.objectContaining({ keyid: ROOT_ID, method: 'ed25519' })]);
    const secret = pemOf(ED25519.privateKey).split('\n')[1] ?? '';
    for (const text of [stdout, stderr, await read('out/plan.json'), await read('report.json')])
      expect(text).not.toContain(secret);
    expect((await rebundle('verify out/targets.json --root root.json')).status).toBe(0);
  });

  test('writes to a server with a token', async () => {
    const server = await TufServer.start();
    try {
      server.targets = Buffer.from(await read('targets.json'));
      server.before = ({ headers }) => (headers['osf-token'] === 's3cr3t' ? undefined : { status: 401, body: 'who?' });
      const config = (await read('rebundle.yml'))
        .replace(/repo: \S+/, `repo: '${server.url.href}'\n  tokenHeader: OSF-TOKEN`)
        .replace(/seed: [^\n]*\n/, '\n');
      await writeFile(join(folder, 'rebundle.yml'), config);
      expect(await rebundle('run --reporter silent')).toMatchObject({ code: 'TARGETS_UNREACHABLE' });
      const { status, stderr } = await rebundle('run --reporter lines --verbose', {
        env: { REBUNDLE_TUF_TOKEN: 's3cr3t' },
      });
      expect(status, stderr).toBe(0);
      expect(stderr).not.toContain('s3cr3t');
      expect(Object.keys(JSON.parse(server.targets.toString()).targets)).toContain('raspberrypi4-64-lmp-42');
      expect(server.files.size).toBeGreaterThan(0);
    } finally {
      await server.stop();
    }
  });

  test('takes the token from a file, as a bearer token where no header is named', async () => {
    const server = await TufServer.start();
    try {
      server.targets = Buffer.from(await read('targets.json'));
      const config = (await read('rebundle.yml'))
        .replace(/repo: \S+/, `repo: '${server.url.href}'\n  tokenFile: token`)
        .replace(/seed: [^\n]*\n/, '\n');
      await writeFile(join(folder, 'rebundle.yml'), config);
      expect(await rebundle('plan --reporter silent')).toMatchObject({ code: 'CONFIG_INVALID' });
      await writeFile(join(folder, 'token'), 'two words\n');
      expect(await rebundle('plan --reporter silent')).toMatchObject({ code: 'CONFIG_INVALID' });
      await writeFile(join(folder, 'token'), 'from-a-file\nmore\n');
      await rebundle('plan --reporter silent');
      expect(server.seen[0]?.headers.authorization).toBe('Bearer from-a-file');
    } finally {
      await server.stop();
    }
  });
});
