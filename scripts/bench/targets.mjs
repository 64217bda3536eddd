// Loads, extends, checks, signs and saves a targets file: npm run bench -- targets [targets]. Needs a built dist/.
// CPU seconds of each step, the best of five; a file of 9 MB has to be refused.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process, { argv, cpuUsage, exit, stdout } from 'node:process';

const DIST = new URL(process.env.REBUNDLE_DIST ?? '../../dist/', import.meta.url);
/** @param {string} path */
const load = (path) => import(new URL(path, DIST).href);

const { parseTargetsFile } = await load('targets/targets-file.js');
const { planTargets } = await load('targets/plan-targets.js');
const { addTargets } = await load('targets/add-targets.js');
const { lintTargets } = await load('targets/lint.js');
const { signTargets } = await load('targets/sign.js');
const { readSigningKey } = await load('targets/keys.js');
const { createFileTufRepo } = await load('tufrepo/file.js');

const APPS = ['web', 'db', 'gateway', 'metrics', 'shell'];
const NOW = '2026-01-02T03:04:05Z';
/** @param {number} n */
const hash = (n) => n.toString(16).padStart(64, '0');

/** A file of a factory with five apps and four hardware ids, of about `count` targets. @param {number} count */
function writeTargets(count) {
  const targets = {};
  const ids = ['rpi', 'x86', 'imx', 'qemu'];
  const versions = Math.ceil(count / (ids.length + APPS.length));
  for (let version = 1; version <= versions; version++) {
    for (const [i, app] of APPS.entries()) {
      targets[`${app}.dockerapp-${version}`] = {
        hashes: { sha256: hash(version * 10 + i) },
        length: 900 + i,
        custom: {
          targetFormat: 'BINARY',
          version: String(version),
          name: `${app}.dockerapp`,
          hardwareIds: ['all'],
          createdAt: NOW,
          updatedAt: NOW,
        },
      };
    }
    for (const [i, id] of ids.entries()) {
      targets[`${id}-lmp-${version}`] = {
        hashes: { sha256: hash(version * 100 + i) },
        length: 0,
        custom: {
          targetFormat: 'OSTREE',
          version: String(version),
          name: `${id}-lmp`,
          hardwareIds: [id],
          tags: ['main'],
          arch: 'arm64',
          'lmp-manifest-sha': hash(i).slice(0, 40),
          'containers-sha': hash(i + 1).slice(0, 40),
          uri: `https://ci.example.com/projects/lmp/builds/${version}/`,
          createdAt: NOW,
          updatedAt: NOW,
          docker_apps: Object.fromEntries(APPS.map((app) => [app, { filename: `${app}.dockerapp-${version}` }])),
          docker_compose_apps: Object.fromEntries(
            APPS.map((app, k) => [app, { uri: `hub.example.com/acme/${app}@sha256:${hash(version * 10 + k)}` }]),
          ),
        },
      };
    }
  }
  return Buffer.from(
    `${JSON.stringify({ _type: 'Targets', expires: '2037-01-01T00:00:00Z', targets, version: 7 }, null, 2)}\n`,
  );
}

/** @template T @param {Record<string, number>} best @param {string} label @param {() => T | Promise<T>} task @returns {Promise<T>} */
async function measure(best, label, task) {
  const before = cpuUsage();
  const result = await task();
  const { user, system } = cpuUsage(before);
  best[label] = Math.min(best[label] ?? Number.POSITIVE_INFINITY, (user + system) / 1e6);
  return result;
}

const count = Number(argv[2] ?? 4000);
const folder = mkdtempSync(join(tmpdir(), 'rebundle-bench-'));
try {
  const path = join(folder, 'targets.json');
  const bytes = writeTargets(count);
  const key = readSigningKey(generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }), 'key');
  const apps = APPS.map((name, i) => ({
    name,
    state: 'ok',
    composeUri: `hub.example.com/acme/${name}@sha256:${hash(7_000_000 + i)}`,
    dockerApp: { length: 1000, sha256: hash(8_000_000 + i) },
    newStyleOnly: false,
  }));
  /** @type {Record<string, number>} */
  const best = {};
  let size = 0;
  for (let i = 0; i < 5; i++) {
    writeFileSync(path, bytes);
    const repo = createFileTufRepo(path);
    let total = 0;
    const start = cpuUsage();
    const read = await repo.readTargets();
    const file = await measure(best, 'load', () => parseTargetsFile(read.bytes, path));
    const input = {
      file,
      tagRules: [{ tag: 'main', parent: 'main' }],
      apps,
      removed: [],
      createdAt: NOW,
      allowPartial: false,
    };
    const plan = await measure(best, 'plan', () => planTargets(input));
    const added = await measure(best, 'extend', () => addTargets(file, plan.targets));
    await measure(best, 'save', () => repo.writeTargets(added, read.checksum));
    const { user, system } = cpuUsage(start);
    total = (user + system) / 1e6;
    best['load, extend and save'] = Math.min(best['load, extend and save'] ?? Number.POSITIVE_INFINITY, total);
    const next = parseTargetsFile(added, path);
    await measure(best, 'lint', () => lintTargets(next, { now: NOW, older: file }));
    await measure(best, 'sign', () => signTargets(next, { keys: [key], form: 'device', now: NOW }));
    size = added.byteLength;
  }
  stdout.write(`${count} targets, ${(size / 1024 / 1024).toFixed(1)} MiB\n`);
  for (const [label, seconds] of Object.entries(best)) stdout.write(`${label.padEnd(24)}${seconds.toFixed(3)} s CPU\n`);
  try {
    parseTargetsFile(Buffer.alloc(9 * 1024 * 1024, ' '), path);
    stdout.write('9 MiB were read, which devices would not\n');
    exit(1);
  } catch (error) {
    stdout.write(`9 MiB: ${error.code}: ${error.hint}\n`);
  }
  if ((best['load, extend and save'] ?? 0) > 1) exit(1);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
