import { chmodSync, existsSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toRebundleError } from '../../src/errors.ts';
import type { FileEntry } from '../../src/model/app.ts';
import { createFolderSource } from '../../src/source/folder.ts';
import { createGitSource } from '../../src/source/git.ts';
import { createGit } from '../../src/source/git-command.ts';
import { createGitPool, type GitPool } from '../../src/source/git-pool.ts';
import { createTrackedSource } from '../../src/source/git-tracked.ts';
import type { PathEntry, Source } from '../../src/source/source.ts';
import { GitFolder } from '../support/git-repository.ts';

let folder: GitFolder;
let pool: GitPool;
const git = createGit({ env: process.env });

beforeEach(() => {
  folder = new GitFolder();
  pool = createGitPool();
});
afterEach(() => {
  pool.close();
  folder.close();
});

const open = (path: string, ref?: string) =>
  createGitSource({ git, pool, repository: 'r', path: folder.path(path), ...(ref === undefined ? {} : { ref }) });

async function entriesOf(source: Source): Promise<FileEntry[]> {
  const found: FileEntry[] = [];
  for await (const entry of source.list()) found.push(entry);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function textOf(source: Source, path: string): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of source.open(path)) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function errorOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => {
      throw new Error('it was fine');
    },
    (thrown: unknown) => toRebundleError(thrown),
  );
  return `${error.code}: ${error.message}`;
}

function writeExotic(at: string): void {
  folder.write(`${at}/web.dockerapp`, 'web');
  folder.write(`${at}/deep/folder/x.dockerapp/docker-compose.yml`, 'compose');
  folder.write(`${at}/name with space "quoted" \\ tab\t.txt`, 'odd');
  folder.write(`${at}/näme-☃.txt`, 'snow');
  folder.write(`${at}/line\nbreak.txt`, 'break');
  folder.write(`${at}/-dash`, 'dash');
  folder.write(`${at}/:colon`, 'colon');
  folder.write(`${at}/empty`, '');
  folder.write(`${at}/node_modules/x/index.js`, 'not listed');
  folder.write(`${at}/run.sh`, '#!/bin/sh\n');
  chmodSync(folder.path(`${at}/run.sh`), 0o755);
  symlinkSync('web.dockerapp', folder.path(`${at}/link`));
  symlinkSync('../run.sh', folder.path(`${at}/deep/up`));
  symlinkSync('deep/folder', folder.path(`${at}/to-folder`));
  symlinkSync('link', folder.path(`${at}/twice`));
  symlinkSync('/etc/passwd', folder.path(`${at}/absolute`));
  symlinkSync('../outside', folder.path(`${at}/out`));
  symlinkSync('circle', folder.path(`${at}/circle`));
  symlinkSync('.git/config', folder.path(`${at}/to-git`));
  symlinkSync('nowhere', folder.path(`${at}/dangling`));
}

describe.each(['sha1', 'sha256'])('a commit of a %s repository', (format) => {
  it('lists and reads as the checkout lies there, from a work tree and from a bare repository', async () => {
    folder.init('tree', `--object-format=${format}`);
    writeExotic('tree');
    const commit = folder.commit('tree');
    folder.git('.', 'clone', '--quiet', '--bare', 'tree', 'bare.git');
    const expected = await entriesOf(createFolderSource({ root: folder.path('tree'), repository: 'r' }));
    for (const source of [
      open('tree'),
      open('bare.git'),
      open('tree', 'main'),
      open('bare.git', commit.slice(0, 12)),
    ]) {
      const found = await entriesOf(source);
      expect(found.map(({ objectId: _, ...entry }) => entry)).toEqual(expected);
      expect(source.origin.commit).toBe(commit);
      for (const { path, mode, objectId } of found) {
        if (mode !== 'directory') expect(objectId).toBe(folder.git('tree', 'rev-parse', `HEAD:${path}`));
        if (mode === 'file' || mode === 'executable') {
          expect(await source.read(path, 1000)).toEqual(
            await createFolderSource({ root: folder.path('tree'), repository: 'r' }).read(path, 1000),
          );
        }
      }
      expect(await textOf(source, 'twice')).toBe('web');
      source.forget?.();
      expect(source.origin.commit).toBe(commit);
      expect(await textOf(source, 'to-folder/x.dockerapp/docker-compose.yml')).toBe('compose');
      expect(await entriesOf(source)).toEqual(found);
      for (const path of ['absolute', 'out', 'circle', 'dangling', 'to-git', '../x', '', 'deep', 'link/x']) {
        expect(await errorOf(source.read(path, 1000)), path).toContain('SOURCE_UNREADABLE');
      }
      expect(await errorOf(source.read('web.dockerapp', 2))).toBe(
        "SOURCE_LIMIT: 'web.dockerapp' has 3 bytes; the limit is 2",
      );
    }
  });
});

it('reads the ref that is asked for, and not what lies in the work tree', async () => {
  folder.init('r');
  folder.write('r/a.dockerapp', 'one');
  const first = folder.commit('r');
  folder.git('r', 'tag', '-a', 'v1', '-m', 'v1');
  folder.write('r/a.dockerapp', 'two');
  folder.commit('r');
  folder.write('r/a.dockerapp', 'three');
  expect(await textOf(open('r', 'v1'), 'a.dockerapp')).toBe('one');
  const source = open('r');
  expect(await textOf(source, 'a.dockerapp')).toBe('two');
  const tagged = open('r', 'v1');
  await entriesOf(tagged);
  expect(tagged.origin).toEqual({ repository: 'r', path: '', ref: 'v1', commit: first });
});

it('lists paths as it lists files, submodules and folders of packages among them', async () => {
  folder.init('r');
  writeExotic('r');
  const first = folder.commit('r');
  folder.git('r', 'update-index', '--add', '--cacheinfo', `160000,${first},module`);
  const tree = folder.git('r', 'write-tree');
  const commit = folder.git('r', 'commit-tree', tree, '-m', 'x');
  const paths: PathEntry[] = [];
  for await (const entry of open('r', commit).listPaths?.() ?? []) paths.push(entry);
  const entries = await entriesOf(open('r', commit));
  expect(paths.sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual(entries.map(({ path, mode }) => ({ path, mode })));
  expect(paths).toContainEqual({ path: 'module', mode: 'other' });
  expect(paths).toContainEqual({ path: 'deep/folder/x.dockerapp', mode: 'directory' });
});

it('reads a folder of a repository as the root', async () => {
  folder.init('r');
  folder.write('r/apps/a.dockerapp', 'a');
  folder.write('r/other/b.dockerapp', 'b');
  folder.commit('r');
  expect((await entriesOf(open('r/apps'))).map(({ path }) => path)).toEqual(['a.dockerapp']);
  folder.write('r/new/c.dockerapp', 'c');
  expect(await errorOf(entriesOf(open('r/new')))).toContain("has no folder 'new'");
});

it('says what is missing: a repository, a commit, a ref', async () => {
  folder.init('empty');
  folder.write('plain/a', 'a');
  expect(await errorOf(entriesOf(open('plain')))).toContain('is no git repository');
  expect(await errorOf(entriesOf(open('empty')))).toContain('has no commit at HEAD');
  folder.write('empty/a', 'a');
  folder.commit('empty');
  for (const ref of ['nope', '--help', 'HEAD:a', 'a\nb']) {
    expect(await errorOf(entriesOf(open('empty', ref))), ref).toContain('has no commit');
  }
});

it('finds damage: a blob with other bytes, a blob that is cut, a tree that is gone; the rest stays readable', async () => {
  folder.init('r');
  for (const name of ['a', 'b', 'c']) folder.write(`r/${name}`, name.repeat(100));
  folder.write('r/sub/d', 'd');
  folder.commit('r');
  const file = (spec: string) => {
    const id = folder.git('r', 'rev-parse', spec);
    return folder.path(join('r/.git/objects', id.slice(0, 2), id.slice(2)));
  };
  const [a, b] = [file('HEAD:a'), file('HEAD:b')];
  for (const each of [a, b]) chmodSync(each, 0o644);
  writeFileSync(a, folder.gitWith({}, 'r', 'version'));
  truncateSync(b, 12);
  const source = open('r');
  expect(await errorOf(source.read('a', 1000))).toMatch(/^SOURCE_UNREADABLE/);
  expect(await errorOf(source.read('b', 1000))).toMatch(/^SOURCE_UNREADABLE/);
  expect(await textOf(source, 'c')).toBe('c'.repeat(100));
  const tree = file('HEAD:sub');
  chmodSync(tree, 0o644);
  truncateSync(tree, 0);
  expect(await errorOf(entriesOf(open('r')))).toMatch(/^SOURCE_UNREADABLE/);
});

it('refuses names that a checkout could not have', async () => {
  folder.init('r');
  const blob = folder.gitWith({ input: 'x' }, 'r', 'hash-object', '-w', '--stdin');
  for (const name of ['..', 'a/b', '.']) {
    const tree = Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(blob, 'hex')]);
    const id = folder.gitWith({ input: tree }, 'r', 'hash-object', '-w', '-t', 'tree', '--literally', '--stdin');
    const commit = folder.git('r', 'commit-tree', id, '-m', 'x');
    expect(await errorOf(entriesOf(open('r', commit)))).toContain(`has an entry named '${name}'`);
  }
});

it('ends with an error on a tree that grows without end', async () => {
  folder.init('r');
  const blob = folder.gitWith({ input: 'x' }, 'r', 'hash-object', '-w', '--stdin');
  let id = folder.gitWith({ input: `100644 blob ${blob}\tf\n` }, 'r', 'mktree');
  for (let i = 0; i < 12; i++) {
    const rows = Array.from({ length: 10 }, (_, k) => `040000 tree ${id}\td${k}\n`).join('');
    id = folder.gitWith({ input: rows }, 'r', 'mktree');
  }
  const commit = folder.git('r', 'commit-tree', id, '-m', 'bomb');
  expect(await errorOf(entriesOf(open('r', commit)))).toContain('SOURCE_LIMIT');
});

it('reads shallow clones, alternates and blobs above the size that is kept whole', async () => {
  folder.init('r');
  folder.write('r/big', Buffer.alloc(9 * 1024 * 1024, 'ab'));
  folder.commit('r');
  folder.commit('r');
  folder.git('.', 'clone', '--quiet', '--bare', '--depth=1', `file://${folder.path('r')}`, 'shallow.git');
  folder.git('.', 'clone', '--quiet', '--bare', '--shared', 'r', 'shared.git');
  for (const path of ['shallow.git', 'shared.git']) {
    const text = await textOf(open(path), 'big');
    expect(text === Buffer.alloc(9 * 1024 * 1024, 'ab').toString()).toBe(true);
  }
});

it('a partial clone is listed; a blob that it lacks is an error and nothing is fetched', async () => {
  folder.init('r');
  folder.write('r/a', 'a');
  folder.commit('r');
  folder.git('r', 'config', 'uploadpack.allowFilter', 'true');
  folder.git('.', 'clone', '--quiet', '--bare', '--filter=blob:none', `file://${folder.path('r')}`, 'partial.git');
  const packs = () => readdirSync(folder.path('partial.git/objects/pack')).length;
  const before = packs();
  const source = open('partial.git');
  expect((await entriesOf(source)).map(({ path }) => path)).toEqual(['a']);
  expect(await errorOf(source.read('a', 10))).toMatch(/^SOURCE_UNREADABLE/);
  expect(packs()).toBe(before);
});

it('runs nothing that the configuration of a repository names', async () => {
  folder.init('r');
  folder.write('r/a', 'a');
  folder.commit('r');
  const trap = `sh -c 'touch ${folder.path('ran')}'`;
  for (const key of [
    'core.fsmonitor',
    'core.sshCommand',
    'core.pager',
    'core.askPass',
    'filter.x.clean',
    'diff.external',
  ])
    folder.git('r', 'config', key, trap);
  folder.write('r/.git/hooks/post-checkout', `#!/bin/sh\ntouch ${folder.path('ran')}\n`);
  folder.write('r/.git/hooks/reference-transaction', `#!/bin/sh\ntouch ${folder.path('ran')}\n`);
  for (const hook of ['post-checkout', 'reference-transaction']) chmodSync(folder.path(`r/.git/hooks/${hook}`), 0o755);
  folder.write('r/.gitattributes', '* filter=x\n');
  await entriesOf(open('r'));
  await entriesOf(createTrackedSource({ git, pool, repository: 'r', root: folder.path('r') }));
  expect(existsSync(folder.path('ran'))).toBe(false);
});

it('an abort ends the work, and a missing git says so', async () => {
  folder.init('r');
  folder.write('r/a', 'a');
  folder.commit('r');
  const abort = new AbortController();
  abort.abort();
  const aborted = createGit({ env: process.env, signal: abort.signal });
  const source = createGitSource({ git: aborted, pool, repository: 'r', path: folder.path('r') });
  expect(await errorOf(entriesOf(source))).toContain('CANCELLED');
  const absent = createGit({ env: process.env, program: '/nonexistent/git' });
  // What only git resolves.
  const none = createGitSource({ git: absent, pool, repository: 'r', path: folder.path('r'), ref: 'main~0' });
  expect(await errorOf(entriesOf(none))).toBe('SOURCE_UNREADABLE: there is no program git: install it');
});

describe('the tracked files of a work tree', () => {
  it('are those of the index with the content that lies there; the commit counts only where they are equal', async () => {
    folder.init('r');
    folder.write('r/a.dockerapp', 'a');
    folder.write('r/.gitignore', '*.log\n');
    const commit = folder.commit('r');
    folder.write('r/x.log', 'ignored');
    folder.write('r/new.dockerapp', 'untracked');
    const open = () => createTrackedSource({ git, pool, repository: 'r', root: folder.path('r') });
    const clean = open();
    expect((await entriesOf(clean)).map(({ path }) => path)).toEqual(['.gitignore', 'a.dockerapp']);
    expect(clean.origin.commit).toBe(commit);
    folder.write('r/a.dockerapp', 'b');
    const changed = open();
    await entriesOf(changed);
    expect([await textOf(changed, 'a.dockerapp'), changed.origin.commit]).toEqual(['b', undefined]);
    folder.git('r', 'checkout', '--quiet', '--', '.');
    folder.git('r', 'add', 'new.dockerapp');
    const added = open();
    expect((await entriesOf(added)).map(({ path }) => path)).toEqual(['.gitignore', 'a.dockerapp', 'new.dockerapp']);
    expect(added.origin.commit).toBeUndefined();
  });
});
