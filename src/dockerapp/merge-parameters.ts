import { RebundleError } from '../errors.ts';
import { isNull, joinName, mapOf, type ParameterMap, type ParameterTree } from './parameter-tree.ts';

/**
 * Merges as docker-app 0.4 and later did (mergo): a null overrides nothing, a mapping takes the place of nothing that is there, a list replaces a
 * list. A null at the top is as if it were not there.
 */
export function mergeTrees(base: ParameterMap, over: ParameterMap, depth = 0): ParameterMap {
  const members = new Map(base.members);
  for (const [name, tree] of over.members) {
    const before = members.get(name);
    const isThere = before !== undefined && (depth > 0 || !isNull(before));
    if (isNull(tree)) {
      if (before === undefined && depth === 0) members.set(name, tree);
    } else if (!isThere) members.set(name, tree);
    else if (tree.kind === 'map' || tree.kind === 'opaque') {
      if (before.kind === 'map' && tree.kind === 'map') members.set(name, mergeTrees(before, tree, depth + 1));
      else if (before.kind === 'map' || (before.kind === 'opaque' && tree.kind === 'map')) {
        throw new RebundleError('PARAM_CONFLICT', `'${name}' is a mapping of names and cannot be merged with a value`, {
          location: tree.location,
        });
      }
    } else members.set(name, tree);
  }
  return mapOf(members, base.location);
}

/** Merges as docker-app 0.2 did: mappings are joined, anything else replaces what was there. */
export function replaceTrees(base: ParameterMap, over: ParameterMap): ParameterMap {
  const members = new Map(base.members);
  for (const [name, tree] of over.members) {
    const before = members.get(name);
    members.set(name, before?.kind === 'map' && tree.kind === 'map' ? replaceTrees(before, tree) : tree);
  }
  return mapOf(members, base.location);
}

/**
 * A tree out of dotted names, as docker-app 0.4 and later made one of `--set`, and 0.9 of every file: a number as the last part of a name makes a
 * list. Throws PARAM_CONFLICT where two names contradict each other.
 */
export function expandNames(
  values: Iterable<readonly [name: string, tree: ParameterTree]>,
  base: ParameterTree,
): ParameterMap {
  const root: Branch = new Map();
  for (const [name, tree] of values) assign(root, name.split('.'), tree, name);
  return freeze(root, base);
}

interface Items {
  readonly items: (ParameterTree | undefined)[];
}
type Branch = Map<string, Branch | Items | ParameterTree>;
/** Largest index of a list item that is made by its name. */
const MAX_INDEX = 9_999;

function assign(branch: Branch, [key = '', ...rest]: readonly string[], tree: ParameterTree, name: string): void {
  const before = branch.get(key);
  const conflict = (why: string): RebundleError =>
    new RebundleError('PARAM_CONFLICT', `${name}: key ${key} is already present and ${why}`, {
      location: tree.location,
      hint: 'Give the value under one name.',
    });
  if (rest.length === 0) {
    if (before !== undefined && (before instanceof Map || 'items' in before)) throw conflict('has a different type');
    branch.set(key, tree);
    return;
  }
  const [index = ''] = rest;
  if (rest.length === 1 && /^\+?[0-9]{1,19}$/.test(index)) {
    if (before !== undefined && (before instanceof Map || !('items' in before) || 'kind' in before)) {
      throw conflict('not a slice');
    }
    const at = Number(index);
    if (at > MAX_INDEX) throw conflict(`too long a list: ${at} is above ${MAX_INDEX}`);
    const items: Items = before === undefined ? { items: [] } : (before as Items);
    items.items[at] = tree;
    branch.set(key, items);
    return;
  }
  if (before !== undefined && !(before instanceof Map)) throw conflict('not a map');
  const below: Branch = before ?? new Map();
  branch.set(key, below);
  assign(below, rest, tree, name);
}

function freeze(branch: Branch, { location }: ParameterTree): ParameterMap {
  const blank: ParameterTree = { kind: 'scalar', value: { type: 'null' }, written: '', location };
  const members = [...branch].map(([name, node]): [string, ParameterTree] => {
    if (node instanceof Map) return [name, freeze(node, blank)];
    if ('kind' in node) return [name, node];
    return [name, { kind: 'list', items: Array.from(node.items, (item) => item ?? blank), location }];
  });
  return mapOf(new Map(members), location);
}

/** A value under its flat name. Lists have no more than one level of names, nothing in an item of a list has one. */
export interface FlatValue {
  readonly name: string;
  readonly tree: ParameterTree;
}

/** All values with their flat names. docker-app 0.2 gave a list one name, later ones a name to each item. */
export function flattenTree(tree: ParameterMap, lists: 'whole' | 'items'): FlatValue[] {
  const values: FlatValue[] = [];
  const visit = (node: ParameterTree, name: string): void => {
    if (node.kind === 'map') for (const [key, member] of node.members) visit(member, joinName(name, key));
    else if (node.kind === 'list' && lists === 'items') {
      for (const [i, item] of node.items.entries()) values.push({ name: joinName(name, String(i)), tree: item });
    } else values.push({ name, tree: node });
  };
  visit(tree, '');
  return values;
}
