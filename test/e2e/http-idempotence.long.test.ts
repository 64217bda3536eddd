import { rm } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { MEDIA_TYPES } from '../../src/model/oci.ts';
import { createAuthorizer } from '../../src/registry/auth.ts';
import { describeBytes, inChunks, manifestBytes } from '../registry/contract.ts';
import {
  type DockerRegistry,
  type DockerRegistryOptions,
  hasDockerRegistry,
  PASSWORD,
  startDockerRegistry,
  USER,
} from '../support/docker-registry.ts';
import { openHttpRegistry } from '../support/http-registry.ts';
import { PLAIN_TARGETS } from '../support/plain-factory.ts';
import { referencesIn, Workspace } from './cli.ts';

const APPS = 6;
const IMAGES = 3;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Images for two platforms, in the registry itself. */
async function pushImages(registry: DockerRegistry): Promise<void> {
  const { ca } = registry;
  const settingsFor = () => (ca === undefined ? {} : { ca: [ca] });
  const { transport } = openHttpRegistry(registry.host, { settingsFor });
  const authorizer = createAuthorizer({
    credentialsFor: async () => ({ kind: 'basic', username: USER, password: PASSWORD, source: 'test' }),
    now: () => Date.now(),
    send: transport.sendToken,
    checkRealm: (origin, realm) => transport.checkRealm(origin, realm),
  });
  const parts = openHttpRegistry(registry.host, { settingsFor, authorizer });
  for (let i = 0; i < IMAGES; i += 1) {
    const name = { registry: registry.host, repository: `images/img-${i}` };
    const manifests = [];
    for (const architecture of ['amd64', 'arm64']) {
      const bytes = Buffer.from(JSON.stringify({ os: 'linux', architecture, number: i }));
      const config = describeBytes(bytes, 'application/vnd.oci.image.config.v1+json');
      await parts.registry.putBlob(name, config, () => inChunks(bytes));
      const manifest = { bytes: manifestBytes({ config, layers: [] }), mediaType: MEDIA_TYPES.ociManifest };
      const pushed = await parts.registry.putManifest(name, manifest);
      manifests.push({ ...pushed, platform: { os: 'linux', architecture } });
    }
    const index = manifestBytes({ mediaType: MEDIA_TYPES.ociIndex, config: undefined, layers: undefined, manifests });
    await parts.registry.putManifest(name, { bytes: index, mediaType: MEDIA_TYPES.ociIndex, tag: '1' });
  }
  await Promise.all([transport.close(), parts.transport.close()]);
}

async function setUp(options: DockerRegistryOptions) {
  const registry = await startDockerRegistry({ inMemory: true, ...options });
  closers.push(() => registry.close());
  const workspace = await Workspace.create({ samples: false });
  closers.push(() => workspace.close());
  await pushImages(registry);
  for (let i = 0; i < APPS; i += 1) {
    const images = [i, i + 1].map((k) => `${registry.host}/images/img-${k % IMAGES}:1`);
    const services = images.map((image, k) => `  s${k}:\n    image: ${image}\n`).join('');
    await workspace.write(
      `factory/app-${i}.dockerapp`,
      `version: 1.0.0\nname: app-${i}\n---\nversion: '3.6'\nservices:\n${services}---\n{}\n`,
    );
  }
  await workspace.write('targets.json', PLAIN_TARGETS);
  await workspace.write('ca.pem', registry.ca ?? '');
  const hosts = registry.ca === undefined ? '' : `hosts: { '${registry.host}': { ca: ca.pem } }\n`;
  await workspace.write(
    'rebundle.yml',
    `registry: ${registry.host}\nfactory: bench\nrepositories: [factory]\ntargets: { repo: targets.json, tags: main }\n${hosts}`,
  );
  const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
  if (options.auth !== undefined)
    await workspace.write('.docker/config.json', JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const run = async (...more: string[]) => {
    await registry.takeRequests();
    const result = await workspace.run(['run', '--reporter', 'ndjson', ...more]);
    // Those that were refused are there once more, with what they lacked.
    const requests = (await registry.takeRequests()).filter(({ status, path }) => status !== 401 && path !== '/v2/');
    const lines = requests.map(({ method, path }) => `${method} ${path}`);
    return { ...result, lines, count: (part: string) => lines.filter((line) => line.startsWith(part)).length };
  };
  return { registry, workspace, run };
}

describe.skipIf(!hasDockerRegistry())('runs on an unchanged factory, its images and bundles at docker-registry', () => {
  test.each<[string, DockerRegistryOptions]>([
    ['http', {}],
    ['https', { tls: true }],
    ['https and tokens', { tls: true, auth: 'token' }],
  ])('over %s: one HEAD per app and per distinct image, nothing is written', async (_, options) => {
    const { registry, workspace, run } = await setUp(options);
    const first = await run();
    expect([first.status, first.stderr.includes('"severity":"error"')]).toEqual([0, false]);
    expect(Object.keys(referencesIn(first.stdout))).toHaveLength(APPS);
    expect(first.count('PUT /v2/bench/')).toBeGreaterThan(APPS);
    const targets = await workspace.read('targets.json');
    expect(Object.keys(JSON.parse(targets).targets)).toContain('rpi-lmp-2');

    for (const flags of [[], ['--repin']]) {
      const again = await run(...flags);
      expect([again.status, again.stdout]).toEqual([0, first.stdout]);
      expect(again.lines.filter((line) => !line.startsWith('HEAD '))).toEqual([]);
      expect(again.count('HEAD /v2/bench/')).toBe(APPS);
      expect(again.count('HEAD /v2/images/')).toBeLessThanOrEqual(IMAGES);
      expect(await workspace.read('targets.json')).toBe(targets);
    }

    // Another machine: what is published tells the pins, by a manifest and an archive per app.
    await rm(workspace.path('out'), { recursive: true });
    const fresh = await run();
    expect([fresh.status, fresh.stdout]).toEqual([0, first.stdout]);
    expect(fresh.lines.filter((line) => !/^(?:HEAD|GET) /.test(line))).toEqual([]);
    expect(fresh.count('HEAD /v2/bench/')).toBe(APPS);
    expect(fresh.count('GET /v2/bench/')).toBeLessThanOrEqual(2 * APPS);
    expect(await workspace.read('targets.json')).toBe(targets);
    expect(registry.tokenServer?.calls.every(({ status }) => status === 200) ?? true).toBe(true);
  });
});
