import { RebundleError } from '../errors.ts';
import type { PlainMap, PlainValue } from '../lib/plain-value.ts';
import { effectivePairs, resolveAlias, type YamlNode } from '../lib/yaml.ts';
import { readScalar, type ScalarValue } from '../lib/yaml-scalars.ts';
import { createBudget, spend } from './budget.ts';
import { type ComposeGeneration, interpolateCompose } from './interpolation.ts';

export type ModelValue = PlainValue;
export type ModelMap = PlainMap;

/** How a text is read: whose YAML and `$` grammar, and which variables are set. */
export interface ModelReading {
  readonly generation: ComposeGeneration;
  readonly environment: (name: string) => string | undefined;
}

/** Sections whose values docker-compose 1.29 interpolates; compose-go takes the whole document. */
const SECTIONS = ['services', 'volumes', 'networks', 'secrets', 'configs'];

/**
 * Reads a YAML tree as one generation does, aliases and merge keys expanded; texts are not interpolated. Throws COMPOSE_INVALID for a scalar that
 * it refuses, and YAML_LIMIT where aliases make it too large.
 */
export function readModel(root: YamlNode, generation: ComposeGeneration): ModelValue {
  const reader = generation === '1.29' ? 'python' : 'go-v3';
  const budget = createBudget();
  const read = (node: YamlNode, depth: number): ModelValue => {
    const value = resolveAlias(node);
    spend(budget, value, depth);
    if (value.kind === 'seq') return value.items.map((item) => read(item, depth + 1));
    if (value.kind === 'scalar') return plainValue(readScalar(value, reader));
    const members = new Map<string, ModelValue>();
    for (const [name, pair] of effectivePairs(value)) members.set(name, read(pair.value, depth + 1));
    return members;
  };
  return read(root, 0);
}

function plainValue(value: ScalarValue): ModelValue {
  if (value.type === 'null') return null;
  if (value.type === 'invalid') {
    throw new RebundleError('COMPOSE_INVALID', `${JSON.stringify(value.value)} is no value to docker-compose`);
  }
  // A date is no text to compose: nothing that docker-app printed is equal to it.
  return value.type === 'timestamp' ? `!timestamp ${value.value}` : value.value;
}

/**
 * The model after interpolation: all that the generation reads of it. A part without `$` is given back as the same object. Throws
 * INTERPOLATION_INVALID with the place.
 */
export function interpolateModel(model: ModelValue, reading: ModelReading): ModelValue {
  const path: string[] = [];
  const visit = (value: ModelValue): ModelValue => {
    if (typeof value === 'string') return value.includes('$') ? interpolateAt(value) : value;
    if (value instanceof Map) return visitMap(value, () => true);
    if (!Array.isArray(value)) return value;
    let changed = false;
    const items = value.map((item: ModelValue, i) => {
      path.push(String(i));
      const next = visit(item);
      path.pop();
      changed ||= next !== item;
      return next;
    });
    return changed ? items : value;
  };
  const visitMap = (map: ModelMap, isRead: (name: string) => boolean): ModelMap => {
    let changed: Map<string, ModelValue> | undefined;
    for (const [name, member] of map) {
      if (!isRead(name)) continue;
      path.push(name);
      const next = visit(member);
      path.pop();
      if (next === member) continue;
      changed ??= new Map(map);
      changed.set(name, next);
    }
    return changed ?? map;
  };
  const interpolateAt = (text: string): string => {
    try {
      return interpolateCompose(text, reading.environment, reading.generation);
    } catch (thrown) {
      if (!(thrown instanceof RebundleError)) throw thrown;
      throw new RebundleError(thrown.code, `${path.join('.')}: ${thrown.message}`, { cause: thrown });
    }
  };
  if (!(model instanceof Map)) return visit(model);
  const modern = reading.generation === 'v2';
  return visitMap(model, (name) => (modern ? name !== 'version' : SECTIONS.includes(name)));
}
