import { serviceRule } from './compose-service-schema.ts';
import {
  anything,
  bool,
  composeOnly,
  external,
  list,
  listOrMap,
  type MapRule,
  members,
  NAME,
  openExternal,
  optionMap,
  type Rule,
  record,
  type SchemaReader,
  since,
  text,
  texted,
} from './schema-rule.ts';

const network: Rule = {
  scalar: ['null'],
  ...record(
    {
      name: since(5, text),
      driver: text,
      driver_opts: optionMap,
      ipam: record({
        driver: text,
        config: list(
          record({
            subnet: { ...text, format: 'subnet' },
            ...composeOnly({ ip_range: text, gateway: text, aux_addresses: texted }),
          }),
          false,
        ),
        options: since('compose', texted),
      }),
      external,
      internal: bool,
      enable_ipv6: since('compose', bool),
      attachable: since(2, bool),
      labels: listOrMap,
    },
    { extensions: 7 },
  ),
};

const volumes: Rule = {
  scalar: ['null'],
  ...record(
    { name: since(4, text), driver: text, driver_opts: optionMap, external, labels: listOrMap },
    { extensions: 7 },
  ),
};

const file: Record<string, Rule> = { name: since(5, text), file: text, external: openExternal, labels: listOrMap };
const secret = record(
  { ...file, driver: since(8, text), driver_opts: since(8, optionMap), template_driver: since(8, text) },
  { extensions: 7 },
);
const config = record({ ...file, template_driver: since(8, text) }, { extensions: 7 });

function orNull(rule: Rule): Rule {
  return { ...rule, scalar: ['null'] };
}

function named(value: Rule, open: boolean): Rule {
  return { map: { names: NAME, value, ...(open ? { open: true } : {}) } };
}

function root(reader: SchemaReader): MapRule {
  return {
    members: members({
      version: anything,
      services: named(serviceRule(reader), false),
      networks: named(network, true),
      volumes: named(volumes, false),
      secrets: since(1, named(reader === 'compose' ? orNull(secret) : secret, false)),
      configs: since(3, named(reader === 'compose' ? orNull(config) : config, false)),
    }),
    extensions: 4,
  };
}

/**
 * The compose file format as a table: docker/cli's schemas of 3.0 to 3.8 (where `since` applies) and the one of docker-compose 1.29, which
 * differ in little: `docker-cli` and `compose` are the two, `docker-app` is for a text that both have to take, with the stricter form of each rule.
 */
export const COMPOSE_RULES: Readonly<Record<SchemaReader, MapRule>> = {
  'docker-cli': root('docker-cli'),
  'docker-app': root('docker-app'),
  compose: root('compose'),
};

/** What docker-app answered with "Configuration contains forbidden properties". */
export const FORBIDDEN_KEYS = [
  'extends',
  'volume_driver',
  'volumes_from',
  'cpu_quota',
  'cpu_shares',
  'cpuset',
  'mem_limit',
  'memswap_limit',
];
