import type { SecureContext } from 'node:tls';
import { createBudget, type HostBudget } from './budget.ts';
import { isLoopbackHost } from './guards.ts';
import { networkFailure } from './http-failure.ts';
import { createRetryStore, parseRetryAfter, type RetryStore, retryOperation } from './retry.ts';
import { createTlsContext, speaksTls } from './tls.ts';
import type { HostSettings, TransportOptions } from './transport.ts';
import { type Headers, textOf } from './transport-exchange.ts';

/** What all work of a process shares about a host. */
interface HostState {
  readonly budget: HostBudget;
  readonly store: RetryStore;
}

export interface Hosts {
  /** The settings for `host[:port]` of a URL. */
  settingsOf(host: string): HostSettings;
  /**
   * For connections to `host`, where the registry at `from` pointed there: what signs the registry's certificate is trusted for its token server and
   * storage, too. A client certificate is shown to its own host only.
   */
  tlsFor(host: string, from?: string): SecureContext | undefined;
  stateOf(origin: string): HostState;
  /** The origin of a registry host as references name it. */
  originOf(host: string, signal?: AbortSignal): Promise<string>;
  /** Learns from an answer: budget, and what is left of a limit. */
  watch(origin: string, response: { readonly status: number; readonly headers: Headers }): void;
}

const DEFAULT_CONCURRENCY = 16;
const RETRY_STORE_SIZE = 60;
const THROTTLE_PAUSE_MS = 1_000;
const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_HOST = 'registry-1.docker.io';

export function createHosts(options: TransportOptions): Hosts {
  const { timers } = options;
  const states = new Map<string, HostState>();
  const origins = new Map<string, Promise<string>>();
  const quotas = new Map<string, number>();
  const tlsContexts = new Map<string, SecureContext | undefined>();

  const settingsOf = (host: string): HostSettings => options.settingsFor(host === DOCKER_HUB_HOST ? DOCKER_HUB : host);

  const stateOf = (origin: string): HostState => {
    let state = states.get(origin);
    if (state === undefined) {
      const places = settingsOf(new URL(origin).host).concurrency ?? DEFAULT_CONCURRENCY;
      state = { budget: createBudget(places, timers), store: createRetryStore(RETRY_STORE_SIZE) };
      states.set(origin, state);
    }
    return state;
  };

  const findOrigin = async (host: string, signal: AbortSignal | undefined): Promise<string> => {
    if (host === DOCKER_HUB) return `https://${DOCKER_HUB_HOST}`;
    const { insecure } = settingsOf(host);
    const url = new URL(`https://${host}`);
    if (insecure !== undefined || !isLoopbackHost(url.hostname)) {
      return new URL(`${insecure === true ? 'http' : 'https'}://${host}`).origin;
    }
    const port = url.port === '' ? 443 : Number(url.port);
    const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const ask = (): Promise<boolean> =>
      speaksTls({ hostname, port, timeoutMs: options.timeouts.connectMs, signal }).catch((thrown: unknown) => {
        signal?.throwIfAborted();
        throw networkFailure({ method: 'CONNECT', url: url.href }, thrown);
      });
    const storeFor = (): RetryStore => stateOf(url.origin).store;
    const isTls = await retryOperation(ask, { ...options, policy: options.retry, storeFor, signal });
    return new URL(`${isTls ? 'https' : 'http'}://${host}`).origin;
  };

  const tellQuota = (origin: string, headers: Headers): void => {
    const [remaining, window] = numbersOf(headers['ratelimit-remaining']);
    const [limit, limitWindow] = numbersOf(headers['ratelimit-limit']);
    if (remaining === undefined || quotas.get(origin) === remaining) return;
    quotas.set(origin, remaining);
    const { host } = new URL(origin);
    const windowSeconds = window ?? limitWindow;
    options.emit({
      type: 'registry:quota',
      host: host === DOCKER_HUB_HOST ? DOCKER_HUB : host,
      remaining,
      ...(limit === undefined ? {} : { limit }),
      ...(windowSeconds === undefined ? {} : { windowSeconds }),
    });
  };

  return {
    settingsOf,
    stateOf,
    tlsFor(host, from) {
      const key = `${from ?? ''} ${host}`;
      if (!tlsContexts.has(key)) {
        const { ca = [], certificate, key: privateKey } = settingsOf(host);
        const pointing = from === undefined ? [] : (settingsOf(new URL(from).host).ca ?? []);
        tlsContexts.set(key, createTlsContext({ ca: [...ca, ...pointing], certificate, key: privateKey }, host));
      }
      return tlsContexts.get(key);
    },
    originOf(host, signal) {
      let origin = origins.get(host);
      if (origin === undefined) {
        origin = findOrigin(host, signal);
        origins.set(host, origin);
        origin.catch(() => origins.delete(host));
      }
      return origin;
    },
    watch(origin, { status, headers }) {
      const { budget, store } = stateOf(origin);
      if (status === 429 || status === 503) {
        const asked = parseRetryAfter(textOf(headers['retry-after']), timers.now());
        const pauseMs = asked ?? (status === 429 ? THROTTLE_PAUSE_MS : 0);
        // Who asks for longer than anybody here would wait gets the next question at once, and that ends in an error.
        budget.complain(pauseMs > options.retry.maxWaitMs ? 0 : pauseMs);
      } else if (status < 500) {
        budget.succeed();
        store.give();
      }
      if (headers['ratelimit-remaining'] !== undefined) tellQuota(origin, headers);
    },
  };
}

/** `76;w=21600` is 76 and 21600 (draft-ietf-httpapi-ratelimit-headers, as Docker Hub sends it). */
function numbersOf(value: Headers[string]): [number | undefined, number | undefined] {
  const parts = /^(\d{1,9})(?:\s*;\s*w=(\d{1,9}))?/.exec(textOf(value) ?? '');
  const toNumber = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
  return [toNumber(parts?.[1]), toNumber(parts?.[2])];
}
