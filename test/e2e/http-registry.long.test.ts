import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type DockerRegistry,
  type DockerRegistryOptions,
  hasDockerRegistry,
  PASSWORD,
  startDockerRegistry,
  USER,
} from '../support/docker-registry.ts';
import { requireProgram } from '../support/programs.ts';
import { CONFIG, referencesIn, Workspace } from './cli.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const createWorkspace = async (): Promise<Workspace> => {
  const workspace = await Workspace.create();
  closers.push(() => workspace.close());
  return workspace;
};

/** A registry, and the samples set up to be published to it. */
const setUp = async (options: DockerRegistryOptions) => {
  const registry = await startDockerRegistry({ inMemory: true, ...options });
  closers.push(() => registry.close());
  const workspace = await createWorkspace();
  if (registry.ca !== undefined) {
    await writeFile(workspace.path('samples/ca.pem'), registry.ca);
    await appendFile(workspace.path(CONFIG), `hosts: { '${registry.host}': { ca: ca.pem } }\n`);
  }
  if (options.auth !== undefined) {
    const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
    await mkdir(workspace.path('.docker'));
    await writeFile(workspace.path('.docker/config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  }
  const run = (...more: string[]) =>
    workspace.run(['run', '--config', CONFIG, '--to', registry.host, '--reporter', 'ndjson', ...more]);
  return { registry, workspace, run };
};

const kindsOf = async (registry: DockerRegistry): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { method, path } of await registry.takeRequests()) {
    const kind = /\/(manifests|uploads|blobs)\//.exec(path.replace('/blobs/uploads/', '/uploads/'))?.[1] ?? 'other';
    counts[`${method} ${kind}`] = (counts[`${method} ${kind}`] ?? 0) + 1;
  }
  return counts;
};

describe.skipIf(!hasDockerRegistry())('the sample factory, published to docker-registry', () => {
  test.each<[string, DockerRegistryOptions]>([
    ['http', {}],
    ['https with an own authority and tokens', { tls: true, auth: 'token' }],
    ['https with an own authority and a password', { tls: true, auth: 'basic' }],
  ])('over %s: as in a layout folder, and the second time nothing is sent', async (_, options) => {
    const layout = await createWorkspace();
    const expected = await layout.run(['run', '--config', CONFIG]);
    const { registry, workspace, run } = await setUp(options);
    const first = await run();
    expect(first).toMatchObject({ status: 0, stdout: expected.stdout });
    const apps = Object.keys(referencesIn(first.stdout)).length;
    const requests = await kindsOf(registry);
    expect(requests['PUT manifests']).toBe(apps);
    expect(await workspace.read('out/targets.json')).toBe(await layout.read('out/targets.json'));

    const second = await run();
    expect(second).toMatchObject({ status: 0, stdout: first.stdout });
    const again = await kindsOf(registry);
    const writes = Object.keys(again).filter((kind) => !/^(?:HEAD|GET) /.test(kind));
    expect(writes).toEqual([]);
    expect(again['HEAD manifests']).toBeLessThanOrEqual(apps * (options.auth === undefined ? 1 : 2));

    const output = [first, second].map(({ stdout, stderr }) => stdout + stderr).join('');
    const files = [...(await workspace.listing('out')).keys()].map((path) => workspace.read(join('out', path)));
    const all = [output, ...(await Promise.all(files))].join('');
    for (const secret of [PASSWORD, Buffer.from(`${USER}:${PASSWORD}`).toString('base64')]) {
      expect(all).not.toContain(secret);
    }
  });

  test('a wrong password is told in words, with the source of the credential, not with the password', async () => {
    const { registry, workspace, run } = await setUp({ auth: 'basic' });
    const auth = Buffer.from(`${USER}:not-the-right-one`).toString('base64');
    await writeFile(workspace.path('.docker/config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const { status, stdout, stderr } = await run();
    expect(status).toBe(1);
    expect(stderr).toContain('REGISTRY_AUTH');
    expect(stdout + stderr).not.toContain('not-the-right-one');
  });

  test.skipIf(!requireProgram('skopeo'))('skopeo reads what was published', async () => {
    const { registry, workspace, run } = await setUp({});
    const { stdout } = await run();
    for (const reference of Object.values(referencesIn(stdout))) {
      const [name = '', digest = ''] = reference.split('@');
      const there = `${registry.host}${name.slice(name.indexOf('/'))}@${digest}`;
      const copy = workspace.path(join('copies', digest.slice(7, 19)));
      await mkdir(dirname(copy), { recursive: true });
      execFileSync('skopeo', ['copy', '--src-tls-verify=false', '--all', `docker://${there}`, `dir:${copy}`], {
        stdio: 'pipe',
      });
    }
  });
});
