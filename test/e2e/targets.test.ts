import { generateKeyPairSync, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG, Workspace } from './cli.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const PEM = String(privateKey.export({ format: 'pem', type: 'pkcs8' }));

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  await workspace.write('key.pem', PEM);
});
afterAll(async () => {
  await workspace.close();
});

describe('the program', () => {
  test('signs with a key from standard input, and the exported bytes are what is signed', async () => {
    const options = ['samples/targets.json', '--expires', '2031-01-31T00:00:00Z'];
    const exported = await workspace.run(['targets', 'export', ...options]);
    expect(exported).toMatchObject({ status: 0, stderr: '' });
    const signed = await workspace.run(['targets', 'sign', ...options, '--sign-key', '-'], {
      prefix: ['sh', '-c', 'exec "$@" < key.pem', 'sh'],
    });
    expect(signed).toMatchObject({ status: 0, stderr: '' });
    const { signatures } = JSON.parse(signed.stdout);
    expect(signed.stdout.endsWith(`"signed":${exported.stdout}}`)).toBe(true);
    const signature = Buffer.from(signatures[0].sig, 'base64');
    expect(verify(null, Buffer.from(exported.stdout), publicKey, signature)).toBe(true);
  });

  test('runs, signs, and what it wrote is found to be in order; an edit is not', async () => {
    const run = await workspace.run(['run', '--config', CONFIG, '--sign-key', 'key.pem']);
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout + run.stderr).not.toContain(PEM.split('\n')[1]);
    const verified = await workspace.run(['verify', 'out/targets.json', '--older', 'samples/targets.json']);
    expect(verified).toMatchObject({ status: 0, stderr: expect.stringContaining(' 0 errors') });
    const text = await workspace.read('out/targets.json');
    await workspace.write(
      'edited.json',
      text.replace('"filename":"metrics.dockerapp-', '"filename":"missing.dockerapp-'),
    );
    const edited = await workspace.run(['verify', 'edited.json', '--older', 'out/targets.json']);
    expect(edited.status).toBe(1);
    expect(edited.stdout).toContain('error lint.filename-dangling: ');
    expect(edited.stdout).toContain('error lint.frozen-edited: ');
  });

  test('refuses a file that devices would not read, with advice', async () => {
    await workspace.write('large.json', `{"targets":{}}${' '.repeat(9 * 1024 * 1024)}`);
    const { status, stderr } = await workspace.run(['verify', 'large.json']);
    expect(status).toBe(1);
    expect(stderr).toContain('TARGETS_SIZE');
    expect(stderr).toContain('Prune old targets');
  });
});
