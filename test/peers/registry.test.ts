import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/lib/digest.ts';
import { CONFIG, referencesIn, Workspace } from '../e2e/cli.ts';
import {
  type DockerRegistry,
  type DockerRegistryOptions,
  hasDockerRegistry,
  PASSWORD,
  startDockerRegistry,
  USER,
} from '../support/docker-registry.ts';
import { requireProgram } from '../support/programs.ts';

const run = promisify(execFile);
const hasRegistry = hasDockerRegistry();
const hasSkopeo = requireProgram('skopeo');
const IDENTITY = 'planted-identity-token-0815';
const PLANTED = [
  PASSWORD,
  IDENTITY,
  ...[`${USER}:${PASSWORD}`, IDENTITY].map((text) => Buffer.from(text).toString('base64')),
];

let server: DockerRegistry | undefined;
let workspace: Workspace;
/** What the same factory gets in a layout. */
let expected: Record<string, string>;

/** The digests of references, by app. */
const digestsOf = (references: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(references).map(([app, reference]) => [app, reference.split('@')[1] ?? '']));

beforeAll(async () => {
  if (!hasRegistry) return;
  const layout = await Workspace.create();
  const { status, stdout } = await layout.run(['run', '--config', CONFIG, '--reporter', 'silent']);
  expect(status).toBe(0);
  expected = digestsOf(referencesIn(stdout));
  await layout.close();
});
afterEach(async () => {
  await server?.close();
  await workspace?.close();
});

/** The sample factory, its bundles to be published to a registry that was started for this. */
async function setUp(options: DockerRegistryOptions = {}, docker: unknown = {}): Promise<DockerRegistry> {
  server = await startDockerRegistry({ inMemory: true, ...options });
  workspace = await Workspace.create();
  const config = await workspace.read(CONFIG);
  await workspace.write('ca.pem', server.ca ?? '');
  const hosts = server.ca === undefined ? '' : `\nhosts: { "${server.host}": { ca: ../ca.pem } }\n`;
  await workspace.write(CONFIG, config.replace('to: oci-layout:../out/registry', `to: "${server.host}"`) + hosts);
  await workspace.write('.docker/config.json', JSON.stringify(docker));
  return server;
}

/** Runs the program; nothing that it prints or leaves behind may hold a secret. */
async function rebundle(...args: string[]) {
  const result = await workspace.run(args, { env: { DOCKER_CONFIG: workspace.path('.docker') } });
  const files = (await readdir(workspace.path('out'), { recursive: true, withFileTypes: true }).catch(() => [])).filter(
    (entry) => entry.isFile(),
  );
  const texts = [result.stdout, result.stderr];
  for (const { parentPath, name } of files) texts.push(await readFile(join(parentPath, name), 'latin1'));
  for (const secret of PLANTED) expect(texts.filter((text) => text.includes(secret))).toEqual([]);
  return result;
}

const publish = () => rebundle('run', '--config', CONFIG, '--reporter', 'ndjson');
const loginOf = (host: string, more: Record<string, string> = {}) => ({
  auths: { [host]: { auth: Buffer.from(`${USER}:${PASSWORD}`).toString('base64'), ...more } },
});
const writesOf = async (registry: DockerRegistry): Promise<string[]> =>
  (await registry.takeRequests())
    .filter(({ method }) => method !== 'GET' && method !== 'HEAD')
    .map(({ method, path }) => `${method} ${path}`);

describe.skipIf(!hasRegistry)(hasRegistry ? 'docker-registry' : 'docker-registry: SKIPPED, it is not installed', () => {
  test('the sample factory has the digests that it has in a layout; a second run writes nothing', async () => {
    const registry = await setUp();
    const first = await publish();
    expect([first.status, digestsOf(referencesIn(first.stdout))]).toEqual([0, expected]);
    expect(
      (await writesOf(registry)).filter((line) => line.startsWith('PUT') && line.includes('/manifests/')),
    ).toHaveLength(Object.keys(expected).length);
    const second = await publish();
    expect([second.status, digestsOf(referencesIn(second.stdout))]).toEqual([0, expected]);
    const requests = await registry.takeRequests();
    expect(requests.filter(({ method }) => method !== 'HEAD')).toEqual([]);
    expect(requests.length).toBeLessThanOrEqual(Object.keys(expected).length);
  });

  test('over https with an authority of its own, and only with that', async () => {
    const registry = await setUp({ tls: true });
    const { status, stdout } = await publish();
    expect([status, digestsOf(referencesIn(stdout))]).toEqual([0, expected]);
    await workspace.write(CONFIG, (await workspace.read(CONFIG)).replace(/\nhosts:.*\n$/, '\n'));
    const refused = await rebundle(
      'copy',
      `${registry.host}/riverbend/metrics@${expected.metrics}`,
      'oci-layout:out/stick',
    );
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('REGISTRY_TLS')]);
  });

  test('with a password by Basic; wrong ones are an error in words', async () => {
    const registry = await setUp({ auth: 'basic' });
    await workspace.write('.docker/config.json', JSON.stringify(loginOf(registry.host)));
    const { status, stdout } = await publish();
    expect([status, digestsOf(referencesIn(stdout))]).toEqual([0, expected]);
    await registry.takeRequests();
    const wrong = { auths: { [registry.host]: { username: USER, password: 'not-this' } } };
    await workspace.write('.docker/config.json', JSON.stringify(wrong));
    const refused = await rebundle(
      'copy',
      `${registry.host}/riverbend/metrics@${expected.metrics}`,
      'oci-layout:out/stick',
    );
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('REGISTRY_AUTH')]);
    // Once anonymous, once with the password: then it is known.
    expect(await registry.takeRequests()).toHaveLength(2);
  });

  test('with tokens that run out while it works: few calls, all published', async () => {
    const registry = await setUp({ auth: 'token', tls: true, tokens: { lifetime: 60 } });
    await workspace.write('.docker/config.json', JSON.stringify(loginOf(registry.host)));
    const { status, stdout } = await publish();
    expect([status, digestsOf(referencesIn(stdout))]).toEqual([0, expected]);
    const calls = registry.tokenServer?.calls ?? [];
    expect(new Set(calls.map(({ user, status: code }) => `${user} ${code}`))).toEqual(new Set([`${USER} 200`]));
    // One for each repository, and one where a blob is taken over from another.
    expect(calls.length).toBeLessThanOrEqual(2 * Object.keys(expected).length);
  });

  test.each([true, false])('with an identity token, where the token server takes POST: %s', async (takesPost) => {
    const registry = await setUp({ auth: 'token', tokens: takesPost ? { identityToken: IDENTITY } : {} });
    const login = takesPost
      ? { auths: { [registry.host]: { identitytoken: IDENTITY } } }
      : { auths: { [registry.host]: { username: USER, identitytoken: PASSWORD } } };
    await workspace.write('.docker/config.json', JSON.stringify(login));
    const { status, stdout, stderr } = await publish();
    expect([status, digestsOf(referencesIn(stdout)), status === 0 ? '' : stderr]).toEqual([0, expected, '']);
    const methods = new Set(registry.tokenServer?.calls.map(({ method, status: code }) => `${method} ${code}`));
    expect(methods).toEqual(new Set(takesPost ? ['POST 200'] : ['POST 405', 'GET 200']));
  });

  test('a token server that refuses is asked once, and its words are shown', async () => {
    const registry = await setUp({ auth: 'token' });
    const login = { auths: { [registry.host]: { username: USER, password: 'not-this' } } };
    await workspace.write('.docker/config.json', JSON.stringify(login));
    const { status, stderr } = await publish();
    expect(status).toBe(1);
    expect(stderr).toContain('incorrect username or password');
    expect(registry.tokenServer?.calls).toHaveLength(1);
  });

  test('a helper program gives the password', async () => {
    const registry = await setUp({ auth: 'basic' });
    await workspace.write('.docker/config.json', JSON.stringify({ credHelpers: { [registry.host]: 'planted' } }));
    const answer = JSON.stringify({ ServerURL: registry.host, Username: USER, Secret: PASSWORD });
    await workspace.write(
      'bin/docker-credential-planted',
      `#!/bin/sh\nread -r server\ntest "$server" = "${registry.host}" && echo '${answer}'\n`,
    );
    await chmod(workspace.path('bin/docker-credential-planted'), 0o755);
    const env = { DOCKER_CONFIG: workspace.path('.docker'), PATH: `${workspace.path('bin')}:${process.env.PATH}` };
    const { status, stdout } = await workspace.run(['auth', 'check', registry.host, '--reporter', 'silent'], { env });
    expect([status, stdout]).toEqual([
      0,
      `ok\t${registry.host}\tpassword of ${USER} from docker-credential-planted (${workspace.path('.docker/config.json')})\n`,
    ]);
  });

  test('auth check tells what is used and whether it works', async () => {
    const registry = await setUp({ auth: 'token' });
    const check = (...args: string[]) => rebundle('auth', 'check', registry.host, '--reporter', 'silent', ...args);
    await workspace.write('.docker/config.json', JSON.stringify(loginOf(registry.host)));
    const source = `${workspace.path('.docker/config.json')}, key ${registry.host}`;
    expect(await check()).toMatchObject({
      status: 0,
      stdout: `ok\t${registry.host}\tpassword of ${USER} from ${source}\n`,
    });
    await workspace.write(
      '.docker/config.json',
      JSON.stringify({ auths: { [registry.host]: { username: USER, password: 'no' } } }),
    );
    const failed = await check('--json');
    expect(failed.status).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      places: [{ found: true }, { found: false }],
      registries: [
        { registry: registry.host, status: 'failed', kind: 'password', source, error: { code: 'REGISTRY_AUTH' } },
      ],
    });
    await registry.takeRequests();
    expect(await check('--offline')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^not asked\t/) });
    expect(await registry.takeRequests()).toEqual([]);
    // Without credentials somebody may say hello here, but not read.
    await workspace.write('.docker/config.json', '{}');
    expect(await check()).toMatchObject({ status: 0, stdout: `ok\t${registry.host}\tanonymous\n` });
    const repository = await rebundle('auth', 'check', `${registry.host}/riverbend/metrics`, '--reporter', 'silent');
    expect(repository).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^failed\t.*\/riverbend\/metrics\tanonymous\tREGISTRY_(?:AUTH|DENIED)/),
    });
  });

  test('copies go from a layout to the registry and back, images and file index included', async () => {
    const registry = await setUp();
    const reference = `hub.riverbend.example/riverbend/status-page@${expected['status-page']}`;
    await rebundle('run', '--config', CONFIG, '--reporter', 'silent', '--to', 'oci-layout:out/registry');
    const images = [
      '--images',
      '--registry',
      'docker.io=oci-layout:samples/images',
      '--registry',
      'hub.riverbend.example=oci-layout:samples/images',
      '--reporter',
      'silent',
    ];
    const up = await rebundle('copy', reference, registry.host, '--from', 'oci-layout:out/registry', ...images);
    expect(up.status).toBe(0);
    expect(await writesOf(registry)).not.toEqual([]);
    const again = await rebundle('copy', reference, registry.host, '--from', 'oci-layout:out/registry', ...images);
    expect([again.status, again.stdout]).toEqual([0, up.stdout]);
    expect(await writesOf(registry)).toEqual([]);
    const down = await rebundle(
      'copy',
      reference,
      'oci-layout:out/stick',
      '--from',
      registry.host,
      '--images',
      '--json',
      '--reporter',
      'silent',
    );
    expect(JSON.parse(down.stdout)).toMatchObject({
      bundle: true,
      destination: reference,
      images: [{ destination: expect.stringContaining('@sha256:') }],
    });
    const blobs = new Set((await workspace.listing('out/registry/blobs')).keys());
    const copied = await workspace.listing('out/stick/blobs');
    const manifest = JSON.parse(await workspace.read(`out/stick/blobs/sha256/${expected['status-page']?.slice(7)}`));
    const index = manifest.layers[0].annotations['org.foundries.app.bundle.index.digest'];
    expect(copied.has(`sha256/${index.slice(7)}`)).toBe(true);
    expect(blobs.has(`sha256/${index.slice(7)}`)).toBe(true);
  });
});

describe.skipIf(!hasRegistry || !hasSkopeo)(
  hasRegistry && hasSkopeo
    ? 'skopeo on what was published'
    : 'skopeo and docker-registry: SKIPPED, one is not installed',
  () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rebundle-skopeo-'));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    test('inspects and copies it under the same digests', async () => {
      const registry = await setUp({ auth: 'token' });
      await workspace.write('.docker/config.json', JSON.stringify(loginOf(registry.host)));
      expect((await publish()).status).toBe(0);
      await mkdir(join(folder, 'auth'));
      await cp(workspace.path('.docker/config.json'), join(folder, 'auth/auth.json'));
      const skopeo = async (command: string, ...args: string[]): Promise<Buffer> => {
        const login = ['--authfile', join(folder, 'auth/auth.json')];
        const { stdout } = await run('skopeo', ['--insecure-policy', command, ...login, ...args], {
          cwd: folder,
          encoding: 'buffer',
          timeout: 50_000,
        });
        return stdout;
      };
      for (const [app, digest] of Object.entries(expected)) {
        const raw = await skopeo(
          'inspect',
          '--raw',
          '--tls-verify=false',
          `docker://${registry.host}/riverbend/${app}@${digest}`,
        );
        expect(digestOf(raw)).toBe(digest);
      }
      const [app, digest] = Object.entries(expected)[0]!;
      await skopeo(
        'copy',
        '--src-tls-verify=false',
        '--preserve-digests',
        `docker://${registry.host}/riverbend/${app}@${digest}`,
        `oci:copy:${app}`,
      );
      const copied = await readFile(join(folder, 'copy/index.json'), 'utf8');
      expect(JSON.parse(copied).manifests[0].digest).toBe(digest);
      await writeFile(join(folder, 'done'), '');
    });
  },
);
