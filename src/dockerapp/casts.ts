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
const PATTERNS = Object.entries(CASTS).flatMap(([cast, paths]) =>
  paths.map((path) => ({ cast: cast as Cast, path: path.split('.') })),
);
const TRUE_WORDS = ['y', 'yes', 'true', 'on'];
const FALSE_WORDS = ['n', 'no', 'false', 'off'];

/** The type that docker-app gave a substituted text at a place of the compose part; undefined where it stayed text. */
export function findCast(path: readonly string[]): Cast | undefined {
  return PATTERNS.find(
    ({ path: pattern }) =>
      pattern.length === path.length && pattern.every((part, i) => part === '*' || part === path[i]),
  )?.cast;
}

/** The cast value as plain YAML that every reader takes alike; undefined where docker-app refused the text. */
export function castText(text: string, cast: Cast): string | undefined {
  if (cast === 'bool') {
    const word = text.toLowerCase();
    return TRUE_WORDS.includes(word) ? 'true' : FALSE_WORDS.includes(word) ? 'false' : undefined;
  }
  if (cast === 'int') return /^[-+]?[0-9]+$/.test(text) ? String(BigInt(text.replace('+', ''))) : undefined;
  return /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/.test(text) ? String(Number(text)) : undefined;
}
