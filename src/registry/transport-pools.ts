import type { LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import { findProxy, proxyAuthorization } from './transport-proxy.ts';

/** Where a request goes: the dispatcher to give it to, and what has to change in it because of a proxy. */
interface Route {
  readonly dispatcher: Dispatcher;
  /** Of the first server that sees the request. */
  readonly origin: string;
  /** Before the path: a proxy for plain http wants whole URLs. */
  readonly prefix: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Pools {
  /** The route to an origin; made once. `lookup` is for connections of its own, not for those of a proxy. */
  routeTo(origin: string, options: RouteOptions): Route;
  close(): Promise<void>;
}

interface RouteOptions {
  /** The registry that pointed there, where it is not the place itself. */
  readonly from: string | undefined;
  /** Most connections; undefined for any number: streams that wait for their readers must not hold up others. */
  readonly connections: number | undefined;
  readonly lookup?: LookupFunction | undefined;
}

interface PoolOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly connectMs: number;
  readonly tlsFor: (host: string, from?: string) => SecureContext | undefined;
}

const KEEP_ALIVE_MS = 15_000;
/** A hostile registry may point to ever new hosts: beyond this many, the oldest route is closed. */
const MAX_ROUTES = 128;
const MAX_HEADER_BYTES = 32 * 1024;
const SHARED = { keepAliveTimeout: KEEP_ALIVE_MS, pipelining: 1, maxHeaderSize: MAX_HEADER_BYTES };

/** Keeps one pool per origin, and one more for streams. */
export function createPools(options: PoolOptions): Pools {
  const routes = new Map<string, Route>();
  const open = (origin: string, { lookup, connections, from }: RouteOptions): Route => {
    const shared = { ...SHARED, ...(connections === undefined ? {} : { connections }) };
    const url = new URL(origin);
    const secureContext = options.tlsFor(url.host, from);
    const tls = { timeout: options.connectMs, ...(secureContext === undefined ? {} : { secureContext }) };
    const proxy = findProxy(url, options.env);
    if (proxy === undefined) {
      const connect = { ...tls, ...(lookup === undefined ? {} : { lookup }) };
      return { dispatcher: new Pool(origin, { ...shared, connect }), origin, prefix: '', headers: {} };
    }
    const authorization = proxyAuthorization(proxy);
    const proxyContext = options.tlsFor(proxy.host);
    const proxyTls = {
      timeout: options.connectMs,
      ...(proxyContext === undefined ? {} : { secureContext: proxyContext }),
    };
    if (url.protocol === 'http:') {
      return {
        dispatcher: new Pool(proxy.origin, { ...shared, connect: proxyTls }),
        origin: proxy.origin,
        prefix: origin,
        headers: { host: url.host, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) },
      };
    }
    const agent = new ProxyAgent({
      ...shared,
      uri: proxy.origin,
      ...(authorization === undefined ? {} : { token: authorization }),
      proxyTls,
      requestTls: tls,
    });
    return { dispatcher: agent, origin, prefix: '', headers: {} };
  };
  return {
    routeTo(origin, route) {
      const key = `${route.connections === undefined ? 'stream' : ''} ${route.from ?? ''} ${origin}`;
      const known = routes.get(key);
      if (known !== undefined) return known;
      const opened = open(origin, route);
      routes.set(key, opened);
      if (routes.size > MAX_ROUTES) {
        const [oldest] = routes;
        if (oldest !== undefined) {
          routes.delete(oldest[0]);
          // What is under way there still ends.
          oldest[1].dispatcher.close().catch(() => {});
        }
      }
      return opened;
    },
    async close() {
      const open = [...routes.values()];
      routes.clear();
      await Promise.all(open.map(({ dispatcher }) => dispatcher.destroy()));
    },
  };
}
