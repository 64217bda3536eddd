// Measures the scan of bare repositories against git alone: npm run bench -- scan [repositories] [packages each]
// Prints the wall time and CPU of `rebundle scan`, of a shell loop of `git ls-tree -r` with the same parallelism, and how they compare: at most 1.5 is wanted.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import process, { argv, stdout } from 'node:process';
import { formatMeasure, measure, PROGRAM } from './process.mjs';

const ROUNDS = 5;
const ENV = { PATH: process.env.PATH ?? '', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };

/** One fast-import for each repository: packages, and beside each a folder with files. @param {string} folder @param {number} index @param {number} each */
function writeRepository(folder, index, each) {
  const path = join(folder, `repository-${index}.git`);
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', '--template=', path], { env: ENV });
  const files = Array.from({ length: each }, (_, k) => `app-${index}-${k}`).flatMap((name) => [
    [`${name}.dockerapp`, `name: ${name}\n---\nversion: '3.7'\nservices: {}\n---\n`],
    ...Array.from({ length: 10 }, (_, i) => [`${name}/etc/file-${i}`, `${name} ${i}\n`]),
  ]);
  const parts = files.map(
    ([name = '', text = '']) => `M 100644 inline ${name}\ndata ${Buffer.byteLength(text)}\n${text}\n`,
  );
  const head = 'commit refs/heads/main\ncommitter a <a@example.com> 1600000000 +0000\ndata 1\nx\n';
  execFileSync('git', [`--git-dir=${path}`, 'fast-import', '--quiet'], { env: ENV, input: head + parts.join('') });
}

/** @param {string} folder @param {number} parallel */
async function loop(folder, parallel) {
  const start = performance.now();
  const command = `ls -d "$1"/*.git | xargs -P ${parallel} -I{} git --git-dir={} ls-tree -r HEAD > /dev/null`;
  const child = spawn('sh', ['-c', command, 'sh', folder], { stdio: 'inherit', env: ENV });
  const status = await new Promise((resolve) => child.on('close', resolve));
  return { wall: (performance.now() - start) / 1000, status: Number(status) };
}

/** @param {readonly number[]} numbers */
function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

const [repositories = 300, each = 7] = argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'rebundle-bench-'));
try {
  for (let i = 0; i < repositories; i++) writeRepository(folder, i, each);
  const names = Array.from({ length: repositories }, (_, i) => `repository-${i}.git`);
  writeFileSync(join(folder, 'rebundle.yml'), `repositories: [${names.join(', ')}]\n`);
  const parallel = Math.max(4, availableParallelism() * 2);
  stdout.write(`${repositories} bare repositories, ${repositories * each} packages, ${parallel} at once\n`);
  const ours = [];
  const theirs = [];
  for (let round = 0; round < ROUNDS; round++) {
    theirs.push(await loop(folder, parallel));
    ours.push(await measure([PROGRAM, 'scan', '--reporter', 'silent'], { cwd: folder }));
  }
  const failed = ours.find(({ status }) => status !== 0);
  if (failed !== undefined) throw new Error(`rebundle scan ended with ${failed.status}: ${failed.errors}`);
  for (const result of ours) stdout.write(formatMeasure('rebundle scan', result));
  for (const { wall } of theirs) stdout.write(`${'git ls-tree -r'.padEnd(26)} ${wall.toFixed(2).padStart(7)} s wall\n`);
  const ratio = median(ours.map(({ wall }) => wall)) / median(theirs.map(({ wall }) => wall));
  stdout.write(`${ratio.toFixed(2)} x git ls-tree -r (median of ${ROUNDS}; at most 1.5 is wanted)\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
