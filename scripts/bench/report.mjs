// Renders reports of a large factory and opens the page in Chromium: npm run bench -- report [apps]. Needs a built dist/.
// Budget: a page of 2,000 apps is painted within 2 s.
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process, { argv, exit, stdout } from 'node:process';
import { pathToFileURL } from 'node:url';
import { openChromium } from './chromium.mjs';

const DIST = new URL(process.env.REBUNDLE_DIST ?? '../../dist/', import.meta.url);
/** @param {string} path */
const load = (path) => import(new URL(path, DIST).href);

const { buildRunReport } = await load('report/run-report.js');
const { renderHtml } = await load('report/html.js');
const { renderJson } = await load('report/json.js');
const { renderMarkdown } = await load('report/markdown.js');
const { renderJunit } = await load('report/junit.js');

const BUDGET = { apps: 2000, ms: 2000 };
const PLATFORMS = ['amd64', 'arm64', 'arm'].map((architecture) => ({ os: 'linux', architecture }));
/** @param {unknown} text */
const digest = (text) => `sha256:${createHash('sha256').update(String(text)).digest('hex')}`;

/** One app with what a usual one has: three services, a dozen of changed lines, three findings. @param {number} i */
function planApp(i) {
  const app = `app-${String(i).padStart(5, '0')}`;
  const lines = Array.from({ length: 12 }, (_, k) => [
    `-    VALUE_${k}: \${group.value${k}}`,
    `+    VALUE_${k}: \${group_value${k}-default ${k}}`,
    `     # line ${k}`,
    `     other: ${k}`,
  ]);
  const location = { path: `${app}.dockerapp`, line: 12, column: 5 };
  return {
    app,
    origin: { repository: `repositories/r${i % 40}`, path: `${app}.dockerapp`, commit: digest(i).slice(7, 47) },
    kind: 'single-file',
    status: i % 50 === 0 ? 'failed' : i % 3 === 0 ? 'unchanged' : 'migrated',
    images: ['web', 'db', 'proxy'].map((service) => ({
      service,
      written: `hub.example.com/acme/${service}:latest`,
      reference: `hub.example.com/acme/${service}:latest`,
      pinned: `hub.example.com/acme/${service}@${digest(service)}`,
    })),
    platforms: PLATFORMS,
    variables: Array.from({ length: 12 }, (_, k) => ({
      parameter: `group.value${k}`,
      variable: `group_value${k}`,
      value: `default ${k}`,
      uses: 1,
    })),
    bundle: { mediaType: 'application/octet-stream', digest: digest(`b${i}`), size: 1000 + ((i * 7919) % 90000) },
    reference: `hub.example.com/acme/${app}@${digest(`m${i}`)}`,
    dockerApp: { name: `${app}.dockerapp-43`, length: 1200, sha256: digest(`f${i}`).slice(7), reused: false },
    files: ['docker-compose.yml', 'nginx/nginx.conf', 'nginx/mime.types'].map((path) => ({
      path,
      size: 1000,
      digest: digest(path + i),
    })),
    published: false,
    newOnDevices: i % 100 === 0,
    diff: `--- a\n+++ b\n@@ -1,60 +1,60 @@\n${lines.flat().join('\n')}\n`,
    composeLine: 6,
    changes: lines.map((_, k) => ({
      line: 3 * k + 1,
      source: 3 * k + 6,
      rule: 'R5 overrides',
      reason: `parameter group.value${k}, default ${k}; set group_value${k} to override it`,
    })),
    storage: [{ service: 'db', target: '/var/lib/data', kind: 'volume', source: `${app}_data` }],
    diagnostics: [
      { code: 'param.unused', severity: 'note', message: `'x' of ${app} is not used`, location },
      { code: 'yaml.scalar-quoted', severity: 'note', message: 'ports: 22:22 was fixed to "22:22"', location },
      { code: 'render.port-address', severity: 'warning', message: '127.0.0.1:9000:9000 was 9000:9000', location },
      ...(i % 50 === 0
        ? [{ code: 'IMAGE_UNRESOLVED', severity: 'error', message: `${app} is not in the registry`, location }]
        : []),
    ],
  };
}

/** @param {number} count */
function buildReport(count) {
  const apps = Array.from({ length: count }, (_, i) => planApp(i));
  const targets = ['raspberrypi4-64', 'intel-corei7-64'].map((hardwareId) => ({
    name: `${hardwareId}-lmp-43`,
    kind: 'ostree',
    parent: `${hardwareId}-lmp-42`,
    tag: 'main',
    hardwareId,
    target: { hashes: { sha256: digest(hardwareId).slice(7) }, length: 0, custom: { version: '43' } },
    apps: apps.map(({ app }) => ({ app, dockerApp: 'replaced', composeApp: 'added' })),
  }));
  const plan = {
    version: 1,
    state: 'proposed',
    createdAt: '2026-03-02T06:30:00Z',
    rules: 1,
    request: { apps: [], removeApps: [], allowPartial: false },
    factory: 'acme',
    registry: 'hub.example.com',
    options: digest('options'),
    images: ['web', 'db', 'proxy'].map((service) => ({
      reference: `hub.example.com/acme/${service}:latest`,
      pinned: `hub.example.com/acme/${service}@${digest(service)}`,
      mediaType: '',
      platforms: PLATFORMS,
    })),
    apps,
    targets,
    skippedTargets: [],
    diagnostics: [],
    targetVersion: '43',
    hasChanges: true,
  };
  return buildRunReport({ plan, results: [], command: 'plan', status: 1, sources: [], bytesSent: 0, outputs: {} });
}

/** Writes the pieces as they come; seconds and MiB. @param {string} path @param {Iterable<string>} pieces */
function write(path, pieces) {
  const start = performance.now();
  const file = openSync(path, 'w');
  let bytes = 0;
  for (const piece of pieces) bytes += writeSync(file, piece);
  closeSync(file);
  return { seconds: (performance.now() - start) / 1000, size: bytes / 1024 ** 2 };
}

const count = Number(argv[2] ?? BUDGET.apps);
const folder = mkdtempSync(join(tmpdir(), 'rebundle-bench-'));
try {
  const start = performance.now();
  const report = buildReport(count);
  stdout.write(`${count} apps\nmodel      ${((performance.now() - start) / 1000).toFixed(2)} s\n`);
  const page = join(folder, 'report.html');
  for (const [name, path, pieces] of [
    ['html', page, renderHtml(report)],
    ['json', join(folder, 'report.json'), renderJson(report)],
    ['junit', join(folder, 'junit.xml'), renderJunit(report)],
    ['markdown', join(folder, 'report.md'), [renderMarkdown(report)]],
  ]) {
    const { seconds, size } = write(path, pieces);
    stdout.write(`${name.padEnd(10)} ${seconds.toFixed(2)} s  ${size.toFixed(1)} MiB\n`);
  }
  stdout.write(`memory     ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB at most\n`);
  const browser = await openChromium();
  try {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 3; i++) best = Math.min(best, await browser.open(pathToFileURL(page).href));
    const search = await browser.evaluate(
      `(() => { const start = performance.now(); const box = document.getElementById('search'); box.value = 'app-00017'; box.dispatchEvent(new Event('input', { bubbles: true })); document.body.offsetHeight; return performance.now() - start; })()`,
    );
    stdout.write(`page       ${best.toFixed(0)} ms until painted (best of three), search ${search.toFixed(0)} ms\n`);
    if (count <= BUDGET.apps && best > BUDGET.ms) {
      stdout.write(`over the budget of ${BUDGET.ms} ms\n`);
      exit(1);
    }
  } finally {
    await browser.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
