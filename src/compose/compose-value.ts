import { RebundleError } from '../errors.ts';
import {
  effectivePairs,
  isMergeKey,
  resolveAlias,
  type YamlMap,
  type YamlNode,
  type YamlPair,
  type YamlScalar,
  type YamlSeq,
  type YamlValue,
} from '../lib/yaml.ts';
import { readScalar, type ScalarValue } from '../lib/yaml-scalars.ts';
import { type Budget, createBudget, spend } from './budget.ts';
import type { ComposeFile } from './compose-file.ts';
import { castOf, isInterpolated } from './fields.ts';
import { interpolateCompose } from './interpolation.ts';
import { castPython, toPythonText } from './python-cast.ts';

/** A value as compose sees it after interpolation with an empty environment; aliases and merge keys are gone. */
export type ComposeValue = ComposeScalar | ComposeList | ComposeMap;

export interface ComposeScalar {
  readonly kind: 'scalar';
  readonly node: YamlScalar;
  /** As docker-compose 1.29 has it, after its casts. */
  readonly python: ScalarValue;
  /** As docker-app had it, after its casts, which it applied only where interpolation had changed the text. */
  readonly go: ScalarValue;
  /** Why the text cannot be interpolated or cast; the value is then empty text. */
  readonly fault?: RebundleError;
}

export interface ComposeList {
  readonly kind: 'list';
  readonly node: YamlSeq;
  readonly items: readonly ComposeValue[];
}

export interface ComposeMap {
  readonly kind: 'map';
  readonly node: YamlMap;
  readonly members: ReadonlyMap<string, ComposeMember>;
}

interface ComposeMember {
  readonly pair: YamlPair;
  readonly value: ComposeValue;
}

/** Every check of a text reads it by the same tree, and nobody changes what was read. */
const known = new WeakMap<YamlMap, ComposeMap>();

/** Reads a whole file. Throws YAML_LIMIT where aliases make it too deep or too large. */
export function readComposeValue({ root }: ComposeFile): ComposeMap {
  const value = known.get(root) ?? readMap(createBudget(), root, []);
  known.set(root, value);
  return value;
}

function readValue(budget: Budget, node: YamlNode, path: readonly string[], inList = false): ComposeValue {
  const value = resolveAlias(node);
  spend(budget, value, path.length);
  if (value.kind === 'map') return readMap(budget, value, path);
  if (value.kind === 'seq') {
    const items = value.items.map((item, i) => readValue(budget, item, [...path, String(i)], true));
    return { kind: 'list', node: value, items };
  }
  return readText(value, path, inList);
}

function readMap(budget: Budget, node: YamlMap, path: readonly string[]): ComposeMap {
  const members = new Map<string, ComposeMember>();
  for (const [name, pair] of effectivePairs(node)) {
    members.set(name, { pair, value: readValue(budget, pair.value, [...path, name]) });
  }
  return { kind: 'map', node, members };
}

function readText(node: YamlScalar, path: readonly string[], inList: boolean): ComposeScalar {
  const python = readScalar(node, 'python');
  const go = readScalar(node, 'go-v2');
  if (!isInterpolated(path)) return { kind: 'scalar', node, python, go };
  const broken = (fault: RebundleError): ComposeScalar => {
    const empty: ScalarValue = { type: 'string', value: '' };
    return { kind: 'scalar', node, python: empty, go: empty, fault };
  };
  let text = node.value;
  if (python.type === 'string' && text.includes('$')) {
    try {
      text = interpolateCompose(text, () => undefined, '1.29');
    } catch (error) {
      if (error instanceof RebundleError) return broken(error);
      throw error;
    }
  }
  if (python.type !== 'string')
    return { kind: 'scalar', node, python: inList ? python : toPythonText(path, python), go };
  const cast = castPython(path, text);
  if (cast === undefined) {
    const message = `${path.join('.')} cannot be read as ${castOf(path) ?? 'a number'}: ${JSON.stringify(text)}`;
    return broken(new RebundleError('COMPOSE_INVALID', message));
  }
  const goText: ScalarValue = go.type === 'string' ? { type: 'string', value: text } : go;
  const goCasts = text !== node.value && (castOf(path) !== undefined || path.at(-1) === 'mode');
  return { kind: 'scalar', node, python: cast, go: goCasts ? cast : goText };
}

/** Every scalar, where aliases and merge keys bring it. */
export function* eachScalar(value: ComposeValue): Generator<ComposeScalar> {
  if (value.kind === 'scalar') yield value;
  else if (value.kind === 'list') for (const item of value.items) yield* eachScalar(item);
  else for (const member of value.members.values()) yield* eachScalar(member.value);
}

/** Every node as it is written, aliases not followed, with the path to where it stands. */
export function* eachNode(
  node: YamlNode | undefined,
  path: readonly string[] = [],
): Generator<{ node: YamlValue; path: readonly string[] }> {
  if (node === undefined || node.kind === 'alias') return;
  yield { node, path };
  if (node.kind === 'seq') {
    for (const [i, item] of node.items.entries()) yield* eachNode(item, [...path, String(i)]);
  } else if (node.kind === 'map') {
    for (const pair of node.pairs) {
      yield* eachNode(pair.key, path);
      yield* eachNode(pair.value, [...path, isMergeKey(pair) ? '<<' : pair.name]);
    }
  }
}
