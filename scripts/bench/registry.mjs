// Debian's docker-registry on loopback, its storage in memory, behind a pipe that holds every answer back.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A new folder in memory, where the machine has such a place: no disk is to be measured. @param {string} prefix */
export function makeMemoryFolder(prefix) {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), prefix));
}

/** @returns {Promise<number>} a port that is free now */
export function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/**
 * A registry with nothing in it.
 * @param {number} port
 */
export async function startRegistry(port) {
  const folder = makeMemoryFolder('rebundle-registry-');
  mkdirSync(join(folder, 'data'));
  const config = join(folder, 'config.yml');
  writeFileSync(
    config,
    `version: 0.1
log: { level: error, accesslog: { disabled: false } }
storage: { filesystem: { rootdirectory: ${join(folder, 'data')} } }
http: { addr: '127.0.0.1:${port}' }
`,
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'pipe', 'ignore'] });
  const log = join(folder, 'access.log');
  const stream = createWriteStream(log);
  child.stdout.pipe(stream);
  for (let i = 0; i < 100; i++) {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    if (answer?.ok) break;
    await sleep(50);
  }
  return {
    /** Requests by method and what they are about, since the last call. */
    countRequests: countSince(log),
    close: async () => {
      const closed = new Promise((resolve) => child.on('close', resolve));
      child.kill();
      await closed;
      stream.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** @param {string} log */
function countSince(log) {
  let from = 0;
  return () => {
    const text = readFileSync(log, 'utf8');
    const counts = new Map();
    for (const [, method, path, query] of text.slice(from).matchAll(/"([A-Z]+) (\/v2\/[^ ?"]*)(\?[^ "]*)? HTTP/g)) {
      const kind = path.includes('/manifests/')
        ? 'manifest'
        : path.includes('/uploads/')
          ? method === 'POST' && query?.includes('mount=')
            ? 'mount'
            : 'upload'
          : path.includes('/blobs/')
            ? 'blob'
            : 'ping';
      const key = `${method} ${kind}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    from = text.length;
    return counts;
  };
}

/**
 * A pipe that hands every chunk from the registry on after `delayMs`.
 * @param {number} port @param {number} target @param {number} delayMs
 */
export async function startDelay(port, target, delayMs) {
  const sockets = new Set();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.pipe(upstream);
    upstream.on('data', (chunk) => setTimeout(() => client.destroyed || client.write(chunk), delayMs));
    upstream.on('close', () => setTimeout(() => client.destroy(), delayMs));
    client.on('close', () => upstream.destroy());
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)));
  return {
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve(undefined)));
    },
  };
}
