import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/** Puts two files in place of what is there, and kills itself before the call number `argv[4]` that changes the disk. */
const WRITER = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
const [, , place, version, at] = process.argv;
let calls = 0;
for (const name of ['mkdir', 'rename', 'rm', 'open', 'chmod', 'writeFile']) {
  const inner = fs.promises[name];
  fs.promises[name] = (...args) => {
    if (++calls === Number(at)) process.kill(process.pid, 'SIGKILL');
    return inner(...args);
  };
}
syncBuiltinESMExports();
const { beginSwap } = await import('./device/unpack-swap.js');
const swap = await beginSwap(place, 'page');
fs.writeFileSync(join(swap.folder, 'docker-compose.yml'), version);
fs.writeFileSync(join(swap.folder, 'file-' + version), version);
await swap.commit(['docker-compose.yml', 'file-' + version]);
await swap.discard();
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rebundle-swap-'));
  const options =
    '--ignoreConfig --module nodenext --target es2023 --types node --rewriteRelativeImportExtensions --noCheck --resolveJsonModule';
  const out = join(folder, 'program');
  execFileSync(
    join(ROOT, 'node_modules/.bin/tsc'),
    [...options.split(' '), '--rootDir', join(ROOT, 'src'), '--outDir', out, join(ROOT, 'src/device/unpack-swap.ts')],
    { stdio: 'inherit' },
  );
  await writeFile(join(out, 'package.json'), '{"type":"module"}');
  await writeFile(join(out, 'writer.js'), WRITER);
  await symlink(join(ROOT, 'node_modules'), join(out, 'node_modules'));
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

function write(place: string, version: string, killAt: number): Promise<NodeJS.Signals | number | null> {
  const child = spawn(process.execPath, [join(folder, 'program/writer.js'), place, version, String(killAt)], {
    stdio: 'inherit',
  });
  return new Promise((done) => child.once('close', (code, signal) => done(signal ?? code)));
}

/** The version that a folder holds, whole; undefined where it is not there. Fails where it is neither. */
async function versionIn(place: string): Promise<string | undefined> {
  const names = await readdir(place).catch(() => undefined);
  if (names === undefined) return undefined;
  const version = await readFile(join(place, 'docker-compose.yml'), 'utf8');
  expect(names).toContain(`file-${version}`);
  expect(await readFile(join(place, `file-${version}`), 'utf8')).toBe(version);
  expect(names).not.toContain(`file-${version === 'old' ? 'new' : 'old'}`);
  return version;
}

test('kill -9 before each call that changes the disk leaves a whole folder, and the next pull ends the work', async () => {
  const seen = new Set<string>();
  for (let killAt = 1; ; killAt += 1) {
    const base = join(folder, `run-${killAt}`);
    const place = join(base, 'page');
    expect(await write(place, 'old', 0)).toBe(0);
    await writeFile(join(place, '.env'), 'A=1');
    await mkdir(join(place, 'data'));
    await writeFile(join(place, 'data/db'), 'rows');
    const ended = await write(place, 'new', killAt);
    const version = await versionIn(place);
    const aside = join(base, '.page.rebundle-old');
    // Between the two renames the old folder has another name, from which the next pull brings it back.
    if (version === undefined) expect(await versionIn(aside)).toBe('old');
    seen.add(version ?? 'aside');
    expect(await write(place, 'new', 0)).toBe(0);
    expect(await versionIn(place)).toBe('new');
    expect(await readFile(join(place, '.env'), 'utf8')).toBe('A=1');
    expect(await readFile(join(place, 'data/db'), 'utf8')).toBe('rows');
    const left = (await readdir(base)).filter((name) => !name.startsWith('.page.rebundle-new-'));
    expect(left).toEqual(['page']);
    if (ended === 0) break;
    expect(ended).toBe('SIGKILL');
  }
  expect([...seen].sort()).toEqual(['aside', 'new', 'old']);
}, 120_000);
