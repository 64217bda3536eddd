import { execFileSync } from 'node:child_process';
import { appendFile, chmod, mkdir, mkdtemp, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compareText } from '../../src/lib/bytes.ts';
import type { FileEntry } from '../../src/model/app.ts';
import { createFolderSource } from '../../src/source/folder.ts';
import type { Source } from '../../src/source/source.ts';

describe('folder source', () => {
  let parent: string;
  let root: string;
  let source: Source;

  beforeEach(async () => {
    parent = await realpath(await mkdtemp(join(tmpdir(), 'rebundle-source-')));
    root = join(parent, 'repo');
    await mkdir(root);
    source = createFolderSource({ root, repository: 'containers' });
  });
  afterEach(async () => {
    await rm(parent, { recursive: true, force: true });
  });

  const put = async (path: string, content: string | Uint8Array = path): Promise<string> => {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    return file;
  };
  const listOf = async (from: Source): Promise<FileEntry[]> => {
    const entries: FileEntry[] = [];
    for await (const entry of from.list()) entries.push(entry);
    return entries.sort((a, b) => compareText(a.path, b.path));
  };
  const pathsOf = async (from: Source): Promise<string[]> => (await listOf(from)).map((entry) => entry.path);
  const collect = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    return Buffer.concat(parts);
  };
  /** Both ways of reading must refuse alike. */
  const expectRefused = async (path: string, message: string): Promise<void> => {
    const refused = {
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining(message),
      origin: { repository: 'containers', path },
    };
    await expect(source.read(path, 1000)).rejects.toMatchObject(refused);
    await expect(collect(source.open(path))).rejects.toMatchObject(refused);
  };

  test('its origin is the repository', () => {
    expect(source.origin).toEqual({ repository: 'containers', path: '' });
  });

  test('lets timers and signals have their turn between files, and within a large one', async () => {
    await put('small', 'text');
    await put('large', Buffer.alloc(1024 * 1024, 'x'));
    const turnsDuring = async (task: Promise<unknown>): Promise<number> => {
      let turns = 0;
      let isOver = false;
      const count = (): void => {
        turns += 1;
        if (!isOver) setImmediate(count);
      };
      setImmediate(count);
      await task;
      isOver = true;
      return turns;
    };
    expect(await turnsDuring(source.read('small', 10))).toBeGreaterThan(0);
    expect(await turnsDuring(collect(source.open('large')))).toBeGreaterThan(10);
  });

  describe('list', () => {
    test('gives files with size and mode, and links', async () => {
      await put('app.dockerapp', '12345');
      await chmod(await put('run.sh', '#!'), 0o644);
      await chmod(await put('only-group.sh', '#!'), 0o650);
      await symlink('app.dockerapp', join(root, 'link'));
      await symlink('/nowhere', join(root, 'broken'));
      await chmod(join(root, 'app.dockerapp'), 0o600);
      expect(await listOf(source)).toEqual([
        { path: 'app.dockerapp', mode: 'file', size: 5 },
        { path: 'broken', mode: 'symlink', size: 8 },
        { path: 'link', mode: 'symlink', size: 13, target: { path: 'app.dockerapp', mode: 'file' } },
        { path: 'only-group.sh', mode: 'executable', size: 2 },
        { path: 'run.sh', mode: 'file', size: 2 },
      ]);
    });

    test('says what links in the repository lead to in the end', async () => {
      await put('a/b/file');
      await chmod(await put('run.sh', '#!'), 0o755);
      await put('.git/config');
      for (const [target, name] of [
        ['run.sh', 'one'],
        ['one', 'two'],
        ['a', 'folder'],
        ['folder/b', 'inner'],
        ['.', 'root'],
        ['..', 'above'],
        ['/etc/hostname', 'outside'],
        ['.git/config', 'git'],
        ['circle', 'circle'],
      ] as const) {
        await symlink(target, join(root, name));
      }
      const links = (await listOf(source)).filter(({ mode }) => mode === 'symlink');
      expect(Object.fromEntries(links.map(({ path, target }) => [path, target]))).toEqual({
        one: { path: 'run.sh', mode: 'executable' },
        two: { path: 'run.sh', mode: 'executable' },
        folder: { path: 'a', mode: 'directory' },
        inner: { path: 'a/b', mode: 'directory' },
      });
    });

    test('goes down, with hidden files, without .git and node_modules', async () => {
      for (const path of ['.env', '.github/x', 'a/b/c/d', 'a/.hidden/e', 'gitlike/.gitignore', 'my_node_modules/x'])
        await put(path);
      for (const path of ['.git/config', 'a/.git/config', 'node_modules/m/index.js', 'a/node_modules/m'])
        await put(path);
      await put('sub/.git', 'gitdir: ../elsewhere');
      await put('sub/file');
      expect(await pathsOf(source)).toEqual([
        '.env',
        '.github/x',
        'a/.hidden/e',
        'a/b/c/d',
        'gitlike/.gitignore',
        'my_node_modules/x',
        'sub/file',
      ]);
    });

    test('gives folders where they are empty or named as a package', async () => {
      await put('full/x');
      await put('app.dockerapp/metadata.yml', 'm');
      await mkdir(join(root, 'empty.dockerapp'));
      await mkdir(join(root, 'outer/inner'), { recursive: true });
      expect(await listOf(source)).toEqual([
        { path: 'app.dockerapp', mode: 'directory', size: 0 },
        { path: 'app.dockerapp/metadata.yml', mode: 'file', size: 1 },
        { path: 'empty.dockerapp', mode: 'directory', size: 0 },
        { path: 'full/x', mode: 'file', size: 6 },
        { path: 'outer/inner', mode: 'directory', size: 0 },
      ]);
    });

    test('follows no link to a folder', async () => {
      await put('real/x');
      await symlink('real', join(root, 'alias'));
      await symlink('..', join(root, 'up'));
      await symlink('.', join(root, 'loop'));
      expect((await listOf(source)).map(({ path, mode }) => `${path} ${mode}`)).toEqual([
        'alias symlink',
        'loop symlink',
        'real/x file',
        'up symlink',
      ]);
    });

    test('gives names with special characters as they are', async () => {
      const names = [
        'a b',
        'b\\c',
        '[x]',
        '!neg',
        '{a,b}',
        '*',
        'ü',
        '-n',
        'line\nbreak',
        '\nfirst',
        'end\n',
        'cr\rx',
        'u\u2028x',
      ];
      for (const name of names) await put(`in/${name}`, 'x');
      expect(await pathsOf(source)).toEqual(names.map((name) => `in/${name}`).sort(compareText));
      for (const name of names) expect((await source.read(`in/${name}`, 10)).toString()).toBe('x');
    });

    test('what cannot be named is listed as other, never left out', async () => {
      await put('line\nbreak/x');
      await writeFile(Buffer.concat([Buffer.from(`${root}/bad`), Buffer.from([0xff])]), 'x');
      await mkdir(Buffer.concat([Buffer.from(`${root}/dir`), Buffer.from([0xff])]));
      execFileSync('mkfifo', [join(root, 'fifo')]);
      expect(await listOf(source)).toEqual(
        ['bad\ufffd', 'dir\ufffd', 'fifo', 'line\nbreak'].map((path) => ({ path, mode: 'other', size: 0 })),
      );
    });

    test('leaves out what is ignored, with all that it holds, and nothing else', async () => {
      for (const path of ['out/apps/x', 'out2/x', 'a/out/x', 'we[i]rd (1)/x', 'wei/x']) await put(path);
      const ignore = [
        join(root, 'out'),
        join(root, 'we[i]rd (1)'),
        join(root, 'not-there'),
        '/elsewhere',
        parent,
        root,
      ];
      expect(await pathsOf(createFolderSource({ root, repository: 'r', ignore }))).toEqual([
        'a/out/x',
        'out2/x',
        'wei/x',
      ]);
    });

    test('finds what is ignored through links too', async () => {
      await put('out/x');
      await put('y');
      await symlink(root, join(parent, 'alias'));
      expect(await pathsOf(createFolderSource({ root, repository: 'r', ignore: [join(parent, 'alias/out')] }))).toEqual(
        ['y'],
      );
      const linked = createFolderSource({ root: join(parent, 'alias'), repository: 'r', ignore: [join(root, 'out')] });
      expect(await pathsOf(linked)).toEqual(['y']);
    });

    test('a root that is not there or no folder is an error with a hint', async () => {
      const file = await put('file');
      for (const bad of [join(parent, 'missing'), file]) {
        const listing = listOf(createFolderSource({ root: bad, repository: 'containers' }));
        await expect(listing).rejects.toMatchObject({
          code: 'SOURCE_UNREADABLE',
          message: expect.stringContaining(bad),
          hint: expect.any(String),
          origin: { repository: 'containers', path: '' },
        });
      }
    });

    test('a folder that cannot be read fails the whole list', async () => {
      await put('app.dockerapp');
      // A path over the 4,096 bytes that the system takes: nobody may read it, not even root.
      const deep = 'p=$(printf "%0250d" 0) && cd "$1" && for i in $(seq 17); do mkdir $p && cd -P ./$p || exit 1; done';
      execFileSync('bash', ['-c', deep, 'bash', root]);
      try {
        await expect(listOf(source)).rejects.toMatchObject({
          code: 'SOURCE_UNREADABLE',
          message: expect.stringContaining('ENAMETOOLONG'),
          origin: { repository: 'containers', path: expect.stringMatching(/^0{250}/) },
        });
      } finally {
        execFileSync('rm', ['-rf', root]);
      }
    });
  });

  describe('read and open', () => {
    test('give the same bytes', async () => {
      const bytes = Buffer.alloc(200_000, 'abc\xff', 'latin1');
      await put('a/big.bin', bytes);
      await put('empty', '');
      expect((await source.read('a/big.bin', 200_000)).equals(bytes)).toBe(true);
      expect((await collect(source.open('a/big.bin'))).equals(bytes)).toBe(true);
      expect((await source.read('empty', 0)).byteLength).toBe(0);
    });

    test('a file over the limit names the limit and the file', async () => {
      await put('big', Buffer.alloc(11));
      await expect(source.read('big', 10)).rejects.toMatchObject({
        code: 'SOURCE_LIMIT',
        message: "'big' has 11 bytes; the limit is 10",
        origin: { repository: 'containers', path: 'big' },
      });
    });

    test.each(['', '..', '../repo/x', 'a/../x', '/etc/passwd', 'x\0y', '../../etc/passwd'])(
      'the path %j is refused',
      async (path) => {
        await put('x');
        await put('a/x');
        await expectRefused(path, 'is not a path below the repository');
      },
    );

    test('a file that is not there is an error', async () => {
      await put('file');
      await expectRefused('missing', 'ENOENT');
      await expectRefused('file/below', 'ENOTDIR');
    });

    test('links below the root are read through', async () => {
      await put('real/x', 'content');
      await symlink('real/x', join(root, 'relative'));
      await symlink(join(root, 'real/x'), join(root, 'absolute'));
      await symlink('real', join(root, 'folder'));
      for (const path of ['relative', 'absolute', 'folder/x'])
        expect((await source.read(path, 10)).toString()).toBe('content');
    });

    test('links that leave the root are refused, in parent folders too', async () => {
      await writeFile(join(parent, 'secret'), 'secret');
      await mkdir(join(parent, 'repo-2'));
      await writeFile(join(parent, 'repo-2', 'x'), 'secret');
      await symlink('../secret', join(root, 'direct'));
      await symlink(join(parent, 'secret'), join(root, 'absolute'));
      await symlink('..', join(root, 'up'));
      await symlink('direct', join(root, 'chain'));
      await symlink('../repo-2', join(root, 'sibling'));
      for (const path of ['direct', 'absolute', 'up/secret', 'chain', 'sibling/x'])
        await expectRefused(path, 'leaves the repository');
    });

    test('what is inside .git is refused, also through a link', async () => {
      await put('.git/config', 'token');
      await symlink('.git/config', join(root, 'innocent'));
      await symlink('.git', join(root, 'folder'));
      for (const path of ['.git/config', 'innocent', 'folder/config']) await expectRefused(path, 'is inside .git');
    });

    test('folders, FIFOs and broken links are refused at once', async () => {
      await mkdir(join(root, 'folder'));
      execFileSync('mkfifo', [join(root, 'fifo')]);
      await symlink('fifo', join(root, 'to-fifo'));
      await symlink('nowhere', join(root, 'broken'));
      await symlink('loop', join(root, 'loop'));
      await expectRefused('folder', 'is not a file');
      await expectRefused('fifo', 'is not a file');
      await expectRefused('to-fifo', 'is not a file');
      await expectRefused('broken', 'ENOENT');
      await expectRefused('loop', 'ELOOP');
    });

    test('the root may be a link itself', async () => {
      await put('x', 'content');
      await symlink('repo', join(parent, 'alias'));
      const linked = createFolderSource({ root: join(parent, 'alias'), repository: 'r' });
      expect((await linked.read('x', 10)).toString()).toBe('content');
      expect(await pathsOf(linked)).toEqual(['x']);
    });

    test.each([
      ['grows', (file: string) => appendFile(file, 'more')],
      ['shrinks', (file: string) => writeFile(file, 'short')],
      ['is touched', (file: string) => utimes(file, 1, 1)],
    ])('a file that %s while it is read is refused', async (_, change) => {
      const file = await put('log', Buffer.alloc(150_000));
      const reading = async (): Promise<void> => {
        let first = true;
        for await (const chunk of source.open('log')) {
          expect(chunk.byteLength).toBeGreaterThan(0);
          if (first) await change(file);
          first = false;
        }
      };
      await expect(reading()).rejects.toMatchObject({
        code: 'SOURCE_UNREADABLE',
        message: expect.stringContaining('changed'),
      });
    });

    test('a foreign name is shown escaped', async () => {
      await expect(source.read('no\u001b[31mred\n', 10)).rejects.toThrow("'no\\x1b[31mred\\n' cannot be read");
    });
  });
});
