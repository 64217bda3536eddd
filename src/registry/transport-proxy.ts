import ipaddr from 'ipaddr.js';
import { RebundleError } from '../errors.ts';
import { isLoopbackHost } from './guards.ts';
import { redactUrl } from './http-url.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a URL by HTTPS_PROXY, HTTP_PROXY and NO_PROXY (the lower-case spelling first, as curl and Node.js do); undefined for none. This machine
 * is never asked through a proxy. NO_PROXY: names with their sub-domains, `host:port`, addresses, CIDR ranges, `*`. Throws USAGE for a proxy that is no URL.
 */
export function findProxy(url: URL, env: Environment): URL | undefined {
  const text = url.protocol === 'https:' ? read(env, 'https_proxy') : read(env, 'http_proxy');
  if (text === undefined || isLoopbackHost(url.hostname) || isExempt(url, read(env, 'no_proxy') ?? ''))
    return undefined;
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const variable = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  let proxy: URL | undefined;
  try {
    proxy = new URL(withScheme);
  } catch {
    proxy = undefined;
  }
  if (proxy === undefined || (proxy.protocol !== 'http:' && proxy.protocol !== 'https:')) {
    throw new RebundleError(
      'USAGE',
      `${variable}: expected the URL of an http or https proxy, found ${redactUrl(withScheme)}`,
    );
  }
  return proxy;
}

/** `Proxy-Authorization` for the user part of a proxy's URL. */
export function proxyAuthorization(proxy: URL): string | undefined {
  if (proxy.username === '' && proxy.password === '') return undefined;
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(user).toString('base64')}`;
}

function read(env: Environment, name: string): string | undefined {
  const text = (env[name] ?? env[name.toUpperCase()])?.trim();
  return text === '' ? undefined : text;
}

function isExempt(url: URL, list: string): boolean {
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return list.split(/[\s,]+/).some((entry) => entry !== '' && matches(entry.toLowerCase(), hostname, port));
}

function matches(entry: string, hostname: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInRange(hostname, entry);
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry);
  // More than one colon and no brackets: an IPv6 address.
  const name = (parts?.[1] ?? entry).replace(/^\[(.*)\]$/, '$1').replace(/^\*?\./, '');
  if (parts?.[2] !== undefined && parts[2] !== port) return false;
  if (ipaddr.isValid(name))
    return ipaddr.isValid(hostname) && ipaddr.process(name).toString() === ipaddr.process(hostname).toString();
  return name !== '' && (hostname === name || hostname.endsWith(`.${name}`));
}

function isInRange(hostname: string, range: string): boolean {
  if (!ipaddr.isValid(hostname) || !ipaddr.isValidCIDR(range)) return false;
  const address = ipaddr.process(hostname);
  const [network, bits] = ipaddr.parseCIDR(range);
  return address.kind() === network.kind() && address.match(network, bits);
}
