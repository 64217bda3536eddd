import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findGitDir } from '../../src/source/git-dir.ts';
import { hashObject } from '../../src/source/git-object.ts';
import { createGitStore, type GitStore } from '../../src/source/git-store.ts';
import { GitFolder } from '../support/git-repository.ts';

/** Holds one history that tests copy. */
let template: GitFolder;
let folder: GitFolder;
let stores: GitStore[];

beforeAll(() => {
  template = new GitFolder();
  writeHistory(template);
});
afterAll(() => template.close());

beforeEach(() => {
  folder = new GitFolder();
  stores = [];
});
afterEach(() => {
  for (const store of stores) store.close();
  folder.close();
});

function open(path: string): GitStore {
  const place = findGitDir(folder.path(path));
  if (place === undefined) throw new Error(`${path} is no repository`);
  const store = createGitStore(place);
  stores.push(store);
  return store;
}

/** A history of texts that are alike, so that packs hold deltas. */
function writeHistory(folder: GitFolder, ...init: string[]): void {
  folder.init('r', ...init);
  const lines = Array.from({ length: 400 }, (_, i) => `line ${i} ${createHash('md5').update(`${i}`).digest('hex')}`);
  for (let round = 0; round < 5; round++) {
    lines[round * 50] = `changed in round ${round}`;
    folder.write('r/long.txt', lines.join('\n'));
    for (let i = 0; i < 8; i++) folder.write(`r/sub/deep/file-${i}`, `${i} ${i === round ? round : ''}`);
    folder.write('r/binary', createHash('sha512').update(`${round}`).digest());
    folder.commit('r', `round ${round}`);
  }
  folder.git('r', 'tag', '-a', 'v1', '-m', 'one');
}

function copyHistory(): void {
  cpSync(template.path('r'), folder.path('r'), { recursive: true });
}

interface Listed {
  readonly id: string;
  readonly type: string;
  readonly size: number;
}

function listObjects(path: string): Listed[] {
  const text = folder.git(path, 'cat-file', '--batch-all-objects', '--batch-check');
  return text.split('\n').map((line) => {
    const [id = '', type = '', size] = line.split(' ');
    return { id, type, size: Number(size) };
  });
}

/** Every object of the repository is answered, and as git has it: the content has the id. */
function expectAll(path: string): void {
  const objects = listObjects(path);
  const store = open(path);
  for (const { id, type, size } of objects) {
    expect(store.find(id, false), id).toMatchObject({ id, type, size });
  }
  for (const { id, type, size } of objects) {
    const found = store.find(id, true);
    expect(found, id).toMatchObject({ id, type, size });
    expect(found && hashObject(found, found.bytes)).toBe(id);
  }
}

function packOf(path: string, extension = '.pack'): string {
  const packs = folder.path(`${path}/.git/objects/pack`);
  const [name] = readdirSync(packs).filter((each) => each.endsWith(extension));
  if (name === undefined) throw new Error('there is no pack');
  return join(packs, name);
}

function countDeltas(path: string): number {
  const text = folder.git(path, 'verify-pack', '-v', packOf(path, '.idx'));
  return text.split('\n').filter((line) => /^[0-9a-f]+ \w+\s+\d+ \d+ \d+ \d+ [0-9a-f]+$/.test(line)).length;
}

describe.each(['sha1', 'sha256'])('the objects of a %s repository', (format) => {
  it('are those of git where each is a file, in packs with deltas by offset and by id, in several packs, and mixed', () => {
    writeHistory(folder, `--object-format=${format}`);
    expectAll('r');
    folder.git('r', 'gc', '--quiet');
    expect(countDeltas('r')).toBeGreaterThan(4);
    expectAll('r');
    folder.git('r', '-c', 'repack.useDeltaBaseOffset=false', 'repack', '-a', '-d', '-f', '--quiet');
    expect(countDeltas('r')).toBeGreaterThan(4);
    expectAll('r');
    folder.write('r/new', 'new');
    folder.commit('r');
    expectAll('r');
    folder.git('r', 'repack', '-d', '--quiet');
    expect(readdirSync(folder.path('r/.git/objects/pack')).filter((name) => name.endsWith('.pack'))).toHaveLength(2);
    expectAll('r');
    folder.git('r', 'multi-pack-index', 'write');
    expectAll('r');
  });
});

it('reads packs and indexes that are longer than what is held of them', () => {
  folder.init('r');
  const files = Array.from({ length: 6000 }, (_, i) => {
    const text = createHash('sha512').update(`${i}`).digest('base64');
    return `M 100644 inline d${i % 50}/f${i}\ndata ${text.length}\n${text}\n`;
  });
  const noise = Array.from({ length: 4000 }, (_, i) => createHash('sha512').update(`n${i}`).digest('base64')).join('');
  files.push(`M 100644 inline noise\ndata ${noise.length}\n${noise}\n`);
  const head = 'commit refs/heads/main\ncommitter a <a@example.com> 1600000000 +0000\ndata 1\nx\n';
  folder.gitWith({ input: head + files.join('') }, 'r', 'fast-import', '--quiet');
  expect(readFileSync(packOf('r', '.idx')).byteLength).toBeGreaterThan(150 * 1024);
  expectAll('r');
});

describe('names', () => {
  it('of HEAD, branches, tags, remotes and commits are what git resolves; a ref in a file stands over a packed one', () => {
    copyHistory();
    folder.git('r', 'branch', 'topic/a.b', 'HEAD~2');
    folder.git('r', 'branch', 'v1', 'HEAD~1');
    folder.git('r', 'tag', '-a', 'of-tag', '-m', 'x', 'v1^{}');
    folder.git('r', 'tag', '-a', 'nested', '-m', 'x', 'of-tag');
    folder.git('r', 'update-ref', 'refs/remotes/origin/main', 'HEAD~3');
    folder.git('r', 'symbolic-ref', 'refs/heads/alias', 'refs/heads/topic/a.b');
    const names = ['HEAD', 'main', 'topic/a.b', 'v1', 'of-tag', 'nested', 'alias', 'heads/v1', 'refs/tags/v1'];
    names.push('origin/main', folder.git('r', 'rev-parse', 'HEAD~1'));
    const check = (): void => {
      const store = open('r');
      for (const name of names) {
        for (const peeled of [`${name}^{commit}`, `${name}^{tree}`]) {
          expect(store.find(peeled, false)?.id, peeled).toBe(folder.git('r', 'rev-parse', peeled));
        }
      }
    };
    check();
    folder.git('r', 'pack-refs', '--all');
    check();
    folder.git('r', 'branch', '--force', 'topic/a.b', 'HEAD~4');
    check();
    folder.git('r', 'checkout', '--quiet', '--detach', 'HEAD~1');
    check();
    const head = folder.git('r', 'rev-parse', 'HEAD');
    expect(open('r').find(`${head}:sub/deep`, false)?.id).toBe(folder.git('r', 'rev-parse', 'HEAD:sub/deep'));
    expect(open('r').find(`${head}:`, false)?.id).toBe(folder.git('r', 'rev-parse', 'HEAD^{tree}'));
  });

  it('of a linked work tree are its own HEAD and the refs of the main one', () => {
    copyHistory();
    folder.git('r', 'worktree', 'add', '--quiet', '-b', 'other', '../linked', 'HEAD~2');
    expect(open('linked').find('HEAD^{commit}', false)?.id).toBe(folder.git('r', 'rev-parse', 'other'));
    expect(open('linked').find('main^{commit}', false)?.id).toBe(folder.git('r', 'rev-parse', 'main'));
    expect(open('r').find('HEAD^{commit}', false)?.id).toBe(folder.git('r', 'rev-parse', 'main'));
  });

  it('that only git understands, or that are not there, are left to git', () => {
    copyHistory();
    folder.git('r', 'branch', 'description');
    folder.git('r', 'branch', 'odd+name');
    const head = folder.git('r', 'rev-parse', 'HEAD');
    folder.git('r', 'pack-refs', '--all');
    const names = ['main~1', 'main^', '@', 'HEAD@{0}', ':/round', head.slice(0, 10), head.toUpperCase(), 'nope', '-x'];
    names.push('../HEAD', 'refs/../HEAD', 'refs', 'description', 'odd+name', '', '.', 'main.lock', 'refs/heads/');
    for (const name of names) expect(open('r').find(`${name}^{commit}`, false), name).toBeUndefined();
    for (const name of ['long.txt', './sub', 'sub/', '../x', 'nope/deep', 'long.txt/x']) {
      const found = open('r').find(`${head}:${name}`, false);
      expect(found === undefined || found.id === folder.git('r', 'rev-parse', `HEAD:${name}`), name).toBe(true);
    }
    writeFileSync(folder.path('r/.git/refs/heads/main'), 'garbage\n');
    expect(open('r').find('main^{commit}', false)).toBeUndefined();
    writeFileSync(folder.path('r/.git/refs/heads/main'), 'ref: refs/heads/main\n');
    expect(open('r').find('HEAD^{commit}', false)).toBeUndefined();
    rmSync(folder.path('r/.git/refs/heads/main'));
    for (const target of ['description', 'refs/heads/description']) {
      rmSync(folder.path('r/.git/refs/heads/main'), { force: true });
      symlinkSync(target, folder.path('r/.git/refs/heads/main'));
      expect(open('r').find('HEAD^{commit}', false)).toBeUndefined();
    }
  });
});

describe('is left to git', () => {
  const expectNothing = (path: string): void => {
    const store = open(path);
    for (const name of ['HEAD^{commit}', folder.git(path, 'rev-parse', 'HEAD')]) {
      expect(store.find(name, true), name).toBeUndefined();
    }
  };

  it('a repository with replaced objects', () => {
    copyHistory();
    folder.git('r', 'replace', 'HEAD', 'HEAD~1');
    expectNothing('r');
    folder.git('r', 'pack-refs', '--all');
    rmSync(folder.path('r/.git/refs/replace'), { recursive: true });
    expectNothing('r');
  });

  it.each([
    '[extensions]\n\trefStorage = reftable\n',
    '[Extensions] other = 1\n',
    '[core]\n\trepositoryformatversion = 2\n',
  ])('a repository of a form that is not known: %j', (text) => {
    copyHistory();
    const head = folder.git('r', 'rev-parse', 'HEAD');
    appendFileSync(folder.path('r/.git/config'), text);
    expect(open('r').find(head, true)).toBeUndefined();
  });

  it('what lies in another repository or is missing; what is here is answered', () => {
    copyHistory();
    folder.git('.', 'clone', '--quiet', '--shared', 'r', 'shared');
    expect(open('shared').find('HEAD^{commit}', false)).toBeUndefined();
    folder.write('shared/own', 'own');
    const commit = folder.commit('shared');
    expect(open('shared').find('HEAD^{commit}', false)?.id).toBe(commit);
    expect(open('shared').find(folder.git('shared', 'rev-parse', 'HEAD:long.txt'), true)).toBeUndefined();
    expect(open('r').find('0'.repeat(40), true)).toBeUndefined();
  });

  it('an object above the limit, by what it says and by what it is', () => {
    folder.init('r');
    folder.write('r/big', Buffer.alloc(3 * 1024 * 1024, 'ab'));
    folder.commit('r');
    const big = folder.git('r', 'rev-parse', 'HEAD:big');
    const check = (): void => {
      expect(open('r').find(big, false)?.size).toBe(3 * 1024 * 1024);
      expect(open('r').find(big, true)).toBeUndefined();
    };
    check();
    folder.git('r', 'gc', '--quiet');
    check();
    const id = 'ab'.repeat(20);
    for (const said of [5, 64 * 1024 * 1024]) {
      const bomb = deflateSync(Buffer.concat([Buffer.from(`blob ${said}\0`), Buffer.alloc(64 * 1024 * 1024)]));
      mkdirSync(folder.path('r/.git/objects/ab'), { recursive: true });
      writeFileSync(folder.path(`r/.git/objects/ab/${id.slice(2)}`), bomb);
      expect(open('r').find(id, true)).toBeUndefined();
    }
  });

  it('what is no file, without waiting for it', () => {
    copyHistory();
    const head = folder.git('r', 'rev-parse', 'HEAD');
    for (const path of ['HEAD', `objects/${head.slice(0, 2)}/${head.slice(2)}`]) {
      rmSync(folder.path(`r/.git/${path}`));
      execFileSync('mkfifo', [folder.path(`r/.git/${path}`)]);
    }
    for (const name of ['HEAD', 'main^{commit}', head]) expect(open('r').find(name, true), name).toBeUndefined();
  });

  it('a pack whose deltas are each based on the other', () => {
    folder.init('r');
    folder.write('r/a', 'a');
    folder.commit('r');
    const [one, two] = ['11'.repeat(20), '22'.repeat(20)];
    const delta = Buffer.from([4, 4, 0x90, 4]);
    const entryOf = (base: string): Buffer =>
      Buffer.concat([Buffer.from([0x70 | delta.byteLength]), Buffer.from(base, 'hex'), deflateSync(delta)]);
    writePack(folder.path('r/.git/objects/pack/pack-x'), [
      [one, entryOf(two)],
      [two, entryOf(one)],
    ]);
    for (const id of [one, two]) {
      for (const wantsContent of [false, true]) expect(open('r').find(id, wantsContent)).toBeUndefined();
    }
    expect(open('r').find('HEAD^{commit}', true)).toBeDefined();
  });
});

/** A pack of these entries and its index, as git would write them. */
function writePack(path: string, entries: readonly (readonly [id: string, bytes: Buffer])[]): void {
  const sha1 = (bytes: Uint8Array): Buffer => createHash('sha1').update(bytes).digest();
  const numbers = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * 4);
    for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
    return bytes;
  };
  const body = Buffer.concat([Buffer.from('PACK'), numbers(2, entries.length), ...entries.map(([, bytes]) => bytes)]);
  const checksum = sha1(body);
  let offset = 12;
  const offsets = entries.map(([, bytes]) => {
    offset += bytes.byteLength;
    return offset - bytes.byteLength;
  });
  const fanout = Array.from(
    { length: 256 },
    (_, i) => entries.filter(([id]) => Number.parseInt(id.slice(0, 2), 16) <= i).length,
  );
  const index = Buffer.concat([
    Buffer.from('ff744f63', 'hex'),
    numbers(2, ...fanout),
    ...entries.map(([id]) => Buffer.from(id, 'hex')),
    numbers(...entries.map(() => 0), ...offsets),
    checksum,
  ]);
  writeFileSync(`${path}.pack`, Buffer.concat([body, checksum]));
  writeFileSync(`${path}.idx`, Buffer.concat([index, sha1(index)]));
}

it('damage anywhere gives no other content, and never throws', () => {
  copyHistory();
  folder.git('r', 'gc', '--quiet');
  folder.write('r/loose', 'loose '.repeat(50));
  folder.commit('r');
  const objects = listObjects('r');
  const loose = folder.git('r', 'rev-parse', 'HEAD:loose');
  const files = [
    packOf('r'),
    packOf('r', '.idx'),
    folder.path(`r/.git/objects/${loose.slice(0, 2)}/${loose.slice(2)}`),
  ];
  const whole = files.map((file) => readFileSync(file));
  for (const file of files) chmodSync(file, 0o644);
  const damage = fc.record({
    which: fc.constantFrom(0, 1, 2),
    at: fc.nat(),
    value: fc.integer({ min: 1, max: 255 }),
    how: fc.constantFrom('flip', 'cut'),
  });
  fc.assert(
    fc.property(damage, ({ which, at, value, how }) => {
      const bytes = Buffer.from(whole[which] ?? []);
      const place = at % bytes.byteLength;
      bytes[place] = (bytes[place] ?? 0) ^ value;
      writeFileSync(files[which] ?? '', how === 'flip' ? bytes : bytes.subarray(0, place));
      try {
        const store = open('r');
        let answered = 0;
        for (const { id, type, size } of objects) {
          store.find(id, false);
          const found = store.find(id, true);
          if (found === undefined) continue;
          answered += 1;
          expect(found).toMatchObject({ id, type, size });
          expect(hashObject(found, found.bytes)).toBe(id);
        }
        store.find('HEAD^{commit}', true);
        return which !== 2 || answered >= objects.length - 1;
      } finally {
        writeFileSync(files[which] ?? '', whole[which] ?? '');
      }
    }),
    { numRuns: 60 },
  );
});
