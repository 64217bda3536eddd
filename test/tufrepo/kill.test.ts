import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFileTufRepo } from '../../src/tufrepo/file.ts';

const SOURCE = resolve(import.meta.dirname, '../../src');
const KILLS = 25;

/** Two texts of many writes each, so that a write that is not whole would show. */
const TEXTS = ['a', 'b'].map((letter) => `{"${letter.repeat(400_000)}":1}`);

const WRITER = `
import { createFileTufRepo } from './tufrepo/file.js';
const repo = createFileTufRepo(process.argv[2]);
const texts = ${JSON.stringify(['a', 'b'])}.map((letter) => Buffer.from('{"' + letter.repeat(400000) + '":1}'));
for (let i = 0; ; i += 1) {
  const before = await repo.readTargets();
  await repo.writeTargets(texts[i % 2], before?.checksum ?? 'absent');
  if (i === 0) process.stdout.write('writing');
}
`;

/** Compiles a module of src and all that it imports: a child process cannot run TypeScript on every Node. */
function compileModule(path: string, folder: string): void {
  const options =
    '--ignoreConfig --module nodenext --target es2023 --types node --rewriteRelativeImportExtensions --noCheck';
  const tsc = resolve(SOURCE, '../node_modules/.bin/tsc');
  execFileSync(tsc, [...options.split(' '), '--rootDir', SOURCE, '--outDir', folder, path], { stdio: 'inherit' });
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rebundle-kill-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('kill -9 at any moment of a write leaves the old or the new file, whole, and the next run goes on', async () => {
  const program = join(folder, 'program');
  compileModule(join(SOURCE, 'tufrepo/file.ts'), program);
  await writeFile(join(program, 'package.json'), '{"type":"module"}');
  await writeFile(join(program, 'writer.js'), WRITER);
  const path = join(folder, 'repo/targets.json');
  const seen = new Set<string>();
  for (let i = 0; i < KILLS; i += 1) {
    const child = spawn(process.execPath, [join(program, 'writer.js'), path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((done) => child.once('close', done));
    await new Promise((done) => child.stdout.once('data', done));
    // The moments differ in steps that have nothing to do with how long a write takes.
    await sleep((i * 7) % 31);
    child.kill('SIGKILL');
    await ended;
    expect(child.signalCode).toBe('SIGKILL');
    const text = await readFile(path, 'utf8');
    expect(TEXTS.includes(text), `a file of ${text.length} characters after kill ${i}`).toBe(true);
    seen.add(text);
  }
  expect(seen.size).toBe(2);
  // What the killed ones left is no target and in nobody's way.
  expect(
    (await readdir(dirname(path))).filter((name) => name !== 'targets.json' && !name.startsWith('.rebundle-')),
  ).toEqual([]);
  const repo = createFileTufRepo(path);
  const before = await repo.readTargets();
  await repo.writeTargets(Buffer.from('{}'), before?.checksum ?? 'absent');
  expect(await readFile(path, 'utf8')).toBe('{}');
}, 60_000);
