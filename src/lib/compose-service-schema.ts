import {
  ANY_NAME,
  bool,
  composeOnly,
  duration,
  healthDuration,
  integer,
  list,
  listOrMap,
  NAME,
  number,
  type Rule,
  record,
  type SchemaReader,
  since,
  size,
  text,
  textOrList,
  texts,
  words,
} from './schema-rule.ts';

const build: Rule = {
  ...text,
  ...record({
    context: text,
    dockerfile: text,
    args: listOrMap,
    labels: since(3, listOrMap),
    cache_from: since(2, list(text, false)),
    network: since(4, text),
    target: since(4, text),
    shm_size: since(5, { scalar: ['integer', 'string'] }),
    ...composeOnly({ extra_hosts: listOrMap, isolation: text }),
  }),
};

const update: Record<string, Rule> = {
  parallelism: integer,
  delay: duration,
  failure_action: text,
  monitor: duration,
  max_failure_ratio: number,
  order: since(4, { ...text, words: ['start-first', 'stop-first'] }),
};

function deploy(cpus: Rule): Rule {
  const genericResource = record({ discrete_resource_spec: record({ kind: text, value: number }) });
  const device = record({
    capabilities: texts,
    count: { scalar: ['string', 'integer'] },
    device_ids: texts,
    driver: text,
    options: listOrMap,
  });
  return {
    scalar: ['null'],
    ...record({
      mode: text,
      endpoint_mode: since(2, text),
      replicas: integer,
      labels: listOrMap,
      update_config: record(update),
      rollback_config: since(7, record(update)),
      restart_policy: record({ condition: text, delay: duration, max_attempts: integer, window: duration }),
      resources: record({
        limits: record({ cpus, memory: text }),
        reservations: record({
          cpus,
          memory: text,
          generic_resources: since(5, list(genericResource, false)),
          devices: since('compose', list(device, false)),
        }),
      }),
      placement: record({
        constraints: list(text, false),
        preferences: since(3, list(record({ spread: text }), false)),
        max_replicas_per_node: since(8, integer),
      }),
    }),
  };
}

const port: Rule = {
  scalar: ['number', 'string'],
  format: 'port',
  ...record({ mode: text, target: integer, published: integer, protocol: text }, { extensions: 'compose', since: 2 }),
};

/** docker/cli let any other key pass in some small maps. */
function openFor(reader: SchemaReader): { extensions: 'compose'; open?: true } {
  return { extensions: 'compose', ...(reader === 'docker-cli' ? { open: true } : {}) };
}

function volume(reader: SchemaReader): Rule {
  const open = openFor(reader);
  return {
    ...text,
    ...record(
      {
        type: text,
        source: text,
        target: text,
        read_only: bool,
        consistency: text,
        bind: record({ propagation: text }, open),
        volume: record({ nocopy: bool }, open),
        tmpfs: since(6, record({ size: integer }, open)),
      },
      { extensions: 'compose', since: 2, required: ['type'] },
    ),
  };
}

function fileUse(reader: SchemaReader): Rule {
  const rules = { source: text, target: text, uid: text, gid: text, mode: number };
  return { ...text, ...record(rules, openFor(reader)) };
}

const serviceNetworks: Rule = {
  ...texts,
  map: {
    names: NAME,
    value: {
      scalar: ['null'],
      ...record({
        aliases: texts,
        ipv4_address: text,
        ipv6_address: text,
        ...composeOnly({ link_local_ips: texts, priority: number }),
      }),
    },
  },
};

const healthcheck = record({
  disable: bool,
  interval: healthDuration,
  retries: number,
  test: words,
  timeout: healthDuration,
  start_period: since(4, healthDuration),
});

const limit = { rate: { scalar: ['integer', 'string'] } as Rule, path: text };
const limits = list(record(limit, {}), false);

const COMPOSE_SERVICE = composeOnly({
  blkio_config: record(
    {
      device_read_bps: limits,
      device_read_iops: limits,
      device_write_bps: limits,
      device_write_iops: limits,
      weight: integer,
      weight_device: list(record({ path: text, weight: integer }, {}), false),
    },
    {},
  ),
  cpu_count: integer,
  cpu_percent: integer,
  cpu_shares: size,
  cpu_quota: size,
  cpu_period: size,
  cpu_rt_period: size,
  cpu_rt_runtime: size,
  cpus: size,
  cpuset: text,
  device_cgroup_rules: texts,
  dns_opt: texts,
  extends: { ...text, ...record({ service: text, file: text }, { required: ['service'] }) },
  group_add: list(size, true),
  mem_limit: size,
  mem_reservation: { scalar: ['integer', 'string'] },
  mem_swappiness: integer,
  memswap_limit: size,
  oom_kill_disable: bool,
  oom_score_adj: integer,
  pids_limit: size,
  platform: text,
  profiles: texts,
  pull_policy: { ...text, words: ['always', 'never', 'if_not_present', 'build'] },
  runtime: text,
  scale: integer,
  storage_opt: { map: { open: true } },
  volumes_from: texts,
});

/** The rule of a service. */
export function serviceRule(reader: SchemaReader): Rule {
  const condition: Rule = { ...text, words: ['service_started', 'service_healthy', 'service_completed_successfully'] };
  const dependency = record({ condition }, { required: ['condition'] });
  return record(
    {
      build,
      cap_add: texts,
      cap_drop: texts,
      cgroup_parent: text,
      command: words,
      configs: since(3, list(fileUse(reader), false)),
      container_name: text,
      credential_spec: since(3, record({ config: since(8, text), file: text, registry: text })),
      depends_on: { ...texts, map: { names: NAME, value: dependency, since: 'compose' } },
      deploy: deploy(reader === 'compose' ? size : text),
      devices: texts,
      dns: textOrList,
      dns_search: textOrList,
      domainname: text,
      entrypoint: words,
      env_file: textOrList,
      environment: listOrMap,
      expose: list({ scalar: ['string', 'number'], format: 'expose' }, true),
      external_links: texts,
      extra_hosts: listOrMap,
      healthcheck,
      hostname: text,
      image: text,
      init: since(7, bool),
      ipc: text,
      isolation: since(5, text),
      labels: listOrMap,
      links: texts,
      logging: record({
        driver: text,
        options: { map: { names: ANY_NAME, value: { scalar: ['string', 'number', 'null'] }, open: true } },
      }),
      mac_address: text,
      network_mode: text,
      networks: serviceNetworks,
      pid: { scalar: ['string', 'null'] },
      ports: list(port, true),
      privileged: bool,
      read_only: bool,
      restart: text,
      secrets: since(1, list(fileUse(reader), false)),
      security_opt: texts,
      shm_size: size,
      stdin_open: bool,
      stop_grace_period: duration,
      stop_signal: text,
      sysctls: listOrMap,
      tmpfs: textOrList,
      tty: bool,
      ulimits: {
        map: {
          names: /^[a-z]+$/,
          value: {
            ...integer,
            ...record({ hard: integer, soft: integer }, { extensions: 'compose', required: ['soft', 'hard'] }),
          },
          open: true,
        },
      },
      user: text,
      userns_mode: text,
      volumes: list(volume(reader), reader !== 'docker-cli'),
      working_dir: text,
      ...COMPOSE_SERVICE,
    },
    { extensions: 7 },
  );
}
