// Measures whole runs on a generated factory of bare repositories: npm run bench -- factory [repositories] [packages]
// Prints wall time, CPU and peak memory of a plan alone, of the first run, of an unchanged one (at most 10 % of the first one's CPU is wanted), of
// one with three touched packages, and of one on a fresh machine. At 20,000 packages (in 1,000 repositories) at most 300 MB are wanted.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, stdout } from 'node:process';
import { generateFactory } from './generate-factory.mjs';
import { formatMeasure, measure, PROGRAM } from './process.mjs';

/** With more apps than that, targets are larger than devices read. */
const TARGETS_LIMIT = 5000;
/** How a plan ends that has something to do. */
const CHANGES = 2;

const [repositories = 300, packages = 2000] = argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'rebundle-bench-'));
try {
  const factory = await generateFactory(folder, { repositories, packages, hasTargets: packages <= TARGETS_LIMIT });
  stdout.write(`${repositories} bare repositories, ${packages} packages\n`);
  const run = async (/** @type {string} */ label, args = ['run']) => {
    const result = await measure([PROGRAM, ...args, '--reporter', 'silent'], { cwd: folder });
    stdout.write(formatMeasure(label, result));
    if (result.status !== 0 && result.status !== CHANGES)
      throw new Error(`${label} ended with ${result.status}: ${result.errors}`);
    return result;
  };
  await run('plan alone', ['plan', '--out', 'planned']);
  const first = await run('first run');
  const second = await run('unchanged run');
  await factory.touch([0, packages >> 1, packages - 1]);
  await run('three touched');
  rmSync(join(folder, 'out'), { recursive: true });
  await run('fresh machine, unchanged');
  stdout.write(`an unchanged run takes ${((second.cpu / first.cpu) * 100).toFixed(1)} % of the first one's CPU\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
