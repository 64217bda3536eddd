import { RebundleError } from '../errors.ts';
import { effectivePairs, resolveAlias, type YamlMap, type YamlNode, type YamlScalar } from '../lib/yaml.ts';
import { printGo, readScalar } from '../lib/yaml-scalars.ts';
import { type Budget, createBudget, spend } from './budget.ts';
import type { ComposeFile } from './compose-file.ts';
import { interpolateCompose } from './interpolation.ts';

/** What compose-go 2.x turns an interpolated text into (loader/interpolate.go); `*` stands for one name or index. */
const CASTS: Readonly<Record<'int' | 'float' | 'bool', readonly string[]>> = {
  int: [
    'services.*.cpu_count',
    'services.*.cpu_period',
    'services.*.cpu_quota',
    'services.*.cpu_rt_period',
    'services.*.cpu_rt_runtime',
    'services.*.cpu_shares',
    'services.*.deploy.placement.max_replicas_per_node',
    'services.*.deploy.replicas',
    'services.*.deploy.restart_policy.max_attempts',
    'services.*.deploy.rollback_config.parallelism',
    'services.*.deploy.update_config.parallelism',
    'services.*.healthcheck.retries',
    'services.*.oom_score_adj',
    'services.*.pids_limit',
    'services.*.ports.*.target',
    'services.*.scale',
    'services.*.ulimits.*',
    'services.*.ulimits.*.hard',
    'services.*.ulimits.*.soft',
  ],
  float: [
    'services.*.cpu_percent',
    'services.*.cpus',
    'services.*.deploy.rollback_config.max_failure_ratio',
    'services.*.deploy.update_config.max_failure_ratio',
  ],
  bool: [
    'configs.*.external',
    'networks.*.attachable',
    'networks.*.enable_ipv4',
    'networks.*.enable_ipv6',
    'networks.*.external',
    'networks.*.internal',
    'secrets.*.external',
    'services.*.depends_on.*.required',
    'services.*.depends_on.*.restart',
    'services.*.healthcheck.disable',
    'services.*.init',
    'services.*.oom_kill_disable',
    'services.*.privileged',
    'services.*.read_only',
    'services.*.stdin_open',
    'services.*.tty',
    'services.*.volumes.*.read_only',
    'services.*.volumes.*.volume.nocopy',
    'volumes.*.external',
  ],
};
const PATTERNS = Object.entries(CASTS).flatMap(([cast, patterns]) =>
  patterns.map((pattern) => ({ cast: cast as keyof typeof CASTS, pattern: pattern.split('.') })),
);
const BOOLS: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  y: true,
  yes: true,
  on: true,
  n: false,
  no: false,
  off: false,
};
const NUMBERS = { int: /^[-+]?[0-9]+$/, float: /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/ } as const;

type SpecFault = 'interpolation' | 'cast' | 'key' | 'value';

/** What the reading came upon; `at` is an offset of the compose text. */
export type ReportFault = (kind: SpecFault, message: string, at: number) => void;

/**
 * A compose text as compose-go 2.x has it when it looks at the schema: plain JSON, aliases and merge keys gone, interpolated with an empty
 * environment everywhere (`x-*` too), then cast. What cannot be read is told to `report` and left out. Throws YAML_LIMIT where aliases make
 * it too deep or too large.
 */
export function readSpecValue(file: ComposeFile, report: ReportFault): Record<string, unknown> {
  return readMap(file.root, [], { budget: createBudget(), report });
}

interface Reader {
  readonly budget: Budget;
  readonly report: ReportFault;
}

function readMap(map: YamlMap, path: readonly string[], reader: Reader): Record<string, unknown> {
  // An ordinary object: the validator compares items of lists, and asks them for `valueOf`.
  const result: Record<string, unknown> = {};
  for (const [name, pair] of effectivePairs(map)) {
    const key = resolveAlias(pair.key);
    const read = key.kind === 'scalar' ? readScalar(key, 'go-v3') : undefined;
    if (read?.type !== 'string') {
      const shown = read === undefined ? 'a collection' : printGo(read);
      reader.report('key', `${[...path, ''].join('.')}${shown}: a key must be a text`, pair.start);
      continue;
    }
    const value = readValue(pair.value, [...path, name], reader);
    if (value === undefined) continue;
    // Defined, not assigned, so that `__proto__` is a name like any other.
    Object.defineProperty(result, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return result;
}

function readValue(node: YamlNode, path: readonly string[], reader: Reader): unknown {
  const value = resolveAlias(node);
  spend(reader.budget, value, path.length);
  if (value.kind === 'map') return readMap(value, path, reader);
  if (value.kind === 'seq') return value.items.map((item, i) => readValue(item, [...path, String(i)], reader) ?? '');
  return readText(value, path, reader);
}

/** Undefined where compose refuses the text. */
function readText(node: YamlScalar, path: readonly string[], { report }: Reader): unknown {
  const read = readScalar(node, 'go-v3');
  switch (read.type) {
    case 'null':
      return null;
    case 'bool':
      return read.value;
    case 'int':
      return Number(read.value);
    case 'float':
      if (Number.isFinite(read.value)) return read.value;
      report('value', `${path.join('.')}: '${node.value}' is no number that can be used here`, node.start);
      return undefined;
    default:
  }
  const text = interpolate(read.value);
  if ('fault' in text) {
    report('interpolation', `${path.join('.')}: ${text.fault}`, node.start);
    return undefined;
  }
  const cast = PATTERNS.find(({ pattern }) => matchesPath(pattern, path))?.cast;
  if (cast === undefined) return text.value;
  const result = castText(text.value, cast);
  if (result === undefined) report('cast', `${path.join('.')}: '${text.value}' cannot be read as ${cast}`, node.start);
  return result;
}

function interpolate(text: string): { readonly value: string } | { readonly fault: string } {
  if (!text.includes('$')) return { value: text };
  try {
    return { value: interpolateCompose(text, () => undefined, 'v2') };
  } catch (thrown) {
    if (thrown instanceof RebundleError) return { fault: thrown.message };
    throw thrown;
  }
}

function castText(text: string, cast: keyof typeof CASTS): number | boolean | undefined {
  if (cast === 'bool') {
    const word = text.toLowerCase();
    return Object.hasOwn(BOOLS, word) ? BOOLS[word] : undefined;
  }
  return NUMBERS[cast].test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
}

function matchesPath(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.length === path.length && pattern.every((part, i) => part === '*' || part === path[i]);
}
