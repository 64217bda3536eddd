/** What docker-compose 1.29 and compose-go both know about places of a compose file. A path starts at the root; a list item's index is its text. */

type ComposeCast = 'int' | 'float' | 'bool';

const SECTIONS = ['services', 'volumes', 'networks', 'secrets', 'configs'];

/** `*` stands for one name or index. */
const CASTS: Readonly<Record<ComposeCast, readonly string[]>> = {
  int: [
    'services.*.deploy.placement.max_replicas_per_node',
    'services.*.deploy.replicas',
    'services.*.deploy.restart_policy.max_attempts',
    'services.*.deploy.rollback_config.parallelism',
    'services.*.deploy.update_config.parallelism',
    'services.*.healthcheck.retries',
    'services.*.ports.*.published',
    'services.*.ports.*.target',
    'services.*.ulimits.*',
    'services.*.ulimits.*.hard',
    'services.*.ulimits.*.soft',
  ],
  float: ['services.*.deploy.rollback_config.max_failure_ratio', 'services.*.deploy.update_config.max_failure_ratio'],
  bool: [
    'configs.*.external',
    'networks.*.attachable',
    'networks.*.external',
    'networks.*.internal',
    'secrets.*.external',
    'services.*.healthcheck.disable',
    'services.*.privileged',
    'services.*.read_only',
    'services.*.stdin_open',
    'services.*.tty',
    'services.*.volumes.*.read_only',
    'services.*.volumes.*.volume.nocopy',
    'volumes.*.external',
  ],
};

const TEXT_MAPS = [
  'configs.*.labels.*',
  'networks.*.driver_opts.*',
  'networks.*.ipam.config.*.aux_addresses.*',
  'networks.*.ipam.options.*',
  'networks.*.labels.*',
  'secrets.*.driver_opts.*',
  'secrets.*.labels.*',
  'services.*.annotations.*',
  'services.*.build.args.*',
  'services.*.build.extra_hosts.*',
  'services.*.build.labels.*',
  'services.*.deploy.labels.*',
  'services.*.environment.*',
  'services.*.extra_hosts.*',
  'services.*.labels.*',
  'services.*.logging.options.*',
  'services.*.storage_opt.*',
  'services.*.sysctls.*',
  'volumes.*.driver_opts.*',
  'volumes.*.labels.*',
].map(splitPattern);

const CAST_PATTERNS = Object.entries(CASTS).flatMap(([cast, patterns]) =>
  patterns.map((pattern) => ({ cast: cast as ComposeCast, pattern: splitPattern(pattern) })),
);

function splitPattern(pattern: string): string[] {
  return pattern.split('.');
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.length === path.length && pattern.every((part, i) => part === '*' || part === path[i]);
}

/**
 * The type that every compose generation turns an interpolated text into at this place; undefined where the text stays text or where they
 * differ (`mode` of secrets and configs: octal to one, decimal to the other).
 */
export function castOf(path: readonly string[]): ComposeCast | undefined {
  return CAST_PATTERNS.find(({ pattern }) => matches(pattern, path))?.cast;
}

/** True for a value in a map whose values are texts, such as environment and labels (and for an item of their list form). */
export function isTextMap(path: readonly string[]): boolean {
  return TEXT_MAPS.some((pattern) => matches(pattern, path));
}

/** True where every generation interpolates a value: not in `version`, `name` and `x-*` at the root, and never in a key. */
export function isInterpolated(path: readonly string[]): boolean {
  return path.length > 1 && SECTIONS.includes(path[0] ?? '');
}
