import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GitFolder } from '../support/git-repository.ts';
import { ProgramFolder } from '../support/program.ts';

const packageOf = (name: string, extra = ''): string => `name: ${name}
version: 1.0.0
---
version: '3.7'
services:
  main:
    image: nginx:1.2
    ports: ["\${port}:80"]
${extra}---
port: 8080
`;

let folder: ProgramFolder;
let repositories: GitFolder;
let first: string;
let second: string;

beforeEach(async () => {
  folder = await ProgramFolder.create();
  repositories = new GitFolder();
  repositories.init('shop');
  repositories.write(
    'shop/web.dockerapp',
    packageOf('web', '    volumes: ["./web.conf:/etc/web.conf", "./run.sh:/run.sh"]\n'),
  );
  repositories.write('shop/web/web.conf', 'conf\n');
  repositories.write('shop/web/real.sh', '#!/bin/sh\n');
  chmodSync(repositories.path('shop/web/real.sh'), 0o755);
  symlinkSync('real.sh', repositories.path('shop/web/run.sh'));
  first = repositories.commit('shop');
  repositories.git('shop', 'tag', 'v1');
  repositories.write('shop/api.dockerapp', packageOf('api'));
  second = repositories.commit('shop');
  repositories.git('.', 'clone', '--quiet', '--bare', 'shop', 'bare.git');
  repositories.git('bare.git', 'config', 'uploadpack.allowFilter', 'true');
  repositories.git('bare.git', 'config', 'uploadpack.allowAnySHA1InWant', 'true');
  repositories.write('shop/untracked.dockerapp', packageOf('untracked'));
});
afterEach(async () => {
  repositories.close();
  await folder.close();
});

async function appsOf(...args: string[]): Promise<string[]> {
  const { stdout, error } = await folder.run('scan', '--json', ...args);
  if (error !== undefined) throw new Error(error);
  return JSON.parse(stdout).map(({ name }: { name: string }) => name);
}

describe('what is read', () => {
  it('a folder as it lies there, a ref, a bare repository at HEAD, tracked files', async () => {
    const shop = repositories.path('shop');
    const bare = repositories.path('bare.git');
    expect(await appsOf(shop)).toEqual(['api', 'untracked', 'web']);
    expect(await appsOf(shop, '--ref', 'HEAD')).toEqual(['api', 'web']);
    expect(await appsOf(shop, '--ref', 'v1')).toEqual(['web']);
    expect(await appsOf(bare)).toEqual(['api', 'web']);
    expect(await appsOf(join(shop, 'web.dockerapp'), '--ref', 'main')).toEqual(['api', 'web']);
    await folder.write(
      'rebundle.yml',
      `repositories: [{ path: ${shop}, git: true }, { path: ${bare}, ref: v1, name: old, exclude: [web*] }]\n`,
    );
    const { stdout } = await folder.run('scan');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split('\t').slice(0, 2).join(' ')),
    ).toEqual(['selected api', 'selected web', 'skipped web']);
  });

  it('the same conversion from a folder and from a bare repository', async () => {
    await folder.run('convert', repositories.path('shop'), '--app', 'web', '--out', 'a');
    await folder.run('convert', repositories.path('bare.git'), '--app', 'web', '--out', 'b');
    expect(await folder.list('a')).toEqual(await folder.list('b'));
    for (const file of await folder.list('a'))
      expect(await folder.read(`b/${file}`)).toBe(await folder.read(`a/${file}`));
    expect(await folder.list('b/apps/web')).toEqual(['docker-compose.yml', 'run.sh', 'web.conf']);
  });

  it('a remote by URL: once fetched, again fetched; only with file URLs allowed; a ref that is not there', async () => {
    const url = `file://${repositories.path('bare.git')}`;
    const refused = await folder.run('scan', url);
    expect(refused.error).toContain('file URLs are not allowed');
    await folder.write('rebundle.yml', `git: { fileUrls: true, cache: cache }\nrepositories: [{ url: "${url}" }]\n`);
    expect(await appsOf()).toEqual(['api', 'web']);
    expect(await appsOf('--ref', first)).toEqual(['web']);
    repositories.git('shop', 'push', '--quiet', repositories.path('bare.git'), 'v1:refs/heads/main', '--force');
    expect(await appsOf()).toEqual(['web']);
    expect((await folder.run('scan', '--ref', 'nowhere')).error).toContain("couldn't find remote ref nowhere");
    expect(readdirSync(join(folder.root, 'cache'))).toHaveLength(1);
  });

  it('a large blob of a remote only when it is read', async () => {
    const big = 'x'.repeat(1_200_000);
    repositories.write('shop/web/web.conf', big);
    repositories.commit('shop');
    repositories.git('shop', 'push', '--quiet', repositories.path('bare.git'), 'main');
    const url = `file://${repositories.path('bare.git')}`;
    await folder.write('rebundle.yml', `git: { fileUrls: true, cache: cache }\nrepositories: [{ url: "${url}" }]\n`);
    expect((await folder.run('convert', '--app', 'web')).status).toBe(0);
    expect(await folder.read('out/apps/web/web.conf')).toBe(big);
  });

  it('a pointer of Git LFS with a warning', async () => {
    repositories.write(
      'shop/web/web.conf',
      `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`,
    );
    repositories.commit('shop');
    const { stderr, status } = await folder.run(
      'convert',
      repositories.path('shop'),
      '--ref',
      'HEAD',
      '--error-on',
      'warning',
    );
    expect(status).toBe(3);
    expect(stderr).toContain('"web/web.conf" is a pointer of Git LFS');
  });

  it('a list of repositories, with refs and names; wrong lines by number', async () => {
    await folder.write(
      'list.txt',
      `# all\n\n${repositories.path('shop')} ref=v1 name=old\n${repositories.path('bare.git')}\n`,
    );
    const { stdout } = await folder.run('scan', '--repositories', 'list.txt', '--json', '--app', 'api');
    const rows: { repository: string; name: string }[] = JSON.parse(stdout);
    expect(rows.map(({ repository, name }) => `${repository}/${name}`)).toEqual([
      'old/web',
      'bare.git/api',
      'bare.git/web',
    ]);
    await folder.write('bad.txt', 'a\nftp://x/y\n');
    expect((await folder.run('scan', '--repositories', 'bad.txt')).error).toContain('bad.txt:2: expected a path');
    await folder.write('bad.txt', 'a ref=-x\n');
    expect((await folder.run('scan', '--repositories', 'bad.txt')).error).toContain(
      'bad.txt:1: ref: expected the name',
    );
  });

  it('submodules where that is asked for', async () => {
    repositories.init('outer');
    repositories.git('outer', 'submodule', '--quiet', 'add', repositories.path('bare.git'), 'inner');
    repositories.write('outer/own.dockerapp', packageOf('own'));
    repositories.commit('outer');
    const path = repositories.path('outer');
    await folder.write(
      'rebundle.yml',
      `repositories: [{ path: ${path}, ref: HEAD }]\napps: { include: ['inner/*'] }\n`,
    );
    expect(await appsOf()).toEqual(['own']);
    await folder.write(
      'rebundle.yml',
      `repositories: [{ path: ${path}, ref: HEAD, submodules: true }]\napps: { include: ['inner/*'] }\n`,
    );
    expect(await appsOf()).toEqual(['api', 'web', 'own']);
    const { status } = await folder.run('convert');
    expect(status).toBe(0);
    expect(await folder.list('out/apps/web')).toEqual(['docker-compose.yml', 'run.sh', 'web.conf']);
  });
});

it('the release tag is the first seven digits of the commit', async () => {
  repositories.write('shop/api.dockerapp', packageOf('api').replace('nginx:1.2', 'hub.example.com/acme/api'));
  const commit = repositories.commit('shop');
  await folder.write(
    'rebundle.yml',
    `factory: acme\nregistry: hub.example.com\nregistries: { hub.example.com: 'oci-layout:images' }\npublish: { to: 'oci-layout:bundles' }\nrepositories: [{ path: ${repositories.path('shop')}, ref: HEAD }]\n`,
  );
  const { stderr } = await folder.run('plan', '--app', 'api');
  expect(stderr).toContain(`hub.example.com/acme/api:${commit.slice(0, 7)} is not in the registry`);
});

describe('convert --branch', () => {
  it('one commit on a new branch of a work tree or bare repository; nothing else changes; again it is fine', async () => {
    for (const name of ['shop', 'bare.git']) {
      const path = repositories.path(name);
      repositories.write(
        `${name === 'shop' ? 'shop/.git' : name}/hooks/reference-transaction`,
        `#!/bin/sh\ntouch ${repositories.path('ran')}\n`,
      );
      chmodSync(repositories.path(`${name === 'shop' ? 'shop/.git' : name}/hooks/reference-transaction`), 0o755);
      const before = name === 'shop' ? repositories.git(name, 'status', '--porcelain') : '';
      const made = await folder.run('convert', path, '--branch', 'compose');
      expect(made.error).toBeUndefined();
      expect(repositories.git(name, 'rev-parse', 'compose^')).toBe(second);
      expect(repositories.git(name, 'diff', '--name-status', 'main', 'compose').split('\n')).toEqual([
        'A\tapi/docker-compose.yml',
        'A\tweb/docker-compose.yml',
      ]);
      expect(repositories.git(name, 'ls-tree', 'compose', 'web/run.sh')).toMatch(/^120000 /);
      expect(repositories.git(name, 'log', '-1', '--format=%an <%ae> %at %cn %ct', 'compose')).toBe(
        'rebundle <rebundle@localhost> 1600000000 rebundle 1600000000',
      );
      const message = repositories.git(name, 'log', '-1', '--format=%B', 'compose');
      expect(message).toContain('Convert 2 apps to compose');
      expect(message).toContain('port -> ${port}, default "8080"');
      expect(repositories.git(name, 'for-each-ref', '--format=%(refname)', 'refs/rebundle')).toBe('');
      if (name === 'shop') expect(repositories.git(name, 'status', '--porcelain')).toBe(before);
      const again = await folder.run('convert', path, '--branch', 'compose', '--author', 'Ann <ann@example.com>');
      expect([again.status, again.stdout]).toEqual([0, made.stdout]);
      expect((await folder.run('convert', path, '--branch', 'main')).error).toContain('OUTPUT_UNSAFE');
      repositories.git(name, 'fsck', '--strict');
    }
    expect(existsSync(repositories.path('ran'))).toBe(false);
    expect(await folder.list('out')).toEqual([]);
  });

  it('refuses names that are none, and folders that are no repositories', async () => {
    const path = repositories.path('shop');
    for (const name of ['a..b', '-x', 'a:b', 'x.lock']) {
      expect((await folder.run('convert', path, `--branch=${name}`)).error, name).toContain('USAGE');
    }
    mkdirSync(join(folder.root, 'plain'));
    await folder.write('plain/a.dockerapp', packageOf('a'));
    expect((await folder.run('convert', 'plain', '--branch', 'x')).error).toContain('is no git repository');
  });
});

describe('convert --patch', () => {
  it('git am takes it, also of a shallow clone; the repository itself is not written to', async () => {
    repositories.git(
      '.',
      'clone',
      '--quiet',
      '--bare',
      '--depth=1',
      `file://${repositories.path('bare.git')}`,
      'shallow.git',
    );
    const objects = readdirSync(repositories.path('bare.git/objects')).length;
    const args = ['--author', 'Zoë <zoe@example.com>', '--date', '2020-01-02T03:04:05Z'];
    const made = await folder.run(
      'convert',
      repositories.path('bare.git'),
      repositories.path('shallow.git'),
      '--patch',
      'patches',
      '--app',
      'web',
      ...args,
    );
    expect(made.error).toContain('APP_NAME_DUPLICATE');
    for (const name of ['bare', 'shallow']) {
      const { stdout } = await folder.run('convert', repositories.path(`${name}.git`), '--patch', 'patches', ...args);
      expect(stdout).toBe(`patches/${name}.git.patch\n`);
      repositories.git('.', 'clone', '--quiet', 'bare.git', `am-${name}`);
      repositories.git(`am-${name}`, 'am', '--quiet', join(folder.root, stdout.trim()));
      expect(repositories.git(`am-${name}`, 'log', '-1', '--format=%an <%ae> %at')).toBe(
        'Zoë <zoe@example.com> 1577934245',
      );
      expect(readFileSync(repositories.path(`am-${name}/web/docker-compose.yml`), 'utf8')).toContain('${port-8080}');
    }
    expect(await folder.read('patches/bare.git.patch')).toBe(await folder.read('patches/shallow.git.patch'));
    expect(readdirSync(repositories.path('bare.git/objects'))).toHaveLength(objects);
  });
});

it('--in-place of something that is read at a commit is refused', async () => {
  const { error } = await folder.run('convert', repositories.path('bare.git'), '--in-place');
  expect(error).toContain('--in-place: bare.git is read at a commit');
});
