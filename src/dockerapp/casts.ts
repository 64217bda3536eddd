import type { Semantics } from '../model/app.ts';

/** docker-app's types for texts that its pass changed (docker/cli); a literal text was not cast. */
const CASTS = {
  int: [
    'configs.*.mode',
    'secrets.*.mode',
    'services.*.configs.*.mode',
    'services.*.secrets.*.mode',
    'services.*.healthcheck.retries',
    'services.*.deploy.replicas',
    'services.*.deploy.update_config.parallelism',
    'services.*.deploy.restart_policy.max_attempts',
    'services.*.ports.*.target',
    'services.*.ports.*.published',
    'services.*.ulimits.*',
    'services.*.ulimits.*.soft',
    'services.*.ulimits.*.hard',
  ],
  float: ['services.*.deploy.update_config.max_failure_ratio'],
  bool: [
    'services.*.healthcheck.disable',
    'services.*.privileged',
    'services.*.read_only',
    'services.*.stdin_open',
    'services.*.tty',
    'services.*.volumes.*.read_only',
    'services.*.volumes.*.volume.nocopy',
    'networks.*.external',
    'networks.*.internal',
    'networks.*.attachable',
    'volumes.*.external',
    'secrets.*.external',
    'configs.*.external',
  ],
} as const;

type Cast = keyof typeof CASTS;
/** Casts that came with 0.9. */
const LATER: Readonly<Record<string, Cast>> = {
  'services.*.deploy.rollback_config.parallelism': 'int',
  'services.*.deploy.rollback_config.max_failure_ratio': 'float',
  'services.*.deploy.placement.max_replicas_per_node': 'int',
};

interface Pattern {
  readonly cast: Cast;
  readonly path: readonly string[];
  readonly since?: Semantics;
}

const PATTERNS: readonly Pattern[] = [
  ...Object.entries(CASTS).flatMap(([cast, paths]) =>
    paths.map((path) => ({ cast: cast as Cast, path: path.split('.') })),
  ),
  ...Object.entries(LATER).map(([path, cast]) => ({ cast, path: path.split('.'), since: '0.9' as const })),
];
const TRUE_WORDS = ['y', 'yes', 'true', 'on'];
const FALSE_WORDS = ['n', 'no', 'false', 'off'];
const MAX_DIGITS = 300;

/** The type that docker-app gave a substituted text at a place of the compose part; undefined where it stayed text. */
export function findCast(path: readonly string[], semantics: Semantics = '0.4-0.8'): Cast | undefined {
  return PATTERNS.find(
    ({ path: pattern, since }) =>
      pattern.length === path.length &&
      (since === undefined || since === semantics) &&
      pattern.every((part, i) => part === '*' || part === path[i]),
  )?.cast;
}

/** The cast value as plain YAML that every reader takes alike; undefined where docker-app refused the text. */
export function castText(text: string, cast: Cast): string | undefined {
  const value = castValue(text, cast);
  return value === undefined ? undefined : String(value);
}

/** The value that docker-app made of a substituted text; undefined where it refused the text. */
export function castValue(text: string, cast: Cast): bigint | number | boolean | undefined {
  if (cast === 'bool') {
    const word = text.toLowerCase();
    return TRUE_WORDS.includes(word) ? true : FALSE_WORDS.includes(word) ? false : undefined;
  }
  if (text.length > MAX_DIGITS) return undefined;
  if (cast === 'int') return /^[-+]?[0-9]+$/.test(text) ? BigInt(text.replace('+', '')) : undefined;
  return /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/.test(text) ? Number(text) : undefined;
}
