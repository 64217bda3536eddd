import { compareText } from '../lib/bytes.ts';
import {
  at,
  bytes,
  type Canon,
  flag,
  listOf,
  type ModelContext,
  mapOf,
  path,
  printScalar,
  refuse,
  text,
} from './model-scalars.ts';
import { generic, record } from './model-shapes.ts';
import type { ModelMap, ModelValue } from './model-value.ts';
import { normalizePath } from './mounts.ts';

const PORT =
  /^(?:(?:\[([^\]]*)\]|(\d+\.[\d.]+|[a-fA-F\d:]*:[a-fA-F\d:]*)):)?(?:(\d*)(?:-(\d+))?:)?(\d+)(?:-(\d+))?(?:\/(\w+))?$/;
/** More ports of one range are compared as the range. */
const MAX_RANGE = 65_536;
/** A list of more ports is refused. */
const MAX_PORTS = 200_000;
const PROPAGATIONS = ['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave'];

/**
 * Ports by what they open: `published:target/protocol`, with the addresses that they are bound to. `mode: ingress` and `tcp` are what is meant where
 * nothing is said.
 */
export const ports: Canon = (value, context) => {
  if (value === null) return undefined;
  const found = new Map<string, Map<string, ModelValue>>();
  const add = (
    published: string,
    target: string,
    protocol: string,
    more: { address?: string; mode?: string },
  ): void => {
    const key = `${published}:${target}/${protocol}`;
    const port = found.get(key) ?? new Map<string, ModelValue>();
    found.set(key, port);
    if (more.mode !== undefined && more.mode !== '' && more.mode !== 'ingress') port.set('mode', more.mode);
    if (more.address === undefined || more.address === '') return;
    const addresses = (port.get('host_ip') as readonly string[] | undefined) ?? [];
    port.set('host_ip', [...new Set([...addresses, more.address])].sort(compareText));
  };
  for (const [i, item] of listOf(value, context).entries()) {
    at(context, String(i), () => {
      if (found.size > MAX_PORTS) refuse(context, item, `port among fewer than ${MAX_PORTS}`);
      if (item instanceof Map) {
        const of = (name: string): string => (text(item.get(name) ?? null, context) as string | undefined) ?? '';
        const published = of('published').replace(/^0+(?=\d)/, '');
        add(published === '0' ? '' : published, of('target'), of('protocol') || 'tcp', {
          address: of('host_ip'),
          mode: of('mode'),
        });
      } else addShortPort(item, context, add);
    });
  }
  return found.size === 0 ? undefined : found;
};

function addShortPort(
  item: ModelValue,
  context: ModelContext,
  add: (published: string, target: string, protocol: string, more: { address?: string }) => void,
): void {
  const match = PORT.exec(printScalar(item, context).trim());
  if (match === null) refuse(context, item, 'port');
  const [, bracketed, plain, from = '', to, inner = '', innerTo, protocol = 'tcp'] = match ?? [];
  const address = bracketed ?? plain ?? '';
  const number = (digits: string): string => digits.replace(/^0+(?=\d)/, '');
  const targets = expand(inner, innerTo);
  // One container port and a range outside: any of them will do.
  const outside = targets.length === 1 && to !== undefined ? [`${number(from)}-${number(to)}`] : expand(from, to);
  for (const [i, target] of targets.entries()) add(outside[i] ?? '', target, protocol.toLowerCase(), { address });
}

function expand(from: string, to: string | undefined): string[] {
  const first = Number(from);
  const last = to === undefined ? first : Number(to);
  if (from === '') return [];
  if (last < first || last - first > MAX_RANGE) return [`${first}-${last}`];
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
}

const longVolume = record({
  type: text,
  source: text,
  target: text,
  read_only: flag,
  consistency: text,
  bind: record({ propagation: text, create_host_path: () => undefined, selinux: () => undefined }),
  volume: record({ nocopy: flag }),
  tmpfs: record({ size: bytes, mode: generic }),
});

/** Mounts by their target. `z`, `Z` and words that mean nothing on Linux (`cached`) are left out: docker-app lost them. */
export const volumes: Canon = (value, context) => {
  if (value === null) return undefined;
  const found = new Map<string, ModelValue>();
  for (const [i, item] of listOf(value, context).entries()) {
    at(context, String(i), () => {
      const mount = new Map(
        item instanceof Map ? readLong(item, context) : readShort(printScalar(item, context), item, context),
      );
      const target = String(mount.get('target') ?? '');
      const source = mount.get('source');
      const isPath = mount.get('type') === 'bind' || mount.get('type') === 'npipe';
      if (typeof source === 'string' && isPath) mount.set('source', normalizePath(source));
      mount.delete('target');
      found.set(normalizePath(target), mount);
    });
  }
  return found.size === 0 ? undefined : found;
};

function readLong(item: ModelMap, context: ModelContext): ModelMap {
  const found = longVolume(mapOf(item, context), context);
  return found instanceof Map ? found : new Map();
}

function readShort(line: string, item: ModelValue, context: ModelContext): ModelMap {
  const mount = new Map<string, ModelValue>();
  const parts = line.split(':');
  // One letter before a colon is a drive to docker-app, but no device has drives.
  if (parts.length > 3) refuse(context, item, 'volume');
  const [first = '', target, options = ''] = parts;
  const source = target === undefined ? '' : first;
  mount.set('type', /^[./~]/.test(source) ? 'bind' : 'volume');
  if (source !== '') mount.set('source', source);
  mount.set('target', target ?? first);
  for (const option of options.split(',')) {
    if (option === 'ro') mount.set('read_only', true);
    else if (option === 'nocopy') mount.set('volume', new Map([['nocopy', true]]));
    else if (PROPAGATIONS.includes(option)) mount.set('bind', new Map([['propagation', option]]));
  }
  return mount;
}

/** Configs and secrets of a service: the short form is the source. */
export const fileUses: Canon = (value, context) => {
  if (value === null) return undefined;
  const found = listOf(value, context).map((item, i) =>
    at(
      context,
      String(i),
      () => (item instanceof Map ? fileUse(item, context) : new Map([['source', printScalar(item, context)]])) ?? '',
    ),
  );
  return found.length === 0 ? undefined : found;
};

/** Permission bits: a text with a leading zero is octal, a number is what it is. */
const mode: Canon = (value, context) => {
  const read = text(value, context);
  return typeof read === 'string' && /^0[0-7]{1,10}$/.test(read) ? String(Number.parseInt(read, 8)) : read;
};

const fileUse = record({ source: text, target: path, uid: text, gid: text, mode });

/** Devices as `host:container:permissions`. */
export const devices: Canon = (value, context) => {
  if (value === null) return undefined;
  const found = listOf(value, context).map((item) => {
    const of = (name: string): string =>
      item instanceof Map ? ((text(item.get(name) ?? null, context) as string) ?? '') : '';
    const line = item instanceof Map ? '' : printScalar(item, context);
    const [source = '', target = source, permissions = 'rwm'] = line.split(':');
    return item instanceof Map
      ? `${of('source')}:${of('target') || of('source')}:${of('permissions') || 'rwm'}`
      : `${source}:${target}:${permissions}`;
  });
  return found.length === 0 ? undefined : found;
};
