// Runs the built program as a process of its own and says what it took.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

export const ROOT = new URL('../../', import.meta.url);
export const PROGRAM = process.env.REBUNDLE_PROGRAM ?? fileURLToPath(new URL('dist/cli/main.js', ROOT));

/**
 * Wall time and CPU in seconds, peak memory in MiB.
 * @param {string[]} args the script and its arguments
 * @param {{ cwd: string, env?: Record<string, string> }} options
 */
export async function measure(args, { cwd, env = {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'rebundle-usage-'));
  const usage = join(folder, 'usage.json');
  const hook = join(folder, 'usage.cjs');
  writeFileSync(
    hook,
    `process.on('exit', () => { const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage(); require('node:fs').writeFileSync(${JSON.stringify(usage)}, JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, rss: maxRSS / 1024 })); });`,
  );
  try {
    const start = performance.now();
    const child = spawn(process.execPath, ['--require', hook, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    const status = await new Promise((resolve) => child.on('close', resolve));
    const wall = (performance.now() - start) / 1000;
    return { wall, ...JSON.parse(readFileSync(usage, 'utf8')), status, errors };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} label @param {{ wall: number, cpu: number, rss: number, status: number }} result */
export function formatMeasure(label, { wall, cpu, rss, status }) {
  return `${label.padEnd(26)} ${wall.toFixed(2).padStart(7)} s wall  ${cpu.toFixed(2).padStart(7)} s CPU  ${rss.toFixed(0).padStart(5)} MiB  exit ${status}\n`;
}
