import type { RuleCheck } from './check-rules.ts';
import type { ComposeFile } from './compose-file.ts';
import type { ComposeMap, ComposeScalar, ComposeValue } from './compose-value.ts';
import { faultOfShortVolume, isVolumeName, normalizePath, readShortVolume } from './mounts.ts';

/** A check that can also leave a warning. */
interface ServiceCheck extends RuleCheck {
  readonly warn: RuleCheck['report'];
}

interface Service {
  readonly name: string;
  readonly at: number;
  readonly map: ComposeMap;
}

/** The rules of docker-compose 1.29 that go beyond the shape of one value: names that must exist, mounts, cycles, externals. */
export function checkServices(file: ComposeFile, root: ComposeMap, check: ServiceCheck): void {
  const services: Service[] = [];
  for (const [name, member] of mapOf(root, 'services')?.members ?? []) {
    if (member.value.kind === 'map') services.push({ name, at: member.pair.start, map: member.value });
  }
  const names = new Set(services.map(({ name }) => name));
  for (const service of services) {
    checkImage(service, check);
    checkReferences(service, names, check);
    checkVolumes(service, file, check);
    checkResources(service, file, check);
    checkHealthcheck(service, check);
    checkTexts(service, check);
  }
  checkCycles(services, check);
  for (const section of ['volumes', 'networks', 'secrets', 'configs'])
    checkExternals(mapOf(root, section), section, check);
}

function checkImage({ name, at, map }: Service, check: RuleCheck): void {
  const build = map.members.get('build')?.value;
  if (!map.members.has('image') && build === undefined) {
    check.report(`service ${name} has neither an image nor a build context`, at);
  }
  if (textOf(map.members.get('image')?.value) === '' && /[A-Z]/.test(name)) {
    check.report(`service ${name} needs an image, because its name holds upper-case letters`, at);
  }
  if (build?.kind === 'map' && !build.members.has('context')) {
    check.report(`services.${name}.build context is required`, build.node.start);
  }
}

/** Services that a service names, each with the key that names it. */
function namedServices({ map }: Service): { key: string; name: string; at: number }[] {
  const found: { key: string; name: string; at: number }[] = [];
  const depends = map.members.get('depends_on')?.value;
  if (depends?.kind === 'map') {
    for (const [name, { pair }] of depends.members) found.push({ key: 'depends_on', name, at: pair.start });
  }
  for (const item of scalarsOf(depends)) found.push({ key: 'depends_on', name: textOf(item), at: item.node.start });
  for (const item of scalarsOf(map.members.get('links')?.value)) {
    found.push({ key: 'links', name: textOf(item).split(':')[0] ?? '', at: item.node.start });
  }
  for (const key of ['network_mode', 'pid', 'ipc']) {
    const value = map.members.get(key)?.value;
    const text = textOf(value);
    if (text.startsWith('service:'))
      found.push({ key, name: text.slice('service:'.length), at: value?.node.start ?? 0 });
  }
  return found;
}

function checkReferences(service: Service, names: ReadonlySet<string>, check: RuleCheck): void {
  for (const { key, name, at } of namedServices(service)) {
    if (!names.has(name)) check.report(`service ${service.name} refers in ${key} to undefined service ${name}`, at);
  }
  const mode = service.map.members.get('network_mode')?.value;
  if (textOf(mode) !== '' && service.map.members.has('networks')) {
    check.report(
      `services.${service.name}: network_mode and networks cannot be combined`,
      mode?.node.start ?? service.at,
    );
  }
}

function checkVolumes({ name, map }: Service, file: ComposeFile, check: RuleCheck): void {
  const targets = new Set<string>();
  const volumes = map.members.get('volumes')?.value;
  for (const item of volumes?.kind === 'list' ? volumes.items : []) {
    const at = item.node.start;
    const mount = item.kind === 'map' ? readLongVolume(item, check) : readShort(textOf(item), check);
    if (typeof mount === 'string') {
      check.report(`services.${name}.volumes: ${JSON.stringify(textOf(item))} is no volume: ${mount}`, at);
      continue;
    }
    if (targets.has(mount.target))
      check.report(`services.${name}.volumes: two mounts have the target ${mount.target}`, at);
    targets.add(mount.target);
    if (mount.volume !== undefined && !file.volumes.has(mount.volume)) {
      check.report(
        `service ${name} uses the undefined volume ${mount.volume}`,
        at,
        `Declare ${mount.volume} under volumes.`,
      );
    }
  }
}

function readShort(text: string, check: RuleCheck): { target: string; volume?: string } | string {
  const fault = check.origin === 'docker-app' ? faultOfShortVolume(text) : undefined;
  const short = readShortVolume(text);
  if (fault !== undefined || short === undefined) return fault ?? 'it should be external:internal[:mode]';
  const source = short.source === undefined || short.source === '' ? '' : normalizePath(short.source);
  const isPath = short.source?.startsWith('.') === true;
  return { target: short.target, ...(isVolumeName(source) && !isPath ? { volume: source } : {}) };
}

function readLongVolume(item: ComposeMap, check: RuleCheck): { target: string; volume?: string } | string {
  const type = textOf(item.members.get('type')?.value);
  const source = textOf(item.members.get('source')?.value);
  if (type === 'bind' && source === '' && check.origin === 'docker-app') return 'a bind mount needs a source';
  if (type === 'tmpfs' && source !== '') return 'tmpfs mounts can not specify a source';
  const target = textOf(item.members.get('target')?.value);
  return { target, ...(type === 'volume' && source !== '' ? { volume: normalizePath(source) } : {}) };
}

/** Undefined networks and secrets pass `config` of docker-compose 1.29 and fail at `up`; v2 refuses them at once. */
function checkResources({ name, map }: Service, file: ComposeFile, check: ServiceCheck): void {
  const networks = map.members.get('networks')?.value;
  const used =
    networks?.kind === 'map'
      ? [...networks.members].map(([network, { pair }]) => ({ network, at: pair.start }))
      : scalarsOf(networks).map((item) => ({ network: textOf(item), at: item.node.start }));
  for (const { network, at } of used) {
    if (network === 'default' || file.networks.has(network)) continue;
    check.report(
      `service ${name} uses the undefined network ${network} (refused at up)`,
      at,
      `Declare ${network} under networks.`,
    );
  }
  for (const { source, at } of namedSources(map, 'secrets')) {
    if (file.secrets.has(source)) continue;
    check.report(
      `service ${name} uses the undefined secret ${source} (refused at up)`,
      at,
      `Declare ${source} under secrets.`,
    );
  }
  for (const { source, at } of namedSources(map, 'configs')) {
    if (file.configs.has(source)) continue;
    check.warn(
      `service ${name} uses the undefined config ${source}, which docker-compose 1.x ignores and v2 refuses`,
      at,
    );
  }
  const configs = map.members.get('configs');
  if (configs?.value.kind === 'list' && configs.value.items.length > 0) {
    check.warn(
      `service ${name} uses configs, which docker-compose 1.x ignores`,
      configs.pair.start,
      check.origin === 'docker-app'
        ? 'serviceConfigs: mount (apps.serviceConfigs for one app) mounts their files.'
        : undefined,
    );
  }
}

function namedSources(map: ComposeMap, key: string): { source: string; at: number }[] {
  const uses = map.members.get(key)?.value;
  return (uses?.kind === 'list' ? uses.items : []).map((item) => ({
    source: textOf(item.kind === 'map' ? item.members.get('source')?.value : item),
    at: item.node.start,
  }));
}

function checkHealthcheck({ name, map }: Service, check: RuleCheck): void {
  const health = mapOf(map, 'healthcheck');
  if (health === undefined) return;
  const refuse = (why: string): void => check.report(`services.${name}.healthcheck: ${why}`, health.node.start);
  const test = health.members.get('test')?.value;
  const first = test?.kind === 'list' ? textOf(test.items[0]) : undefined;
  const others = [...health.members.keys()].filter((key) => key !== 'test' && key !== 'disable');
  if (health.members.has('disable')) {
    if (others.length > 0) refuse('disable cannot be combined with other options');
  } else if (test?.kind === 'list' && test.items.length === 0) refuse('test is an empty list');
  else if (first === 'NONE' && others.length > 0) refuse('test NONE cannot be combined with other options');
  else if (first !== undefined && !['NONE', 'CMD', 'CMD-SHELL'].includes(first)) {
    refuse('a test list must begin with NONE, CMD or CMD-SHELL');
  }
}

function checkTexts({ name, map }: Service, check: RuleCheck): void {
  const restart = map.members.get('restart')?.value;
  const [, count, ...more] = textOf(restart).split(':');
  if (more.length > 0 || (count !== undefined && !/^\s*[-+]?\d+\s*$/.test(count))) {
    check.report(`services.${name}.restart must be mode[:max_retry]`, restart?.node.start ?? 0);
  }
  for (const item of scalarsOf(map.members.get('security_opt')?.value)) {
    if (/[=:]/.test(textOf(item)) || textOf(item) === 'no-new-privileges') continue;
    check.report(`services.${name}.security_opt: ${JSON.stringify(textOf(item))} is no option`, item.node.start);
  }
  for (const item of scalarsOf(map.members.get('environment')?.value)) {
    const variable = textOf(item).split('=')[0] ?? '';
    if (!/\s/.test(variable)) continue;
    check.report(
      `services.${name}.environment: the name ${JSON.stringify(variable)} may not hold blanks`,
      item.node.start,
    );
  }
  for (const [limit, { value, pair }] of mapOf(map, 'ulimits')?.members ?? []) {
    const soft = intOf(value, 'soft');
    const hard = intOf(value, 'hard');
    if (soft === undefined || hard === undefined || soft <= hard) continue;
    check.report(`services.${name}.ulimits.${limit}: soft is greater than hard`, pair.start);
  }
  const spec = mapOf(map, 'credential_spec');
  if (spec !== undefined && spec.members.size > 0 && !spec.members.has('file') && !spec.members.has('registry')) {
    check.report(`services.${name}.credential_spec lacks file or registry`, spec.node.start);
  }
}

/** Follows the names from each service; a service that is reached while it is open closes a cycle. */
function checkCycles(services: readonly Service[], check: RuleCheck): void {
  const byName = new Map(services.map((service) => [service.name, service]));
  const state = new Map<string, 'open' | 'done'>();
  for (const start of services) {
    const stack = [{ service: start, next: namedServices(start) }];
    if (state.has(start.name)) continue;
    state.set(start.name, 'open');
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const use = top.next.shift();
      const target = use === undefined ? undefined : byName.get(use.name);
      if (use === undefined) {
        state.set(top.service.name, 'done');
        stack.pop();
      } else if (target !== undefined && state.get(target.name) === 'open') {
        check.report(`circular dependency: service ${top.service.name} refers in ${use.key} to ${target.name}`, use.at);
      } else if (target !== undefined && !state.has(target.name)) {
        state.set(target.name, 'open');
        stack.push({ service: target, next: namedServices(target) });
      }
    }
  }
}

function checkExternals(section: ComposeMap | undefined, name: string, check: RuleCheck): void {
  for (const [resource, { value, pair }] of section?.members ?? []) {
    const external = value.kind === 'map' ? value.members.get('external')?.value : undefined;
    if (value.kind !== 'map' || external === undefined || !isTruthy(external)) continue;
    const allowed = ['external', 'name', ...(name === 'networks' ? ['driver'] : [])];
    const others = [...value.members.keys()].filter((key) => !allowed.includes(key));
    if (others.length > 0) {
      check.report(`${name}.${resource} is external but has other attributes too: ${others.join(', ')}`, pair.start);
    }
  }
}

function isTruthy(value: ComposeValue): boolean {
  if (value.kind === 'map') return value.members.size > 0;
  return value.kind === 'scalar' && value.python.type === 'bool' && value.python.value;
}

function mapOf(map: ComposeMap, name: string): ComposeMap | undefined {
  const value = map.members.get(name)?.value;
  return value?.kind === 'map' ? value : undefined;
}

function scalarsOf(value: ComposeValue | undefined): ComposeScalar[] {
  return value?.kind === 'list' ? value.items.filter((item) => item.kind === 'scalar') : [];
}

function textOf(value: ComposeValue | undefined): string {
  return value?.kind === 'scalar' && value.python.type === 'string' ? value.python.value : '';
}

function intOf(value: ComposeValue, name: string): bigint | undefined {
  const member = value.kind === 'map' ? value.members.get(name)?.value : undefined;
  return member?.kind === 'scalar' && member.python.type === 'int' ? member.python.value : undefined;
}
