import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CliEnvironment } from '../../src/cli/environment.ts';
import { createHostSettings } from '../../src/cli/registry-hosts.ts';
import { type Config, defaultConfig } from '../../src/config.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'rebundle-hosts-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const settingsWith = (hosts: Config['hosts'] = new Map()) => {
  const environment = { cwd: home, env: { HOME: home } } as unknown as CliEnvironment;
  return createHostSettings({ ...defaultConfig(), hosts }, environment);
};
const write = async (path: string, text: string): Promise<void> => {
  await mkdir(join(home, path, '..'), { recursive: true });
  await writeFile(join(home, path), text);
};

test('certs.d folders: authorities of all, the first pair of certificate and key', async () => {
  await write('.config/containers/certs.d/hub.example.com/b.crt', 'CA b');
  await write('.config/containers/certs.d/hub.example.com/a.crt', 'CA a');
  await write('.config/containers/certs.d/hub.example.com/alone.cert', 'no key beside it');
  await write('.config/containers/certs.d/hub.example.com/client.cert', 'CERT');
  await write('.config/containers/certs.d/hub.example.com/client.key', 'KEY');
  await write('.docker/certs.d/hub.example.com:443/ca.crt', 'CA docker');
  await write('.docker/certs.d/hub.example.com:5000/ca.crt', 'CA of another port');
  const settings = settingsWith();
  expect(settings('hub.example.com')).toMatchObject({
    ca: ['CA a', 'CA b', 'CA docker'],
    certificate: 'CERT',
    key: 'KEY',
  });
  expect(settings('hub.example.com:5000')).toMatchObject({ ca: ['CA of another port'], certificate: undefined });
  expect(settings('other.example.com')).toMatchObject({ ca: [], certificate: undefined, key: undefined });
});

test('the configuration stands over certs.d, and one file may hold certificate and key', async () => {
  await write('.docker/certs.d/hub.example.com/client.cert', 'CERT of docker');
  await write('.docker/certs.d/hub.example.com/client.key', 'KEY of docker');
  await write('both.pem', 'CERT and KEY');
  await write('ca.pem', 'CA');
  const own = { clientCertificate: 'both.pem', ca: ['ca.pem'], insecure: false, concurrency: 3, allowPrivate: true };
  const settings = settingsWith(new Map([['hub.example.com:443', own]]));
  expect(settings('hub.example.com')).toEqual({
    insecure: false,
    concurrency: 3,
    allowPrivate: true,
    ca: ['CA'],
    certificate: 'CERT and KEY',
    key: 'CERT and KEY',
  });
});

test('Docker Hub has one name here', async () => {
  await write('.docker/certs.d/registry-1.docker.io/ca.crt', 'CA');
  expect(settingsWith()('docker.io').ca).toEqual(['CA']);
});

test('a configured file that is not there is an error that names it', () => {
  const settings = settingsWith(new Map([['hub.example.com', { ca: ['missing.pem'] }]]));
  expect(() => settings('hub.example.com')).toThrow(
    expect.objectContaining({ code: 'REGISTRY_TLS', message: expect.stringContaining('missing.pem') }),
  );
});

test.skipIf(process.getuid?.() === 0)('what only another user may read in certs.d is passed over', async () => {
  await write('.docker/certs.d/hub.example.com/client.cert', 'CERT');
  await write('.docker/certs.d/hub.example.com/client.key', 'KEY');
  await chmod(join(home, '.docker/certs.d/hub.example.com/client.key'), 0);
  expect(settingsWith()('hub.example.com')).toMatchObject({ certificate: undefined, key: undefined });
});
