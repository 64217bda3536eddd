// Makes a factory of any size: bare repositories with packages of every kind over the images of the samples. Equal options give equal bytes.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { packageFiles } from './generate-package.mjs';

const SAMPLE_IMAGES = new URL('../../samples/images', import.meta.url);
/** The release that the factory's own images have in the samples. */
const TAG = '2c9f1eb';
const ENV = { PATH: process.env.PATH ?? '', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
const MACHINES = ['raspberrypi4-64', 'intel-corei7-64'];

/**
 * @typedef {object} FactoryOptions
 * @property {number} repositories
 * @property {number} packages selected ones; some that are nested or disabled come on top
 * @property {number} [seed]
 * @property {boolean} [hasTargets] false: no targets are written, which for very many apps would be more than devices read
 */

/**
 * Writes `repositories/*.git`, `images/`, `seed.json` and `rebundle.yml` into a folder. Bundles go to `kept/registry`, targets to `kept/targets.json`.
 * `touch` commits a new revision of some packages, by their numbers.
 * @param {string} folder
 * @param {FactoryOptions} options
 */
export async function generateFactory(folder, { repositories, packages, seed = 1, hasTargets = true }) {
  const names = Array.from({ length: packages }, (_, i) => `app-${String(i).padStart(5, '0')}`);
  /** @param {number} repository */
  const pathOf = (repository) => join(folder, 'repositories', `repository-${String(repository).padStart(4, '0')}.git`);
  const draw = (/** @type {string} */ name) => createPicker(`${seed} ${name}`);
  cpSync(SAMPLE_IMAGES, join(folder, 'images'), { recursive: true });
  mkdirSync(join(folder, 'repositories'));
  const composeOnly = names.filter((name) => packageFiles(name, draw(name), 0).needsFiles);
  writeFileSync(join(folder, 'seed.json'), formatSeed());
  writeFileSync(
    join(folder, 'rebundle.yml'),
    formatConfig(
      Array.from({ length: repositories }, (_, i) => i),
      hasTargets ? composeOnly : undefined,
    ),
  );
  await inParallel(
    Array.from({ length: repositories }, (_, i) => i),
    async (repository) => {
      const own = names.filter((_, i) => i % repositories === repository);
      const files = own.flatMap((name) => packageFiles(name, draw(name), 0).files);
      await runGit(['init', '--quiet', '--bare', '--initial-branch=main', '--template=', pathOf(repository)]);
      await commit(pathOf(repository), [...files, ...leftOut(repository, draw)], 0);
    },
  );
  return {
    names,
    /** @param {readonly number[]} numbers @param {number} [revision] */
    touch: async (numbers, revision = 1) => {
      for (const number of numbers) {
        const name = names[number] ?? '';
        await commit(pathOf(number % repositories), packageFiles(name, draw(name), revision).files, revision);
      }
    },
  };
}

/** Packages that no run takes: nested, disabled, in a disabled folder. @param {number} repository @param {(name: string) => (count: number) => number} draw */
function leftOut(repository, draw) {
  const nested = `lab-${String(repository).padStart(4, '0')}`;
  /** @param {string} name @param {string} folder @param {string} end */
  const place = (name, folder, end) =>
    packageFiles(name, draw(name), 0).files.map(([path, text, mode]) => [
      `${folder}${path.replace('.dockerapp', `.dockerapp${end}`)}`,
      text,
      mode,
    ]);
  return [
    ['README.md', `# Repository ${repository}\n`, '100644'],
    ...place(nested, 'labs/', ''),
    ...(repository % 3 === 0 ? place(`off-${repository}`, '', '.disabled') : []),
    ...(repository % 5 === 0 ? place(`old-${repository}`, 'old.disabled/', '') : []),
  ];
}

/** @param {string} path @param {readonly (readonly string[])[]} files @param {number} revision */
async function commit(path, files, revision) {
  const parts = files.map(
    ([name = '', text = '', mode = '']) => `M ${mode} inline ${name}\ndata ${Buffer.byteLength(text)}\n${text}\n`,
  );
  const message = `revision ${revision}`;
  const from = revision === 0 ? '' : 'from refs/heads/main^0\n';
  const head = `commit refs/heads/main\ncommitter a <a@example.com> ${1_600_000_000 + revision} +0000\ndata ${message.length}\n${message}\n${from}`;
  await runGit([`--git-dir=${path}`, 'fast-import', '--quiet'], head + parts.join(''));
}

/** @param {readonly string[]} args @param {string} [input] */
function runGit(args, input = '') {
  return new Promise((resolve, reject) => {
    const child = execFile('git', args, { env: ENV }, (error) => (error === null ? resolve(undefined) : reject(error)));
    if (input !== '') child.stdin?.end(input);
  });
}

/** @param {readonly number[]} items @param {(item: number) => Promise<void>} task */
async function inParallel(items, task) {
  const waiting = [...items];
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await task(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
}

/** A stream of choices that depends on the text alone: `pick(n)` gives 0 to n - 1. @param {string} text */
function createPicker(text) {
  let block = 0;
  let bytes = Buffer.alloc(0);
  return (/** @type {number} */ count) => {
    if (bytes.length < 4) bytes = createHash('sha256').update(`${text} ${block++}`).digest();
    const value = bytes.readUInt32LE(0);
    bytes = bytes.subarray(4);
    return value % count;
  };
}

/** One OS target without apps for each machine. */
function formatSeed() {
  const targets = MACHINES.map((machine) => [
    `${machine}-lmp-1`,
    {
      hashes: { sha256: createHash('sha256').update(machine).digest('hex') },
      length: 0,
      custom: {
        targetFormat: 'OSTREE',
        version: '1',
        name: `${machine}-lmp`,
        hardwareIds: [machine],
        tags: ['main'],
        arch: machine.startsWith('intel') ? 'amd64' : 'arm64',
        createdAt: '2020-06-16T08:12:40Z',
        updatedAt: '2020-06-16T08:12:40Z',
      },
    },
  ]);
  return `${JSON.stringify({ _type: 'Targets', version: 1, expires: '2037-01-01T00:00:00Z', targets: Object.fromEntries(targets) }, undefined, 2)}\n`;
}

/** @param {readonly number[]} repositories @param {readonly string[] | undefined} composeOnly */
function formatConfig(repositories, composeOnly) {
  const list = repositories.map((i) => `  - repositories/repository-${String(i).padStart(4, '0')}.git\n`).join('');
  const targets =
    composeOnly === undefined
      ? ''
      : `targets:\n  repo: kept/targets.json\n  seed: seed.json\n  tags: main\n  composeOnly: [${composeOnly.join(', ')}]\n`;
  return `factory: riverbend
registry: hub.riverbend.example
registries: { hub.riverbend.example: 'oci-layout:images', docker.io: 'oci-layout:images' }
repositories:
${list}images: { tag: ${TAG} }
publish: { to: 'oci-layout:kept/registry' }
${targets}`;
}
