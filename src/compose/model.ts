import { compareText } from '../lib/bytes.ts';
import type { ComposeGeneration } from './interpolation.ts';
import { devices, fileUses, ports, volumes } from './model-mounts.ts';
import {
  bytes,
  type Canon,
  duration,
  exactDuration,
  exactFlag,
  flag,
  integer,
  type ModelContext,
  mapOf,
  numberText,
  path,
  ratio,
  text,
} from './model-scalars.ts';
import {
  externalOr,
  generic,
  healthTest,
  hosts,
  named,
  names,
  pairs,
  record,
  shorthand,
  textOrTexts,
  textSet,
  texts,
  words,
} from './model-shapes.ts';
import type { ModelMap, ModelValue } from './model-value.ts';

const environment = pairs({ separator: '=', absent: null });
const labels = pairs({ separator: '=', absent: '' });
const update = record({ parallelism: integer, delay: duration, monitor: duration, max_failure_ratio: ratio });
const resources = record({ cpus: numberText, memory: bytes });

const healthMembers = record({
  test: healthTest,
  interval: exactDuration,
  timeout: exactDuration,
  start_period: exactDuration,
  retries: integer,
  disable: flag,
});

/** docker-compose 1.29 asks only whether `disable` is there: `disable: false` switches the check off too. */
const healthcheck: Canon = (value, context) => {
  const isOff = context.generation === '1.29' && value instanceof Map && value.has('disable');
  return healthMembers(
    isOff ? new Map<string, ModelValue>([...(value as ModelMap), ['disable', true]]) : value,
    context,
  );
};

const service = record({
  build: shorthand('context', record({ context: path, args: environment, labels, shm_size: bytes, cache_from: texts })),
  cap_add: textSet,
  cap_drop: textSet,
  command: words,
  configs: fileUses,
  cpus: numberText,
  depends_on: names(
    record({
      condition: (value, context) => (value === 'service_started' ? undefined : text(value, context)),
      required: (value) => (value === true ? undefined : 'false'),
    }),
  ),
  deploy: record({
    labels,
    replicas: integer,
    update_config: update,
    rollback_config: update,
    resources: record({ limits: resources, reservations: resources }),
    restart_policy: record({ condition: text, delay: duration, max_attempts: integer, window: duration }),
    placement: record({ constraints: texts, max_replicas_per_node: integer }),
  }),
  devices,
  dns: textOrTexts,
  dns_search: textOrTexts,
  entrypoint: words,
  env_file: textOrTexts,
  environment,
  expose: textSet,
  extra_hosts: hosts,
  healthcheck,
  init: exactFlag,
  labels,
  logging: record({ driver: text, options: pairs({ separator: '=', absent: '' }) }),
  mem_limit: bytes,
  mem_reservation: bytes,
  memswap_limit: bytes,
  networks: names(record({ aliases: textSet })),
  ports,
  privileged: flag,
  read_only: flag,
  secrets: fileUses,
  shm_size: bytes,
  stdin_open: flag,
  stop_grace_period: exactDuration,
  sysctls: pairs({ separator: '=', absent: '' }),
  tmpfs: textOrTexts,
  tty: flag,
  ulimits: named((value, context) =>
    value instanceof Map
      ? record({ soft: integer, hard: integer })(value, context)
      : record({ soft: integer, hard: integer })(
          new Map([
            ['soft', value],
            ['hard', value],
          ]),
          context,
        ),
  ),
  volumes,
});

const options = pairs({ separator: '=', absent: '' });
/** Without a file docker/cli named the folder itself. */
const sourceFile: Canon = (value, context) => {
  const read = path(value, context);
  return read === '.' ? undefined : read;
};
const file = externalOr(record({ external: flag, file: sourceFile, labels, driver_opts: options }));
const SECTIONS: Readonly<Record<string, Canon>> = {
  services: named(service),
  volumes: named(externalOr(record({ external: flag, labels, driver_opts: options }))),
  networks: named(
    externalOr(
      record({ external: flag, labels, driver_opts: options, internal: flag, attachable: flag, ipam: generic }),
    ),
  ),
  configs: named(file),
  secrets: named(file),
};

/**
 * The one form of a compose model: long ports and volumes, split commands, durations in nanoseconds, sizes in bytes, lists of pairs as mappings,
 * what means nothing left out. `version` and extensions are not part of it. Throws COMPOSE_INVALID for what the generation cannot read.
 */
export function canonicalModel(model: ModelValue, generation: ComposeGeneration): ModelMap {
  const context: ModelContext = { generation, path: [] };
  const canonical = new Map<string, ModelValue>();
  for (const [section, value] of mapOf(model, context)) {
    const canon = SECTIONS[section];
    context.path.length = 0;
    context.path.push(section);
    const read = canon?.(value, context);
    if (read !== undefined) canonical.set(section, read);
  }
  return canonical;
}

/** One place at which two canonical models differ; undefined stands for nothing there. */
export interface ModelDifference {
  readonly path: readonly string[];
  readonly before: ModelValue | undefined;
  readonly after: ModelValue | undefined;
}

/** The places at which two canonical models differ, the outermost of each, in the order of their paths. */
export function compareModels(before: ModelMap, after: ModelMap): ModelDifference[] {
  const differences: ModelDifference[] = [];
  const visit = (a: ModelValue | undefined, b: ModelValue | undefined, place: readonly string[]): void => {
    if (a === b) return;
    if (a instanceof Map && b instanceof Map) {
      for (const name of unionOf(a, b)) visit(a.get(name) as ModelValue, b.get(name) as ModelValue, [...place, name]);
    } else if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
      for (const [i, item] of a.entries()) visit(item as ModelValue, b[i] as ModelValue, [...place, String(i)]);
    } else differences.push({ path: place, before: a, after: b });
  };
  visit(before, after, []);
  return differences;
}

function unionOf(a: ModelMap, b: ModelMap): Iterable<string> {
  if (a.size === b.size && [...a.keys()].every((name) => b.has(name))) return a.keys();
  return [...new Set([...a.keys(), ...b.keys()])].sort(compareText);
}

/** Values at the ends of a model. */
export function countFields(value: ModelValue): number {
  if (value instanceof Map)
    return [...value.values()].reduce((sum: number, member) => sum + countFields(member as ModelValue), 0);
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + countFields(item as ModelValue), 0);
  return 1;
}

/** A value in a message. */
export function printModel(value: ModelValue | undefined): string {
  if (value === undefined) return 'nothing';
  return JSON.stringify(value, (_, member: unknown) =>
    member instanceof Map ? Object.fromEntries(member) : typeof member === 'bigint' ? String(member) : member,
  );
}
