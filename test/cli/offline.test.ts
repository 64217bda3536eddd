import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLayoutRegistry } from '../../src/registry/layout.ts';
import { pushImage } from '../pipeline/images.ts';
import { GitFolder } from '../support/git-repository.ts';
import type { HostileServer } from '../support/hostile-server.ts';
import { openHttpRegistry } from '../support/http-registry.ts';
import { PLAIN_TARGETS, plainPackage, startImageServer } from '../support/plain-factory.ts';
import { ProgramFolder, type ProgramResult } from '../support/program.ts';

let folder: ProgramFolder;
let server: HostileServer;

beforeEach(async () => {
  server = await startImageServer();
  folder = await ProgramFolder.create();
  await folder.write('apps/web.dockerapp', plainPackage('web', `${server.host}/tools/proxy:1`));
  await folder.write('targets.json', PLAIN_TARGETS);
  await configure();
});
afterEach(async () => {
  await server.close();
  await folder.close();
});

function configure(
  text = 'publish: { to: "oci-layout:layout" }\ntargets: { repo: targets.json, tags: main }',
): Promise<void> {
  return folder.write(
    'rebundle.yml',
    `registry: hub.example.com\nfactory: acme\nimages: { tag: v1 }\nrepositories: [apps]\n${text}\n`,
  );
}

/** Runs a command, and gives what the server was asked meanwhile. */
async function rebundle(...args: string[]): Promise<ProgramResult & { readonly requests: number }> {
  const before = server.requests.length;
  const result = await folder.run(...args, '--reporter', 'lines');
  return { ...result, requests: server.requests.length - before };
}

const digestOf = async (plan: string): Promise<string> => JSON.parse(await folder.read(plan)).apps[0].reference;

describe('--offline', () => {
  test('takes digests and platforms from out/plan.json, and asks nobody', async () => {
    const planned = await rebundle('plan');
    expect([planned.status, planned.requests > 0]).toEqual([2, true]);
    const reference = await digestOf('out/plan.json');
    rmSync(`${folder.root}/out/cache`, { recursive: true });
    const ran = await rebundle('run', '--offline');
    expect([ran.status, ran.requests, ran.stdout]).toEqual([0, 0, `web\t${reference}\n`]);
    expect(JSON.parse(await folder.read('targets.json')).targets['rpi-lmp-2'].custom.docker_compose_apps.web.uri).toBe(
      reference,
    );
    const again = await rebundle('run', '--offline');
    expect([again.status, again.requests]).toEqual([0, 0]);
    expect(again.stderr).toContain('1 unchanged');
    // Without a plan the published bundle gives the pin, and what was read of it by digest its platforms.
    rmSync(`${folder.root}/out/plan.json`);
    await rebundle('run');
    rmSync(`${folder.root}/out/plan.json`);
    const fresh = await rebundle('run', '--offline');
    expect([fresh.status, fresh.requests, fresh.stdout]).toEqual([0, 0, ran.stdout]);
  });

  test('apply carries out its plan', async () => {
    await rebundle('plan');
    const applied = await rebundle('apply', 'out/plan.json', '--offline');
    expect([applied.status, applied.requests, applied.stdout]).toEqual([
      0,
      0,
      `web\t${await digestOf('out/plan.json')}\n`,
    ]);
  });

  test('an image that no plan has is an error of its app that names it', async () => {
    const { status, stderr, requests } = await rebundle('plan', '--offline');
    expect([status, requests]).toEqual([1, 0]);
    expect(stderr).toContain(
      `IMAGE_UNRESOLVED web apps/web.dockerapp:6:18: services.main.image: ${server.host}/tools/proxy:1 is not in out/plan.json`,
    );
  });

  test('a digest that neither the plan nor out/cache has is not asked for', async () => {
    await folder.write(
      'apps/web.dockerapp',
      plainPackage('web', `${server.host}/tools/proxy@sha256:${'1'.repeat(64)}`),
    );
    const { status, stderr, requests } = await rebundle('plan', '--offline');
    expect([status, requests]).toEqual([1, 0]);
    expect(stderr).toContain(`OFFLINE web`);
  });

  test('images in a layout are resolved as ever', async () => {
    await pushImage(createLayoutRegistry(`${folder.root}/images`), `${server.host}/tools/proxy:1`);
    const place = ['--registry', `${server.host}=oci-layout:images`];
    const online = await rebundle('plan', ...place);
    const { status, requests, stdout } = await rebundle('plan', '--offline', '--out', 'other', ...place);
    expect([status, requests, stdout]).toEqual([2, 0, online.stdout]);
  });

  test('what has to be reached is refused before anything is done', async () => {
    await rebundle('plan');
    const before = await folder.list('.');
    await configure('');
    expect(await rebundle('run', '--offline')).toMatchObject({
      requests: 0,
      error: 'USAGE: --offline: bundles would go to hub.example.com (Name a folder with --to oci-layout:DIR.)',
    });
    await configure(
      `publish: { to: "oci-layout:layout" }\ntargets: { repo: "http://${server.host}/targets.json", tags: main }`,
    );
    expect(await rebundle('run', '--offline')).toMatchObject({
      requests: 0,
      error: 'USAGE: --offline: targets.repo is a server (Name a file in targets.repo.)',
    });
    expect(await folder.list('.')).toEqual(before);
  });
});

describe('--frozen', () => {
  test('works from another plan file, with the network for digests only, and without it', async () => {
    await rebundle('plan', '--out', 'first');
    const { registry, transport } = openHttpRegistry(server.host);
    await pushImage(registry, `${server.host}/tools/proxy:1`, { content: 'moved' });
    await transport.close();
    const reference = await digestOf('first/plan.json');
    const asked = server.requests.length;
    const frozen = await rebundle('plan', '--frozen', 'first/plan.json', '--out', 'second');
    expect([frozen.status, frozen.stdout]).toEqual([2, `web\t${reference}\n`]);
    expect(server.requests.slice(asked).filter(({ path }) => path.endsWith('/manifests/1'))).toEqual([]);
    const offline = await rebundle('run', '--frozen', 'first/plan.json', '--offline', '--out', 'third');
    expect([offline.status, offline.requests, offline.stdout]).toEqual([0, 0, frozen.stdout]);
    const moved = await rebundle('plan', '--out', 'fourth');
    expect(moved.stdout).toBe(frozen.stdout);
    expect(moved.stderr).toContain('1 note');
  });

  test('a file that is no plan is refused, and no report is touched', async () => {
    await folder.write('lock.json', '{}');
    expect((await rebundle('plan', '--frozen', 'lock.json')).error).toMatch(/^PLAN_INVALID: lock\.json is not a plan/);
    expect((await rebundle('plan', '--frozen', 'none.json')).error).toMatch(
      /^PLAN_INVALID: --frozen none\.json: no such/,
    );
    const rows =
      '{"version":1,"state":"done","createdAt":"2026-01-01T00:00:00Z","rules":1,"request":{"apps":[],"removeApps":[],"allowPartial":false}';
    await folder.write(
      'lock.json',
      `${rows},"options":"sha256:${'0'.repeat(64)}","images":[],"apps":[{"app":"web","status":"done"}],"targets":[]}`,
    );
    expect((await rebundle('plan', '--frozen', 'lock.json')).error).toMatch(/^PLAN_INVALID: .*images/);
    expect(await folder.list('out')).toEqual([]);
  });
});

describe('repositories without a network', () => {
  let repositories: GitFolder;

  beforeEach(() => {
    repositories = new GitFolder();
    repositories.init('shop');
    repositories.write('shop/web.dockerapp', plainPackage('web', 'nginx:1'));
    repositories.commit('shop');
    repositories.git('shop', 'tag', 'v1');
    repositories.git('.', 'clone', '--quiet', '--bare', 'shop', 'bare.git');
  });
  afterEach(() => repositories.close());

  test('a remote is read as it was fetched last, and one that never was is an error', async () => {
    const url = `file://${repositories.path('bare.git')}`;
    await folder.write('rebundle.yml', `git: { fileUrls: true, cache: cache }\nrepositories: [{ url: "${url}" }]\n`);
    expect((await folder.run('scan', '--offline')).error).toMatch(/NOTHING_TO_START.*no run has fetched HEAD of it/);
    const online = await folder.run('scan');
    rmSync(repositories.path('bare.git'), { recursive: true });
    expect((await folder.run('scan')).error).toContain('NOTHING_TO_START');
    expect(await folder.run('scan', '--offline')).toMatchObject({ status: 0, stdout: online.stdout });
    expect((await folder.run('convert', '--offline')).status).toBe(0);
    expect((await folder.run('scan', '--offline', '--ref', 'v1')).error).toContain('no run has fetched v1 of it');
  });
});
