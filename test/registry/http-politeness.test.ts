import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { RebundleError } from '../../src/errors.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { createBudget } from '../../src/registry/budget.ts';
import {
  createRetryStore,
  HttpFailure,
  parseRetryAfter,
  retryOperation,
  type Timers,
} from '../../src/registry/retry.ts';
import { createQuickTimers, openHttpRegistry } from '../support/http-registry.ts';
import { type Answer, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';
import { REPOSITORY } from './contract.ts';

const NOW = Date.UTC(2026, 0, 1);

test.each([
  ['60', 60_000],
  ['0', 0],
  [' 7 ', 7_000],
  ['1.5', 1_500],
  ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
  ['Thursday, 01-Jan-26 00:01:00 GMT', 60_000],
  ['Thu Jan  1 00:01:00 2026', 60_000],
  ['Wed, 31 Dec 2025 23:59:00 GMT', undefined],
  [undefined, undefined],
  ['', undefined],
  ['soon', undefined],
  ['-5', undefined],
  ['1e9', undefined],
  ['Thu, 99 Foo 2026', undefined],
  ['99999999999', undefined],
])('Retry-After: %s', (text, expected) => {
  expect(parseRetryAfter(text, NOW)).toBe(expected);
});

test('Retry-After of any text is a time to come or nothing', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseRetryAfter(text, NOW);
      return parsed === undefined || (Number.isFinite(parsed) && parsed >= 0);
    }),
  );
});

/** A clock that only `pass` moves. */
function createManualTimers(): Timers & { pass(ms: number): Promise<void> } {
  let now = NOW;
  let timers: { at: number; callback: () => void }[] = [];
  const after: Timers['after'] = (ms, callback) => {
    const timer = { at: now + ms, callback };
    timers.push(timer);
    return () => {
      timers = timers.filter((each) => each !== timer);
    };
  };
  return {
    now: () => now,
    after,
    sleep: (ms) => new Promise((resolve) => after(ms, resolve)),
    pass: async (ms) => {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { callback } of due) callback();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe('the budget of a host', () => {
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  test('gives places in the order of asking, and never more than there are', async () => {
    const budget = createBudget(2, createManualTimers());
    const started: number[] = [];
    for (const number of [1, 2, 3, 4]) void budget.acquire().then(() => started.push(number));
    await settle();
    expect(started).toEqual([1, 2]);
    budget.release();
    await settle();
    expect(started).toEqual([1, 2, 3]);
  });

  test('halves once per burst of complaints, and grows again by one per round that goes well', () => {
    const timers = createManualTimers();
    const budget = createBudget(16, timers);
    for (let i = 0; i < 10; i += 1) budget.complain(0);
    expect(budget.places).toBe(8);
    for (let i = 0; i < 8; i += 1) budget.succeed();
    expect(budget.places).toBe(9);
    for (let i = 0; i < 1_000; i += 1) budget.succeed();
    expect(budget.places).toBe(16);
  });

  test('never goes below one place', async () => {
    const timers = createManualTimers();
    const budget = createBudget(3, timers);
    for (let i = 0; i < 10; i += 1) {
      budget.complain(0);
      await timers.pass(1_000);
    }
    expect(budget.places).toBe(1);
    await budget.acquire();
  });

  test('starts nothing during a pause, the longest one counts', async () => {
    const timers = createManualTimers();
    const budget = createBudget(4, timers);
    budget.complain(5_000);
    budget.complain(1_000);
    let started = 0;
    for (let i = 0; i < 3; i += 1) void budget.acquire().then(() => (started += 1));
    await timers.pass(4_999);
    expect(started).toBe(0);
    await timers.pass(1);
    // Half of the four places.
    expect(started).toBe(2);
  });

  test('an abort gives up at once and takes no place', async () => {
    const budget = createBudget(1, createManualTimers());
    await budget.acquire();
    const controller = new AbortController();
    const waiting = budget.acquire(controller.signal);
    const behind = budget.acquire();
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    budget.release();
    await behind;
    await expect(budget.acquire(controller.signal)).rejects.toThrow('enough');
  });
});

describe('retries', () => {
  const failure = (kind: HttpFailure['kind'], retryAfterMs?: number) =>
    new HttpFailure(new RebundleError('REGISTRY_UNREACHABLE', 'it broke'), {
      url: 'https://hub.example.com/v2/?_state=hidden',
      reason: '500',
      kind,
      retryAfterMs,
    });
  const setUp = (random = 0.5) => {
    const timers = createQuickTimers();
    const events: unknown[] = [];
    const store = createRetryStore(50);
    const context = {
      policy: { attempts: 5, maxWaitMs: 200_000 },
      timers,
      random: () => random,
      storeFor: () => store,
      emit: (event: unknown) => events.push(event),
    };
    return { context, timers, events };
  };

  test('wait exponentially with jitter, tell of it without secrets, and end', async () => {
    const { context, timers, events } = setUp();
    let tries = 0;
    const running = retryOperation(async () => {
      tries += 1;
      throw failure('transient');
    }, context);
    await expect(running).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE', message: 'it broke (5 tries)' });
    expect(tries).toBe(5);
    expect(timers.waits).toEqual([250, 500, 1000, 2000]);
    expect(events[0]).toEqual({
      type: 'request:retry',
      url: 'https://hub.example.com/v2/?_state=(masked)',
      attempt: 2,
      delayMs: 250,
      reason: '500',
    });
  });

  test.each([
    ['final', 1],
    ['transient', 5],
    ['throttle', 12],
  ] as const)('%s trouble: %i tries', async (kind, expected) => {
    const { context } = setUp();
    let tries = 0;
    const running = retryOperation(async () => {
      tries += 1;
      throw failure(kind);
    }, context);
    await expect(running).rejects.toThrow('it broke');
    expect(tries).toBe(expected);
  });

  test('a registry that asks for a pause gets at least that', async () => {
    const { context, timers } = setUp(0.999);
    let tries = 0;
    await retryOperation(async () => {
      tries += 1;
      if (tries < 4) throw failure('throttle', 10_000);
    }, context);
    for (const wait of timers.waits) expect(wait).toBeGreaterThanOrEqual(10_000);
    for (const wait of timers.waits) expect(wait).toBeLessThanOrEqual(11_000);
  });

  test('a pause that is too long is an error at once, with the time', async () => {
    const { context, timers } = setUp();
    const running = retryOperation(async () => {
      throw failure('throttle', 21_600_000);
    }, context);
    await expect(running).rejects.toThrow('it asks to wait 21600 s; waits of one request end at 200 s');
    expect(timers.waits).toEqual([]);
  });

  test('a host that fails all the time is given up, for all work together', async () => {
    const { context } = setUp();
    let tries = 0;
    const work = Array.from({ length: 100 }, () =>
      retryOperation(async () => {
        tries += 1;
        throw failure('transient');
      }, context).catch(() => {}),
    );
    await Promise.all(work);
    // One each, and the store.
    expect(tries).toBe(150);
  });

  test('an own error is nothing to retry', async () => {
    const { context } = setUp();
    let tries = 0;
    const running = retryOperation(async () => {
      tries += 1;
      throw new Error('mine');
    }, context);
    await expect(running).rejects.toThrow('mine');
    expect(tries).toBe(1);
  });
});

describe('against a server', () => {
  let server: ScriptedServer;
  let closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing) await close();
    closing = [];
  });
  const start = async (answer: Answer, options: Parameters<typeof openHttpRegistry>[1] = {}) => {
    server = await startScriptedServer(answer);
    const timers = createQuickTimers();
    const parts = openHttpRegistry(server.host, { timers, ...options });
    closing.push(() => parts.transport.close(), server.close);
    return { ...parts, timers };
  };

  test('a 429 is waited out and everything comes through', async () => {
    const { registry, events, timers } = await start((_, response, number) => {
      if (number <= 3) response.writeHead(429, { 'retry-after': ['2', 'later', ''][number - 1]! }).end();
      else response.writeHead(200).end();
    });
    // The budget waits by the clock, so that its pause is a real one here.
    expect(await registry.hasBlob(REPOSITORY, digestOf('x'))).toBe(true);
    expect(timers.waits.length).toBe(3);
    expect(timers.waits[0]).toBeGreaterThanOrEqual(2_000);
    expect(
      events.filter(({ type }) => type === 'request:retry').map((event) => 'reason' in event && event.reason),
    ).toEqual(['429', '429', '429']);
  });

  test('a rate limit that stays is REGISTRY_RATE_LIMIT with the words of the registry', async () => {
    const body = JSON.stringify({
      errors: [{ code: 'TOOMANYREQUESTS', message: 'You have reached your pull rate limit.' }],
    });
    const { registry } = await start((_, response) => response.writeHead(429, { 'retry-after': '21600' }).end(body));
    await expect(registry.getManifest(REPOSITORY, 'v1')).rejects.toMatchObject({
      code: 'REGISTRY_RATE_LIMIT',
      message: expect.stringMatching(
        /TOOMANYREQUESTS You have reached your pull rate limit\.; it asks to wait 21600 s/,
      ),
    });
    expect(server.requests).toHaveLength(1);
  });

  test('the quota that is left is told once per change', async () => {
    const { registry, events } = await start((_, response, number) => {
      const left = number < 3 ? '99;w=21600' : '98;w=21600';
      response.writeHead(200, { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': left }).end();
    });
    for (let i = 0; i < 4; i += 1) await registry.hasBlob(REPOSITORY, digestOf('x'));
    const quota = { type: 'registry:quota', host: server.host, limit: 100, windowSeconds: 21_600 };
    expect(events).toEqual([
      { ...quota, remaining: 99 },
      { ...quota, remaining: 98 },
    ]);
  });

  test('never more requests at once than the host is given, on as many connections', async () => {
    let active = 0;
    let most = 0;
    const { registry } = await start(
      async (_, response) => {
        active += 1;
        most = Math.max(most, active);
        await new Promise((resolve) => setTimeout(resolve, 5));
        active -= 1;
        response.writeHead(404).end();
      },
      { settingsFor: () => ({ concurrency: 3 }) },
    );
    await Promise.all(Array.from({ length: 30 }, (_, i) => registry.hasBlob(REPOSITORY, digestOf(`${i}`))));
    expect(most).toBe(3);
    // One more was for the question whether the server speaks TLS.
    expect(server.connections()).toBeLessThanOrEqual(3 + 1);
  });

  test('readers of many streams do not hold up other requests', async () => {
    const { registry } = await start(
      (request, response) => {
        if (request.method === 'HEAD') response.writeHead(200).end();
        else response.writeHead(200, { 'content-length': '5' }).write('abc');
      },
      { settingsFor: () => ({ concurrency: 1 }) },
    );
    const descriptor = { mediaType: 'a/b', digest: digestOf('abcde'), size: 5 };
    const readers = [1, 2, 3].map(() => registry.getBlob(REPOSITORY, descriptor)[Symbol.asyncIterator]());
    for (const reader of readers) expect((await reader.next()).value?.toString()).toBe('abc');
    expect(await registry.hasBlob(REPOSITORY, descriptor.digest)).toBe(true);
    for (const reader of readers) await reader.return?.();
  });
});
