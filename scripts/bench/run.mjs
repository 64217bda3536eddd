// Measures whole runs on a generated factory into a layout: npm run bench -- run [repositories] [packages each]
// Prints wall time, CPU and peak memory of the first run, of the unchanged one after it, and of a plan.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, stdout } from 'node:process';
import { formatMeasure, measure, PROGRAM, ROOT } from './process.mjs';

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
    const result = await measure([PROGRAM, command, '--reporter', 'silent'], { cwd: folder });
    stdout.write(formatMeasure(label, result));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
