import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PipelineEvent } from '../../src/events.ts';
import { digestOf, hexOf } from '../../src/lib/digest.ts';
import { createHttpTufRepo, type HttpTufRepoOptions } from '../../src/tufrepo/http.ts';
import type { TufRepo } from '../../src/tufrepo/tuf-repo.ts';
import { createTestSend } from '../support/http-registry.ts';
import { TufServer } from './tuf-server.ts';

let server: TufServer;
beforeEach(async () => {
  server = await TufServer.start();
});
afterEach(async () => {
  await server.stop();
});

const open = (options: Partial<HttpTufRepoOptions> = {}): TufRepo =>
  createHttpTufRepo({ url: server.url, send: createTestSend(), retryDelayMs: 1, ...options });
const hash = (text: string): string => hexOf(digestOf(text));

describe('the targets of a server', () => {
  test('are undefined while there are none, written, read with their checksum, and replaced', async () => {
    const repo = open();
    expect(await repo.readTargets()).toBeUndefined();
    await repo.writeTargets(Buffer.from('one'), 'absent');
    expect(await repo.readTargets()).toEqual({ bytes: Buffer.from('one'), checksum: hash('one') });
    await repo.writeTargets(Buffer.from('two'), hash('one'));
    expect(server.targets?.toString()).toBe('two');
    expect(server.seen.at(-1)?.headers).toMatchObject({
      'x-ats-role-checksum': hash('one'),
      'content-type': 'application/json',
    });
  });

  test.each([
    ['were changed since', hash('mine')],
    ['were made since', 'absent'],
  ])('that %s are a conflict and stay', async (_, expected) => {
    server.targets = Buffer.from('theirs');
    await expect(open().writeTargets(Buffer.from('new'), expected)).rejects.toMatchObject({ code: 'TARGETS_CONFLICT' });
    expect(server.targets.toString()).toBe('theirs');
  });

  test('have the checksum of the server, which may be that of another form of the same', async () => {
    server.before = ({ method }) =>
      method === 'GET' ? { status: 200, body: 'x', headers: { 'x-ats-role-checksum': 'A'.repeat(64) } } : undefined;
    expect((await open().readTargets())?.checksum).toBe('a'.repeat(64));
    server.before = () => ({ status: 200, body: 'x', headers: { 'x-ats-role-checksum': 'nonsense' } });
    expect((await open().readTargets())?.checksum).toBe(hash('x'));
  });

  test.each(['', '/', '/targets.json', '/?x=1#y'])('are at a URL that ends in "%s"', async (end) => {
    server.targets = Buffer.from('one');
    const repo = open({ url: new URL(`${server.url.href}${end}`) });
    expect((await repo.readTargets())?.bytes.toString()).toBe('one');
    expect(repo.location).toBe(server.url.href);
  });

  test.each([
    [400, 'TARGETS_INVALID'],
    [401, 'TARGETS_UNREACHABLE'],
    [403, 'TARGETS_UNREACHABLE'],
    [500, 'TARGETS_UNREACHABLE'],
  ])('with status %i are an error with what the server says, escaped', async (status, code) => {
    server.before = () => ({ status, body: 'no \u001b[2J way' });
    const error = await open()
      .writeTargets(Buffer.from('x'), 'absent')
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringContaining(`status ${status}: no \\x1b[2J way`) });
    expect(server.seen).toHaveLength(1);
  });
});

describe('file targets', () => {
  test('are stored with name and version, and read back', async () => {
    const repo = open();
    expect(await repo.putTarget('web.dockerapp-12', Buffer.from('one'))).toBe('created');
    expect(server.seen[0]?.path).toBe('/api/v1/user_repo/targets/web.dockerapp-12?name=web.dockerapp&version=12');
    expect((await repo.getTarget('web.dockerapp-12'))?.toString()).toBe('one');
    expect(await repo.getTarget('web.dockerapp-13')).toBeUndefined();
  });

  test.each([412, 409])('that are there already, by status %i, are compared by their bytes', async (status) => {
    server.existsStatus = status;
    server.files.set('web.dockerapp-1', Buffer.from('one'));
    expect(await open().putTarget('web.dockerapp-1', Buffer.from('one'))).toBe('exists');
    await expect(open().putTarget('web.dockerapp-1', Buffer.from('two'))).rejects.toMatchObject({
      code: 'TARGETS_CONFLICT',
    });
    expect(server.files.get('web.dockerapp-1')?.toString()).toBe('one');
  });

  test('have their names percent-encoded, but for the slash', async () => {
    await open().putTarget('a b/c#?%.dockerapp-1', Buffer.from('x'));
    expect(server.seen[0]?.path.split('?')[0]).toBe('/api/v1/user_repo/targets/a%20b/c%23%3F%25.dockerapp-1');
    expect([...server.files.keys()]).toEqual(['a b/c#?%.dockerapp-1']);
  });

  test.each(['', '../targets.json', 'a//b', 'é'])(
    'are refused under the name "%s", without a request',
    async (name) => {
      await expect(open().putTarget(name, Buffer.from('x'))).rejects.toMatchObject({ code: 'TARGETS_NAME' });
      await expect(open().getTarget(name)).rejects.toMatchObject({ code: 'TARGETS_NAME' });
      expect(server.seen).toEqual([]);
    },
  );

  test('are fetched from a store that the server sends on to, without the token', async () => {
    const store = await TufServer.start();
    try {
      store.before = () => ({ status: 200, body: 'stored' });
      server.before = () => ({ status: 302, headers: { location: `${store.origin}/bucket/x?signed=1` } });
      const repo = open({ credential: { header: 'osf-token', value: 'secret' } });
      expect((await repo.getTarget('web.dockerapp-1'))?.toString()).toBe('stored');
      expect(server.seen[0]?.headers['osf-token']).toBe('secret');
      expect(store.seen[0]?.headers['osf-token']).toBeUndefined();
    } finally {
      await store.stop();
    }
  });

  test('are not followed without end, nor to an unsafe place', async () => {
    server.before = () => ({ status: 302, headers: { location: `${server.origin}/again` } });
    await expect(open().getTarget('x-1')).rejects.toMatchObject({ code: 'TARGETS_UNREACHABLE' });
    expect(server.seen).toHaveLength(4);
    server.before = () => ({ status: 302, headers: { location: 'http://store.example/x' } });
    await expect(open().getTarget('x-1')).rejects.toMatchObject({
      code: 'TARGETS_UNREACHABLE',
      message: expect.stringContaining('https'),
    });
  });
});

describe('requests', () => {
  test('have the token and nothing else of it is told', async () => {
    server.before = () => ({ status: 401 });
    const error = await open({ credential: { header: 'authorization', value: 'Bearer s3cr3t' } })
      .readTargets()
      .catch((thrown: unknown) => thrown);
    expect(server.seen[0]?.headers.authorization).toBe('Bearer s3cr3t');
    expect(error).toMatchObject({ code: 'TARGETS_UNREACHABLE', hint: expect.stringContaining('REBUNDLE_TUF_TOKEN') });
    expect(String(error) + JSON.stringify(error)).not.toContain('s3cr3t');
  });

  test('are tried again while the server is busy, four times in all, with an event each', async () => {
    server.targets = Buffer.from('one');
    const events: PipelineEvent[] = [];
    let busy = 2;
    server.before = () => (busy-- > 0 ? { status: 503, headers: { 'retry-after': '0' } } : undefined);
    const repo = open({ emit: (event) => events.push(event) });
    expect((await repo.readTargets())?.bytes.toString()).toBe('one');
    expect(
      events.map((event) => event.type === 'request:retry' && [event.attempt, event.delayMs, event.reason]),
    ).toEqual([
      [1, 0, 'HTTP status 503'],
      [2, 0, 'HTTP status 503'],
    ]);
    busy = 100;
    server.seen.length = 0;
    await expect(repo.readTargets()).rejects.toMatchObject({ code: 'TARGETS_UNREACHABLE' });
    expect(server.seen).toHaveLength(4);
  });

  test('that reach nobody are an error with the place', async () => {
    const { url } = server;
    await server.stop();
    const repo = createHttpTufRepo({ url, send: createTestSend(), retryDelayMs: 1 });
    await expect(repo.readTargets()).rejects.toMatchObject({
      code: 'TARGETS_UNREACHABLE',
      message: expect.stringContaining(url.href),
    });
    server = await TufServer.start();
  });

  test('end with the signal', async () => {
    const abort = new AbortController();
    server.before = () => {
      abort.abort();
      return { status: 503 };
    };
    await expect(open({ signal: abort.signal }).readTargets()).rejects.toMatchObject({ name: 'AbortError' });
    expect(server.seen).toHaveLength(1);
  });

  test('do not read an answer without end', async () => {
    server.before = () => ({ status: 200, body: Buffer.alloc(70 * 1024) });
    await expect(open().writeTargets(Buffer.from('x'), 'absent')).rejects.toMatchObject({
      code: 'TARGETS_UNREACHABLE',
      message: expect.stringContaining('longer than'),
    });
    server.before = () => ({ status: 500, body: 'x'.repeat(70 * 1024) });
    const error = await open()
      .writeTargets(Buffer.from('x'), 'absent')
      .catch((thrown: Error) => thrown);
    expect(String(error)).toMatch(/status 500: x{300}$/);
  });

  test.each(['http://tuf.example/repo', 'http://10.0.0.1/repo', 'ftp://127.0.0.1/x'])('are not made to %s', (url) => {
    expect(() => open({ url: new URL(url) })).toThrow(/only https/);
  });
});
