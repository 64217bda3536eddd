import { RebundleError, type SourceLocation } from '../errors.ts';
import { isMergeKey, resolveAlias, type YamlMap, type YamlNode } from '../lib/yaml.ts';
import { printGo, readScalar, shortTag, type YamlReader } from '../lib/yaml-scalars.ts';
import type { Semantics } from '../model/app.ts';
import type { RenderedMap, RenderedValue } from './rendered-value.ts';

/**
 * Reads a YAML tree as yaml.v2 and docker/cli did: typed values, the last of equal keys wins, and so does a merge key (`<<`) over what stands before
 * it. Throws COMPOSE_INVALID for a key that is no text, as docker/cli did.
 */
export function decodeGo(
  root: YamlNode,
  locate: (offset: number) => SourceLocation,
  semantics: Semantics = '0.4-0.8',
): RenderedValue {
  const reader = readerOf(semantics);
  const decode = (node: YamlNode, path: string): RenderedValue => {
    const value = resolveAlias(node);
    if (value.kind === 'seq') return value.items.map((item, i) => decode(item, `${path}[${i}]`));
    if (value.kind === 'scalar') return readGo(value, reader, locate);
    const members = new Map<string, RenderedValue>();
    fill(members, value, path);
    return members;
  };
  const fill = (members: Map<string, RenderedValue>, map: YamlMap, path: string): void => {
    for (const pair of map.pairs) {
      if (isMergeKey(pair)) {
        for (const merged of mergedMaps(pair.value, locate)) fill(members, merged, path);
        continue;
      }
      const key = resolveAlias(pair.key);
      const read = key.kind === 'scalar' ? readScalar(key, reader) : undefined;
      if (read?.type !== 'string') {
        const where = path === '' ? 'at top level' : `in ${path}`;
        const shown = read === undefined ? `(a ${key.kind})` : printGo(read);
        throw new RebundleError('COMPOSE_INVALID', `Non-string key ${where}: ${shown}`, {
          location: locate(pair.start),
          hint: 'Put the key into quotes.',
        });
      }
      members.set(read.value, decode(pair.value, path === '' ? read.value : `${path}.${read.value}`));
    }
  };
  return decode(root, '');
}

/** Sources of a merge key in the order in which yaml.v2 wrote them over each other: of a list the last one first. */
function mergedMaps(node: YamlNode, locate: (offset: number) => SourceLocation): YamlMap[] {
  const value = resolveAlias(node);
  const sources = value.kind === 'seq' ? value.items.map(resolveAlias).toReversed() : [value];
  return sources.map((source) => {
    if (source.kind === 'map') return source;
    throw new RebundleError('YAML_INVALID', 'map merge requires map or sequence of maps as the value', {
      location: locate(node.start),
    });
  });
}

/** The YAML reader of a release line. */
export function readerOf(semantics: Semantics): YamlReader {
  return semantics === '0.9' ? 'go-v2.2' : 'go-v2';
}

function readGo(
  node: Parameters<typeof readScalar>[0],
  reader: YamlReader,
  locate: (offset: number) => SourceLocation,
): RenderedValue {
  const read = readScalar(node, reader);
  if (read.type === 'null') return null;
  if (read.type === 'invalid') {
    throw new RebundleError('YAML_INVALID', `cannot decode ${JSON.stringify(read.value)} as ${shortTag(node)}`, {
      location: locate(node.start),
    });
  }
  return read.value;
}

/** Go's `%v` of a decoded value. */
export function printValue(value: RenderedValue): string {
  if (value === null) return '<nil>';
  if (typeof value === 'number') return printGo({ type: 'float', value });
  if (isMap(value)) {
    const members = [...value].sort(([a], [b]) => (a < b ? -1 : 1));
    return `map[${members.map(([name, member]) => `${name}:${printValue(member)}`).join(' ')}]`;
  }
  return isList(value) ? `[${value.map(printValue).join(' ')}]` : String(value);
}

/** Go's name of a value's type, as its messages have it. */
export function typeName(value: RenderedValue): string {
  if (value === null) return '<nil>';
  if (isMap(value)) return 'map[string]interface {}';
  if (isList(value)) return '[]interface {}';
  const names: Readonly<Record<string, string>> = { bigint: 'int', number: 'float64', boolean: 'bool' };
  return names[typeof value] ?? 'string';
}

export function isMap(value: RenderedValue | undefined): value is RenderedMap {
  return value instanceof Map;
}

export function isList(value: RenderedValue | undefined): value is readonly RenderedValue[] {
  return Array.isArray(value);
}
