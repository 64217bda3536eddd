import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/lib/digest.ts';
import { MEDIA_TYPES } from '../../src/model/oci.ts';
import { createAuthorizer } from '../../src/registry/auth.ts';
import { createAuthority } from '../support/certificates.ts';
import { type Fault, type FaultRule, type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { createQuickTimers, openHttpRegistry, REAL_TIMERS } from '../support/http-registry.ts';
import { collect, describeBytes, inChunks, manifestBytes } from './contract.ts';
import { answer, codeOf, first } from './hostile-rules.ts';

const NAME = { registry: 'registry.example.com', repository: 'factory/shop' };
const BYTES = Buffer.from('bytes of a blob '.repeat(500));
const BLOB = describeBytes(BYTES);
const MANIFEST = manifestBytes({ config: BLOB, layers: [] });
const DIGEST = digestOf(MANIFEST);
const PUT = { bytes: MANIFEST, mediaType: MEDIA_TYPES.ociManifest, tag: 'v1' };
const LONG = { connectMs: 30_000, headersMs: 30_000, idleMs: 30_000, totalMs: 30_000 };
const ONCE = { attempts: 1, maxWaitMs: 0 };

type Options = Parameters<typeof openHttpRegistry>[1];

let server: HostileServer;
let closers: (() => unknown)[];

beforeEach(async () => {
  server = await startHostileServer();
  closers = [() => server.close()];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

function open(options: Options = {}, host = server.host) {
  const parts = openHttpRegistry(host, options);
  closers.push(() => parts.transport.close());
  return parts;
}

function plant(): void {
  server.blobs.set(NAME.repository, new Map([[BLOB.digest, BYTES]]));
  server.manifests.set(NAME.repository, new Map([[DIGEST, { bytes: MANIFEST, mediaType: MEDIA_TYPES.ociManifest }]]));
}

const HANG: Fault = { do: 'hang' };
/** The headers come, then half of the bytes, and the connection stays. */
const STALL: Fault = { do: 'stall' };
const DRIP: Fault = { do: 'drip', everyMs: 5 };

/** Every way in which a request of each kind can wait for ever, and the time that ends it. */
const WAITS: [string, string, FaultRule, Partial<typeof LONG>][] = [
  ['a manifest', 'that hangs', first('GET', 'manifest', HANG), { headersMs: 250 }],
  ['a manifest', 'that stops', first('GET', 'manifest', STALL), { idleMs: 250 }],
  ['a manifest', 'that drips', first('GET', 'manifest', DRIP), { totalMs: 250 }],
  ['a blob', 'that hangs', first('GET', 'blob', HANG), { headersMs: 250 }],
  ['a blob', 'that stops', first('GET', 'blob', STALL), { idleMs: 250 }],
  ['an upload', 'whose POST hangs', first('POST', 'upload', HANG), { headersMs: 250 }],
  ['an upload', 'whose PUT hangs', first('PUT', 'upload', HANG), { headersMs: 250 }],
  ['an upload', 'whose PUT is answered in drips', first('PUT', 'upload', DRIP), { totalMs: 250 }],
  ['chunks', 'whose PATCH hangs', first('PATCH', 'upload', HANG), { headersMs: 250 }],
  ['a manifest to be stored', 'whose PUT hangs', first('PUT', 'manifest', HANG), { headersMs: 250 }],
];

async function work(what: string, options: Options): Promise<unknown> {
  const { registry } = open({ ...options, ...(what === 'chunks' ? { chunkAbove: 1_000, chunkBytes: 4_000 } : {}) });
  switch (what) {
    case 'a manifest':
      return (await registry.getManifest(NAME, DIGEST))?.bytes;
    case 'a blob':
      return collect(registry.getBlob(NAME, BLOB));
    case 'a manifest to be stored':
      return registry.putManifest(NAME, PUT);
    default:
      server.blobs.clear();
      return registry.putBlob(NAME, BLOB, () => inChunks(BYTES));
  }
}

describe('time', () => {
  // A blob that moves is no failed try: it goes on where it stopped.
  test.each(WAITS.filter(([what, how]) => what !== 'a blob' || how !== 'that stops'))(
    '%s %s is REGISTRY_TIMEOUT',
    async (what, _how, rule, timeouts) => {
      plant();
      server.fault = rule;
      expect(await codeOf(work(what, { timeouts: { ...LONG, ...timeouts }, retry: ONCE }))).toBe('REGISTRY_TIMEOUT');
    },
  );

  test.each(WAITS)('%s %s comes through by the next try', async (what, _how, rule, timeouts) => {
    plant();
    server.fault = rule;
    const result = await work(what, { timeouts: { ...LONG, ...timeouts }, timers: createQuickTimers() });
    if (what === 'a manifest') expect(result).toEqual(MANIFEST);
    if (what === 'a blob') expect(result).toEqual(BYTES);
    expect(server.blobs.get(NAME.repository)?.get(BLOB.digest)).toEqual(BYTES);
    if (what === 'a manifest to be stored') expect(server.tags.get(NAME.repository)?.get('v1')).toBe(DIGEST);
  });

  test('a blob that drips ends with the time that its size is given', async () => {
    plant();
    server.fault = first('GET', 'blob', { do: 'drip', everyMs: 5 }, 99);
    // As if the time were over: the size alone is worth seconds.
    const timers = { ...REAL_TIMERS, after: (_ms: number, callback: () => void) => REAL_TIMERS.after(60, callback) };
    const { registry } = open({ timeouts: LONG, timers, retry: ONCE });
    expect(await codeOf(collect(registry.getBlob(NAME, BLOB)))).toBe('REGISTRY_TIMEOUT');
  });

  describe('servers that only take connections', () => {
    let deaf: Server;
    const sockets = new Set<Socket>();
    beforeEach(async () => {
      deaf = createServer({ pauseOnConnect: true }, (socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
      });
      await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
      closers.push(() => {
        for (const socket of sockets) socket.destroy();
        deaf.close();
      });
    });
    const hostOf = (): string => `127.0.0.1:${(deaf.address() as { port: number }).port}`;

    test.each([false, undefined])('no TLS in time (insecure: %s) is REGISTRY_TIMEOUT', async (insecure) => {
      const timeouts = { ...LONG, connectMs: 250, headersMs: 250 };
      const { registry } = open({ settingsFor: () => ({ insecure }), timeouts, retry: ONCE }, hostOf());
      expect(await codeOf(registry.getManifest(NAME, 'v1'))).toBe('REGISTRY_TIMEOUT');
    });

    test('an upload that is not read ends with the time for the whole', async () => {
      const timers = { ...REAL_TIMERS, after: (_ms: number, callback: () => void) => REAL_TIMERS.after(400, callback) };
      server.fault = first('POST', 'upload', answer(202, { location: `http://${hostOf()}/upload` }));
      const { registry } = open({ timeouts: LONG, timers, retry: ONCE });
      const large = Buffer.alloc(16 * 1024 * 1024, 'large ');
      const sending = registry.putBlob(NAME, describeBytes(large), () => inChunks(large));
      expect(await codeOf(sending)).toBe('REGISTRY_TIMEOUT');
    });
  });
});

describe('answers that are not what was asked for', () => {
  test.each<[string, string, FaultRule]>([
    ['a manifest', 'GET', first('GET', 'manifest', { do: 'headers', headers: { 'x-large': 'x'.repeat(40_000) } }, 99)],
    ['a blob', 'GET', first('GET', 'blob', { do: 'headers', headers: { 'x-large': 'x'.repeat(40_000) } }, 99)],
    ['an upload', 'POST', first('POST', 'upload', answer(202, { location: `/${'x'.repeat(40_000)}` }), 99)],
  ])('huge headers: %s is REGISTRY_PROTOCOL, after one try', async (what, method, rule) => {
    plant();
    server.fault = rule;
    expect(await codeOf(work(what, { timers: createQuickTimers() }))).toBe('REGISTRY_PROTOCOL');
    expect(server.requests.filter((seen) => seen.method === method)).toHaveLength(1);
  });

  test('a manifest that was taken and is not there: some time is given, then REGISTRY_BLOB_MISSING', async () => {
    plant();
    server.fault = first('GET', 'manifest', answer(404), 2);
    const { registry, events } = open({ timers: createQuickTimers() });
    await registry.putManifest(NAME, PUT);
    expect((await registry.getManifest(NAME, DIGEST))?.bytes).toEqual(MANIFEST);
    expect(events.filter(({ type }) => type === 'request:retry')).toHaveLength(2);

    server.fault = (request) =>
      request.method === 'PUT' && request.kind === 'manifest' ? { do: 'lie', status: 201 } : undefined;
    const other = { ...NAME, repository: 'factory/other' };
    await registry.putManifest(other, PUT);
    expect(await codeOf(registry.getManifest(other, DIGEST))).toBe('REGISTRY_BLOB_MISSING');
  });
});

test('a token realm from https to http is REGISTRY_UNSAFE, and nothing is sent there', async () => {
  const authority = await createAuthority();
  const plain = server;
  const secure = await startHostileServer(
    () => answer(401, { 'www-authenticate': `Bearer realm="${plain.origin}/token",service="x"` }),
    await authority.issue('hostile'),
  );
  closers.push(() => secure.close());
  const settingsFor = () => ({ ca: [authority.certificate] });
  const { transport } = open({ settingsFor }, secure.host);
  const authorizer = createAuthorizer({
    credentialsFor: async () => ({ kind: 'basic', username: 'joe', password: 'planted-secret', source: 'test' }),
    now: () => Date.now(),
    send: transport.sendToken,
    checkRealm: (origin, realm) => transport.checkRealm(origin, realm),
  });
  const { registry } = open({ settingsFor, authorizer }, secure.host);
  expect(await codeOf(registry.getManifest(NAME, 'v1'))).toBe('REGISTRY_UNSAFE');
  expect(await codeOf(registry.putBlob(NAME, BLOB, () => inChunks(BYTES)))).toBe('REGISTRY_UNSAFE');
  expect(plain.requests).toEqual([]);
  expect(secure.requests.map(({ headers }) => headers.authorization)).toEqual(secure.requests.map(() => undefined));
});
