import type { ModelMap, ModelValue } from '../compose/model-value.ts';
import { isVolumeName } from '../compose/mounts.ts';

/** The first minor of version 3 that has the long forms of ports and volumes. */
const LONG_FORMS = 2;
/** The first minor in which a thing of a section has a `name`. */
const NAMES: Readonly<Record<string, number>> = { volumes: 4, networks: 5, secrets: 5, configs: 5 };

/**
 * docker-app's render in forms that the version of the file has. docker-app printed long ports and volumes, and names of what is external, in every
 * version, and every docker-compose refuses them in the early ones. What no earlier form can say stays as it is.
 */
export function useVersionForms(rendered: ModelMap): ModelMap {
  const version = /^3(?:\.(\d+))?$/.exec(String(rendered.get('version')));
  if (version === null) return rendered;
  const minor = Number(version[1] ?? 0);
  return mapMembers(rendered, (section, things) => {
    if (section === 'services' && minor < LONG_FORMS) {
      return mapMembers(things, (_, service) => mapMembers(service, shortenList));
    }
    return minor < (NAMES[section] ?? 0) ? mapMembers(things, nameExternal) : things;
  });
}

function mapMembers<Value extends ModelValue>(
  value: Value,
  change: (name: string, member: ModelValue) => ModelValue,
): Value | ModelMap {
  if (!(value instanceof Map)) return value;
  return new Map([...(value as ModelMap)].map(([name, member]) => [name, change(name, member)]));
}

function nameExternal(key: string, thing: ModelValue): ModelValue {
  if (!(thing instanceof Map) || thing.get('external') !== true || !thing.has('name')) return thing;
  const { name = key, ...others } = Object.fromEntries(thing as ModelMap);
  const external = name === key ? true : new Map([['name', name]]);
  return new Map(Object.entries({ ...others, external }));
}

function shortenList(key: string, value: ModelValue): ModelValue {
  const shorten = key === 'ports' ? shortPort : key === 'volumes' ? shortVolume : undefined;
  if (shorten === undefined || !Array.isArray(value)) return value;
  const items = value.map((item: ModelValue) => (item instanceof Map ? shorten(item) : undefined));
  return items.every((item) => item !== undefined) ? items : value;
}

function shortPort(port: ModelMap): string | undefined {
  const { mode, published, target, protocol, ...others } = Object.fromEntries(port);
  if (Object.keys(others).length > 0 || (mode ?? 'ingress') !== 'ingress' || target === undefined) return undefined;
  const kind = (protocol ?? 'tcp') === 'tcp' ? '' : `/${protocol}`;
  return `${published === undefined ? '' : `${published}:`}${target}${kind}`;
}

function shortVolume(mount: ModelMap): string | undefined {
  const { type, source, target, read_only: readOnly, bind, volume, ...others } = Object.fromEntries(mount);
  if (Object.keys(others).length > 0 || typeof target !== 'string' || !isPart(target)) return undefined;
  const options = [readOnly === true ? 'ro' : '', propagationOf(bind), nocopyOf(volume)].filter((each) => each !== '');
  if (options.includes(undefined)) return undefined;
  if (source === undefined) return type === 'volume' && options.length === 0 ? target : undefined;
  if (typeof source !== 'string' || !isPart(source)) return undefined;
  if (type !== 'bind' && (type !== 'volume' || !isVolumeName(source))) return undefined;
  // docker-app took `./` away, without which compose reads a name.
  const from = type === 'bind' && isVolumeName(source) ? `./${source}` : source;
  return [from, target, ...(options.length === 0 ? [] : [options.join(',')])].join(':');
}

/** What a colon could part otherwise is left as it is, and so is what a variable could. */
function isPart(text: string): boolean {
  return text !== '' && !/[:$]/.test(text);
}

function propagationOf(bind: ModelValue | undefined): string | undefined {
  if (bind === undefined) return '';
  const { propagation, ...others } = bind instanceof Map ? Object.fromEntries(bind as ModelMap) : { others: bind };
  return typeof propagation === 'string' && Object.keys(others).length === 0 ? propagation : undefined;
}

function nocopyOf(volume: ModelValue | undefined): string | undefined {
  if (volume === undefined) return '';
  const { nocopy, ...others } = volume instanceof Map ? Object.fromEntries(volume as ModelMap) : { others: volume };
  return nocopy === true && Object.keys(others).length === 0 ? 'nocopy' : undefined;
}
