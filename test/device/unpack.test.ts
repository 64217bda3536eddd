import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { archiveBundle } from '../../src/bundle/archive.ts';
import { describePathFault, findPathClashes } from '../../src/bundle/bundle-path.ts';
import { checkArchive } from '../../src/device/check-archive.ts';
import { type CheckedArchive, unpackArchive } from '../../src/device/unpack.ts';
import { beginSwap } from '../../src/device/unpack-swap.ts';
import { once, readAll } from '../../src/lib/bytes.ts';
import { bundleFile } from '../support/bundle-file.ts';
import { rawEntry, tarGzip } from '../support/tar-builder.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rebundle-unpack-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function checked(bytes: Uint8Array): Promise<CheckedArchive> {
  const { content, findings } = await checkArchive(once(bytes), bytes.byteLength);
  expect(findings).toEqual([]);
  return { ...content, open: () => once(bytes), size: bytes.byteLength };
}

const archiveOf = (files: Parameters<typeof archiveBundle>[0]) => readAll(archiveBundle(files), 1 << 24, 'archive');

/** Mode and content of every file, the target of every link, by path. */
async function listTree(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const mode = ((await lstat(path)).mode & 0o7777).toString(8);
    const name = path.slice(folder.length + 1);
    if (entry.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`;
    else if (entry.isFile()) found[name] = `${mode} ${await readFile(path, 'latin1')}`;
    else if (!entry.isDirectory() || mode !== '755') found[name] = `special ${mode}`;
  }
  return found;
}

describe('unpackArchive', () => {
  const name = fc.oneof(
    fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
    fc.string({ minLength: 60, maxLength: 80, unit: 'grapheme-ascii' }),
  );
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
  const file = fc.record({ path, content: fc.uint8Array({ maxLength: 2000 }), executable: fc.boolean() });

  test('gives back every tree that becomes a bundle, under every umask', async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(file, { maxLength: 12 }), fc.constantFrom(0, 0o77, 0o777), async (drawn, umask) => {
        const good = drawn.filter(({ path }) => describePathFault(path) === undefined);
        const clashing = new Set(findPathClashes(['docker-compose.yml', ...good.map(({ path }) => path)]).flat());
        const kept = good.filter(({ path }) => !clashing.has(path) && !/^(?:\.|compose|docker-c)/i.test(path));
        const files = kept.map(({ path, content, executable }) => bundleFile(path, content, { executable }));
        const bytes = await archiveOf([bundleFile('docker-compose.yml', 'services: {}\n'), ...files]);
        const { content } = await checkArchive(once(bytes), bytes.byteLength);
        const folder = join(root, String(count++));
        await mkdir(folder);
        const before = process.umask(umask & 0o77);
        try {
          await unpackArchive({ ...content, open: () => once(bytes), size: bytes.byteLength }, folder);
        } finally {
          process.umask(before);
        }
        const expected = kept.map(({ path, content, executable }) => [
          path,
          `${executable ? '755' : '644'} ${Buffer.from(content).toString('latin1')}`,
        ]);
        expect(await listTree(folder)).toEqual({
          'docker-compose.yml': '644 services: {}\n',
          ...Object.fromEntries(expected),
        });
      }),
      { numRuns: 60 },
    );
  });

  test('makes folders of their own, and writes modes 644 and 755 alone', async () => {
    const bytes = tarGzip(
      rawEntry({ name: './docker-compose.yml', content: 'x: 1\n', mode: 0o600 }),
      rawEntry({ name: './data/', type: '5', mode: 0o700 }),
      rawEntry({ name: './run', mode: 0o777 }),
    );
    await unpackArchive(await checked(bytes), root);
    expect(await listTree(root)).toEqual({ 'docker-compose.yml': '644 x: 1\n', run: '755 ' });
    expect((await lstat(join(root, 'data'))).mode & 0o7777).toBe(0o755);
  });

  test('an archive that is another one by now is refused', async () => {
    const compose = bundleFile('docker-compose.yml', 'x: 1\n');
    const archive = await checked(await archiveOf([compose, bundleFile('a', '1')]));
    const others = [[compose], [compose, bundleFile('a', '2')], [compose, bundleFile('b', '1')]];
    for (const [i, files] of others.entries()) {
      const folder = join(root, String(i));
      await mkdir(folder);
      const bytes = await archiveOf(files);
      const other = { ...archive, open: () => once(bytes), size: bytes.byteLength };
      await expect(unpackArchive(other, folder)).rejects.toMatchObject({ code: 'BUNDLE_ARCHIVE' });
    }
    const link = tarGzip(
      rawEntry({ name: 'docker-compose.yml', content: 'x: 1\n' }),
      rawEntry({ name: 'a', type: '2', link: '/' }),
    );
    await mkdir(join(root, 'link'));
    const other = { ...archive, open: () => once(link), size: link.byteLength };
    await expect(unpackArchive(other, join(root, 'link'))).rejects.toMatchObject({ code: 'BUNDLE_ARCHIVE' });
    expect(await readdir(join(root, 'link'))).not.toContain('a');
  });
});

describe('the swap of a folder', () => {
  const place = (): string => join(root, 'page');
  async function put(files: Readonly<Record<string, string>>, app = 'page') {
    const swap = await beginSwap(place(), app);
    try {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(join(swap.folder, path, '..'), { recursive: true });
        await writeFile(join(swap.folder, path), text);
      }
      return await swap.commit(Object.keys(files));
    } finally {
      await swap.discard();
    }
  }
  const add = async (path: string, text: string): Promise<void> => {
    await mkdir(join(place(), path, '..'), { recursive: true });
    await writeFile(join(place(), path), text);
  };
  const names = async (): Promise<string[]> =>
    Object.keys(await listTree(place()))
      .filter((path) => path !== '.meta/rebundle.json')
      .sort();

  test('takes away files of the former bundle, and nothing else', async () => {
    await put({ 'docker-compose.yml': '1', 'old.conf': '1', 'conf/a': '1', 'conf/deep/b': '1', 'gone/c': '1' });
    await add('.env', 'A=1');
    await add('data/db/file', 'rows');
    await add('conf/made', 'by a container');
    await add('.meta/.version', 'of a device client');
    await symlink('/etc/hostname', join(place(), 'link'));
    const data = (await lstat(join(place(), 'data'))).ino;
    expect(await put({ 'docker-compose.yml': '2', 'new.conf': '2', 'conf/a': '2' })).toEqual({ keptEnv: false });
    expect(await names()).toEqual([
      '.env',
      '.meta/.version',
      'conf/a',
      'conf/made',
      'data/db/file',
      'docker-compose.yml',
      'link',
      'new.conf',
    ]);
    expect(await readFile(join(place(), 'docker-compose.yml'), 'utf8')).toBe('2');
    // Containers that have it mounted go on: it is the same folder.
    expect((await lstat(join(place(), 'data'))).ino).toBe(data);
    expect(await readdir(root)).toEqual(['page']);
  });

  test('a .env of the folder stays, also where the bundle has one, and stays the next time', async () => {
    await put({ 'docker-compose.yml': '1' });
    await add('.env', 'A=own');
    expect(await put({ 'docker-compose.yml': '2', '.env': 'A=bundle' })).toEqual({ keptEnv: true });
    expect(await put({ 'docker-compose.yml': '3', '.env': 'A=bundle' })).toEqual({ keptEnv: true });
    expect(await readFile(join(place(), '.env'), 'utf8')).toBe('A=own');
    await rm(place(), { recursive: true });
    await put({ 'docker-compose.yml': '1', '.env': 'A=bundle' });
    await put({ 'docker-compose.yml': '2' });
    expect(await names()).toEqual(['docker-compose.yml']);
  });

  test('a folder that pull did not write loses no file but its compose file', async () => {
    await add('docker-compose.yml', 'own');
    await add('notes.txt', 'own');
    await put({ 'docker-compose.yml': '1' });
    expect(await names()).toEqual(['docker-compose.yml', 'notes.txt']);
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    ['other files', () => add('photo.jpg', ''), /no docker-compose.yml/],
    ['a repository', () => Promise.all([add('docker-compose.yml', ''), add('.git/HEAD', '')]), /holds .git/],
    ['packages', () => Promise.all([add('docker-compose.yml', ''), add('x.dockerapp', '')]), /x.dockerapp/],
    ['another app', () => put({ 'docker-compose.yml': '1' }, 'other'), /holds the app "other"/],
    ['a file in its place', () => writeFile(place(), 'x'), /is not a folder/],
    [
      'a link in its place',
      async () => {
        await mkdir(join(root, 'real'));
        await symlink('real', place());
      },
      /is a link/,
    ],
  ])('a folder with %s is refused and stays', async (_name, prepare, words) => {
    await prepare();
    const before = await listTree(root);
    await expect(put({ 'docker-compose.yml': 'new' })).rejects.toMatchObject({
      code: 'OUTPUT_UNSAFE',
      message: expect.stringMatching(words),
    });
    expect(await listTree(root)).toEqual(before);
  });

  test('an empty folder and one that is not there are taken', async () => {
    await mkdir(place());
    await put({ 'docker-compose.yml': '1' });
    await rm(root, { recursive: true });
    await put({ 'docker-compose.yml': '1' });
    expect(await names()).toEqual(['docker-compose.yml']);
  });

  test('links in the old folder are never followed', async () => {
    await mkdir(join(root, 'outside'));
    await writeFile(join(root, 'outside/keep'), 'x');
    await put({ 'docker-compose.yml': '1', 'sub/a': '1' });
    await rm(join(place(), 'sub'), { recursive: true });
    await symlink('../outside', join(place(), 'sub'));
    await put({ 'docker-compose.yml': '2', 'sub/a': '2' });
    expect(await readdir(join(root, 'outside'))).toEqual(['keep']);
    expect(await readFile(join(place(), 'sub/a'), 'utf8')).toBe('2');
  });
});
