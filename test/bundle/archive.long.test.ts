import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const ARCHIVE = join(import.meta.dirname, '../../dist/bundle/archive.js');

/** Archives noise and zeros in turn, as much as a bundle may hold, and tells the bytes out and the greatest resident set in MiB. */
const PROGRAM = `
import { createHash } from 'node:crypto';
import { archiveBundle } from ${JSON.stringify(ARCHIVE)};
const chunk = Buffer.alloc(65536);
let state = 1;
for (let i = 0; i < 32768; i++) { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; chunk[i] = state >>> 24; }
const size = 1020 * 1024 * 1024;
async function* open() { for (let at = 0; at < size; at += chunk.length) yield chunk; }
const hash = createHash('sha256');
for await (const part of open()) hash.update(part);
const compose = Buffer.from('services: {}');
const files = [
  { path: 'docker-compose.yml', executable: false, size: compose.length, digest: 'sha256:' + createHash('sha256').update(compose).digest('hex'), open: async function* () { yield compose; } },
  { path: 'big', executable: false, size, digest: 'sha256:' + hash.digest('hex'), open },
];
let out = 0;
for await (const part of archiveBundle(files)) out += part.length;
console.log(JSON.stringify({ out, rss: process.resourceUsage().maxRSS / 1024 }));
`;

test('a bundle of 1 GiB is archived in bounded memory', async () => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', PROGRAM]);
  const { out, rss } = JSON.parse(stdout);
  expect(out).toBeGreaterThan(500 * 1024 * 1024);
  expect(rss).toBeLessThan(256);
});
