// Packs the project, installs the tarball into an empty folder as a user would, and tries the program, the library and its types.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'rebundle-smoke-'));
const consumer = join(work, 'consumer');

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} cwd
 */
function run(command, args, cwd) {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/**
 * @param {unknown} truth
 * @param {string} message
 */
function check(truth, message) {
  if (!truth) throw new Error(message);
}

/**
 * @param {string} folder
 * @returns {string | undefined}
 */
function findPackage(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const found = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.dockerapp'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('.disabled') && !path.includes(`${join('samples', 'broken')}`));
  return found.sort()[0];
}

const steps = [
  /** @type {const} */ ([
    'npm pack',
    () => {
      run('npm', ['pack', '--pack-destination', work], ROOT);
      const tarballs = readdirSync(work).filter((name) => name.endsWith('.tgz'));
      check(tarballs.length === 1, `npm pack made ${tarballs.length} tarballs`);
      const names = run('tar', ['-tzf', join(work, tarballs[0] ?? '')], work)
        .trim()
        .split('\n');
      for (const name of [
        'package/LICENSE',
        'package/README.md',
        'package/dist/cli/main.js',
        'package/dist/index.d.ts',
      ]) {
        check(names.includes(name), `the tarball lacks ${name}`);
      }
      const strays = names.filter((name) => /^package\/(?:src|test|samples|scripts|out)\//.test(name));
      check(strays.length === 0, `the tarball holds ${strays[0]}`);
      return `${names.length} files`;
    },
  ]),
  /** @type {const} */ ([
    'npm install of the tarball',
    () => {
      mkdirSync(consumer);
      writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n');
      const tarball = readdirSync(work).find((name) => name.endsWith('.tgz')) ?? '';
      const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
      run('npm', ['install', ...flags, join(work, tarball)], consumer);
      return '';
    },
  ]),
  /** @type {const} */ ([
    'rebundle --version and --help',
    () => {
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
      const printed = rebundle('--version').trim();
      check(printed === version, `--version prints ${JSON.stringify(printed)}, not ${version}`);
      for (const command of ['scan', 'convert', 'plan', 'apply', 'run']) {
        check(rebundle('--help').includes(command), `--help does not name ${command}`);
        check(rebundle(command, '--help').includes('Usage'), `${command} --help prints no usage`);
      }
      return printed;
    },
  ]),
  /** @type {const} */ ([
    'rebundle convert of a sample package',
    () => {
      const path = findPackage(join(ROOT, 'samples'));
      check(path, 'there is no sample package');
      const out = join(work, 'out');
      rebundle('convert', path ?? '', '--out', out, '--reporter', 'silent');
      const apps = existsSync(join(out, 'apps')) ? readdirSync(join(out, 'apps')) : [];
      check(apps.length === 1, `convert wrote ${apps.length} apps`);
      check(existsSync(join(out, 'apps', apps[0] ?? '', 'docker-compose.yml')), 'convert wrote no docker-compose.yml');
      return apps[0];
    },
  ]),
  /** @type {const} */ ([
    'import of the library',
    async () => {
      const script = "import * as library from 'rebundle'; console.log(JSON.stringify(Object.keys(library)));";
      const names = JSON.parse(run(process.execPath, ['--input-type=module', '--eval', script], consumer)).sort();
      const built = Object.keys(await import(pathToFileURL(join(ROOT, 'dist/index.js')).href)).sort();
      check(names.join() === built.join(), 'the installed library exports other names than the build');
      check(names.includes('RebundleError'), 'the library does not export RebundleError');
      return `${names.length} names`;
    },
  ]),
  /** @type {const} */ ([
    'types of the library',
    () => {
      const options = {
        module: 'nodenext',
        strict: true,
        noEmit: true,
        target: 'es2023',
        types: [],
        skipLibCheck: true,
      };
      writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['use.ts'] }));
      check(compiles('string'), 'a program that uses RebundleError does not compile');
      check(!compiles('number'), 'the types of the library are not found: a wrong program compiles');
      return '';
    },
  ]),
];

/**
 * Whether the code of an error can be used as `type` by a program with the installed library.
 *
 * @param {string} type
 */
function compiles(type) {
  const use = `import { RebundleError } from 'rebundle';\nexport const code: ${type} = new RebundleError('USAGE', '').code;\n`;
  writeFileSync(join(consumer, 'use.ts'), use);
  try {
    run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], consumer);
    return true;
  } catch {
    return false;
  }
}

/** @param {readonly string[]} args */
function rebundle(...args) {
  return run(join(consumer, 'node_modules/.bin/rebundle'), args, consumer);
}

let failure = '';
for (const [name, step] of steps) {
  try {
    const note = await step();
    console.log(`ok      ${name}${note ? `: ${note}` : ''}`);
  } catch (error) {
    const output =
      error instanceof Error && 'stderr' in error ? `${error.stderr}${'stdout' in error ? error.stdout : ''}` : '';
    console.log(`FAILED  ${name}: ${error instanceof Error ? error.message : error}\n${output}`);
    failure = name;
    break;
  }
}
rmSync(work, { recursive: true, force: true });
console.log(failure === '' ? 'The packed rebundle works.' : `The packed rebundle does not work: ${failure}.`);
process.exitCode = failure === '' ? 0 : 1;
