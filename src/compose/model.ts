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
 * what means nothing left out. `version` and extensions are not part of it. Throws COMPOSE_INVALID for what the generation cannot read. `known` is
 * for models that share parts: it keeps what was made of each.
 */
export function canonicalModel(
  model: ModelValue,
  generation: ComposeGeneration,
  known: ModelContext['known'] = new Map(),
): ModelMap {
  const context: ModelContext = { generation, path: [], known };
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

/**
 * The places at which two canonical models differ, the outermost of each, in the order of their paths. `equal` is for models that share parts: it keeps
 * which parts were found equal.
 */
export function compareModels(
  before: ModelMap,
  after: ModelMap,
  equal: Map<ModelValue, ModelValue> = new Map(),
): ModelDifference[] {
  const differences: ModelDifference[] = [];
  const path: string[] = [];
  const visitAt = (name: string, a: ModelValue | undefined, b: ModelValue | undefined): void => {
    path.push(name);
    visit(a, b);
    path.pop();
  };
  const visit = (a: ModelValue | undefined, b: ModelValue | undefined): void => {
    if (a === b || (a !== undefined && b !== undefined && equal.get(a) === b)) return;
    const count = differences.length;
    if (a instanceof Map && b instanceof Map) {
      for (const name of unionOf(a, b)) visitAt(name, a.get(name), b.get(name));
    } else if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
      for (let i = 0; i < a.length; i++) visitAt(String(i), a[i], b[i]);
    } else differences.push({ path: [...path], before: a, after: b });
    if (differences.length === count && a !== undefined && b !== undefined) equal.set(a, b);
  };
  visit(before, after);
  return differences;
}

function unionOf(a: ModelMap, b: ModelMap): Iterable<string> {
  if (a.size === b.size && [...a.keys()].every((name) => b.has(name))) return a.keys();
  return [...new Set([...a.keys(), ...b.keys()])].sort(compareText);
}

/** Values at the ends of a model. `counted` keeps the number of each part, for models that share some. */
export function countFields(value: ModelValue, counted: Map<ModelValue, number> = new Map()): number {
  if (typeof value !== 'object' || value === null) return 1;
  const known = counted.get(value);
  if (known !== undefined) return known;
  let sum = 0;
  for (const member of value.values()) sum += countFields(member, counted);
  counted.set(value, sum);
  return sum;
}

/** A value in a message. */
export function printModel(value: ModelValue | undefined): string {
  if (value === undefined) return 'nothing';
  return JSON.stringify(value, (_, member: unknown) =>
    member instanceof Map ? Object.fromEntries(member) : typeof member === 'bigint' ? String(member) : member,
  );
}
