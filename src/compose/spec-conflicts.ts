/** Two settings, each allowed, that cannot stand together. */
interface SpecConflict {
  readonly path: readonly string[];
  readonly problem: string;
}

/**
 * What compose-go's consistency checks refuse and those of docker-compose 1.29, which are made elsewhere, let pass
 * (loader/validate.go, validation/). `value` is the file as `readSpecValue` gives it.
 */
export function findSpecConflicts(value: Readonly<Record<string, unknown>>): SpecConflict[] {
  const configs = mapOf(value.configs);
  return [
    ...entries(value.services).flatMap(([name, service]) => [
      ...findScaleConflicts(name, service),
      ...findMountConflicts(name, service),
      ...findUndefinedConfigs(name, service, configs),
    ]),
    ...entries(value.secrets).flatMap(([name, secret]) => findContentConflict(['secrets', name], secret)),
    ...entries(value.configs).flatMap(([name, config]) => findContentConflict(['configs', name], config, 'content')),
  ];
}

function findScaleConflicts(name: string, service: Values): SpecConflict[] {
  const path = ['services', name];
  const replicas = mapOf(service.deploy).replicas;
  const { scale, container_name: containerName } = service;
  const found: SpecConflict[] = [];
  if (typeof scale === 'number' && typeof replicas === 'number' && scale !== replicas)
    found.push({ path: [...path, 'scale'], problem: `is ${scale} and deploy.replicas is ${replicas}` });
  const count = scale ?? replicas;
  if (typeof count === 'number' && count < 0)
    found.push({
      path: [...path, ...(scale === undefined ? ['deploy', 'replicas'] : ['scale'])],
      problem: 'is negative',
    });
  if (typeof count === 'number' && count > 1 && typeof containerName === 'string' && containerName !== '') {
    const by = scale === undefined ? 'deploy.replicas' : 'scale';
    found.push({
      path: [...path, 'container_name'],
      problem: `a name for one container, and ${by} asks for ${count}`,
    });
  }
  return found;
}

/** A tmpfs and a volume at one place; two volumes at one place are refused by docker-compose 1.29 too. */
function findMountConflicts(name: string, service: Values): SpecConflict[] {
  const places = new Set(listOf(service.tmpfs).map((text) => String(text).split(':')[0] ?? ''));
  return listOf(service.volumes).flatMap((volume, i) => {
    const target = typeof volume === 'string' ? targetOf(volume) : mapOf(volume).target;
    if (typeof target !== 'string' || !places.has(target)) return [];
    return [{ path: ['services', name, 'volumes', String(i)], problem: `${target} is a tmpfs already` }];
  });
}

function targetOf(short: string): string {
  const [first = '', second] = short.split(':');
  return second ?? first;
}

function findUndefinedConfigs(name: string, service: Values, configs: Values): SpecConflict[] {
  return listOf(service.configs).flatMap((use, i) => {
    const source = typeof use === 'string' ? use : mapOf(use).source;
    if (typeof source !== 'string' || Object.hasOwn(configs, source)) return [];
    return [{ path: ['services', name, 'configs', String(i)], problem: `there is no config ${source}` }];
  });
}

function findContentConflict(path: readonly string[], object: Values, ...more: readonly string[]): SpecConflict[] {
  const keys = ['file', 'environment', ...more];
  const given = keys.filter((key) => Object.hasOwn(object, key));
  if (given.length > 1) return [{ path, problem: `${given.join(' and ')} cannot stand together` }];
  const elsewhere = Object.hasOwn(object, 'driver') || Object.hasOwn(object, 'external');
  return given.length === 0 && !elsewhere ? [{ path, problem: `one of ${keys.join(', ')} has to be there` }] : [];
}

type Values = Readonly<Record<string, unknown>>;

/** The members of a section that are mappings; the schema minds the others. */
function entries(section: unknown): [string, Values][] {
  return Object.entries(mapOf(section)).map(([name, member]) => [name, mapOf(member)]);
}

function mapOf(value: unknown): Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Values) : {};
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === 'string' ? [value] : [];
}
