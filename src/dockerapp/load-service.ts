import { posix } from 'node:path';
import type { Semantics } from '../model/app.ts';
import { isList, isMap, printValue } from './decode-go.ts';
import {
  command,
  count,
  duration,
  environment,
  type Field,
  type Fields,
  flag,
  givenCount,
  givenDuration,
  givenFlag,
  givenStruct,
  hosts,
  integer,
  LoadFault,
  labels,
  listOf,
  numbersOrTexts,
  ratio,
  readStruct,
  size,
  sortMap,
  struct,
  test,
  text,
  textOrTexts,
  texts,
} from './load-fields.ts';
import { parsePort } from './load-ports.ts';
import { parseVolume } from './load-volumes.ts';
import type { RenderedMap, RenderedValue } from './rendered-value.ts';

/** What a service is read with. */
export interface ServiceContext {
  readonly semantics: Semantics;
  /** Values for environment variables without one, and for `~`. */
  readonly lookup: (name: string) => string | undefined;
  /** Variables of an `env_file`; undefined where such files stay as they are named. */
  readonly readEnvFile: ((path: string) => ReadonlyMap<string, string>) | undefined;
}

const fileUse: Field = (value) =>
  readStruct(typeof value === 'string' ? new Map([['source', value]]) : value, {
    source: text,
    target: text,
    uid: text,
    gid: text,
    mode: givenCount,
  });

const longBuild = struct({
  context: text,
  dockerfile: text,
  args: environment,
  labels,
  cache_from: textOrTexts,
  network: text,
  target: text,
});
const build: Field = (value) => longBuild(typeof value === 'string' ? new Map([['context', value]]) : value);

/** Ports of one file, ranges expanded: each of TCP and UDP, and some more. */
const MAX_PORTS = 150_000;

function createPorts(): Field {
  let left = MAX_PORTS;
  return (value) => {
    const printed = (isList(value) ? value : []).flatMap((item) => {
      if (isMap(item)) return [readStruct(item, { mode: text, target: count, published: count, protocol: text })];
      if (typeof item === 'number') throw new LoadFault('invalid type float64 for port');
      const parsed = parsePort(printValue(item));
      if (typeof parsed === 'string') throw new LoadFault(parsed);
      left -= parsed.length;
      if (left < 0) throw new LoadFault(`more than ${MAX_PORTS} ports`);
      return parsed;
    });
    return printed.length === 0 ? undefined : printed;
  };
}

const networks: Field = (value) => {
  const given = isList(value) ? new Map(value.map((name) => [printValue(name), null])) : value;
  if (!isMap(given) || given.size === 0) return undefined;
  const fields = { aliases: texts, ipv4_address: text, ipv6_address: text };
  return sortMap(
    new Map([...given].map(([name, network]) => [name, network === null ? null : readStruct(network, fields)])),
  );
};

const ulimits: Field = (value) => {
  if (!isMap(value) || value.size === 0) return undefined;
  const printed = [...value].map(([name, limit]): [string, RenderedValue] => {
    if (!isMap(limit)) return [name, integer(limit) ?? new Map()];
    return [name, readStruct(limit, { soft: integer, hard: integer })];
  });
  return sortMap(new Map(printed));
};

function volume(lookup: ServiceContext['lookup']): Field {
  const fields = {
    type: text,
    source: text,
    target: text,
    read_only: flag,
    consistency: text,
    bind: givenStruct({ propagation: text }),
    volume: givenStruct({ nocopy: flag }),
    tmpfs: givenStruct({ size: integer }),
  };
  return (value) => {
    const parsed = typeof value === 'string' ? parseVolume(value) : value;
    if (typeof parsed === 'string') throw new LoadFault(parsed);
    const members = readStruct(parsed, fields);
    if (members.get('type') !== 'bind') return members;
    const source = String(members.get('source') ?? '');
    if (source === '') throw new LoadFault('invalid mount config for type "bind": field Source must not be empty');
    const home = source.startsWith('~') ? lookup('HOME') : undefined;
    return members.set('source', cleanPath(home === undefined ? source : source.replace('~', () => home)));
  };
}

/** A path as docker-app printed it from the folder that it ran in: absolute ones as they are, others without `./` and `..`. */
export function cleanPath(path: string): string {
  if (path.startsWith('/') || /^(?:\p{L}:[\\/]|\\\\)/u.test(path)) return path;
  const clean = posix.normalize(path);
  return clean.length > 1 ? clean.replace(/\/$/, '') : clean;
}

function deploy(semantics: Semantics): Field {
  const update = {
    parallelism: givenCount,
    delay: duration,
    failure_action: text,
    monitor: duration,
    max_failure_ratio: ratio,
    order: text,
  };
  const generic = struct({ discrete_resource_spec: givenStruct({ kind: text, value: integer }) });
  const resource = givenStruct({ cpus: text, memory: size, generic_resources: listOf(generic) });
  return struct({
    mode: text,
    replicas: givenCount,
    labels,
    update_config: givenStruct(update),
    ...(semantics === '0.2' ? {} : { rollback_config: givenStruct(update) }),
    resources: struct({ limits: resource, reservations: resource }),
    restart_policy: givenStruct({
      condition: text,
      delay: givenDuration,
      max_attempts: givenCount,
      window: givenDuration,
    }),
    placement: struct({
      constraints: texts,
      preferences: listOf(struct({ spread: text })),
      ...(semantics === '0.9' ? { max_replicas_per_node: count } : {}),
    }),
    endpoint_mode: text,
  });
}

const DEPLOY: Readonly<Record<Semantics, Field>> = {
  '0.2': deploy('0.2'),
  '0.4-0.8': deploy('0.4-0.8'),
  '0.9': deploy('0.9'),
};

function serviceFields({ semantics, lookup }: ServiceContext): Fields {
  return {
    build,
    cap_add: texts,
    cap_drop: texts,
    cgroup_parent: text,
    command,
    configs: listOf(fileUse),
    container_name: text,
    credential_spec: struct({ ...(semantics === '0.9' ? { config: text } : {}), file: text, registry: text }),
    depends_on: texts,
    deploy: DEPLOY[semantics],
    devices: texts,
    dns: textOrTexts,
    dns_search: textOrTexts,
    domainname: text,
    entrypoint: command,
    environment,
    env_file: textOrTexts,
    expose: numbersOrTexts,
    external_links: texts,
    extra_hosts: hosts,
    hostname: text,
    healthcheck: givenStruct({
      test,
      timeout: givenDuration,
      interval: givenDuration,
      retries: givenCount,
      start_period: givenDuration,
      disable: flag,
    }),
    image: text,
    ...(semantics === '0.2' ? {} : { init: givenFlag }),
    ipc: text,
    isolation: text,
    labels,
    links: texts,
    logging: givenStruct({ driver: text, options: labels }),
    mac_address: text,
    network_mode: text,
    networks,
    pid: text,
    ports: createPorts(),
    privileged: flag,
    read_only: flag,
    restart: text,
    secrets: listOf(fileUse),
    security_opt: texts,
    // Earlier releases took these and printed nothing of them.
    ...(semantics === '0.9' ? { shm_size: text } : {}),
    stdin_open: flag,
    stop_grace_period: givenDuration,
    stop_signal: text,
    ...(semantics === '0.9' ? { sysctls: labels } : {}),
    tmpfs: textOrTexts,
    tty: flag,
    ulimits,
    user: text,
    ...(semantics === '0.9' ? { userns_mode: text } : {}),
    volumes: listOf(volume(lookup)),
    working_dir: text,
  };
}

/** Prepares the reading of services: the long form of one, as docker/cli printed it. Throws LoadFault. */
export function createServiceReader(context: ServiceContext): (service: RenderedValue) => Map<string, RenderedValue> {
  const fields = serviceFields(context);
  return (service) => {
    const members = readStruct(service, fields);
    const resolved = resolveEnvironment(members, context);
    if (resolved.size > 0) {
      // In its place among the members, whether it was there or not.
      const all = new Map(Object.keys(fields).map((name) => [name, members.get(name)]));
      all.set('environment', resolved);
      if (context.semantics === '0.9' && context.readEnvFile !== undefined) all.delete('env_file');
      members.clear();
      for (const [name, value] of all) if (value !== undefined) members.set(name, value);
    }
    return members;
  };
}

/** Variables without a value, or with an empty one, took that of the parameter of their name. */
function resolveEnvironment(service: RenderedMap, { lookup, readEnvFile }: ServiceContext): RenderedMap {
  const variables = new Map<string, RenderedValue>();
  const files = service.get('env_file');
  for (const file of readEnvFile !== undefined && isList(files) ? files : []) {
    for (const [name, value] of readEnvFile?.(String(file)) ?? []) variables.set(name, value);
  }
  const own = service.get('environment');
  for (const [name, value] of isMap(own) ? own : []) variables.set(name, value);
  for (const [name, value] of variables) {
    if (value === null || value === '') variables.set(name, lookup(name) ?? value);
  }
  return sortMap(variables);
}
