import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { type Descriptor, MEDIA_TYPES } from '../../src/model/oci.ts';
import { createAuthorizer } from '../../src/registry/auth.ts';
import type { Authorizer } from '../../src/registry/auth-types.ts';
import { MAX_MANIFEST_BYTES, type Registry } from '../../src/registry/registry.ts';
import { type Certificate, createAuthority } from '../support/certificates.ts';
import { type Fault, type FaultRule, type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { createWarpTimers, openHttpRegistry } from '../support/http-registry.ts';
import { collect, describeBytes, inChunks, manifestBytes } from './contract.ts';
import { answer, codeOf, first, RESET } from './hostile-rules.ts';

const NAME = { registry: 'registry.example.com', repository: 'factory/shop' };
const BLOB = Buffer.from('bytes of a blob '.repeat(20_000));
const CONFIG = Buffer.from('{}');
const SECRET = 'planted-secret-token';

type Options = Parameters<typeof openHttpRegistry>[1];

let server: HostileServer;
let closers: (() => Promise<void>)[];

beforeEach(async () => {
  server = await startHostileServer();
  closers = [() => server.close()];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

function open(options: Options = {}, host = server.host) {
  const timers = createWarpTimers();
  const parts = openHttpRegistry(host, { timers, ...options });
  closers.push(() => parts.transport.close());
  return { ...parts, waits: timers.waits };
}

/** Puts an image with a blob into the server itself. */
function plant(bytes = BLOB): { manifest: Descriptor; blob: Descriptor; bytes: Buffer } {
  const [config, layer] = [describeBytes(CONFIG, MEDIA_TYPES.ociEmpty), describeBytes(bytes)];
  const manifest = manifestBytes({ config, layers: [layer] });
  const digest = digestOf(manifest);
  server.blobs.set(
    NAME.repository,
    new Map([
      [config.digest, CONFIG],
      [layer.digest, bytes],
    ]),
  );
  server.manifests.set(NAME.repository, new Map([[digest, { bytes: manifest, mediaType: MEDIA_TYPES.ociManifest }]]));
  server.tags.set(NAME.repository, new Map([['v1', digest]]));
  return {
    manifest: { mediaType: MEDIA_TYPES.ociManifest, digest, size: manifest.byteLength },
    blob: layer,
    bytes: manifest,
  };
}

describe('trouble that passes, while reading', () => {
  test.each<[string, Fault]>([
    ['reset', RESET],
    ['500', answer(500)],
    ['502', answer(502)],
    ['503', answer(503)],
    ['504', answer(504)],
    ['429', answer(429)],
    ['cut body', { do: 'cut' }],
    ['wrong digest header', { do: 'headers', headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` } }],
  ])('%s: manifest and blob are read all the same', async (_name, fault) => {
    const { blob, bytes } = plant();
    server.fault = ({ method, kind, count }) =>
      method === 'GET' && count === 1 && (kind === 'manifest' || kind === 'blob') ? fault : undefined;
    const { registry } = open();
    expect((await registry.getManifest(NAME, 'v1'))?.bytes.equals(bytes)).toBe(true);
    expect((await collect(registry.getBlob(NAME, blob))).equals(BLOB)).toBe(true);
    expect(server.requests.filter(({ kind }) => kind === 'manifest')).toHaveLength(2);
  });

  test.each<[string, string | undefined, number, number]>([
    ['seconds', '7', 7_000, 8_000],
    ['a date', new Date(Date.now() + 20_000).toUTCString(), 15_000, 21_500],
    ['a date in the past', 'Wed, 21 Oct 2015 07:28:00 GMT', 0, 2_000],
    ['rubbish', 'soon', 0, 2_000],
    ['nothing', undefined, 0, 2_000],
    ['a negative number', '-5', 0, 2_000],
  ])('429 with Retry-After: %s', async (_name, value, least, most) => {
    const { manifest } = plant();
    server.fault = first('GET', 'manifest', answer(429, value === undefined ? {} : { 'retry-after': value }));
    const { registry, waits, events } = open();
    expect((await registry.getManifest(NAME, manifest.digest))?.descriptor).toEqual(manifest);
    const waited = waits.reduce((sum, ms) => sum + ms, 0);
    expect(waited).toBeGreaterThanOrEqual(least);
    expect(waited).toBeLessThanOrEqual(most);
    expect(events.filter(({ type }) => type === 'request:retry')).toHaveLength(1);
  });
});

describe('trouble that stays', () => {
  const reads: [string, Fault, ErrorCode][] = [
    ['resets', RESET, 'REGISTRY_UNREACHABLE'],
    ['500', answer(500), 'REGISTRY_UNREACHABLE'],
    ['429', answer(429), 'REGISTRY_RATE_LIMIT'],
    ['429 for a day', answer(429, { 'retry-after': '86400' }), 'REGISTRY_RATE_LIMIT'],
    ['403', answer(403, {}, '{"errors":[{"code":"DENIED"}]}'), 'REGISTRY_DENIED'],
    ['401 without a challenge', answer(401), 'REGISTRY_AUTH'],
    [
      'a page instead of a manifest',
      answer(200, { 'content-type': 'text/html' }, '<html>hello</html>'),
      'REGISTRY_PROTOCOL',
    ],
    [
      'schema 1',
      answer(
        200,
        { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' },
        '{"schemaVersion":1}',
      ),
      'IMAGE_MANIFEST',
    ],
    ['a body that was compressed', { do: 'headers', headers: { 'content-encoding': 'gzip' } }, 'REGISTRY_PROTOCOL'],
    [
      'another type than its own',
      { do: 'headers', headers: { 'content-type': MEDIA_TYPES.ociIndex } },
      'IMAGE_MANIFEST',
    ],
    [
      'other bytes',
      { do: 'body', body: manifestBytes({ layers: [], config: describeBytes(CONFIG) }) },
      'REGISTRY_DIGEST_MISMATCH',
    ],
    ['a redirect', answer(307, { location: 'https://elsewhere.example/' }), 'REGISTRY_PROTOCOL'],
    ['an endless body', { do: 'endless' }, 'REGISTRY_SIZE_MISMATCH'],
    [
      'a body above the limit',
      { do: 'body', body: Buffer.alloc(MAX_MANIFEST_BYTES + 1, ' ') },
      'REGISTRY_SIZE_MISMATCH',
    ],
    ['a shorter length than its bytes', { do: 'length', length: 20 }, 'REGISTRY_DIGEST_MISMATCH'],
  ];
  test.each(reads)('%s: getManifest fails in words', async (_name, fault, code) => {
    plant();
    server.fault = (request) => (request.kind === 'manifest' ? fault : undefined);
    const { registry } = open();
    expect(await codeOf(registry.getManifest(NAME, 'v1'))).toBe(code);
    expect(server.requests.length).toBeLessThanOrEqual(12);
  });

  const blobs: [string, Fault, ErrorCode][] = [
    ['resets', RESET, 'REGISTRY_UNREACHABLE'],
    ['404', answer(404), 'REGISTRY_BLOB_MISSING'],
    ['other bytes of the same size', { do: 'body', body: Buffer.alloc(BLOB.byteLength) }, 'REGISTRY_DIGEST_MISMATCH'],
    ['fewer bytes', { do: 'body', body: BLOB.subarray(1) }, 'REGISTRY_SIZE_MISMATCH'],
    ['more bytes', { do: 'body', body: Buffer.concat([BLOB, BLOB]) }, 'REGISTRY_SIZE_MISMATCH'],
    ['an endless body', { do: 'endless' }, 'REGISTRY_SIZE_MISMATCH'],
    ['a redirect loop', answer(307, { location: '#' }), 'REGISTRY_PROTOCOL'],
    ['a redirect to nowhere', answer(307), 'REGISTRY_PROTOCOL'],
    ['a redirect to a file', answer(307, { location: 'file:///etc/passwd' }), 'REGISTRY_UNSAFE'],
    [
      'a redirect to the metadata service of a cloud',
      answer(307, { location: 'http://169.254.169.254/latest' }),
      'REGISTRY_UNSAFE',
    ],
    ['the same, written otherwise', answer(307, { location: 'http://[::ffff:a9fe:a9fe]/latest' }), 'REGISTRY_UNSAFE'],
  ];
  test.each(blobs)('%s: getBlob fails in words', async (_name, fault, code) => {
    const { blob } = plant();
    server.fault = (request) => (request.kind === 'blob' ? fault : undefined);
    const { registry } = open();
    expect(await codeOf(collect(registry.getBlob(NAME, blob)))).toBe(code);
    expect(server.requests.length).toBeLessThanOrEqual(30);
  });

  test.each<[string, Fault]>([
    ['hangs', { do: 'hang' }],
    ['drips', { do: 'drip', everyMs: 5 }],
  ])('a server that %s runs into a timeout', async (_name, fault) => {
    const { manifest } = plant();
    server.fault = () => fault;
    const { registry } = openSlow();
    expect(await codeOf(registry.getManifest(NAME, manifest.digest))).toBe('REGISTRY_TIMEOUT');
  });

  function openSlow() {
    return open({
      timeouts: { connectMs: 1_000, headersMs: 150, idleMs: 150, totalMs: 300 },
      retry: { attempts: 1, maxWaitMs: 1_000 },
    });
  }

  test('an abort ends a request that hangs at once', async () => {
    server.fault = () => ({ do: 'hang' });
    const { registry } = open();
    const controller = new AbortController();
    const waiting = registry.getManifest(NAME, 'v1', { signal: controller.signal });
    setTimeout(() => controller.abort(), 30);
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('registries that are odd, but right', () => {
  test.each<[string, FaultRule]>([
    ['no HEAD', first('HEAD', 'manifest', answer(405), 99)],
    ['HEAD not implemented', first('HEAD', 'manifest', answer(501), 99)],
    [
      'no Docker-Content-Digest',
      (request) =>
        request.kind === 'manifest' ? { do: 'headers', headers: { 'docker-content-digest': undefined } } : undefined,
    ],
    [
      'HEAD without a length',
      first(
        'HEAD',
        'manifest',
        { do: 'headers', headers: { 'content-length': '0', 'docker-content-digest': undefined } },
        99,
      ),
    ],
    [
      'type in another case, with a charset',
      (request) =>
        request.kind === 'manifest'
          ? { do: 'headers', headers: { 'content-type': `${MEDIA_TYPES.ociManifest.toUpperCase()}; charset=utf-8` } }
          : undefined,
    ],
  ])('%s: the descriptor is the same', async (_name, rule) => {
    const { manifest } = plant();
    server.fault = rule;
    const { registry } = open();
    expect(await registry.headManifest(NAME, 'v1')).toEqual(manifest);
    expect(await registry.headManifest(NAME, manifest.digest)).toEqual(manifest);
  });

  test('no HEAD for blobs', async () => {
    const { blob } = plant();
    server.fault = first('HEAD', 'blob', answer(405), 99);
    const { registry } = open();
    expect(await registry.hasBlob(NAME, blob.digest)).toBe(true);
    expect(await registry.hasBlob(NAME, digestOf('other'))).toBe(false);
  });

  test('a blob whose every connection breaks comes in pieces', async () => {
    const { blob } = plant();
    server.fault = first('GET', 'blob', { do: 'cut' }, 5);
    const { registry } = open();
    expect((await collect(registry.getBlob(NAME, blob))).equals(BLOB)).toBe(true);
    expect(server.requests.some(({ headers }) => headers.range !== undefined)).toBe(true);
  });

  test('a blob in a storage elsewhere is fetched without credentials', async () => {
    const { blob } = plant();
    const storage = await startHostileServer(() => ({ do: 'body', body: BLOB }));
    closers.push(() => storage.close());
    storage.blobs.set('x', new Map([[blob.digest, BLOB]]));
    server.fault = ({ kind, headers }) =>
      headers.authorization === undefined
        ? answer(401, { 'www-authenticate': 'Basic realm="x"' })
        : kind === 'blob'
          ? answer(307, { location: `${storage.origin}/v2/x/blobs/${blob.digest}?signature=${SECRET}` })
          : undefined;
    const { registry, events } = open({ authorizer: basicAuthorizer() });
    expect((await collect(registry.getBlob(NAME, blob))).equals(BLOB)).toBe(true);
    expect(server.requests.at(-1)?.headers.authorization).toMatch(/^Basic /);
    expect(storage.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(JSON.stringify(events)).not.toContain(SECRET);
  });
});

function basicAuthorizer(): Authorizer {
  return createAuthorizer({
    credentialsFor: async () => ({ kind: 'basic', username: 'joe', password: SECRET, source: 'test' }),
    now: () => Date.now(),
    checkRealm: async () => {},
    send: async () => ({ status: 500, headers: {}, body: Buffer.alloc(0) }),
  });
}

async function publish(registry: Registry, blob = BLOB): Promise<Descriptor> {
  const [config, layer] = [describeBytes(CONFIG, MEDIA_TYPES.ociEmpty), describeBytes(blob)];
  await registry.putBlob(NAME, config, () => inChunks(CONFIG));
  await registry.putBlob(NAME, layer, () => inChunks(blob));
  const bytes = manifestBytes({ config, layers: [layer] });
  return registry.putManifest(NAME, { bytes, mediaType: MEDIA_TYPES.ociManifest, tag: 'v1' });
}

describe('uploads that recover', () => {
  const CHUNKED: Options = { chunkAbove: 100_000 };
  /** Large enough for several chunks of 8 MiB. */
  const LARGE = Buffer.alloc(20 * 1024 * 1024, 'large ');
  test.each<[string, FaultRule, Options?]>([
    ['reset at POST', first('POST', 'upload', RESET)],
    ['reset at PUT', first('PUT', 'upload', RESET)],
    ['reset after the blob was stored', first('PUT', 'upload', { do: 'reset', done: true })],
    ['reset after the manifest was stored', first('PUT', 'manifest', { do: 'reset', done: true })],
    ['500 at every step', ({ method, count }) => (method !== 'DELETE' && count === 1 ? answer(500) : undefined)],
    [
      '429 at every step',
      ({ method, count }) => (method !== 'DELETE' && count === 1 ? answer(429, { 'retry-after': '1' }) : undefined),
    ],
    ['503 with Retry-After', first('POST', 'upload', answer(503, { 'retry-after': '3' }), 3)],
    ['cut answers', ({ method, count }) => (method !== 'DELETE' && count === 1 ? { do: 'cut' } : undefined)],
    ['session lost', first('PUT', 'upload', { do: 'forget' })],
    [
      'wrong digest in the answer',
      first('PUT', 'upload', { do: 'headers', headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` } }),
    ],
    ['no digest in the answers', () => ({ do: 'headers', headers: { 'docker-content-digest': undefined } })],
    ['an upload damaged on the way', first('PUT', 'upload', answer(400, {}, '{"errors":[{"code":"DIGEST_INVALID"}]}'))],
    ['200 in place of 201', first('PUT', 'upload', { do: 'reset', done: true })],
    ['chunks: reset at PATCH', first('PATCH', 'upload', RESET), CHUNKED],
    ['chunks: reset after PATCH was taken', first('PATCH', 'upload', { do: 'reset', done: true }), CHUNKED],
    [
      'chunks: session lost at the second',
      ({ method, count }) => (method === 'PATCH' && count === 2 ? { do: 'forget' } : undefined),
      CHUNKED,
    ],
    [
      'chunks: 416 at the second',
      ({ method, count }) => (method === 'PATCH' && count === 2 ? answer(416) : undefined),
      CHUNKED,
    ],
    ['chunks: 404 at PATCH, always', first('PATCH', 'upload', answer(404), 99), CHUNKED],
    ['chunks: 405 at PATCH', first('PATCH', 'upload', answer(405), 99), CHUNKED],
    ['chunks: session lost at PUT', first('PUT', 'upload', { do: 'forget' }), CHUNKED],
    ['chunks: 500 at PATCH', first('PATCH', 'upload', answer(500), 2), CHUNKED],
  ])('%s', async (_name, rule, options) => {
    server.fault = rule;
    const { registry } = open(options);
    const bytes = options === CHUNKED ? LARGE : BLOB;
    const manifest = await publish(registry, bytes);
    expect(server.tags.get(NAME.repository)?.get('v1')).toBe(manifest.digest);
    expect(server.blobs.get(NAME.repository)?.get(digestOf(bytes))?.equals(bytes)).toBe(true);
  });

  test.each<[string, (path: string) => Record<string, string | undefined>]>([
    ['relative to the request', (path) => ({ location: path.slice(path.lastIndexOf('/') + 1) })],
    ['absolute', (path) => ({ location: `${server.origin}${path}` })],
    ['without a scheme', (path) => ({ location: `//${server.host}${path}` })],
  ])('a Location that is %s', async (_name, change) => {
    server.fault = ({ method, kind, count }) => {
      if (method !== 'POST' || kind !== 'upload') return undefined;
      // Sessions are numbered in their order.
      return { do: 'headers', headers: change(nextSession(count)) };
    };
    const nextSession = (count: number): string => {
      base ??= lastNumber() + 1;
      return `/v2/${NAME.repository}/blobs/uploads/${base + count - 1}?state=x%2By`;
    };
    let base: number | undefined;
    const { registry } = open();
    await publish(registry);
    expect(server.blobs.get(NAME.repository)?.size).toBe(2);
  });

  function lastNumber(): number {
    return sessionNumber;
  }

  beforeEach(async () => {
    // The server's numbers go on from test to test.
    const response = await fetch(`${server.origin}/v2/${NAME.repository}/blobs/uploads/`, { method: 'POST' });
    sessionNumber = Number(/uploads\/([0-9]+)/.exec(response.headers.get('location') ?? '')?.[1]);
    server.requests.length = 0;
  });
  let sessionNumber = 0;

  test('a token that runs out in the middle of an upload is renewed', async () => {
    let good = 1;
    const authorizer = createAuthorizer({
      credentialsFor: async () => undefined,
      now: () => 0,
      checkRealm: async () => {},
      send: async () => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify({ token: `token-${good}` })) }),
    });
    server.fault = ({ method, headers, count }) => {
      // The registry takes no notice of its promise.
      if (method === 'PATCH' && count === 2) good += 1;
      if (method === 'PUT' && count === 2) good += 1;
      return headers.authorization === `Bearer token-${good}`
        ? undefined
        : answer(401, { 'www-authenticate': `Bearer realm="${server.origin}/token",service="x"` });
    };
    const { registry } = open({ ...CHUNKED, authorizer });
    const manifest = await publish(registry, LARGE);
    expect(server.tags.get(NAME.repository)?.get('v1')).toBe(manifest.digest);
    expect(good).toBe(3);
  });

  test.each<[string, Fault]>([
    ['401', answer(401)],
    ['403', answer(403)],
    ['404', answer(404)],
    ['500', answer(500)],
    ['202', answer(202, { location: 'ftp://x/' })],
  ])('a mount that is answered by %s is no error: the blob is sent', async (_name, fault) => {
    const { blob } = plant();
    server.fault = ({ path }) => (path.includes('mount=') ? fault : undefined);
    const { registry } = open();
    const other = { ...NAME, repository: 'factory/other' };
    expect(await registry.mountBlob?.(other, blob, NAME.repository)).toBe(false);
    await registry.putBlob(other, blob, () => inChunks(BLOB));
    expect(await registry.hasBlob(other, blob.digest)).toBe(true);
  });

  test('a mount that works sends nothing', async () => {
    const { blob } = plant();
    const { registry } = open();
    const other = { ...NAME, repository: 'factory/other' };
    expect(await registry.mountBlob?.(other, blob, NAME.repository)).toBe(true);
    expect(server.requests).toHaveLength(1);
    expect(await registry.hasBlob(other, blob.digest)).toBe(true);
  });
});

describe('uploads that must not go on', () => {
  test.each<[string, FaultRule, ErrorCode]>([
    ['no Location', first('POST', 'upload', answer(202), 99), 'REGISTRY_PROTOCOL'],
    [
      'a Location that is no URL',
      first('POST', 'upload', answer(202, { location: 'http://[' }), 99),
      'REGISTRY_PROTOCOL',
    ],
    [
      'a Location of another kind',
      first('POST', 'upload', answer(202, { location: 'ftp://127.0.0.1/x' }), 99),
      'REGISTRY_UNSAFE',
    ],
    [
      'a Location with user data',
      first('POST', 'upload', answer(202, { location: 'http://a:b@127.0.0.1:1/x' }), 99),
      'REGISTRY_UNSAFE',
    ],
    [
      'a Location in the link-local network',
      first('POST', 'upload', answer(202, { location: 'http://169.254.169.254/x' }), 99),
      'REGISTRY_UNSAFE',
    ],
    [
      'a page',
      first('POST', 'upload', answer(200, { 'content-type': 'text/html' }, '<html>'), 99),
      'REGISTRY_PROTOCOL',
    ],
    ['403', first('PUT', 'upload', answer(403), 99), 'REGISTRY_DENIED'],
    ['413', first('PUT', 'upload', answer(413), 99), 'REGISTRY_DENIED'],
    [
      '401 for ever',
      first('POST', 'upload', answer(401, { 'www-authenticate': 'Basic realm="x"' }), 99),
      'REGISTRY_AUTH',
    ],
    ['sessions that are always lost', first('PUT', 'upload', { do: 'forget' }, 99), 'REGISTRY_PROTOCOL'],
    [
      'a blob that is said to be stored',
      first('PUT', 'upload', { do: 'lie', status: 201 }, 99),
      'REGISTRY_BLOB_MISSING',
    ],
    [
      'a manifest that is refused',
      first(
        'PUT',
        'manifest',
        answer(400, {}, '{"errors":[{"code":"MANIFEST_INVALID","message":"unknown artifactType"}]}'),
        99,
      ),
      'REGISTRY_PROTOCOL',
    ],
  ])('%s', async (_name, rule, code) => {
    server.fault = rule;
    const { registry } = open({ authorizer: basicAuthorizer() });
    expect(await codeOf(publish(registry))).toBe(code);
    expect(server.tags.get(NAME.repository)?.get('v1')).toBe(undefined);
  });

  test('a manifest that is taken as another is not published', async () => {
    const headers = { 'docker-content-digest': `sha256:${'0'.repeat(64)}` };
    server.fault = first('PUT', 'manifest', { do: 'headers', headers }, 99);
    expect(await codeOf(publish(open().registry))).toBe('REGISTRY_DIGEST_MISMATCH');
  });

  test("the registry's own words are in the message, escaped, without what we sent", async () => {
    const body = JSON.stringify({
      errors: [{ code: 'MANIFEST_INVALID', message: `no \u001b[31m artifactType ${SECRET}` }],
    });
    server.fault = ({ headers, method, kind }) =>
      headers.authorization === undefined
        ? answer(401, { 'www-authenticate': 'Basic realm="x"' })
        : method === 'PUT' && kind === 'manifest'
          ? answer(400, {}, body)
          : undefined;
    const { registry } = open({ authorizer: basicAuthorizer() });
    const error = await publish(registry).catch((thrown: unknown) => thrown as Error);
    expect(String(error)).toContain('no \\x1b[31m artifactType');
    expect(String(error)).not.toContain(SECRET);
  });
});

describe('authentication', () => {
  test('a registry that answers 401 for ever is asked twice', async () => {
    plant();
    let tokens = 0;
    const authorizer = createAuthorizer({
      credentialsFor: async () => undefined,
      now: () => 0,
      checkRealm: async () => {},
      send: async () => {
        tokens += 1;
        return { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ token: `token-${tokens}` })) };
      },
    });
    server.fault = () => answer(401, { 'www-authenticate': `Bearer realm="${server.origin}/token"` });
    const { registry } = open({ authorizer });
    expect(await codeOf(registry.getManifest(NAME, 'v1'))).toBe('REGISTRY_AUTH');
    expect([server.requests.length, tokens]).toEqual([2, 1]);
  });

  test.each(['http://169.254.169.254/token', 'file:///etc/passwd', 'http://user:pw@127.0.0.1/token'])(
    'a token realm at %s is refused',
    async (realm) => {
      plant();
      server.fault = () => answer(401, { 'www-authenticate': `Bearer realm="${realm}"` });
      const parts = openHttpRegistry(server.host, { timers: createWarpTimers() });
      closers.push(() => parts.transport.close());
      const authorizer = createAuthorizer({
        credentialsFor: async () => ({ kind: 'basic', username: 'joe', password: SECRET, source: 'test' }),
        now: () => 0,
        checkRealm: parts.transport.checkRealm,
        send: parts.transport.sendToken,
      });
      const { registry } = open({ authorizer });
      expect(await codeOf(registry.getManifest(NAME, 'v1'))).toBe('REGISTRY_UNSAFE');
    },
  );
});

describe('https', () => {
  let certificate: Certificate;
  let ca: string;
  beforeAll(async () => {
    const authority = await createAuthority();
    ca = authority.certificate;
    certificate = await authority.issue('hostile');
  });

  test('never goes on by plain http, neither for blobs nor for uploads nor for tokens', async () => {
    const plain = server;
    const { blob } = plant();
    server = await startHostileServer(() => undefined, certificate);
    const secure = server;
    closers.push(() => plain.close());
    secure.fault = ({ kind, method }) =>
      kind === 'blob'
        ? answer(307, { location: `${plain.origin}/v2/${NAME.repository}/blobs/${blob.digest}` })
        : method === 'POST'
          ? answer(202, { location: `${plain.origin}/upload` })
          : undefined;
    const { registry } = open({ settingsFor: () => ({ ca: [ca] }) });
    expect(await codeOf(collect(registry.getBlob(NAME, blob)))).toBe('REGISTRY_UNSAFE');
    expect(await codeOf(registry.putBlob(NAME, blob, () => inChunks(BLOB)))).toBe('REGISTRY_UNSAFE');
    expect(plain.requests).toEqual([]);
  });

  test('of an authority that nobody knows is refused', async () => {
    server = await startHostileServer(() => undefined, certificate);
    const { registry } = open();
    expect(await codeOf(registry.getManifest(NAME, 'v1'))).toBe('REGISTRY_TLS');
  });
});
