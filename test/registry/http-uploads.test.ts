import { afterEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/lib/digest.ts';
import { MEDIA_TYPES } from '../../src/model/oci.ts';
import { createQuickTimers, openHttpRegistry } from '../support/http-registry.ts';
import { type Answer, type ScriptedServer, type SeenRequest, startScriptedServer } from '../support/scripted-server.ts';
import { describeBytes, inChunks, manifestBytes, REPOSITORY } from './contract.ts';

const BYTES = Buffer.from('some bytes of a bundle');
const BLOB = describeBytes(BYTES);
const UPLOADS = '/v2/factory/shop/blobs/uploads/';
const SECRET = 'Bearer planted-secret';
const AUTHORIZED = { headerFor: async () => SECRET, answer: async () => undefined };

let closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
});

const listen = async (answer: Answer): Promise<ScriptedServer> => {
  const server = await startScriptedServer(answer);
  closing.push(server.close);
  return server;
};
const start = async (answer: Answer, options: Parameters<typeof openHttpRegistry>[1] = {}) => {
  const server = await listen(answer);
  const parts = openHttpRegistry(server.host, { timers: createQuickTimers(), ...options });
  closing.push(() => parts.transport.close());
  return { ...parts, server, lines: () => server.requests.map(({ method, url }) => `${method} ${url}`) };
};

test.each([
  ['absolute', (origin: string) => `${origin}/upload/1`, '/upload/1?digest='],
  ['relative', () => '/upload/1', '/upload/1?digest='],
  ['relative to its folder', () => '1', `${UPLOADS}1?digest=`],
  ['with a query that is signed', () => '/upload/1?_state=a%2Fb%3D&x', '/upload/1?_state=a%2Fb%3D&x&digest='],
])('a Location that is %s', async (_, location, expected) => {
  const { registry, server } = await start((request, response) => {
    if (request.method === 'POST') response.writeHead(202, { location: location(server.origin) }).end();
    else response.writeHead(201).end();
  });
  await registry.putBlob(REPOSITORY, BLOB, () => inChunks(BYTES, 5));
  expect(server.requests.map(({ method, url }) => [method, url])).toEqual([
    ['POST', UPLOADS],
    ['PUT', `${expected}${encodeURIComponent(BLOB.digest)}`],
  ]);
  expect(server.requests[0]?.headers['content-length']).toBe('0');
  expect(server.requests[1]?.headers['content-length']).toBe(String(BYTES.byteLength));
  expect(server.requests[1]?.body.equals(BYTES)).toBe(true);
});

test('a Location elsewhere gets the bytes, but no credentials', async () => {
  const storage = await listen((_, response) => response.writeHead(201).end());
  const { registry, server } = await start(
    (_, response) => response.writeHead(202, { location: `${storage.origin}/up` }).end(),
    { authorizer: AUTHORIZED },
  );
  await registry.putBlob(REPOSITORY, BLOB, () => inChunks(BYTES));
  expect(server.requests[0]?.headers.authorization).toBe(SECRET);
  expect(storage.requests[0]).toMatchObject({ method: 'PUT' });
  expect(storage.requests[0]?.headers.authorization).toBeUndefined();
});

test.each([
  ['to metadata services', 'http://169.254.169.254/up', 'REGISTRY_UNSAFE'],
  ['to plain http elsewhere', 'http://storage.example.com/up', 'REGISTRY_UNSAFE'],
  ['that is missing', undefined, 'REGISTRY_PROTOCOL'],
  ['that is no URL', 'http://[', 'REGISTRY_PROTOCOL'],
])('a Location %s is refused before a byte is sent', async (_, location, code) => {
  const { registry, lines } = await start((_request, response) => {
    response.writeHead(202, location === undefined ? {} : { location }).end();
  });
  await expect(registry.putBlob(REPOSITORY, BLOB, () => inChunks(BYTES))).rejects.toMatchObject({ code });
  expect(lines()).toEqual([`POST ${UPLOADS}`]);
});

test.each([
  ['a lost session', 404, 'BLOB_UPLOAD_UNKNOWN'],
  ['bytes that were damaged on the way', 400, 'DIGEST_INVALID'],
  ['trouble that passes', 500, 'UNKNOWN'],
])('%s: a new session, the old one cancelled', async (_, status, code) => {
  const { registry, lines } = await start((request, response, number) => {
    if (request.method === 'POST') response.writeHead(202, { location: `/up/${number}` }).end();
    else if (request.method === 'HEAD') response.writeHead(404).end();
    else if (request.url.startsWith('/up/1?')) response.writeHead(status).end(JSON.stringify({ errors: [{ code }] }));
    else response.writeHead(201).end();
  });
  await registry.putBlob(REPOSITORY, BLOB, () => inChunks(BYTES));
  expect(lines().map((line) => line.replace(/\?.*/, ''))).toEqual([
    `POST ${UPLOADS}`,
    'PUT /up/1',
    'DELETE /up/1',
    `HEAD /v2/factory/shop/blobs/${BLOB.digest}`,
    `POST ${UPLOADS}`,
    'PUT /up/5',
  ]);
});

test('a connection that broke after the bytes were taken: they are not sent again', async () => {
  const { registry, lines } = await start((request, response) => {
    if (request.method === 'POST') response.writeHead(202, { location: '/up' }).end();
    else if (request.method === 'PUT') response.destroy();
    else response.writeHead(200).end();
  });
  await registry.putBlob(REPOSITORY, BLOB, () => inChunks(BYTES));
  expect(lines().filter((line) => line.startsWith('PUT'))).toHaveLength(1);
});

test('a digest header that is another one is tried again, and then REGISTRY_DIGEST_MISMATCH', async () => {
  const { registry } = await start((request, response) => {
    if (request.method === 'POST') response.writeHead(202, { location: '/up' }).end();
    else if (request.method === 'HEAD') response.writeHead(404).end();
    else response.writeHead(201, { 'docker-content-digest': digestOf('else') }).end();
  });
  await expect(registry.putBlob(REPOSITORY, BLOB, () => inChunks(BYTES))).rejects.toMatchObject({
    code: 'REGISTRY_DIGEST_MISMATCH',
  });
});

test.each([
  [413, '', 'REGISTRY_DENIED', /limits the size/],
  [403, '{"errors":[{"code":"DENIED","message":"no push"}]}', 'REGISTRY_DENIED', /./],
  [405, '', 'REGISTRY_PROTOCOL', /./],
  [200, '', 'REGISTRY_PROTOCOL', /./],
])('a POST that is answered with %i is an error', async (status, body, code, hint) => {
  const { registry, lines } = await start((_, response) => response.writeHead(status).end(body));
  const failed = await registry.putBlob(REPOSITORY, BLOB, () => inChunks(BYTES)).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code });
  if (status === 413) expect((failed as { hint: string }).hint).toMatch(hint);
  expect(lines()).toHaveLength(1);
});

describe('large blobs', () => {
  const LARGE = Buffer.alloc(3_000_000, 'abcdefg');
  const DESCRIPTOR = describeBytes(LARGE);

  test('go out as they are read, the last bytes only when all were right', async () => {
    const got: Buffer[] = [];
    const { registry, lines } = await start((request, response) => {
      if (request.method === 'PUT') got.push(request.body);
      if (request.method === 'POST') response.writeHead(202, { location: '/up' }).end();
      else response.writeHead(201).end();
    });
    await registry.putBlob(REPOSITORY, DESCRIPTOR, () => inChunks(LARGE));
    expect(got[0]?.equals(LARGE)).toBe(true);
    const damaged = Buffer.from(LARGE);
    damaged[1_000_000] = 0;
    await expect(registry.putBlob(REPOSITORY, DESCRIPTOR, () => inChunks(damaged))).rejects.toMatchObject({
      code: 'REGISTRY_DIGEST_MISMATCH',
    });
    // The request never became whole; the session is given up.
    expect(got).toHaveLength(1);
    expect(lines().at(-1)).toBe('DELETE /up');
  });

  test('one that is stopped in the middle begins anew', async () => {
    let opened = 0;
    const { registry, server } = await start((request, response, number) => {
      if (request.method === 'POST') response.writeHead(202, { location: `/up/${number}` }).end();
      else if (request.method === 'HEAD') response.writeHead(404).end();
      else if (request.method === 'PUT' && request.url.startsWith('/up/1?')) response.writeHead(503).end();
      else response.writeHead(201).end();
    });
    await registry.putBlob(REPOSITORY, DESCRIPTOR, () => {
      opened += 1;
      return inChunks(LARGE);
    });
    expect(opened).toBe(2);
    expect(server.requests.at(-1)?.body.equals(LARGE)).toBe(true);
  });

  /** Takes chunks as the specification says, and breaks as a test wants. */
  const chunkServer = (trouble: (request: SeenRequest, stored: Buffer) => 'break' | 'half' | number | undefined) => {
    let stored = Buffer.alloc(0);
    let sessions = 0;
    const ranges: string[] = [];
    const answer: Answer = (request, response) => {
      if (request.method === 'POST') {
        stored = Buffer.alloc(0);
        sessions += 1;
        response.writeHead(202, { location: `/up/${sessions}?n=0` }).end();
        return;
      }
      if (request.method === 'GET') {
        const range = stored.byteLength === 0 ? '0-0' : `0-${stored.byteLength - 1}`;
        response.writeHead(204, { range, location: `/up/${sessions}?n=${stored.byteLength}` }).end();
        return;
      }
      if (request.method === 'PATCH') {
        const what = trouble(request, stored);
        ranges.push(request.headers['content-range'] ?? '');
        if (what === 'half') stored = Buffer.concat([stored, request.body.subarray(0, request.body.byteLength / 2)]);
        if (what === 'half' || what === 'break') return void response.destroy();
        if (what !== undefined) return void response.writeHead(what).end();
        stored = Buffer.concat([stored, request.body]);
        response.writeHead(201, { location: `/up/${sessions}?n=${stored.byteLength}` }).end();
        return;
      }
      if (request.method === 'PUT') {
        stored = Buffer.concat([stored, request.body]);
        response.writeHead(digestOf(stored) === DESCRIPTOR.digest ? 201 : 400).end();
        return;
      }
      response.writeHead(request.method === 'DELETE' ? 204 : 404).end();
    };
    return { answer, ranges, sessions: () => sessions };
  };
  const CHUNKS = { chunkAbove: 0, chunkBytes: 1_000_000 };

  test('in chunks, each at its place, also where 201 answers', async () => {
    const { answer, ranges } = chunkServer(() => undefined);
    const { registry, lines } = await start(answer, CHUNKS);
    await registry.putBlob(REPOSITORY, DESCRIPTOR, () => inChunks(LARGE));
    expect(ranges).toEqual(['0-999999', '1000000-1999999', '2000000-2999999']);
    expect(lines().at(-1)).toBe(`PUT /up/1?n=3000000&digest=${encodeURIComponent(DESCRIPTOR.digest)}`);
  });

  test('a chunk that broke goes on where the registry is', async () => {
    let broken = 0;
    const { answer, ranges, sessions } = chunkServer((_, stored) => {
      if (stored.byteLength !== 1_000_000 || broken > 0) return undefined;
      broken += 1;
      return 'half';
    });
    const { registry } = await start(answer, CHUNKS);
    await registry.putBlob(REPOSITORY, DESCRIPTOR, () => inChunks(LARGE));
    expect(ranges).toEqual(['0-999999', '1000000-1999999', '1500000-1999999', '2000000-2999999']);
    expect(sessions()).toBe(1);
  });

  test('a session that is gone: a new one, from the beginning', async () => {
    let gone = 1;
    const { answer, sessions } = chunkServer((_, stored) => {
      if (stored.byteLength === 0 || gone === 0) return undefined;
      gone -= 1;
      return 404;
    });
    const { registry, lines } = await start(answer, CHUNKS);
    await registry.putBlob(REPOSITORY, DESCRIPTOR, () => inChunks(LARGE));
    expect(sessions()).toBe(2);
    expect(lines()).toContain('DELETE /up/1?n=0');
  });

  test('a registry without chunks gets it in one piece, this one and those after it', async () => {
    const { answer, ranges } = chunkServer(() => 405);
    const { registry } = await start(answer, CHUNKS);
    await registry.putBlob(REPOSITORY, DESCRIPTOR, () => inChunks(LARGE));
    await registry.putBlob(REPOSITORY, DESCRIPTOR, () => inChunks(LARGE));
    expect(ranges).toHaveLength(1);
  });

  test('chunks are no smaller than the registry wants them', async () => {
    const { answer, ranges } = chunkServer(() => undefined);
    const { registry } = await start((request, response, number) => {
      if (request.method === 'POST') response.setHeader('oci-chunk-min-length', '2000000');
      return answer(request, response, number);
    }, CHUNKS);
    await registry.putBlob(REPOSITORY, DESCRIPTOR, () => inChunks(LARGE));
    expect(ranges).toEqual(['0-1999999', '2000000-2999999']);
  });
});

describe('mounting', () => {
  const mounts = (status: number) =>
    start((request, response) => {
      if (request.url.includes('mount=')) response.writeHead(status, { location: '/up/mounted' }).end();
      else if (request.method === 'POST') response.writeHead(202, { location: '/up/new' }).end();
      else response.writeHead(201).end();
    });

  test('201: the blob is there', async () => {
    const { registry, lines } = await mounts(201);
    expect(await registry.mountBlob?.(REPOSITORY, BLOB, 'factory/other')).toBe(true);
    expect(lines()).toEqual([`POST ${UPLOADS}?mount=${encodeURIComponent(BLOB.digest)}&from=factory%2Fother`]);
  });

  test('202: the session that was opened instead is used', async () => {
    const { registry, lines } = await mounts(202);
    expect(await registry.mountBlob?.(REPOSITORY, BLOB, 'factory/other')).toBe(false);
    await registry.putBlob(REPOSITORY, BLOB, () => inChunks(BYTES));
    expect(lines().slice(1)).toEqual([`PUT /up/mounted?digest=${encodeURIComponent(BLOB.digest)}`]);
  });

  test.each([401, 403, 404, 405, 500])('%i: the blob is to be sent', async (status) => {
    const { registry } = await mounts(status);
    expect(await registry.mountBlob?.(REPOSITORY, BLOB, 'factory/other')).toBe(false);
    await registry.putBlob(REPOSITORY, BLOB, () => inChunks(BYTES));
  });
});

describe('manifests', () => {
  const bytes = manifestBytes({ config: undefined, layers: [] });
  const manifest = { bytes, mediaType: MEDIA_TYPES.ociManifest, tag: 'v1' };

  test('one PUT under the tag', async () => {
    const { registry, server } = await start((_, response) => response.writeHead(201).end());
    expect(await registry.putManifest(REPOSITORY, manifest)).toEqual(describeBytes(bytes, MEDIA_TYPES.ociManifest));
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({ method: 'PUT', url: '/v2/factory/shop/manifests/v1' });
    expect(server.requests[0]?.headers['content-type']).toBe(MEDIA_TYPES.ociManifest);
  });

  test('a registry that keeps other bytes than it got', async () => {
    const { registry } = await start((_, response) => {
      response.writeHead(201, { 'docker-content-digest': digestOf('else') }).end();
    });
    await expect(registry.putManifest(REPOSITORY, manifest)).rejects.toMatchObject({
      code: 'REGISTRY_DIGEST_MISMATCH',
    });
  });

  test('a refusal comes with the words of the registry', async () => {
    const { registry } = await start((_, response) => {
      response.writeHead(400).end('{"errors":[{"code":"MANIFEST_INVALID","message":"config type not allowed"}]}');
    });
    await expect(registry.putManifest(REPOSITORY, manifest)).rejects.toMatchObject({
      code: 'REGISTRY_PROTOCOL',
      message: expect.stringContaining('400: MANIFEST_INVALID config type not allowed'),
    });
  });
});
