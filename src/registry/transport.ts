import type { Dispatcher } from 'undici';
import { RebundleError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { TokenSend } from './auth-types.ts';
import { createGuards, type Guards, isLoopbackHost, type LookupAll } from './guards.ts';
import { networkFailure, statusFailure } from './http-failure.ts';
import { type RetryPolicy, retryOperation, type Timers } from './retry.ts';
import { exchange, exchangeStream, type Headers, type StreamedResponse, textOf } from './transport-exchange.ts';
import { createHosts } from './transport-hosts.ts';
import { createPools } from './transport-pools.ts';
import { findProxy } from './transport-proxy.ts';

/** How one host is spoken to. */
export interface HostSettings {
  /** True: plain http; false: https. Without it https, but on this machine whichever it speaks. */
  readonly insecure?: boolean | undefined;
  /** PEM texts of authorities that are trusted besides the usual ones. */
  readonly ca?: readonly string[] | undefined;
  /** PEM texts of the client's certificate and its key. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** Requests at once. */
  readonly concurrency?: number | undefined;
  /** True: the registry may point into private networks. */
  readonly allowPrivate?: boolean | undefined;
}

export interface TransportOptions {
  /** Settings of a host as references name it, with its port where that is not the scheme's own. */
  readonly settingsFor: (host: string) => HostSettings;
  /** Only the proxy variables are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeouts: Timeouts;
  readonly retry: RetryPolicy;
  readonly lookup: LookupAll;
  readonly timers: Timers;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly emit: Emit;
}

/** In milliseconds. */
interface Timeouts {
  readonly connectMs: number;
  /** From the end of the request to the headers of its answer. */
  readonly headersMs: number;
  /** Between two pieces of an answer. */
  readonly idleMs: number;
  /** For a request with its answer as a whole; bodies get a second more for each MIN_BYTES_PER_SECOND. */
  readonly totalMs: number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Scheme, host and port. */
  readonly origin: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Origin of the registry that pointed to this one; its pointer went through `guards.check`. */
  readonly from?: string | undefined;
  /** Longest body of an answer; that of an error is cut instead. */
  readonly maxBytes: number;
  /** Bytes that this request moves, where that is known: more time for more bytes. */
  readonly bytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Headers;
  readonly body: Buffer;
}

/** HTTP for registries: pools, budgets, timeouts, proxies and guards, shared by all work of a process. Redirects are not followed here. */
export interface Transport {
  readonly guards: Guards;
  readonly timers: Timers;
  readonly emit: Emit;
  /** The origin of a registry host, `https://registry-1.docker.io` for Docker Hub. */
  originOf(host: string, signal?: AbortSignal): Promise<string>;
  /** One try. Every status is an answer; trouble with the network is an HttpFailure. */
  send(request: HttpRequest): Promise<HttpResponse>;
  stream(request: Omit<HttpRequest, 'maxBytes'>): Promise<StreamedResponse>;
  /** Runs an operation until it succeeds or it is of no use to go on. */
  retry<T>(attempt: (number: number) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** For token servers, which `checkRealm` has let through. */
  readonly sendToken: TokenSend;
  checkRealm(origin: string, realm: URL): Promise<void>;
  close(): Promise<void>;
}

const MIN_BYTES_PER_SECOND = 16 * 1024;
/** Longer timers end at once. */
const MAX_TIMER_MS = 2_147_483_647;
const MAX_TOKEN_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export function createTransport(options: TransportOptions): Transport {
  const { timers, timeouts, emit } = options;
  const hosts = createHosts(options);
  /** Which registry vouches for the origin of a token server. */
  const realms = new Map<string, string>();
  const guards = createGuards({
    lookup: options.lookup,
    allowPrivate: (origin) => hosts.settingsOf(new URL(origin).host).allowPrivate === true,
    allowPlain: (url) => hosts.settingsOf(url.host).insecure ?? isLoopbackHost(url.hostname),
    isProxied: (url) => findProxy(url, options.env) !== undefined,
  });
  const pools = createPools({ env: options.env, connectMs: timeouts.connectMs, tlsFor: hosts.tlsFor });

  const route = (
    request: Omit<HttpRequest, 'maxBytes'>,
    connections: number | undefined,
  ): { dispatcher: Dispatcher; options: Dispatcher.DispatchOptions } => {
    const { origin, from, method, path } = request;
    const isForeign = from !== undefined && from !== origin;
    const target = pools.routeTo(origin, {
      from: isForeign ? from : undefined,
      connections,
      lookup: isForeign ? guards.lookupFor(from, new URL(origin)) : undefined,
    });
    return {
      dispatcher: target.dispatcher,
      options: {
        origin: target.origin,
        path: target.prefix + path,
        method,
        headers: target.prefix === '' ? request.headers : { ...request.headers, ...target.headers },
        body: (request.body ?? null) as NonNullable<Dispatcher.DispatchOptions['body']> | null,
        headersTimeout: timeouts.headersMs,
        bodyTimeout: timeouts.idleMs,
        // Without this undici closes the connection after each HEAD.
        reset: false,
      },
    };
  };
  const totalMs = ({ bytes = 0 }: Omit<HttpRequest, 'maxBytes'>): number =>
    Math.min(MAX_TIMER_MS, timeouts.totalMs + (bytes > 0 ? Math.ceil((bytes / MIN_BYTES_PER_SECOND) * 1000) : 0));
  const within = async <T extends { status: number; headers: Headers }>(
    request: Omit<HttpRequest, 'maxBytes'>,
    kind: 'whole' | 'stream',
    task: (target: ReturnType<typeof route>) => Promise<T>,
  ): Promise<T> => {
    const { origin, signal } = request;
    const { budget } = hosts.stateOf(origin);
    await budget.acquire(signal);
    try {
      const response = await task(route(request, kind === 'whole' ? budget.most : undefined));
      hosts.watch(origin, response);
      return response;
    } catch (thrown) {
      if (signal?.aborted === true) throw signal.reason;
      const asked = { method: request.method, url: origin + request.path };
      throw networkFailure(asked, thrown);
    } finally {
      budget.release();
    }
  };

  const send: Transport['send'] = (request) =>
    within(request, 'whole', (target) =>
      exchange(target.dispatcher, {
        options: target.options,
        maxBytes: request.maxBytes,
        signal: request.signal,
        timers,
        totalMs: totalMs(request),
      }),
    );
  const retry: Transport['retry'] = async (attempt, signal) =>
    retryOperation(attempt, {
      ...options,
      policy: options.retry,
      storeFor: (url) => hosts.stateOf(new URL(url).origin).store,
      signal,
    });

  return {
    guards,
    timers,
    emit,
    originOf: hosts.originOf,
    send,
    stream: (request) =>
      within(request, 'stream', (target) =>
        exchangeStream(target.dispatcher, {
          options: target.options,
          signal: request.signal,
          timers,
          totalMs: totalMs(request),
        }),
      ),
    retry,
    async sendToken({ method, url, headers, body, signal }) {
      const from = realms.get(url.origin);
      if (from === undefined) throw new RebundleError('INTERNAL', `the token server ${url.host} was not checked`);
      const response = await retry(async () => {
        const answer = await send({
          method,
          origin: url.origin,
          path: url.pathname + url.search,
          headers,
          body: body === undefined ? undefined : Buffer.from(body),
          from,
          maxBytes: MAX_TOKEN_BYTES,
          signal,
        });
        const { status } = answer;
        if (status === 429 || status >= 500) {
          // What it says is not shown: it has seen the password.
          throw statusFailure({ method, url: url.href }, { ...answer, body: NOTHING }, timers.now());
        }
        return answer;
      }, signal);
      const flat = Object.entries(response.headers).map(([name, value]) => [name, textOf(value) ?? '']);
      return { status: response.status, headers: Object.fromEntries(flat), body: response.body };
    },
    async checkRealm(origin, realm) {
      await guards.check(origin, realm, 'the token realm');
      realms.set(realm.origin, origin);
    },
    close: () => pools.close(),
  };
}
