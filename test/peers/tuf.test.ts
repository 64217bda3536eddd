import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Key, Metadata, MetadataKind, Signature, type Targets } from '@tufjs/models';
import { Updater } from 'tuf-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addTargets } from '../../src/targets/add-targets.ts';
import { readSigningKey, signBytes } from '../../src/targets/keys.ts';
import { planTargets } from '../../src/targets/plan-targets.ts';
import { readSignatures, type SigningForm, signTargets } from '../../src/targets/sign.ts';
import { parseTargetsFile, type TargetsFile } from '../../src/targets/targets-file.ts';
import { app, fileOf, inputOf, ostree } from '../targets/samples.ts';
import { ED25519, PUBLIC, pemOf, RSA } from '../targets/signing-keys.ts';

const EXPIRES = '2037-01-31T00:00:00Z';
const ED = readSigningKey(pemOf(ED25519.privateKey), 'ed');
const PSS = readSigningKey(pemOf(RSA.privateKey), 'rsa');
const KEYS: Readonly<Record<string, { keytype: string; scheme: string; keyval: { public: string } }>> = {
  [ED.ids.tuf]: { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: PUBLIC } },
  [PSS.ids.tuf]: { keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: pemOf(RSA.publicKey) } },
};
const DOCKER_APP = 'web';

/** Targets as a run makes them, signed by both kinds of key. */
function signed(form: SigningForm): TargetsFile {
  const before = fileOf({ 'rpi-lmp-1': ostree('rpi', 1, { note: 'a "quoted" \\ text / with all of !~' }) });
  const { targets } = planTargets(inputOf(before, { apps: [app(DOCKER_APP), app('db')] }));
  const file = parseTargetsFile(addTargets(before, targets), 'targets.json');
  const bytes = signTargets(file, {
    form,
    keys: [ED, PSS],
    keyIdRule: 'tuf',
    expires: EXPIRES,
    now: '2026-01-02T03:04:05Z',
  });
  return parseTargetsFile(bytes, 'targets.json');
}

/** Another role of the repository, signed by hand. */
function signRole(members: object): Buffer {
  const role = { spec_version: '1.0.31', version: 1, expires: EXPIRES, ...members };
  const sig = signBytes(ED, Buffer.from(canonicalOf(role))).toString('hex');
  return Buffer.from(JSON.stringify({ signatures: [{ keyid: ED.ids.tuf, sig }], signed: role }));
}

let folder: string;
let server: Server;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rebundle-tuf-'));
  const targets = signed('tuf');
  const one = { keyids: [ED.ids.tuf], threshold: 1 };
  const root = signRole({
    _type: 'root',
    consistent_snapshot: false,
    keys: KEYS,
    roles: { root: one, timestamp: one, snapshot: one, targets: { keyids: Object.keys(KEYS), threshold: 2 } },
  });
  const meta = (bytes: Uint8Array, version: number) => ({
    version,
    length: bytes.byteLength,
    hashes: { sha256: createHash('sha256').update(bytes).digest('hex') },
  });
  const targetsBytes = Buffer.from(targets.text);
  const snapshot = signRole({ _type: 'snapshot', meta: { 'targets.json': meta(targetsBytes, 4) } });
  const timestamp = signRole({ _type: 'timestamp', meta: { 'snapshot.json': meta(snapshot, 1) } });
  const files: Record<string, Uint8Array> = {
    'metadata/targets.json': targetsBytes,
    'metadata/snapshot.json': snapshot,
    'metadata/timestamp.json': timestamp,
    'targets/web.dockerapp-2': Buffer.from(DOCKER_APP),
    'root.json': root,
    'device.json': Buffer.from(signed('device').text),
  };
  for (const part of ['metadata', 'targets', 'cache', 'download']) await mkdir(join(folder, part));
  for (const [path, bytes] of Object.entries(files)) await writeFile(join(folder, path), bytes);
  await writeFile(join(folder, 'cache/root.json'), root);
  server = createServer((request, response) => {
    const bytes = files[(request.url ?? '').slice(1)];
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

/** OLPC canonical JSON, also for the PEM in a root role: its line ends stay as they are. */
function canonicalOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalOf).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([key, member]) => `${canonicalOf(key)}:${canonicalOf(member)}`).join(',')}}`;
  }
  return typeof value === 'string' ? `"${value.replace(/[\\"]/g, '\\$&')}"` : String(value);
}

describe('tuf-js', () => {
  test('updates from a repository with our targets, by both keys, and fetches a file target', async () => {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const updater = new Updater({
      metadataDir: join(folder, 'cache'),
      metadataBaseUrl: `${base}/metadata`,
      targetDir: join(folder, 'download'),
      targetBaseUrl: `${base}/targets`,
      config: { fetchRetries: 0 },
    });
    await updater.refresh();
    const target = await updater.getTargetInfo('web.dockerapp-2');
    expect(target?.custom).toMatchObject({ targetFormat: 'BINARY', name: 'web.dockerapp' });
    const path = await updater.downloadTarget(target!);
    expect(await readFile(path, 'utf8')).toBe(DOCKER_APP);
    expect(Object.keys((await updater.getTargetInfo('rpi-lmp-2'))?.custom ?? {})).toContain('docker_compose_apps');
  });

  test('reads the metadata as it was written', async () => {
    const text = await readFile(join(folder, 'metadata/targets.json'), 'utf8');
    const metadata = Metadata.fromJSON(MetadataKind.Targets, JSON.parse(text));
    expect(metadata.toJSON()).toEqual(JSON.parse(text));
    expect(metadata.signed.version).toBe(4);
  });

  test('and the signatures of the form for devices hold over its own canonical JSON', async () => {
    const { signed: role } = JSON.parse(await readFile(join(folder, 'device.json'), 'utf8'));
    const file = signed('device');
    expect(role._type).toBe('Targets');
    const signatures = Object.fromEntries(
      readSignatures(file).map(({ keyid, sig }) => [
        keyid,
        new Signature({ keyID: keyid, sig: Buffer.from(sig, 'base64').toString('hex') }),
      ]),
    );
    for (const [id, key] of Object.entries(KEYS)) {
      const verify = (toJSON: () => object): void =>
        Key.fromJSON(id, key).verifySignature({ signatures, signed: { toJSON } } as unknown as Metadata<Targets>);
      const own = JSON.parse(file.text).signed;
      expect(() => verify(() => own)).not.toThrow();
      expect(() => verify(() => ({ ...own, version: 5 }))).toThrow();
    }
  });
});

const VENV = join(import.meta.dirname, '../../.cache/peers/python/bin/python3');
const PYTHON = process.env.TUF_PYTHON ?? (existsSync(VENV) ? VENV : 'python3');
const hasPythonTuf = spawnSync(PYTHON, ['-c', 'import tuf, securesystemslib'], { stdio: 'ignore' }).status === 0;

const SCRIPT = `
import base64, json, sys
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Signature
from tuf.api.metadata import Metadata
folder = sys.argv[1]
root = Metadata.from_file(folder + "/root.json")
root.verify_delegate("root", root)
targets = Metadata.from_file(folder + "/metadata/targets.json")
root.verify_delegate("targets", targets)
device = json.load(open(folder + "/device.json"))
data = encode_canonical(device["signed"]).encode("utf-8")
for made in device["signatures"]:
    key = root.signed.keys[made["keyid"]]
    key.verify_signature(Signature(made["keyid"], base64.b64decode(made["sig"]).hex()), data)
print(len(targets.signed.targets), len(device["signatures"]))
`;

test.skipIf(!hasPythonTuf)(
  "Python's tuf verifies both forms (skipped where python3 cannot import tuf and securesystemslib)",
  () => {
    const { stdout, stderr, status } = spawnSync(PYTHON, ['-c', SCRIPT, folder], { encoding: 'utf8' });
    expect({ stdout, status }, stderr).toEqual({ stdout: '4 2\n', status: 0 });
  },
);
