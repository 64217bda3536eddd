import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { archiveBundle } from '../../src/bundle/archive.ts';
import { checkArchive } from '../../src/device/check-archive.ts';
import { once, readAll } from '../../src/lib/bytes.ts';
import { bundleFile } from '../support/bundle-file.ts';
import { paxEntry, type RawEntry, rawEntry, TAR_END, tarGzip } from '../support/tar-builder.ts';

const COMPOSE = rawEntry({ name: 'docker-compose.yml', content: 'services: {}\n' });
const GNU = 'ustar  \0';

async function check(bytes: Uint8Array) {
  const { content, findings } = await checkArchive(once(bytes), bytes.byteLength);
  const messages = findings.map(({ message }) => message).join('\n');
  return { content, codes: findings.map(({ code }) => code), messages };
}

/** The entries of an archive beside its compose file. */
const entries = (...list: RawEntry[]): Buffer => tarGzip(COMPOSE, ...list.map(rawEntry));

describe('archives that are taken', () => {
  test('what rebundle writes, pax names and empty files included', async () => {
    const long = `${'ordner-ü/'.repeat(20)}datei.txt`;
    const files = [
      bundleFile('docker-compose.yml', 'services: {}\n'),
      bundleFile(long, 'x'),
      bundleFile('run', '', { executable: true }),
    ];
    const { content, codes } = await check(await readAll(archiveBundle(files), 1 << 20, 'archive'));
    expect(codes).toEqual([]);
    const rowOf = ({ path, digest, executable }: (typeof files)[number]) => [path, digest, executable];
    expect(content.files.map(rowOf)).toEqual(files.map(rowOf));
    expect(content.compose).toBe('services: {}\n');
  });

  test.each<[string, Buffer]>([
    [
      'names that begin with ./',
      tarGzip(
        ...['./', './docker-compose.yml', './/a/b'].map((name) => rawEntry({ name, type: name === './' ? '5' : '0' })),
      ),
    ],
    [
      'GNU long names',
      tarGzip(COMPOSE, rawEntry({ type: 'L', content: 'a/b\0', magic: GNU }), rawEntry({ magic: GNU })),
    ],
    ['a comment for all', tarGzip(paxEntry({ comment: 'git' }, 'g'), COMPOSE, rawEntry({ name: 'b', prefix: 'a' }))],
    [
      'several gzip members',
      Buffer.concat([gzipSync(COMPOSE), gzipSync(Buffer.concat([rawEntry({ name: 'a/b' }), TAR_END]))]),
    ],
    ['zeros after the end', gzipSync(Buffer.concat([COMPOSE, rawEntry({ name: 'a/b' }), Buffer.alloc(10_240)]))],
  ])('%s', async (_name, bytes) => {
    const { content, codes } = await check(bytes);
    expect(codes).toEqual([]);
    expect(content.files.map(({ path }) => path)).toEqual(['docker-compose.yml', 'a/b']);
  });

  test('folders of their own', async () => {
    const { content, codes } = await check(entries({ name: 'data/empty/', type: '5', mode: 0o755 }));
    expect([codes, content.folders]).toEqual([[], ['data/empty']]);
  });
});

describe('entries that no bundle may have', () => {
  const pax = (records: Record<string, string>, entry: RawEntry = {}) =>
    tarGzip(COMPOSE, paxEntry(records), rawEntry(entry));
  test.each<[string, Buffer, RegExp]>([
    ['a symbolic link', entries({ name: 'l', type: '2', link: '/etc/passwd' }), /"l" is a symbolic link/],
    ['a hard link', entries({ name: 'l', type: '1', link: 'docker-compose.yml' }), /a hard link/],
    ['a character device', entries({ name: 'd', type: '3' }), /a character device/],
    ['a block device', entries({ name: 'd', type: '4' }), /a block device/],
    ['a named pipe', entries({ name: 'p', type: '6' }), /a named pipe/],
    ['an old sparse file', entries({ name: 's', type: 'S' }), /a sparse file/],
    ['a new sparse file', pax({ 'GNU.sparse.major': '1' }), /a sparse file/],
    ['an unknown type', entries({ name: 'u', type: 'Z' }), /unknown type "Z"/],
    ['a parent folder', entries({ name: '../x', content: 'x' }), /not a plain relative path/],
    ['a parent folder inside', entries({ name: 'a/../../x' }), /not a plain relative path/],
    ['a parent folder after ./', entries({ name: './../x' }), /not a plain relative path/],
    ['an absolute path', entries({ name: '/etc/x' }), /not a plain relative path/],
    ['a dot inside', entries({ name: 'a/./b' }), /not a plain relative path/],
    ['an empty name', entries({ name: '' }), /not a plain relative path/],
    ['a parent folder by pax', pax({ path: '../../x' }), /not a plain relative path/],
    ['a parent folder by GNU', entries({ type: 'L', content: '../x\0' }, { name: 'x' }), /not a plain relative path/],
    ['a parent folder by prefix', entries({ name: 'x', prefix: '..' }), /not a plain relative path/],
    ['a folder above', entries({ name: '../d/', type: '5' }), /the folder/],
    ['a name that is no UTF-8', entries({ name: Buffer.from([0xff, 0xfe]) }), /not UTF-8/],
    ['control characters', entries({ name: 'a\u001b[2Jb' }), /control characters/],
    ['a name that is too long', pax({ path: 'a'.repeat(256) }), /longer than 255/],
    ['a path that is too long', pax({ path: `${'a/'.repeat(600)}b` }), /longer than 1024/],
    ['a file twice', entries({ name: 'a' }, { name: 'a' }), /cannot be told apart/],
    ['a file twice by ./', entries({ name: 'a' }, { name: './a' }), /cannot be told apart/],
    ['names that differ in case', entries({ name: 'Ä' }, { name: 'ä' }), /cannot be told apart/],
    ['a file and a folder', entries({ name: 'a' }, { name: 'a/b' }), /cannot be told apart/],
    ['a folder and a file', entries({ name: 'a/', type: '5' }, { name: 'a' }), /is a file and a folder/],
    ['a set-user-id mode', entries({ name: 'a', mode: 0o4755 }), /has the mode 4755/],
  ])('%s', async (_name, bytes, words) => {
    const { codes, messages } = await check(bytes);
    expect([codes, messages]).toEqual([['verify.archive-entry'], expect.stringMatching(words)]);
  });

  test.each([
    '.env',
    'compose.yaml',
    'docker-compose.yaml',
    '.need_start',
    '.meta/x',
    'x.compose.override.yml',
    'a.tgz',
  ])('the reserved name %s is a warning', async (name) => {
    expect((await check(entries({ name }))).codes).toEqual(['verify.reserved-name']);
  });

  test('a compose file elsewhere is none', async () => {
    const { codes } = await check(tarGzip(rawEntry({ name: 'sub/docker-compose.yml' })));
    expect(codes).toEqual(['verify.compose-missing']);
  });

  test('thousands of wrong entries are some findings', async () => {
    const { codes, messages } = await check(
      entries(...Array.from({ length: 3000 }, (_, i) => ({ name: `l${i}`, type: '2' }))),
    );
    expect(codes).toHaveLength(11);
    expect(messages).toContain('2990 more');
  });
});

describe('archives that are damaged', () => {
  const whole = Buffer.concat([COMPOSE, rawEntry({ name: 'a', content: 'x'.repeat(700) }), TAR_END]);
  const long = (content: string): Buffer => rawEntry({ type: 'L', content });
  test.each<[string, Buffer, RegExp]>([
    ['no gzip', whole, /gzip stream is damaged/],
    ['nothing', Buffer.alloc(0), /cut off|without the blocks/],
    ['cut off gzip', gzipSync(whole).subarray(0, -9), /cut off/],
    ['a checksum of gzip', flipped(gzipSync(whole), -5), /gzip stream is damaged/],
    ['bytes after gzip', Buffer.concat([gzipSync(whole), Buffer.from('more')]), /gzip stream is damaged/],
    ['cut off within a file', gzipSync(whole.subarray(0, 1700)), /cut off/],
    ['cut off within a header', gzipSync(whole.subarray(0, 1200)), /cut off/],
    ['no end', gzipSync(COMPOSE), /without the blocks that mark its end/],
    ['half an end', gzipSync(Buffer.concat([COMPOSE, Buffer.alloc(512)])), /without the blocks/],
    [
      'a lone block of zeros',
      gzipSync(Buffer.concat([COMPOSE, Buffer.alloc(512), rawEntry({ name: 'b' }), TAR_END])),
      /follows its end/,
    ],
    ['bytes after its end', gzipSync(Buffer.concat([whole, Buffer.from('hidden')])), /follows its end/],
    ['a second archive', gzipSync(Buffer.concat([whole, whole])), /follows its end/],
    ['a wrong checksum', tarGzip(rawEntry({ breakChecksum: true })), /no valid header/],
    ['a size beyond the end', entries({ size: 1 << 29 }), /cut off/],
    ['two sizes', tarGzip(COMPOSE, paxEntry({ size: '0' }), rawEntry({ content: 'x'.repeat(512) })), /two sizes/],
    ['a global path', tarGzip(paxEntry({ path: 'x' }, 'g'), COMPOSE), /global pax record/],
    [
      'two pax records',
      tarGzip(COMPOSE, paxEntry({ path: 'a' }), paxEntry({ path: 'b' }), rawEntry({})),
      /two records/,
    ],
    ['two long names', tarGzip(COMPOSE, long('a'), long('b'), rawEntry({})), /twice/],
    ['a long name and a pax one', tarGzip(COMPOSE, long('a'), paxEntry({ path: 'b' }), rawEntry({})), /two records/],
    ['a pax record of no entry', tarGzip(COMPOSE, paxEntry({ path: 'a' })), /record of no entry/],
    [
      'a pax record with a wrong length',
      tarGzip(rawEntry({ type: 'x', content: '99 path=a\n' }), COMPOSE),
      /cannot be read/,
    ],
    ['a pax record of a megabyte', tarGzip(paxEntry({ comment: 'x'.repeat(1 << 20) }), COMPOSE), /a record of it/],
    ['a folder with content', entries({ name: 'd/', type: '5', content: 'x' }), /has content/],
    ['a link with content', entries({ name: 'l', type: '2', content: 'x' }), /has content/],
  ])('%s', async (_name, bytes, words) => {
    const { codes, messages, content } = await check(bytes);
    expect([codes.at(-1), messages]).toEqual(['verify.archive', expect.stringMatching(words)]);
    expect(content.files).toEqual([]);
  });

  test('a million empty files stop at the limit', async () => {
    const member = gzipSync(Buffer.concat(Array.from({ length: 50 }, () => rawEntry({ name: 'a' }))));
    const { codes, messages } = await check(Buffer.concat(Array.from({ length: 20_000 }, () => member)));
    expect([codes, messages]).toEqual([['verify.archive-limit'], expect.stringContaining('more than 10000 files')]);
  });

  test('folders without end stop at the limit', async () => {
    const many = Array.from({ length: 41_000 }, (_, i) => ({ name: `d${i}/`, type: '5' }));
    expect((await check(entries(...many))).codes).toEqual(['verify.archive-limit']);
  });

  test('a bomb stops long before it is unpacked', async () => {
    const zeros = gzipSync(Buffer.alloc(32 << 20));
    const head = gzipSync(rawEntry({ name: 'z', size: 16 * (32 << 20) }));
    const { codes, messages } = await check(Buffer.concat([head, ...Array.from({ length: 16 }, () => zeros)]));
    expect([codes, messages]).toEqual([['verify.archive-limit'], expect.stringMatching(/unpacks to more than/)]);
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? bytes.byteLength + at : at;
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}
