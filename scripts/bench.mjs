// Measures whole runs on a generated factory: node scripts/bench.mjs [repositories] [packages each]
// Prints wall time, CPU and peak memory of the first run, of the unchanged one after it, and of a plan. Needs a built dist/.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process, { argv, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../', import.meta.url);
const PROGRAM = fileURLToPath(new URL('dist/cli/main.js', ROOT));
const PACKAGES = ['gateway/river-gauge', 'monitoring/metrics', 'vision/frame-archive', 'vision/debris-camera'];

/** A factory of copies of the sample's single files, each under a name of its own. @param {string} folder @param {number} repositories @param {number} each */
function writeFactory(folder, repositories, each) {
  cpSync(new URL('samples/images', ROOT), join(folder, 'images'), { recursive: true });
  cpSync(new URL('samples/targets.json', ROOT), join(folder, 'targets.json'));
  const texts = PACKAGES.map((path) => readFileSync(new URL(`samples/${path}.dockerapp`, ROOT), 'utf8'));
  const names = Array.from({ length: repositories }, (_, i) => `repository-${i}`);
  for (const [i, name] of names.entries()) {
    mkdirSync(join(folder, name));
    for (let k = 0; k < each; k++)
      writeFileSync(join(folder, name, `app-${i}-${k}.dockerapp`), texts[(i + k) % texts.length] ?? '');
  }
  const config = `factory: riverbend
registry: hub.riverbend.example
registries: { hub.riverbend.example: 'oci-layout:images', docker.io: 'oci-layout:images' }
repositories: [${names.join(', ')}]
images: { tag: 2c9f1eb }
publish: { to: 'oci-layout:out/registry' }
targets: { repo: out/targets.json, seed: targets.json, tags: main }
`;
  writeFileSync(join(folder, 'rebundle.yml'), config);
}

/** @param {string} folder @param {string} command */
function measure(folder, command) {
  const report = `process.on('exit', () => { const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage(); require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'usage.json'))}, JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, rss: maxRSS / 1024 })); });`;
  writeFileSync(join(folder, 'usage.cjs'), report);
  const start = performance.now();
  const args = ['--require', join(folder, 'usage.cjs'), PROGRAM, command, '--reporter', 'silent'];
  const { status } = spawnSync(process.execPath, args, { cwd: folder, stdio: 'ignore' });
  const { cpu, rss } = JSON.parse(readFileSync(join(folder, 'usage.json'), 'utf8'));
  return { wall: (performance.now() - start) / 1000, cpu, rss, status };
}

const [repositories = 100, each = 7] = argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'rebundle-bench-'));
try {
  writeFactory(folder, repositories, each);
  stdout.write(`${repositories} repositories, ${repositories * each} packages\n`);
  for (const [label, command] of [
    ['first run', 'run'],
    ['unchanged run', 'run'],
    ['plan', 'plan'],
  ]) {
    const { wall, cpu, rss, status } = measure(folder, command ?? '');
    stdout.write(
      `${(label ?? '').padEnd(14)} ${wall.toFixed(1).padStart(6)} s wall  ${cpu.toFixed(1).padStart(6)} s CPU  ${rss.toFixed(0).padStart(5)} MiB  exit ${status}\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
