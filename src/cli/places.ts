import { lookup } from 'node:dns/promises';
import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { RebundleError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { formatPlace, type Place } from '../lib/place.ts';
import { createAuthorizer } from '../registry/auth.ts';
import type { Authorizer } from '../registry/auth-types.ts';
import { createCachedRegistry } from '../registry/cached.ts';
import { createHttpRegistry } from '../registry/http.ts';
import { createLayoutRegistry } from '../registry/layout.ts';
import { createMemoryRegistry } from '../registry/memory.ts';
import { createOfflineRegistry } from '../registry/offline.ts';
import type { Registry } from '../registry/registry.ts';
import type { Timers } from '../registry/retry.ts';
import { createTransport, type Transport } from '../registry/transport.ts';
import { openCredentials } from './credential-files.ts';
import type { CliEnvironment } from './environment.ts';
import { createHostSettings } from './registry-hosts.ts';

export interface Places {
  readonly imageRegistry: (host: string) => Registry;
  readonly destination: Registry;
  /** The destination is a server. */
  readonly isRemote: boolean;
  /** How reports name the destination. */
  readonly destinationName: string;
  /** Any other place: `push` to write there. */
  readonly open: (place: Place, access: 'pull' | 'push') => Registry;
  /** HTTP with the settings, budgets and credentials of this command; made at the first use. */
  readonly http: () => { readonly transport: Transport; readonly authorizer: Authorizer };
  /** Ends all connections. */
  readonly close: () => Promise<void>;
}

interface PlacesInput {
  readonly config: Config;
  readonly environment: CliEnvironment;
  readonly emit: Emit;
  readonly cache?: string;
  readonly offline?: boolean;
}

/**
 * Opens the places of a configuration: each folder once, all hosts over one transport, so that its budgets hold for all work of the command. Nothing is
 * read or connected before its first use. `cache` is a folder for what hosts say of images by digest. `offline`: there is no transport, and what would need it
 * throws OFFLINE. Without a host to publish to, `destination` throws CONFIG_INVALID when it is used.
 */
export function openPlaces({ config, environment, emit, cache, offline = false }: PlacesInput): Places {
  const layouts = new Map<string, Registry>();
  const hosts = new Map<string, Registry>();
  const memory = createMemoryRegistry();
  let http: { readonly transport: Transport; readonly authorizer: Authorizer } | undefined;
  const openHttp = (): NonNullable<typeof http> => {
    if (offline) throw new RebundleError('OFFLINE', 'a server would be asked, and --offline asks none');
    http ??= createHttp(config, environment, emit);
    return http;
  };
  const open = (place: Place, access: 'pull' | 'push'): Registry => {
    if (place.kind === 'memory') return memory;
    if (place.kind === 'registry') {
      if (offline) return createOfflineRegistry();
      const key = `${access} ${place.host}`;
      const known = hosts.get(key) ?? createHttpRegistry({ ...openHttp(), host: place.host, access });
      hosts.set(key, known);
      return known;
    }
    const known = layouts.get(place.directory) ?? createLayoutRegistry(place.directory);
    layouts.set(place.directory, known);
    return known;
  };
  const { registry } = config;
  const to = config.publish.to ?? (registry === undefined ? undefined : { kind: 'registry' as const, host: registry });
  return {
    imageRegistry: (host) => {
      const place = config.registries.get(host) ?? { kind: 'registry', host };
      const registry = open(place, 'pull');
      return cache === undefined || place.kind !== 'registry' ? registry : createCachedRegistry(registry, cache);
    },
    get destination() {
      if (to === undefined)
        throw new RebundleError('CONFIG_INVALID', 'the configuration names no registry to write to');
      return open(to, 'push');
    },
    isRemote: to?.kind === 'registry',
    destinationName: to === undefined ? '' : showPlace(to, environment.cwd),
    open,
    http: openHttp,
    close: async () => http?.transport.close(),
  };
}

/** Opens the places for a task and closes them after it, whatever happens. */
export async function withPlaces<T>(input: PlacesInput, task: (places: Places) => Promise<T>): Promise<T> {
  const places = openPlaces(input);
  try {
    return await task(places);
  } finally {
    await places.close();
  }
}

function createHttp(
  config: Config,
  environment: CliEnvironment,
  emit: Emit,
): { readonly transport: Transport; readonly authorizer: Authorizer } {
  const { connectTimeout, headersTimeout, idleTimeout, totalTimeout, attempts, longestWait } = config.http;
  const transport = createTransport({
    settingsFor: createHostSettings(config, environment),
    env: environment.env,
    timeouts: {
      connectMs: connectTimeout * 1000,
      headersMs: headersTimeout * 1000,
      idleMs: idleTimeout * 1000,
      totalMs: totalTimeout * 1000,
    },
    retry: { attempts, maxWaitMs: longestWait * 1000 },
    lookup: (hostname) => lookup(hostname, { all: true }),
    timers: createTimers(environment.now),
    random: Math.random,
    emit,
  });
  const credentials = openCredentials(environment);
  const authorizer = createAuthorizer({
    credentialsFor: (host, repository) => credentials.find(host, repository),
    send: transport.sendToken,
    now: environment.now,
    checkRealm: (origin, realm) => transport.checkRealm(origin, realm),
  });
  return { transport, authorizer };
}

function createTimers(now: () => number): Timers {
  return {
    now,
    sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
  };
}

/** Folders are shown as seen from the current one. */
function showPlace(place: Place, cwd: string): string {
  return formatPlace(place.kind === 'oci-layout' ? { ...place, directory: relative(cwd, place.directory) } : place);
}
