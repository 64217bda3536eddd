import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { RebundleError } from '../errors.ts';
import { redactUrl } from './http-url.ts';

/** How near an address is: what a public registry may not point to is everything that is not `public`. */
type Reach = 'public' | 'private' | 'loopback' | 'forbidden';

/** All addresses of a name, as `dns.lookup` with `all` gives them. */
export type LookupAll = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface Guards {
  /**
   * Refuses (REGISTRY_UNSAFE) what a registry must not point to, by redirect, upload `Location` or token realm: another scheme than http(s),
   * user data in the URL, plain http from https or to a host that may not be spoken to so, and addresses nearer than the registry's own.
   * Link-local addresses (metadata services of clouds) are never all right. `what` names the pointer in the message.
   */
  check(from: string, to: URL, what: string): Promise<void>;
  /** The lookup for connections to a place that `check` let through: looked at again, as names may change between two answers. */
  lookupFor(from: string, to: URL): LookupFunction;
}

export interface GuardOptions {
  readonly lookup: LookupAll;
  /** True where the registry of this origin may point into private networks. */
  readonly allowPrivate: (origin: string) => boolean;
  /** True where plain http is all right for the host of a URL. */
  readonly allowPlain: (url: URL) => boolean;
  /** True where a proxy connects, and so resolves names, instead of us. */
  readonly isProxied: (url: URL) => boolean;
}

const LOCAL_NAME = /^(?:localhost|.+\.localhost)$/;

/** True for a host name or address of this very machine. */
export function isLoopbackHost(hostname: string): boolean {
  return nameReach(hostname) === 'loopback';
}

export function createGuards(options: GuardOptions): Guards {
  const reachOf = async (url: URL): Promise<Reach> => {
    const literal = nameReach(url.hostname);
    if (literal !== undefined) return literal;
    // Behind a proxy the names of the network may mean nothing here.
    if (options.isProxied(url)) return 'public';
    const addresses = await options.lookup(bareHost(url.hostname));
    return nearest(addresses.map(({ address }) => addressReach(address)));
  };
  const isAllowed = async (from: string, reach: Reach): Promise<boolean> => {
    if (reach === 'public' || options.allowPrivate(from)) return true;
    if (reach === 'forbidden') return false;
    const own = await reachOf(new URL(from)).catch(() => 'public' as const);
    return own === 'loopback' || own === reach;
  };
  return {
    async check(from, to, what) {
      const source = new URL(from);
      const refuse = (why: string, hint?: string): RebundleError =>
        new RebundleError('REGISTRY_UNSAFE', `${what} of ${source.host} is ${redactUrl(to.href)}: ${why}`, {
          ...(hint === undefined ? {} : { hint }),
        });
      if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse('only http and https are followed');
      if (to.username !== '' || to.password !== '') throw refuse('a URL with user data is not followed');
      if (to.protocol === 'http:' && source.protocol === 'https:') {
        throw refuse('it leaves https', 'If a proxy stands before the registry, let it send X-Forwarded-Proto: https.');
      }
      const sameHost = to.hostname === source.hostname;
      if (sameHost) return;
      if (to.protocol === 'http:' && !options.allowPlain(to)) {
        throw refuse(
          'plain http is not allowed to that host',
          `Allow it with hosts: { "${to.host}": { insecure: true } }.`,
        );
      }
      const reach = await reachOf(to);
      if (!(await isAllowed(from, reach))) throw refuse(REFUSALS[reach], allowHint(source));
    },
    lookupFor(from, to) {
      return (hostname, { all }, callback) => {
        const resolve = async (): Promise<readonly LookupAddress[]> => {
          const addresses = await options.lookup(hostname);
          const reach = nearest(addresses.map(({ address }) => addressReach(address)));
          if (to.hostname === new URL(from).hostname || (await isAllowed(from, reach))) return addresses;
          throw new RebundleError('REGISTRY_UNSAFE', `${to.host} has an address which ${REFUSALS[reach]}`, {
            hint: allowHint(new URL(from)),
          });
        };
        resolve().then(
          (addresses) => {
            const first = addresses[0];
            if (all === true) callback(null, [...addresses]);
            else if (first === undefined) callback(new Error(`${hostname} has no address`), '');
            else callback(null, first.address, first.family);
          },
          (error: Error) => callback(error, ''),
        );
      };
    },
  };
}

const REFUSALS: Readonly<Record<Reach, string>> = {
  public: 'is public',
  private: 'is in a private network',
  loopback: 'is this very machine',
  forbidden: 'is not one of a server (link-local, multicast or reserved)',
};

function allowHint(registry: URL): string {
  return `If the registry is right in this, allow it: hosts: { "${registry.host}": { allowPrivate: true } }.`;
}

function nearest(reaches: readonly Reach[]): Reach {
  const order: readonly Reach[] = ['forbidden', 'loopback', 'private'];
  return order.find((reach) => reaches.includes(reach)) ?? 'public';
}

function nameReach(hostname: string): Reach | undefined {
  return LOCAL_NAME.test(bareHost(hostname).toLowerCase()) ? 'loopback' : literalReach(hostname);
}

/** Undefined for a name. */
function literalReach(hostname: string): Reach | undefined {
  const bare = bareHost(hostname);
  return ipaddr.isValid(bare) ? addressReach(bare) : undefined;
}

/** What `new URL` writes in brackets, without them; a final dot is no part of a name. */
function bareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function addressReach(text: string): Reach {
  // `process` undoes the IPv4 forms that IPv6 has room for.
  const address = unwrap(ipaddr.process(text.replace(/%.*$/, '')));
  switch (address.range()) {
    case 'unicast':
      return 'public';
    case 'loopback':
    // 0.0.0.0 and :: connect to this machine.
    case 'unspecified':
      return 'loopback';
    case 'private':
    case 'uniqueLocal':
    case 'carrierGradeNat':
      return 'private';
    default:
      return 'forbidden';
  }
}

/** NAT64 and 6to4 addresses stand for the IPv4 address inside. */
function unwrap(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (!(address instanceof ipaddr.IPv6)) return address;
  const bytes = address.toByteArray();
  switch (address.range()) {
    case 'rfc6052':
      return new ipaddr.IPv4(bytes.slice(12));
    case '6to4':
      return new ipaddr.IPv4(bytes.slice(2, 6));
    default:
      return address;
  }
}
