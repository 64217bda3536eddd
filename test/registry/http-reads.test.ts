import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/lib/digest.ts';
import { MEDIA_TYPES } from '../../src/model/oci.ts';
import { MAX_MANIFEST_BYTES } from '../../src/registry/registry.ts';
import { createQuickTimers, openHttpRegistry, REAL_TIMERS } from '../support/http-registry.ts';
import { type Answer, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';
import { collect, manifestBytes, REPOSITORY } from './contract.ts';

const MANIFEST = manifestBytes({ config: undefined, layers: [], manifests: [], mediaType: MEDIA_TYPES.ociIndex });
const DIGEST = digestOf(MANIFEST);
const HEADERS = {
  'content-type': MEDIA_TYPES.ociIndex,
  'content-length': String(MANIFEST.byteLength),
  'docker-content-digest': DIGEST,
};
const DESCRIPTOR = { mediaType: MEDIA_TYPES.ociIndex, digest: DIGEST, size: MANIFEST.byteLength };
const SECRET = 'Bearer planted-secret';
const AUTHORIZED = { headerFor: async () => SECRET, answer: async () => undefined };

const drained = async (response: ServerResponse): Promise<void> => {
  const ended = new AbortController();
  const { signal } = ended;
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  ended.abort();
};

let closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
});

const start = async (answer: Answer, options: Parameters<typeof openHttpRegistry>[1] = {}) => {
  const server = await startScriptedServer(answer);
  const parts = openHttpRegistry(server.host, { timers: createQuickTimers(), ...options });
  closing.push(() => parts.transport.close(), server.close);
  return { ...parts, server, methods: () => server.requests.map(({ method }) => method) };
};
const other = async (answer: Answer): Promise<ScriptedServer> => {
  const server = await startScriptedServer(answer);
  closing.push(server.close);
  return server;
};

describe('manifests', () => {
  test('HEAD with all headers is one request, with the whole Accept list', async () => {
    const { registry, server } = await start((_, response) => response.writeHead(200, HEADERS).end());
    expect(await registry.headManifest(REPOSITORY, 'v1')).toEqual(DESCRIPTOR);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({ method: 'HEAD', url: '/v2/factory/shop/manifests/v1' });
    for (const type of [
      MEDIA_TYPES.ociIndex,
      MEDIA_TYPES.ociManifest,
      MEDIA_TYPES.dockerManifestList,
      MEDIA_TYPES.dockerManifest,
    ]) {
      expect(server.requests[0]?.headers.accept?.split(', ')).toContain(type);
    }
  });

  test.each([
    ['405', 405, {}],
    ['501', 501, {}],
    ['400', 400, {}],
    ['no digest', 200, { ...HEADERS, 'docker-content-digest': undefined }],
    ['a digest that is none', 200, { ...HEADERS, 'docker-content-digest': 'sha256:12' }],
    ['a digest of another algorithm', 200, { ...HEADERS, 'docker-content-digest': `sha512:${'0'.repeat(128)}` }],
    ['no type', 200, { ...HEADERS, 'content-type': undefined }],
    ['a type that says nothing', 200, { ...HEADERS, 'content-type': 'application/json; charset=utf-8' }],
  ])('HEAD with %s: GET and an own hash', async (_, status, headers) => {
    const { registry, methods } = await start((request, response) => {
      if (request.method !== 'HEAD') {
        response.writeHead(200, { 'content-type': 'application/json' }).end(MANIFEST);
        return;
      }
      for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
      response.writeHead(status).end();
    });
    expect(await registry.headManifest(REPOSITORY, 'v1')).toEqual(DESCRIPTOR);
    expect(methods()).toEqual(['HEAD', 'GET']);
  });

  test('a refusal is explained by what GET says', async () => {
    const { registry } = await start((request, response) => {
      response.writeHead(403);
      response.end(request.method === 'HEAD' ? '' : '{"errors":[{"code":"DENIED","message":"not\\u001b[2J yours"}]}');
    });
    await expect(registry.headManifest(REPOSITORY, 'v1')).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
      message: expect.stringContaining('403: DENIED not\\x1b[2J yours'),
    });
  });

  test('a wrong digest header heals on the next try; one that stays is REGISTRY_DIGEST_MISMATCH', async () => {
    const wrong = digestOf('wrong');
    let bad = 1;
    const { registry } = await start((_, response) => {
      bad -= 1;
      response.writeHead(200, { ...HEADERS, 'docker-content-digest': bad >= 0 ? wrong : DIGEST }).end(MANIFEST);
    });
    expect((await registry.getManifest(REPOSITORY, 'v1'))?.descriptor).toEqual(DESCRIPTOR);
    bad = Number.POSITIVE_INFINITY;
    const mismatch = { code: 'REGISTRY_DIGEST_MISMATCH' };
    await expect(registry.getManifest(REPOSITORY, 'v1')).rejects.toMatchObject(mismatch);
    await expect(registry.headManifest(REPOSITORY, DIGEST)).rejects.toMatchObject(mismatch);
  });

  test('other bytes than the digest that was asked for are refused, whatever the header says', async () => {
    const { registry } = await start((_, response) => {
      response.writeHead(200, { ...HEADERS, 'docker-content-digest': digestOf('asked') }).end(MANIFEST);
    });
    await expect(registry.getManifest(REPOSITORY, digestOf('asked'))).rejects.toMatchObject({
      code: 'REGISTRY_DIGEST_MISMATCH',
    });
  });

  test.each(['HEAD', 'GET'])('schema 1 is refused in words after %s', async (method) => {
    const { registry } = await start((_, response) => {
      const type = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
      response.writeHead(200, { ...HEADERS, 'content-type': type }).end(MANIFEST);
    });
    const call = method === 'HEAD' ? registry.headManifest(REPOSITORY, 'v1') : registry.getManifest(REPOSITORY, 'v1');
    await expect(call).rejects.toMatchObject({
      code: 'IMAGE_MANIFEST',
      message: expect.stringContaining('schema 1'),
      hint: expect.stringContaining('Push the image again'),
    });
  });

  test('an answer without end is cut off at the limit', async () => {
    let sent = 0;
    const { registry } = await start(async (_, response) => {
      response.writeHead(200, { 'content-type': MEDIA_TYPES.ociIndex });
      const chunk = Buffer.alloc(65_536, 'x');
      while (!response.destroyed && sent < 100_000_000) {
        sent += chunk.byteLength;
        if (!response.write(chunk)) await drained(response);
      }
    });
    await expect(registry.getManifest(REPOSITORY, 'v1')).rejects.toMatchObject({ code: 'REGISTRY_SIZE_MISMATCH' });
    expect(sent).toBeLessThan(MAX_MANIFEST_BYTES + 20_000_000);
  });

  test('a page of a portal is no manifest', async () => {
    const { registry } = await start((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    );
    await expect(registry.getManifest(REPOSITORY, 'v1')).rejects.toMatchObject({ code: 'REGISTRY_PROTOCOL' });
  });

  test('compressed answers, which were not asked for, are refused', async () => {
    const { registry } = await start((_, response) => {
      response.writeHead(200, { ...HEADERS, 'content-encoding': 'gzip' }).end(MANIFEST);
    });
    await expect(registry.getManifest(REPOSITORY, 'v1')).rejects.toMatchObject({ code: 'REGISTRY_PROTOCOL' });
  });

  test('a redirect is not followed', async () => {
    const { registry, server } = await start((_, response) =>
      response.writeHead(307, { location: '/elsewhere' }).end(),
    );
    await expect(registry.getManifest(REPOSITORY, 'v1')).rejects.toMatchObject({
      code: 'REGISTRY_PROTOCOL',
      message: expect.stringContaining('followed for blobs only'),
    });
    expect(server.requests).toHaveLength(1);
  });

  test('a cut answer is asked for again', async () => {
    const { registry, methods } = await start((_, response, number) => {
      response.writeHead(200, HEADERS);
      if (number > 1) response.end(MANIFEST);
      else response.write(MANIFEST.subarray(0, 10), () => response.destroy());
    });
    expect((await registry.getManifest(REPOSITORY, 'v1'))?.descriptor).toEqual(DESCRIPTOR);
    expect(methods()).toEqual(['GET', 'GET']);
  });

  test('a registry that repeats our secret does not bring it into the message', async () => {
    const { registry } = await start(
      (request, response) => {
        response.writeHead(400);
        response.end(JSON.stringify({ errors: [{ code: 'X', message: `you sent ${request.headers.authorization}` }] }));
      },
      { authorizer: AUTHORIZED },
    );
    await expect(registry.getManifest(REPOSITORY, 'v1')).rejects.toMatchObject({
      message: expect.stringMatching(/you sent Bearer \(masked\)/),
    });
  });

  test('of a long list of errors some are shown, each cut', async () => {
    const errors = Array.from({ length: 100 }, (_, i) => ({ code: `E${i}`, message: 'm'.repeat(10_000) }));
    const { registry } = await start((_, response) => response.writeHead(400).end(JSON.stringify({ errors })));
    const failed = await registry.getManifest(REPOSITORY, 'v1').catch((error: Error) => error);
    // Cut at 64 KiB it is no JSON any more, and not shown at all.
    expect((failed as Error).message.length).toBeLessThan(200);
    const few = await start((_, response) =>
      response.writeHead(400).end(JSON.stringify({ errors: errors.slice(0, 6) })),
    );
    const message = ((await few.registry.getManifest(REPOSITORY, 'v1').catch((error: Error) => error)) as Error)
      .message;
    expect(message).toContain('E4 mmm');
    expect(message).not.toContain('E5');
    expect(message.length).toBeLessThan(1_500);
  });
});

describe('authorization', () => {
  test('a challenge is answered once, and what stays refused is REGISTRY_AUTH', async () => {
    const asked: unknown[] = [];
    const authorizer = {
      headerFor: async () => undefined,
      answer: async (request: unknown, challenges: readonly string[]) => {
        asked.push([request, challenges]);
        return 'Bearer fresh';
      },
    };
    const { registry, server } = await start(
      (request, response) => {
        if (request.headers.authorization === 'Bearer fresh' && request.url.endsWith('v1')) {
          response.writeHead(200, HEADERS).end();
        } else response.writeHead(401, { 'www-authenticate': ['Bearer realm="x"', 'Basic realm="y"'] }).end();
      },
      { authorizer, access: 'pull' },
    );
    expect(await registry.headManifest(REPOSITORY, 'v1')).toEqual(DESCRIPTOR);
    expect(asked).toEqual([
      [{ origin: server.origin, scopes: ['repository:factory/shop:pull'] }, ['Bearer realm="x"', 'Basic realm="y"']],
    ]);
    await expect(registry.headManifest(REPOSITORY, 'v2')).rejects.toMatchObject({ code: 'REGISTRY_AUTH' });
    expect(server.requests).toHaveLength(4);
  });
});

describe('blobs', () => {
  const BYTES = Buffer.from('0123456789'.repeat(100));
  const BLOB = { mediaType: 'a/b', digest: digestOf(BYTES), size: BYTES.byteLength };

  test('a redirect to a storage is followed without credentials', async () => {
    const storage = await other((_, response) => response.writeHead(200).end(BYTES));
    const { registry, server } = await start(
      (_, response) => response.writeHead(307, { location: `${storage.origin}/bucket/x?sig=1` }).end(),
      { authorizer: AUTHORIZED },
    );
    expect((await collect(registry.getBlob(REPOSITORY, BLOB))).equals(BYTES)).toBe(true);
    expect(await registry.hasBlob(REPOSITORY, BLOB.digest)).toBe(true);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([SECRET, SECRET]);
    expect(storage.requests.map(({ method, url, headers }) => [method, url, headers.authorization])).toEqual([
      ['GET', '/bucket/x?sig=1', undefined],
      ['HEAD', '/bucket/x?sig=1', undefined],
    ]);
  });

  test('a storage that signs for GET only is asked by GET', async () => {
    const storage = await other((request, response) => {
      response.writeHead(request.method === 'GET' ? 200 : 403).end(request.method === 'GET' ? BYTES : '');
    });
    const { registry } = await start((_, response) =>
      response.writeHead(302, { location: `${storage.origin}/x` }).end(),
    );
    expect(await registry.hasBlob(REPOSITORY, BLOB.digest)).toBe(true);
  });

  test.each([
    ['metadata services', 'http://169.254.169.254/latest', 'REGISTRY_UNSAFE'],
    ['plain http elsewhere', 'http://storage.example.com/x', 'REGISTRY_UNSAFE'],
    ['another scheme', 'file:///etc/passwd', 'REGISTRY_UNSAFE'],
    ['itself, without end', '/v2/again', 'REGISTRY_PROTOCOL'],
    ['nowhere', '', 'REGISTRY_PROTOCOL'],
    ['no URL', 'http://[', 'REGISTRY_PROTOCOL'],
  ])('a redirect to %s is refused', async (_, location, code) => {
    const { registry, server } = await start((_request, response) => {
      response.writeHead(302, location === '' ? {} : { location }).end();
    });
    await expect(collect(registry.getBlob(REPOSITORY, BLOB))).rejects.toMatchObject({ code });
    await expect(registry.hasBlob(REPOSITORY, BLOB.digest)).rejects.toMatchObject({ code });
    expect(server.requests.length).toBeLessThanOrEqual(12);
  });

  test('a cut stream goes on where it broke, and nothing comes twice', async () => {
    const { registry, server, events } = await start((request, response, number) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const rest = BYTES.subarray(from);
      const headers = { 'content-length': String(rest.byteLength) };
      if (from > 0) response.writeHead(206, { ...headers, 'content-range': `bytes ${from}-999/1000` });
      else response.writeHead(200, headers);
      if (number >= 4) response.end(rest);
      else response.write(rest.subarray(0, 100), () => setTimeout(() => response.destroy(), 20));
    });
    expect((await collect(registry.getBlob(REPOSITORY, BLOB))).equals(BYTES)).toBe(true);
    expect(server.requests.map(({ headers }) => headers.range)).toEqual([
      undefined,
      'bytes=100-',
      'bytes=200-',
      'bytes=300-',
    ]);
    expect(events.filter(({ type }) => type === 'request:retry')).toHaveLength(3);
  });

  test('a server without ranges sends all again, and what was read is left out', async () => {
    const { registry } = await start((_, response, number) => {
      response.writeHead(200, { 'content-length': '1000' });
      if (number > 1) response.end(BYTES);
      else response.write(BYTES.subarray(0, 333), () => setTimeout(() => response.destroy(), 20));
    });
    expect((await collect(registry.getBlob(REPOSITORY, BLOB))).equals(BYTES)).toBe(true);
  });

  test('a stream that breaks every time ends as an error', async () => {
    const { registry, server } = await start((_, response) => {
      response.writeHead(200, { 'content-length': '1000' }).flushHeaders();
      setTimeout(() => response.destroy(), 5);
    });
    await expect(collect(registry.getBlob(REPOSITORY, BLOB))).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(server.requests.length).toBeLessThan(10);
  });

  test.each([
    ['other bytes', Buffer.from('9876543210'.repeat(100)), 'REGISTRY_DIGEST_MISMATCH'],
    ['too few', BYTES.subarray(1), 'REGISTRY_SIZE_MISMATCH'],
    ['too many', Buffer.concat([BYTES, BYTES]), 'REGISTRY_SIZE_MISMATCH'],
  ])('%s are refused, with and without a length', async (_, bytes, code) => {
    for (const headers of [{ 'content-length': String(bytes.byteLength) }, undefined]) {
      const { registry } = await start((_request, response) => response.writeHead(200, headers).end(bytes));
      await expect(collect(registry.getBlob(REPOSITORY, BLOB))).rejects.toMatchObject({ code });
    }
  });

  test('the words of an error come with it', async () => {
    const { registry } = await start((_, response) => {
      response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"no entry"}]}');
    });
    await expect(collect(registry.getBlob(REPOSITORY, BLOB))).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
      message: expect.stringContaining('DENIED no entry'),
    });
  });

  test('a reader that stops early ends the connection', async () => {
    let closed = (): void => {};
    const ended = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { registry } = await start((_, response) => {
      response.once('close', closed);
      response.writeHead(200, { 'content-length': '1000' }).write('0');
    });
    for await (const chunk of registry.getBlob(REPOSITORY, BLOB)) {
      expect(chunk.byteLength).toBe(1);
      break;
    }
    await ended;
  });

  test('a slow reader holds up the sender instead of filling the memory', async () => {
    let sent = 0;
    const size = 200_000_000;
    const { registry } = await start(async (_, response) => {
      response.writeHead(200, { 'content-length': String(size) });
      const chunk = Buffer.alloc(65_536);
      while (sent < size && !response.destroyed) {
        sent += chunk.byteLength;
        if (!response.write(chunk)) await drained(response);
      }
    });
    const reader = registry.getBlob(REPOSITORY, { ...BLOB, size })[Symbol.asyncIterator]();
    await reader.next();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(sent).toBeLessThan(20_000_000);
    await reader.return?.();
  });
});

describe('time', () => {
  const timeouts = { connectMs: 5_000, headersMs: 5_000, idleMs: 5_000, totalMs: 5_000 };
  const retry = { attempts: 1, maxWaitMs: 0 };

  test('no answer in time, and one that stops coming', async () => {
    const silent = await start(() => {}, { timeouts: { ...timeouts, headersMs: 300 }, retry });
    await expect(silent.registry.getManifest(REPOSITORY, 'v1')).rejects.toMatchObject({
      code: 'REGISTRY_TIMEOUT',
      message: expect.stringContaining('no answer in time'),
    });
    const stuck = await start((_, response) => response.writeHead(200, HEADERS).write('x'), {
      timeouts: { ...timeouts, idleMs: 300 },
      retry,
    });
    await expect(stuck.registry.getManifest(REPOSITORY, 'v1')).rejects.toMatchObject({
      code: 'REGISTRY_TIMEOUT',
      message: expect.stringContaining('stopped coming'),
    });
  });

  test('an answer that drips without end', async () => {
    const { registry } = await start(
      (_, response) => {
        response.writeHead(200);
        const timer = setInterval(() => response.write('x'), 20);
        response.once('close', () => clearInterval(timer));
      },
      { timeouts: { ...timeouts, totalMs: 300 }, retry },
    );
    await expect(registry.getManifest(REPOSITORY, 'v1')).rejects.toMatchObject({
      code: 'REGISTRY_TIMEOUT',
      message: expect.stringContaining('took too long'),
    });
  });

  test('an abort is heard while an answer is waited for, while a stream hangs, and during a pause', async () => {
    const { registry, transport } = await start(
      (request, response) => {
        if (request.url.includes('blobs')) response.writeHead(200).write('x');
        if (request.url.includes('v429')) response.writeHead(429, { 'retry-after': '200' }).end();
      },
      { timers: REAL_TIMERS },
    );
    const calls = [
      (signal: AbortSignal) => registry.getManifest(REPOSITORY, 'v1', { signal }),
      (signal: AbortSignal) =>
        collect(registry.getBlob(REPOSITORY, { mediaType: 'a/b', digest: DIGEST, size: 9 }, { signal })),
      (signal: AbortSignal) => registry.getManifest(REPOSITORY, 'v429', { signal }),
      // The whole host pauses now.
      (signal: AbortSignal) => registry.hasBlob(REPOSITORY, DIGEST, { signal }),
      (signal: AbortSignal) => transport.timers.sleep(60_000, signal),
    ];
    for (const call of calls) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 50);
      await expect(call(controller.signal)).rejects.toMatchObject({ name: 'AbortError' });
    }
  });
});

describe('connections', () => {
  test('one after another, requests share a connection', async () => {
    const { registry, server } = await start((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, HEADERS).end();
      else response.writeHead(200, HEADERS).end(MANIFEST);
    });
    for (let i = 0; i < 10; i += 1) {
      await registry.headManifest(REPOSITORY, 'v1');
      await registry.getManifest(REPOSITORY, 'v1');
      await registry.hasBlob(REPOSITORY, DIGEST);
    }
    expect(server.requests).toHaveLength(30);
    // One more was for the question whether the server speaks TLS.
    expect(server.connections()).toBeLessThanOrEqual(3);
  });

  test('nothing listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const { registry, transport } = openHttpRegistry(`127.0.0.1:${port}`, { timers: createQuickTimers() });
    await expect(registry.headManifest(REPOSITORY, 'v1')).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('(5 tries)'),
    });
    await transport.close();
  });

  test('an answer that is not HTTP', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const settingsFor = () => ({ insecure: true });
    const { registry, transport } = openHttpRegistry(`127.0.0.1:${port}`, { timers: createQuickTimers(), settingsFor });
    await expect(registry.headManifest(REPOSITORY, 'v1')).rejects.toMatchObject({ code: 'REGISTRY_PROTOCOL' });
    await transport.close();
    server.close();
  });
});
