import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTufSend } from '../../src/cli/tuf-send.ts';
import type { PipelineEvent } from '../../src/events.ts';
import type { Authorizer } from '../../src/registry/auth-types.ts';
import { createHttpRegistry, type HttpRegistryOptions } from '../../src/registry/http.ts';
import type { Registry, RepositoryName } from '../../src/registry/registry.ts';
import type { Timers } from '../../src/registry/retry.ts';
import { createTransport, type Transport, type TransportOptions } from '../../src/registry/transport.ts';
import type { HttpSend } from '../../src/tufrepo/http-send.ts';

export const REAL_TIMERS: Timers = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Waits that are over at once, and are counted. */
export function createQuickTimers(): Timers & { readonly waits: number[] } {
  const waits: number[] = [];
  return {
    ...REAL_TIMERS,
    waits,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      waits.push(ms);
      await sleep(0);
    },
  };
}

const ANONYMOUS: Authorizer = { headerFor: async () => undefined, answer: async () => undefined };

export interface HttpParts {
  readonly registry: Registry;
  readonly transport: Transport;
  readonly events: PipelineEvent[];
}

/** A registry over HTTP at `host`, with everything that a test does not choose as it is by default. */
export function openHttpRegistry(
  host: string,
  options: Partial<TransportOptions> &
    Partial<Pick<HttpRegistryOptions, 'authorizer' | 'access' | 'chunkAbove' | 'chunkBytes'>> = {},
): HttpParts {
  const { authorizer = ANONYMOUS, access = 'push', chunkAbove, chunkBytes, ...others } = options;
  const events: PipelineEvent[] = [];
  const transport = createTransport({
    settingsFor: () => ({}),
    env: {},
    timeouts: { connectMs: 10_000, headersMs: 20_000, idleMs: 20_000, totalMs: 60_000 },
    retry: { attempts: 5, maxWaitMs: 300_000 },
    lookup: (hostname) => lookup(hostname, { all: true }),
    timers: REAL_TIMERS,
    random: () => 0.5,
    emit: (event) => events.push(event),
    ...others,
  });
  const registry = createHttpRegistry({
    transport,
    authorizer,
    host,
    access,
    ...(chunkAbove === undefined ? {} : { chunkAbove }),
    ...(chunkBytes === undefined ? {} : { chunkBytes }),
  });
  return { registry, transport, events };
}

/** What a TUF repository sends with, over a transport of its own. */
export function createTestSend(options: Partial<TransportOptions> = {}): HttpSend {
  return createTufSend(openHttpRegistry('127.0.0.1:1', options).transport);
}

/** A clock that every wait puts forward at once; `waits` are those between tries. */
export function createWarpTimers(): Timers & { readonly waits: number[] } {
  const waits: number[] = [];
  const pending = new Set<{ readonly due: number; readonly fire: () => void }>();
  let ahead = 0;
  const now = (): number => Date.now() + ahead;
  return {
    waits,
    now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      waits.push(ms);
      ahead += ms;
      for (const timer of pending) if (timer.due <= now()) timer.fire();
      await sleep(0);
    },
    after: (ms, callback) => {
      const stop = (): void => {
        pending.delete(timer);
        clearTimeout(handle);
      };
      const fire = (): void => {
        stop();
        callback();
      };
      const timer = { due: now() + ms, fire };
      const handle = setTimeout(fire, ms);
      pending.add(timer);
      return stop;
    },
  };
}

/** The same names in a part of the server where no other test puts anything. */
export function inOwnSpace(registry: Registry, space: string): Registry {
  // A name that is not right has to stay so.
  const move = (name: RepositoryName): RepositoryName =>
    name.registry === 'docker.io' ? name : { ...name, repository: `${space}/${name.repository}` };
  return {
    headManifest: (name, ...rest) => registry.headManifest(move(name), ...rest),
    getManifest: (name, ...rest) => registry.getManifest(move(name), ...rest),
    putManifest: (name, ...rest) => registry.putManifest(move(name), ...rest),
    hasBlob: (name, ...rest) => registry.hasBlob(move(name), ...rest),
    getBlob: (name, ...rest) => registry.getBlob(move(name), ...rest),
    putBlob: (name, ...rest) => registry.putBlob(move(name), ...rest),
  };
}
