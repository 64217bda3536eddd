import { describe, expect, test } from 'vitest';
import { createAuthorizer } from '../../src/registry/auth.ts';
import { coversScopes, mergeScopes } from '../../src/registry/auth-scopes.ts';
import type { TokenRequest, TokenResponse } from '../../src/registry/auth-types.ts';
import type { Credential } from '../../src/registry/credentials.ts';

const ORIGIN = 'https://registry.example';
const BEARER = 'Bearer realm="https://auth.example/token",service="registry.example"';
const PULL = ['repository:factory/app:pull'];
const BASIC: Credential = { kind: 'basic', username: 'conveyor', password: 'planted-secret', source: 'config.json' };
const IDENTITY: Credential = { kind: 'identity', username: '<token>', token: 'planted-refresh', source: 'config.json' };

type Handler = (
  request: TokenRequest,
  count: number,
) => { status?: number; body?: unknown } | Promise<{ status?: number; body?: unknown }>;

/** An authorizer with a clock that stands still, and a token server that is a function. */
function setUp(options: { readonly credential?: Credential | undefined; readonly handler?: Handler } = {}) {
  const clock = { now: 1_600_000_000_000 };
  const calls: TokenRequest[] = [];
  const asked: string[] = [];
  const realms: string[] = [];
  const handler: Handler =
    options.handler ?? ((_request, count) => ({ body: { token: `token-${count}`, expires_in: 300 } }));
  const authorizer = createAuthorizer({
    credentialsFor: async (host, repository) => {
      asked.push(`${host}/${repository ?? ''}`);
      return options.credential;
    },
    now: () => clock.now,
    checkRealm: async (origin, realm) => {
      realms.push(`${origin} ${realm.href}`);
      if (realm.hostname === 'evil.example') throw new Error('not allowed');
    },
    send: async (request): Promise<TokenResponse> => {
      calls.push(request);
      await new Promise((resolve) => setImmediate(resolve));
      const { status = 200, body = {} } = await handler(request, calls.length);
      const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
      return { status, headers: {}, body: bytes };
    },
  });
  return { authorizer, clock, calls, asked, realms };
}

const request = (scopes: readonly string[] = PULL, origin = ORIGIN) => ({ origin, scopes });

describe('the token flow', () => {
  test('nothing is sent to a registry that did not ask', async () => {
    const { authorizer, calls, asked } = setUp({ credential: BASIC });
    expect(await authorizer.headerFor(request())).toBeUndefined();
    expect([calls, asked]).toEqual([[], []]);
  });

  test('a challenge is answered by a token, with service, scopes and Basic; then the token is at hand', async () => {
    const { authorizer, calls, asked } = setUp({ credential: BASIC });
    expect(await authorizer.answer(request(), [BEARER])).toBe('Bearer token-1');
    expect(await authorizer.headerFor(request())).toBe('Bearer token-1');
    expect(calls).toHaveLength(1);
    const [call] = calls;
    expect([call?.method, call?.url.href, call?.headers.authorization]).toEqual([
      'GET',
      'https://auth.example/token?service=registry.example&scope=repository%3Afactory%2Fapp%3Apull',
      `Basic ${Buffer.from('conveyor:planted-secret').toString('base64')}`,
    ]);
    expect(asked).toEqual(['registry.example/factory/app']);
  });

  test('another repository gets a token of its own, without another 401', async () => {
    const { authorizer, calls } = setUp();
    await authorizer.answer(request(), [BEARER]);
    expect(await authorizer.headerFor(request(['repository:factory/other:pull']))).toBe('Bearer token-2');
    expect(calls.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  test('a token to push is used for pulling', async () => {
    const { authorizer, calls } = setUp();
    await authorizer.answer(request(['repository:factory/app:pull,push']), [BEARER]);
    expect(await authorizer.headerFor(request())).toBe('Bearer token-1');
    expect(calls).toHaveLength(1);
  });

  test('scopes of the challenge and of the caller become one set', async () => {
    const { authorizer, calls } = setUp();
    await authorizer.answer(request(), [`${BEARER},scope="repository:factory/app:push repository:base/image:pull"`]);
    expect(calls[0]?.url.searchParams.getAll('scope')).toEqual([
      'repository:base/image:pull',
      'repository:factory/app:pull,push',
    ]);
  });

  test('one call for all who want the same token at once', async () => {
    const { authorizer, calls } = setUp();
    const headers = await Promise.all(Array.from({ length: 50 }, () => authorizer.answer(request(), [BEARER])));
    expect(new Set(headers)).toEqual(new Set(['Bearer token-1']));
    expect(calls).toHaveLength(1);
  });

  test('one that gives up does not take the token from the others', async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { authorizer, calls } = setUp({
      handler: async () => {
        await gate;
        return { body: { token: 'late' } };
      },
    });
    const controller = new AbortController();
    const first = authorizer.answer(request(), [BEARER], controller.signal);
    const second = authorizer.answer(request(), [BEARER]);
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    expect(calls[0]?.signal?.aborted).toBe(false);
    open();
    expect(await second).toBe('Bearer late');
    expect(calls).toHaveLength(1);
  });

  test('the call is aborted when nobody waits any more, and the next one starts anew', async () => {
    const { authorizer, calls } = setUp({
      handler: async (_request, count) => (count === 1 ? new Promise(() => {}) : { body: { token: 'second' } }),
    });
    const controller = new AbortController();
    const first = authorizer.answer(request(), [BEARER], controller.signal);
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    expect(calls[0]?.signal?.aborted).toBe(true);
    expect(await authorizer.answer(request(), [BEARER])).toBe('Bearer second');
  });

  test.each<[string, Record<string, unknown>, number, number]>([
    ['expires_in', { expires_in: 300 }, 269_000, 271_000],
    ['60 s where it does not say', {}, 44_000, 46_000],
    ['issued_at in the past', { expires_in: 300, issued_at: '2020-09-13T12:24:40Z' }, 149_000, 151_000],
    ['a clock that is wrong by hours', { expires_in: 300, issued_at: '2020-09-13T08:00:00Z' }, 269_000, 271_000],
    ['a clock ahead', { expires_in: 300, issued_at: '2030-01-01T00:00:00Z' }, 269_000, 271_000],
    ['a life that is no number', { expires_in: 'soon' }, 44_000, 46_000],
  ])('renews early: %s', async (_name, members, before, after) => {
    const { authorizer, clock, calls } = setUp({
      handler: (_request, count) => ({ body: { token: `token-${count}`, ...members } }),
    });
    await authorizer.answer(request(), [BEARER]);
    const start = clock.now;
    clock.now = start + before;
    expect(await authorizer.headerFor(request())).toBe('Bearer token-1');
    clock.now = start + after;
    expect(await authorizer.headerFor(request())).toBe('Bearer token-2');
    expect(calls).toHaveLength(2);
  });

  test('a token that the registry does not take is asked for once more, then that is final', async () => {
    const { authorizer, calls } = setUp();
    const first = await authorizer.answer(request(), [BEARER]);
    const second = await authorizer.answer({ ...request(), sent: first }, [`${BEARER},error="invalid_token"`]);
    expect([first, second]).toEqual(['Bearer token-1', 'Bearer token-2']);
    expect(calls).toHaveLength(2);
    const same = setUp({ handler: () => ({ body: { token: 'always-the-same' } }) });
    const sent = await same.authorizer.answer(request(), [BEARER]);
    expect(await same.authorizer.answer({ ...request(), sent }, [BEARER])).toBeUndefined();
  });

  test('access_token stands for token', async () => {
    const { authorizer } = setUp({ handler: () => ({ body: { access_token: 'oauth' } }) });
    expect(await authorizer.answer(request(), [BEARER])).toBe('Bearer oauth');
  });

  test('the realm may be relative; it is looked at before anything is sent there', async () => {
    const { authorizer, calls, realms } = setUp({ credential: BASIC });
    await authorizer.answer(request(), ['Bearer realm="/v2/token?x=1"']);
    expect(calls[0]?.url.href).toBe('https://registry.example/v2/token?x=1&scope=repository%3Afactory%2Fapp%3Apull');
    expect(realms).toEqual(['https://registry.example https://registry.example/v2/token?x=1']);
    await expect(authorizer.answer(request(['a']), ['Bearer realm="http://evil.example/"'])).rejects.toThrow(
      'not allowed',
    );
    expect(calls).toHaveLength(1);
  });

  test('Bearer is taken before Basic, Basic where there is nothing else, and no unknown scheme', async () => {
    const { authorizer } = setUp({ credential: BASIC });
    expect(await authorizer.answer(request(), [`Basic realm="a", ${BEARER}`])).toBe('Bearer token-1');
    const basic = `Basic ${Buffer.from('conveyor:planted-secret').toString('base64')}`;
    const other = setUp({ credential: BASIC }).authorizer;
    expect(await other.answer(request(), ['Negotiate, Basic realm="a"'])).toBe(basic);
    expect(await other.headerFor(request())).toBe(basic);
    // Refused credentials are not sent again.
    expect(await other.answer({ ...request(), sent: basic }, ['Basic realm="a"'])).toBeUndefined();
    expect(await setUp().authorizer.answer(request(), ['Basic realm="a"'])).toBeUndefined();
    expect(await setUp({ credential: BASIC }).authorizer.answer(request(), ['Negotiate'])).toBeUndefined();
    expect(await setUp({ credential: BASIC }).authorizer.answer(request(), ['Bearer service="x"'])).toBeUndefined();
    expect(await setUp({ credential: BASIC }).authorizer.answer(request(), [])).toBeUndefined();
  });

  test('a registry token goes out as it is', async () => {
    const credential: Credential = { kind: 'bearer', token: 'ready', source: 'config.json' };
    const { authorizer, calls } = setUp({ credential });
    expect(await authorizer.answer(request(), [BEARER])).toBe('Bearer ready');
    expect(calls).toEqual([]);
  });
});

describe('identity tokens', () => {
  test('are shown to the token server by POST, never in a URL', async () => {
    const { authorizer, calls } = setUp({ credential: IDENTITY });
    expect(await authorizer.answer(request(), [BEARER])).toBe('Bearer token-1');
    const [call] = calls;
    expect([call?.method, call?.url.href, call?.headers['content-type']]).toEqual([
      'POST',
      'https://auth.example/token',
      'application/x-www-form-urlencoded',
    ]);
    expect(Object.fromEntries(new URLSearchParams(call?.body))).toEqual({
      grant_type: 'refresh_token',
      client_id: 'rebundle',
      refresh_token: 'planted-refresh',
      service: 'registry.example',
      scope: 'repository:factory/app:pull',
    });
  });

  test.each([404, 405, 501])('go by GET where POST is answered by %i', async (status) => {
    const { authorizer, calls } = setUp({
      credential: IDENTITY,
      handler: ({ method }) => (method === 'POST' ? { status } : { body: { token: 'by-get' } }),
    });
    expect(await authorizer.answer(request(), [BEARER])).toBe('Bearer by-get');
    expect(calls[1]?.headers.authorization).toBe(`Basic ${Buffer.from('<token>:planted-refresh').toString('base64')}`);
  });

  test('that have run out are an error, and not tried again for another repository', async () => {
    const { authorizer, calls } = setUp({
      credential: IDENTITY,
      handler: () => ({ status: 400, body: { error: 'invalid_grant', error_description: 'planted-refresh is over' } }),
    });
    const failing = authorizer.answer(request(), [BEARER]);
    await expect(failing).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.stringContaining('(masked) is over'),
    });
    await expect(authorizer.headerFor(request(['repository:factory/other:pull']))).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
    });
    expect(calls).toHaveLength(1);
  });
});

describe('a token server that fails', () => {
  test('wrong credentials: words, a hint, no secret, and no second try', async () => {
    const encoded = Buffer.from('conveyor:planted-secret').toString('base64');
    const { authorizer, calls } = setUp({
      credential: BASIC,
      handler: () => ({
        status: 401,
        body: { errors: [{ code: 'X', message: `bad \u001b[31m planted-secret ${encoded}` }] },
      }),
    });
    const error = await authorizer.answer(request(), [BEARER]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'REGISTRY_AUTH',
      hint: expect.stringContaining('Log in to registry.example again'),
    });
    const { message } = error as Error;
    expect(message).toBe(
      'the token server of registry.example gives no token with the credentials of config.json: auth.example answered 401: bad \\x1b[31m (masked) (masked)',
    );
    await expect(authorizer.answer(request(['repository:factory/other:pull']), [BEARER])).rejects.toBe(error);
    expect(calls).toHaveLength(1);
  });

  test('wrong credentials are shown once, also where many ask at once', async () => {
    const { authorizer, calls } = setUp({ credential: BASIC, handler: () => ({ status: 401 }) });
    const many = Array.from({ length: 20 }, (_, i) =>
      authorizer.answer(request([`repository:factory/app-${i}:pull`]), [BEARER]),
    );
    const results = await Promise.allSettled(many);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(calls).toHaveLength(1);
  });

  test('what one repository is denied, another may get', async () => {
    const { authorizer, calls } = setUp({
      credential: BASIC,
      handler: ({ url }) => (url.href.includes('secret-app') ? { status: 403 } : { body: { token: 'good' } }),
    });
    const denied = request(['repository:factory/secret-app:pull']);
    await expect(authorizer.answer(denied, [BEARER])).rejects.toMatchObject({ code: 'REGISTRY_AUTH' });
    expect(await authorizer.headerFor(request())).toBe('Bearer good');
    await expect(authorizer.headerFor(denied)).rejects.toMatchObject({ code: 'REGISTRY_AUTH' });
    expect(calls).toHaveLength(2);
  });

  test('trouble of the server is not held against the credentials', async () => {
    const { authorizer } = setUp({
      credential: BASIC,
      handler: (_request, count) => (count === 1 ? { status: 503, body: '<html>' } : { body: { token: 'good' } }),
    });
    await expect(authorizer.answer(request(), [BEARER])).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.stringContaining('503'),
    });
    expect(await authorizer.answer(request(), [BEARER])).toBe('Bearer good');
  });

  test.each<[string, unknown]>([
    ['no JSON', '<html>login</html>'],
    ['a list', []],
    ['no token', { expires_in: 3 }],
    ['an empty token', { token: '' }],
    ['a token that breaks the header', { token: 'a\r\nX-Evil: 1' }],
    ['a token of another type', { token: { a: 1 } }],
    ['a huge token', { token: 'x'.repeat(60_000) }],
  ])('%s is REGISTRY_AUTH', async (_name, body) => {
    const { authorizer } = setUp({ handler: () => ({ body }) });
    await expect(authorizer.answer(request(), [BEARER])).rejects.toMatchObject({ code: 'REGISTRY_AUTH' });
  });
});

describe('scopes', () => {
  test('are merged by resource', () => {
    expect(mergeScopes(['repository:b:push', 'repository:a:pull', 'repository:b:pull,push', '', 'odd'])).toEqual([
      'odd',
      'repository:a:pull',
      'repository:b:pull,push',
    ]);
    expect(mergeScopes(['repository:host:5000/a:pull', 'registry:catalog:*', 'repository(plugin):a:pull'])).toEqual([
      'registry:catalog:*',
      'repository(plugin):a:pull',
      'repository:host:5000/a:pull',
    ]);
  });

  test('cover each other', () => {
    expect(coversScopes(['repository:a:pull,push'], ['repository:a:pull'])).toBe(true);
    expect(coversScopes(['repository:a:*'], ['repository:a:pull,push'])).toBe(true);
    expect(coversScopes(['repository:a:pull'], ['repository:a:pull,push'])).toBe(false);
    expect(coversScopes(['repository:a:pull'], ['repository:b:pull'])).toBe(false);
    expect(coversScopes(['repository:a:pull'], [])).toBe(true);
  });
});
