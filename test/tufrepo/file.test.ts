import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../src/lib/digest.ts';
import { createFileTufRepo } from '../../src/tufrepo/file.ts';
import type { TufRepo } from '../../src/tufrepo/tuf-repo.ts';

const checksumOf = (text: string): string => hexOf(digestOf(text));

describe('file TUF repository', () => {
  let folder: string;
  let path: string;
  let repo: TufRepo;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rebundle-tuf-'));
    path = join(folder, 'targets.json');
    repo = createFileTufRepo(path);
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const write = (text: string, expected: string): Promise<void> => repo.writeTargets(Buffer.from(text), expected);

  describe('the targets file', () => {
    test('is located by its path', () => {
      expect(repo.location).toBe(path);
    });

    test('is undefined while there is none, and reading makes nothing', async () => {
      expect(await repo.readTargets()).toBeUndefined();
      expect(await createFileTufRepo(join(folder, 'no/such/targets.json')).readTargets()).toBeUndefined();
      expect(await readdir(folder)).toEqual([]);
    });

    test('is written, read with its checksum, and replaced; nothing else is left', async () => {
      await write('one', 'absent');
      expect(await repo.readTargets()).toEqual({ bytes: Buffer.from('one'), checksum: checksumOf('one') });
      await write('two', checksumOf('one'));
      expect(await repo.readTargets()).toEqual({ bytes: Buffer.from('two'), checksum: checksumOf('two') });
      expect(await readdir(folder)).toEqual(['targets.json']);
    });

    test('its folder is made', async () => {
      const deep = createFileTufRepo(join(folder, 'a/b/targets.json'));
      await deep.writeTargets(Buffer.from('x'), 'absent');
      expect((await deep.readTargets())?.bytes.toString()).toBe('x');
    });

    test.each([
      ['was made since', 'theirs', 'absent'],
      ['was changed since', 'theirs', checksumOf('mine')],
      ['was removed since', undefined, checksumOf('mine')],
    ])('a file that %s is a conflict and stays as it is', async (_, content, expected) => {
      if (content !== undefined) await writeFile(path, content);
      await expect(write('new', expected)).rejects.toMatchObject({
        code: 'TARGETS_CONFLICT',
        message: expect.stringContaining(path),
        hint: expect.any(String),
      });
      expect(await readFile(path, 'utf8').catch(() => undefined)).toBe(content);
      expect((await readdir(folder)).filter((name) => name !== 'targets.json')).toEqual([]);
    });

    test.each(['absent', checksumOf('base')])(
      'of many writers at once that expect %s exactly one wins',
      async (expected) => {
        if (expected !== 'absent') await writeFile(path, 'base');
        const writers = Array.from({ length: 20 }, (_, i) =>
          createFileTufRepo(path).writeTargets(Buffer.from(`writer ${i}`), expected),
        );
        const results = await Promise.allSettled(writers);
        const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [`writer ${i}`] : []));
        expect(winners).toEqual([await readFile(path, 'utf8')]);
        for (const result of results) {
          if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'TARGETS_CONFLICT' });
        }
        expect(await readdir(folder)).toEqual(['targets.json']);
      },
    );

    test('is whole at every moment', async () => {
      const texts = ['a'.repeat(300_000), 'b'.repeat(200_000)];
      await write(texts[0]!, 'absent');
      let writing = true;
      const reading = (async () => {
        const seen = new Set<string>();
        while (writing) seen.add(await readFile(path, 'utf8'));
        return seen;
      })();
      for (let i = 1; i < 30; i += 1) await write(texts[i % 2]!, checksumOf(texts[(i + 1) % 2]!));
      writing = false;
      for (const text of await reading) expect(texts).toContain(text);
    });

    test('its mode stays, and a link stays a link', async () => {
      const real = join(folder, 'real.json');
      await writeFile(real, 'one');
      await chmod(real, 0o640);
      await symlink('real.json', path);
      await write('two', checksumOf('one'));
      expect(await readFile(real, 'utf8')).toBe('two');
      expect((await stat(real)).mode & 0o777).toBe(0o640);
      expect((await lstat(path)).isSymbolicLink()).toBe(true);
    });

    test('what a killed run left does no harm', async () => {
      await writeFile(join(folder, `.rebundle-${'0'.repeat(24)}.tmp`), 'half');
      await write('one', 'absent');
      expect((await repo.readTargets())?.bytes.toString()).toBe('one');
    });

    test('what is no file, or too large, is invalid', async () => {
      const invalid = { code: 'TARGETS_INVALID', message: expect.stringContaining(path) };
      await mkdir(path);
      await expect(repo.readTargets()).rejects.toMatchObject(invalid);
      await rm(path, { recursive: true });
      execFileSync('mkfifo', [path]);
      await expect(repo.readTargets()).rejects.toMatchObject(invalid);
      await rm(path);
      await writeFile(path, '');
      await truncate(path, 64 * 1024 * 1024);
      expect((await repo.readTargets())?.bytes.byteLength).toBe(64 * 1024 * 1024);
      await truncate(path, 64 * 1024 * 1024 + 1);
      await expect(repo.readTargets()).rejects.toMatchObject(invalid);
    });

    test('a place that cannot be written is an error with its path', async () => {
      await writeFile(join(folder, 'file'), '');
      const bad = join(folder, 'file', 'targets.json');
      await expect(createFileTufRepo(bad).writeTargets(Buffer.from('x'), 'absent')).rejects.toMatchObject({
        code: 'OUTPUT_UNWRITABLE',
        message: expect.stringContaining(bad),
      });
    });
  });

  describe('file targets', () => {
    const bytes = Buffer.from('version: 0.1\n');

    test('are in targets/ beside the file', async () => {
      expect(await repo.getTarget('shop.dockerapp-7')).toBeUndefined();
      expect(await repo.putTarget('shop.dockerapp-7', bytes)).toBe('created');
      expect(await repo.getTarget('shop.dockerapp-7')).toEqual(bytes);
      expect(await readdir(join(folder, 'targets'))).toEqual(['shop.dockerapp-7']);
      expect(await readFile(join(folder, 'targets', 'shop.dockerapp-7'))).toEqual(bytes);
    });

    test('equal bytes exist already: no byte and no time changes', async () => {
      await repo.putTarget('a', bytes);
      const file = join(folder, 'targets', 'a');
      const old = new Date('2020-01-01T00:00:00Z');
      await utimes(file, old, old);
      expect(await repo.putTarget('a', bytes)).toBe('exists');
      expect((await stat(file)).mtime).toEqual(old);
      expect(await repo.getTarget('a')).toEqual(bytes);
    });

    test('other bytes under the name are a conflict and the first stay', async () => {
      await repo.putTarget('a', bytes);
      await expect(repo.putTarget('a', Buffer.from('else'))).rejects.toMatchObject({
        code: 'TARGETS_CONFLICT',
        message: expect.stringContaining("'a'"),
      });
      expect(await repo.getTarget('a')).toEqual(bytes);
    });

    test('the same one put many times at once is created once', async () => {
      const results = await Promise.all(
        Array.from({ length: 20 }, () => createFileTufRepo(path).putTarget('a', bytes)),
      );
      expect(results.filter((result) => result === 'created')).toHaveLength(1);
      expect(await readdir(join(folder, 'targets'))).toEqual(['a']);
    });

    test('different ones put at once under one name: the first stays, the others are conflicts', async () => {
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => repo.putTarget('a', Buffer.from(`bytes ${i}`))),
      );
      const created = results.flatMap((result, i) => (result.status === 'fulfilled' ? [`bytes ${i}`] : []));
      expect(created).toEqual([(await repo.getTarget('a'))?.toString()]);
    });

    test('a name may have parts', async () => {
      await repo.putTarget('factory/shop', bytes);
      expect(await readFile(join(folder, 'targets/factory/shop'))).toEqual(bytes);
    });

    test.each(['a', 'x'.repeat(253), 'a b', '.hidden', 'shop.dockerapp-1', "quote'", '-rf', 'back\\slash'])(
      'the name %j is taken',
      async (name) => {
        expect(await repo.putTarget(name, bytes)).toBe('created');
        expect(await repo.getTarget(name)).toEqual(bytes);
      },
    );

    test.each([
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '.',
      './a',
      'a/.',
      '..',
      '../a',
      'a/../b',
      'a..b',
      'a\nb',
      'a\0',
      'ü',
      '\x7f',
      'x'.repeat(254),
    ])('the name %j is refused', async (name) => {
      await expect(repo.putTarget(name, bytes)).rejects.toMatchObject({ code: 'TARGETS_NAME' });
      await expect(repo.getTarget(name)).rejects.toMatchObject({ code: 'TARGETS_NAME' });
      expect(await readdir(folder)).toEqual([]);
    });

    test('what is no file is invalid', async () => {
      await mkdir(join(folder, 'targets/a'), { recursive: true });
      await expect(repo.getTarget('a')).rejects.toMatchObject({ code: 'TARGETS_INVALID' });
      await expect(repo.putTarget('a', bytes)).rejects.toMatchObject({ code: 'TARGETS_INVALID' });
    });
  });
});
