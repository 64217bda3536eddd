import type { SourceLocation } from '../errors.ts';
import { RebundleError } from '../errors.ts';
import { isMap } from './decode-go.ts';
import { type Field, flag, LoadFault, labels, listOf, readStruct, sortMap, struct, text } from './load-fields.ts';
import { cleanPath, createServiceReader, type ServiceContext } from './load-service.ts';
import type { RenderedMap, RenderedValue } from './rendered-value.ts';

export interface LoadContext extends ServiceContext {
  readonly version: string;
  readonly locate: (path: readonly string[]) => SourceLocation;
}

/** A file that fits its schema, as docker/cli's loader read and printed it. Throws COMPOSE_INVALID. */
export function loadCompose(file: RenderedMap, context: LoadContext): Map<string, RenderedValue> {
  const section = (name: string, read: (name: string, value: RenderedValue) => RenderedValue): RenderedMap => {
    const given = file.get(name);
    const members = isMap(given) ? [...given] : [];
    return sortMap(
      new Map(
        members.map(([member, value]) => {
          try {
            return [member, read(member, value)];
          } catch (thrown) {
            if (!(thrown instanceof LoadFault)) throw thrown;
            throw new RebundleError('COMPOSE_INVALID', `${name}.${member}: ${thrown.message}`, {
              location: context.locate([name, member]),
            });
          }
        }),
      ),
    );
  };
  const extras = context.semantics === '0.2' ? () => [] : listExtras;
  const readService = createServiceReader(context);
  const result = new Map<string, RenderedValue>([
    ['version', context.version],
    ['services', section('services', (_, service) => new Map([...readService(service), ...extras(service)]))],
  ]);
  const sections: Readonly<Record<string, (name: string, value: RenderedValue) => RenderedValue>> = {
    networks: (name, value) => readNetwork(name, value, extras),
    volumes: (name, value) => readVolume(name, value, extras),
    secrets: (name, value) => readFile('secret', name, value, extras),
    configs: (name, value) => readFile('config', name, value, extras),
  };
  for (const [name, read] of Object.entries(sections)) {
    const members = section(name, read);
    if (members.size > 0) result.set(name, members);
  }
  for (const [name, value] of extras(file)) result.set(name, value);
  return result;
}

type ListExtras = (value: RenderedValue) => [string, RenderedValue][];

/** Members `x-*` as they are, sorted. */
function listExtras(value: RenderedValue): [string, RenderedValue][] {
  return isMap(value) ? [...sortMap(new Map([...value].filter(([name]) => name.startsWith('x-'))))] : [];
}

interface External {
  readonly isExternal: boolean;
  readonly name: string;
}

function readExternal(value: RenderedValue): External {
  const external = isMap(value) ? value.get('external') : undefined;
  if (!isMap(external)) return { isExternal: external === true, name: '' };
  return { isExternal: true, name: String(text(external.get('name') ?? null) ?? '') };
}

const isExternal: Field = (value) => (isMap(value) || value === true ? true : undefined);

/** Gives what is external the name that it has outside: that under `external`, else its own, else its key. */
function nameExternal(
  kind: string,
  name: string,
  members: RenderedMap,
  external: External,
): Map<string, RenderedValue> {
  const own = members.get('name');
  if (external.name !== '' && own !== undefined) {
    throw new LoadFault(`${kind} ${name}: ${kind}.external.name and ${kind}.name conflict; only use ${kind}.name`);
  }
  return new Map(
    [['name', external.name === '' ? (own ?? name) : external.name], ...members].filter(
      ([key], i) => key !== 'name' || i === 0,
    ) as [string, RenderedValue][],
  );
}

function readNetwork(name: string, value: RenderedValue, extras: ListExtras): RenderedValue {
  const members = readStruct(value, {
    name: text,
    driver: text,
    driver_opts: labels,
    ipam: struct({ driver: text, config: listOf(struct({ subnet: text })) }),
    external: isExternal,
    internal: flag,
    attachable: flag,
    labels,
  });
  const external = readExternal(value);
  if (!external.isExternal) return members;
  return new Map([...nameExternal('network', name, members, external), ...extras(value)]);
}

function readVolume(name: string, value: RenderedValue, extras: ListExtras): RenderedValue {
  const members = readStruct(value, { name: text, driver: text, driver_opts: labels, external: isExternal, labels });
  const external = readExternal(value);
  if (!external.isExternal) return members;
  for (const key of ['driver', 'driver_opts', 'labels']) {
    if (members.has(key)) {
      throw new LoadFault(`conflicting parameters "external" and "${key}" specified for volume "${name}"`);
    }
  }
  return new Map([...nameExternal('volume', name, members, external), ...extras(value)]);
}

function readFile(kind: 'secret' | 'config', name: string, value: RenderedValue, extras: ListExtras): RenderedValue {
  const members = readStruct(value, {
    name: text,
    file: text,
    external: isExternal,
    labels,
    driver: text,
    driver_opts: labels,
    template_driver: text,
  });
  const external = readExternal(value);
  if (external.isExternal) {
    return new Map([...nameExternal(kind, name, members, external), ...extras(value)]);
  }
  if (members.has('driver')) {
    if (members.has('file')) {
      throw new LoadFault(`${kind} ${name}: ${kind}.driver and ${kind}.file conflict; only use ${kind}.driver`);
    }
    return new Map([...members, ...extras(value)]);
  }
  // Without a file docker/cli named the folder itself.
  const file = cleanPath(String(members.get('file') ?? '.'));
  const own = members.get('name');
  members.delete('name');
  members.delete('file');
  return new Map<string, RenderedValue>([
    ...(own === undefined ? [] : [['name', own] as const]),
    ['file', file],
    ...members,
    ...extras(value),
  ]);
}
