import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type OutputFile, removeLeftovers, removeTree, replaceTree } from '../../src/cli/output.ts';
import { once } from '../../src/lib/bytes.ts';

let parent: string;
let folder: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'rebundle-output-'));
  folder = join(parent, 'apps', 'web');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

function file(path: string, text: string, executable = false): OutputFile {
  return { path, executable, open: () => once(Buffer.from(text)) };
}

const TREE = [file('docker-compose.yml', 'services: {}\n'), file('conf/deep/run.sh', '#!/bin/sh\n', true)];

async function identity(): Promise<unknown[]> {
  const paths = [folder, ...TREE.map(({ path }) => join(folder, path))];
  return Promise.all(paths.map(async (path) => [(await stat(path)).ino, (await stat(path)).mtimeMs]));
}

async function expectTree(): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  expect(names.sort()).toEqual(['conf', 'conf/deep', 'conf/deep/run.sh', 'docker-compose.yml']);
  expect(await readFile(join(folder, 'docker-compose.yml'), 'utf8')).toBe('services: {}\n');
  expect((await stat(join(folder, 'docker-compose.yml'))).mode & 0o777).toBe(0o644);
  expect((await stat(join(folder, 'conf/deep/run.sh'))).mode & 0o777).toBe(0o755);
  expect(await readdir(join(parent, 'apps'))).toEqual(['web']);
}

test('writes a tree with the modes of the bundle, and leaves the same tree alone', async () => {
  await replaceTree(folder, TREE);
  await expectTree();
  const before = await identity();
  await replaceTree(folder, TREE);
  expect(await identity()).toEqual(before);
});

test.each<[string, () => Promise<unknown>]>([
  ['a file more', () => writeFile(join(folder, 'old.conf'), '')],
  ['a file fewer', () => rm(join(folder, 'conf/deep/run.sh'))],
  ['a file that a power cut emptied', () => writeFile(join(folder, 'docker-compose.yml'), '')],
  ['another byte', () => writeFile(join(folder, 'docker-compose.yml'), 'services: []\n')],
  ['a longer file', () => writeFile(join(folder, 'docker-compose.yml'), 'services: {}\n\n')],
  ['another mode', () => chmod(join(folder, 'docker-compose.yml'), 0o600)],
  [
    'a link in the place of a file',
    async () => {
      await rm(join(folder, 'conf/deep/run.sh'));
      await writeFile(join(parent, 'apart'), '#!/bin/sh\n', { mode: 0o755 });
      await symlink(join(parent, 'apart'), join(folder, 'conf/deep/run.sh'));
    },
  ],
])('makes a tree anew that has %s', async (_, change) => {
  await replaceTree(folder, TREE);
  await change();
  await replaceTree(folder, TREE);
  await rm(join(parent, 'apart'), { force: true });
  await expectTree();
});

test('a source that fails leaves the former tree and no other file', async () => {
  await replaceTree(folder, TREE);
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('services:');
    throw new Error('gone');
  };
  const files = [{ path: 'docker-compose.yml', executable: false, open: broken }];
  await expect(replaceTree(folder, files)).rejects.toThrow('gone');
  await expectTree();
});

test('neither replaces nor removes what no conversion wrote', async () => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'notes.txt'), 'mine');
  await expect(replaceTree(folder, TREE)).rejects.toMatchObject({ code: 'OUTPUT_UNSAFE' });
  expect(() => removeTree(folder)).toThrow(expect.objectContaining({ code: 'OUTPUT_UNSAFE' }));
  expect(await readdir(folder)).toEqual(['notes.txt']);
});

test('removes a tree, and is content where there is none', async () => {
  await replaceTree(folder, TREE);
  removeTree(folder);
  removeTree(folder);
  expect(await readdir(join(parent, 'apps'))).toEqual([]);
});

test('what a killed run was writing is removed, and nothing else', async () => {
  const left = ['.rebundle-0123456789abcdef.tmp', 'apps/web.0123456789abcdef.tmp/docker-compose.yml'];
  const kept = ['plan.json', 'notes.tmp', 'apps/web/docker-compose.yml', 'apps/web/cache.0123456789abcdef.tmp'];
  for (const path of [...left, ...kept]) {
    await mkdir(join(parent, path, '..'), { recursive: true });
    await writeFile(join(parent, path), '');
  }
  await removeLeftovers(parent);
  const there = await readdir(parent, { recursive: true, withFileTypes: true });
  const files = there.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  expect(files.sort()).toEqual(kept.map((path) => join(parent, path)).sort());
  await removeLeftovers(join(parent, 'none'));
});
