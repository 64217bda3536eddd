import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { extract } from 'tar';
import { afterEach, describe, expect, it } from 'vitest';
import { archiveBundle, orderBundleFiles } from '../../src/bundle/archive.ts';
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES } from '../../src/bundle/limits.ts';
import { readAll } from '../../src/lib/bytes.ts';
import { digestOf } from '../../src/lib/digest.ts';
import type { BundleFile } from '../../src/model/app.ts';
import { bundleFile, noiseBytes } from '../support/bundle-file.ts';

const COMPOSE = 'services:\n  web:\n    image: a/b@sha256:0\n';
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rebundle-archive-'));
  folders.push(folder);
  return folder;
}

async function pack(files: readonly BundleFile[]): Promise<Buffer> {
  return readAll(archiveBundle(files), MAX_BUNDLE_BYTES, 'archive');
}

type Tree = Record<string, { readonly executable: boolean; readonly content: string }>;

function readTree(root: string, prefix = ''): Tree {
  const tree: Tree = Object.create(null);
  for (const entry of readdirSync(join(root, prefix), { withFileTypes: true })) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) Object.assign(tree, readTree(root, path));
    else {
      const executable = (statSync(join(root, path)).mode & 0o111) !== 0;
      tree[path] = { executable, content: readFileSync(join(root, path), 'hex') };
    }
  }
  return tree;
}

const plain = [
  bundleFile('docker-compose.yml', COMPOSE),
  bundleFile('conf/nginx.conf', 'events {}\n'),
  bundleFile('run.sh', '#!/bin/sh\nexec true\n', { executable: true }),
  bundleFile('empty', ''),
  bundleFile(`deep/${'folder/'.repeat(28)}leaf.txt`, 'x'),
  bundleFile(`${'long'.repeat(50)}.txt`, 'y'),
  bundleFile('sprachen/grüße-水-🚢.txt', 'z'),
];

describe('format 1', () => {
  // A change of one of these digests makes every device download every app again.
  it('keeps the digest of a bundle of all kinds of names', async () => {
    expect(digestOf(await pack(plain))).toBe('sha256:8d42a243ca2a89b5c3e03d41c0ab56af8a76aed850ddf358a1061b60e2ce403e');
  });

  it('keeps the digest of a bundle of many pushes', async () => {
    const files = [
      bundleFile('docker-compose.yml', COMPOSE.repeat(2000)),
      bundleFile('noise.bin', noiseBytes(300_000)),
      bundleFile('zeros.bin', Buffer.alloc(200_000)),
    ];
    expect(digestOf(await pack(files))).toBe('sha256:5a87fcfd1c5be997e3396a3e42434d49372f47dc2681b1c2ec822b15465925b6');
  });

  it('keeps the digest of a tar stream of exactly one push', async () => {
    const files = [bundleFile('docker-compose.yml', noiseBytes(65_536 - 512 - 1024))];
    const archive = await pack(files);
    expect(gunzipSync(archive).byteLength).toBe(65_536);
    expect(digestOf(archive)).toBe('sha256:dc6e5cecf5687f1daa5b680c30ad74b523fad50e7021a1b70cb5e5c157770168');
  });

  it('has a gzip header without time, name or host', async () => {
    expect((await pack(plain)).subarray(0, 10).toString('hex')).toBe('1f8b0800000000000003');
  });

  it('starts with docker-compose.yml, without ./, and ends with two empty blocks', async () => {
    const tar = gunzipSync(await pack(plain.toReversed()));
    expect(tar.subarray(0, 19).toString()).toBe('docker-compose.yml\0');
    expect(tar.subarray(-1024).equals(Buffer.alloc(1024))).toBe(true);
    expect(tar.byteLength % 512).toBe(0);
  });

  it('fixes owner, time and mode, and orders by path', async () => {
    const archive = await pack(plain.toReversed());
    const listing = execFileSync('tar', ['-tvzf', '-', '--quoting-style=literal'], {
      input: archive,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' },
    });
    const rows = listing.trimEnd().split('\n');
    expect(rows.map((row) => row.replace(/\s+\d+ 1970-01-01 00:00 .*$/, ''))).toEqual([
      '-rw-r--r-- 0/0',
      '-rw-r--r-- 0/0',
      '-rw-r--r-- 0/0',
      '-rw-r--r-- 0/0',
      '-rw-r--r-- 0/0',
      '-rwxr-xr-x 0/0',
      '-rw-r--r-- 0/0',
    ]);
    expect(rows.map((row) => row.replace(/^.* 00:00 /, '').slice(0, 18))).toEqual([
      'docker-compose.yml',
      'conf/nginx.conf',
      'deep/folder/folder',
      'empty',
      'longlonglonglonglo',
      'run.sh',
      expect.stringMatching(/^sprachen\//),
    ]);
  });

  it('writes pax records only where ustar cannot hold the name', async () => {
    const types = (tar: Buffer): string[] => {
      const found: string[] = [];
      for (let at = 0; at < tar.byteLength && tar[at] !== 0; ) {
        found.push(String.fromCharCode(tar[at + 156] ?? 0));
        at += 512 + Math.ceil(Number.parseInt(tar.subarray(at + 124, at + 135).toString(), 8) / 512) * 512;
      }
      return found;
    };
    const compose = bundleFile('docker-compose.yml', COMPOSE);
    const split = bundleFile(`${'d'.repeat(150)}/${'f'.repeat(90)}`, '');
    expect(types(gunzipSync(await pack([compose, split])))).toEqual(['0', '0']);
    expect(types(gunzipSync(await pack([compose, bundleFile('f'.repeat(101), '')])))).toEqual(['0', 'x', '0']);
    expect(types(gunzipSync(await pack([compose, bundleFile('é', '')])))).toEqual(['0', 'x', '0']);
  });
});

const name = fc
  .oneof(
    { weight: 4, arbitrary: fc.stringMatching(/^[a-z][a-zA-Z0-9._ -]{0,11}$/) },
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }) },
    { weight: 1, arbitrary: fc.stringMatching(/^[a-z]{100,220}$/) },
  )
  .filter((text) => !/[/\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufffd]/u.test(text) && text !== '.' && text !== '..');

const node = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 6 }).map((names) => names.join('/')),
  content: fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.integer({ min: 0, max: 3 }).map((n) => noiseBytes(n * 512)),
    fc.integer({ min: 60_000, max: 140_000 }).map((n) => noiseBytes(n)),
  ),
  executable: fc.boolean(),
});

/** Trees without names that clash; those are refused, see below. */
const tree = fc.array(node, { maxLength: 12 }).map((nodes) => {
  const kept = [{ path: 'docker-compose.yml', content: Buffer.from(COMPOSE) as Uint8Array, executable: false }];
  for (const candidate of nodes) {
    const files = [...kept, candidate].map((item) => bundleFile(item.path, ''));
    try {
      orderBundleFiles(files);
      kept.push(candidate);
    } catch {}
  }
  return kept;
});

describe('archiveBundle', () => {
  it('is unpacked by tar -xzf and by node-tar to the tree that went in', async () => {
    let most = 0;
    await fc.assert(
      fc.asyncProperty(tree, async (nodes) => {
        most = Math.max(most, nodes.length);
        const expected: Tree = Object.create(null);
        for (const item of nodes) {
          expected[item.path] = { executable: item.executable, content: Buffer.from(item.content).toString('hex') };
        }
        const archive = await pack(nodes.map((item) => bundleFile(item.path, item.content, item)));
        const gnu = tempFolder();
        execFileSync('tar', ['-xzf', '-', '-C', gnu], { input: archive });
        expect(readTree(gnu)).toEqual(expected);
        const other = tempFolder();
        const unpack = extract({ cwd: other, sync: true, strict: true });
        unpack.end(archive);
        expect(readTree(other)).toEqual(expected);
        for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
      }),
      { numRuns: 150 },
    );
    expect(most).toBeGreaterThan(3);
  });

  it('does not depend on the order of files or on the sizes of chunks', async () => {
    const content = noiseBytes(150_001);
    const make = (chunk: number) => [
      bundleFile('docker-compose.yml', COMPOSE, { chunk }),
      bundleFile('a/data.bin', content, { chunk }),
      bundleFile('b', 'b', { chunk, executable: true }),
      bundleFile('B2', '', { chunk }),
    ];
    const expected = digestOf(await pack(make(65_536)));
    for (const chunk of [1, 511, 1000, 65_535, 65_537, 1_000_000]) {
      expect(digestOf(await pack(make(chunk)))).toBe(expected);
    }
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(make(4096), { minLength: 4 }), async (files) => {
        expect(digestOf(await pack(files))).toBe(expected);
      }),
      { numRuns: 10 },
    );
  });

  it('yields as it reads, and holds no more than some pushes', async () => {
    let read = 0;
    const size = 4 * 1024 * 1024;
    const noise = noiseBytes(65_536);
    const big: BundleFile = {
      ...bundleFile('big', ''),
      size,
      async *open() {
        for (; read < size; read += noise.byteLength) yield noise;
      },
    };
    const archive = archiveBundle([bundleFile('docker-compose.yml', COMPOSE), big]);
    await archive.next();
    expect(read).toBeLessThan(size / 8);
    await archive.return(undefined);
  });

  it.each([
    ['shorter', { size: 5 }, 'abcd'],
    ['longer', { size: 3 }, 'abcd'],
    ['of equal size with other bytes', {}, 'abce'],
  ])('refuses a file that is %s than was hashed', async (_, change, content) => {
    const hashed = { ...bundleFile('conf/a', 'abcd'), ...change };
    const file = { ...hashed, open: bundleFile('conf/a', content).open };
    await expect(pack([bundleFile('docker-compose.yml', COMPOSE), file])).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: '"conf/a" changed while it was read',
    });
  });

  it('passes on what a file throws', async () => {
    const failure = new Error('gone');
    const file: BundleFile = {
      ...bundleFile('a', 'a'),
      // biome-ignore lint/correctness/useYield: a stream that fails before its first chunk
      async *open() {
        throw failure;
      },
    };
    await expect(pack([bundleFile('docker-compose.yml', COMPOSE), file])).rejects.toBe(failure);
  });
});

describe('orderBundleFiles', () => {
  const compose = bundleFile('docker-compose.yml', COMPOSE);

  it('puts docker-compose.yml first and compares by UTF-16 units', () => {
    const files = ['é', 'z', 'Y', 'a.b', 'a/b', 'docker-compose.yml', '-'].map((path) => bundleFile(path, ''));
    const paths = orderBundleFiles(files).map((file) => file.path);
    expect(paths).toEqual(['docker-compose.yml', '-', 'Y', 'a.b', 'a/b', 'z', 'é']);
  });

  it.each([
    ['empty', ''],
    ['absolute', '/etc/passwd'],
    ['above the root', '../x'],
    ['above the root, from below', 'a/../../x'],
    ['with a leading ./', './docker-compose.yml'],
    ['with an empty name', 'a//b'],
    ['with a final slash', 'a/'],
    ['with a newline', 'a\nb'],
    ['with NUL', 'a\0b'],
    ['with a C1 control', 'a\u009bb'],
    ['with a line separator', 'a\u2028b'],
    ['with half a surrogate pair', '\ud800'],
    ['that was not UTF-8', 'lossy\ufffd'],
    ['with a name of 256 bytes', 'n'.repeat(256)],
    ['with a name of 256 bytes in 128 letters', 'é'.repeat(128)],
    ['of 1,026 bytes', `${'name/'.repeat(205)}x`],
  ])('refuses a path %s', (_, path) => {
    expect(() => orderBundleFiles([compose, bundleFile(path, '')])).toThrow(
      expect.objectContaining({ code: 'BUNDLE_PATH' }),
    );
  });

  it('escapes what a message quotes', () => {
    expect(() => orderBundleFiles([compose, bundleFile('a\u001b[2J\u009b\u2028', '')])).toThrow(
      /"a\\u001b\[2J\\u009b\\u2028"/,
    );
  });

  it.each([
    ['equal', 'a', 'a'],
    ['equal after case folding', 'README', 'readme'],
    ['equal after full case folding', 'straße', 'STRASSE'],
    ['equal after Unicode normalisation', 'caf\u00e9', 'cafe\u0301'],
    ['folders equal after case folding', 'Conf/a', 'conf/b'],
    ['a file and a folder', 'a', 'a/b'],
    ['a file and a folder that differ in case', 'A', 'a/b/c'],
    ['docker-compose.yml in other letters', 'docker-compose.yml', 'Docker-Compose.yml'],
  ])('refuses names that are %s', (_, one, other) => {
    const files = [one, other].filter((path) => path !== 'docker-compose.yml').map((path) => bundleFile(path, ''));
    expect(() => orderBundleFiles([compose, ...files])).toThrow(
      expect.objectContaining({ code: 'BUNDLE_PATH', message: expect.stringContaining('cannot be in one bundle') }),
    );
  });

  it('takes names that only begin alike', () => {
    const files = ['a', 'a.b', 'ab/a', 'ab/b', 'abc'].map((path) => bundleFile(path, ''));
    expect(orderBundleFiles([compose, ...files])).toHaveLength(6);
  });

  it('needs docker-compose.yml at the root', () => {
    expect(() => orderBundleFiles([bundleFile('sub/docker-compose.yml', '')])).toThrow(
      expect.objectContaining({ code: 'BUNDLE_FILE_MISSING' }),
    );
  });

  it('counts the whole tar stream against its limit', () => {
    const room = MAX_BUNDLE_BYTES - 512 - 512 - 512 - 1024;
    const files = (size: number) => [compose, { ...bundleFile('big', ''), size }];
    expect(orderBundleFiles(files(room))).toHaveLength(2);
    expect(() => orderBundleFiles(files(room + 1))).toThrow(expect.objectContaining({ code: 'BUNDLE_LIMIT' }));
  });

  it('limits the number of files', () => {
    const files = Array.from({ length: MAX_BUNDLE_FILES - 1 }, (_, i) => bundleFile(`f${i}`, ''));
    expect(orderBundleFiles([compose, ...files])).toHaveLength(MAX_BUNDLE_FILES);
    expect(() => orderBundleFiles([compose, ...files, bundleFile('one-more', '')])).toThrow(
      expect.objectContaining({ code: 'BUNDLE_LIMIT' }),
    );
  });
});
