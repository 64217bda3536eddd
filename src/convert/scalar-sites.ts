import { isMergeKey, resolveAlias, type YamlMap, type YamlNode, type YamlPair, type YamlScalar } from '../lib/yaml.ts';

/** A scalar value of the compose text and every place where it takes effect. */
export interface ScalarSite {
  readonly node: YamlScalar;
  /** Paths from the root, through aliases and merge keys too. */
  readonly paths: readonly (readonly string[])[];
  /** Inside a flow collection, where plain text is more limited. */
  readonly inFlow: boolean;
}

/** Every scalar value (no key) in the order of the text; members in `skip` are left out with all below them. */
export function listScalarSites(root: YamlNode, skip: ReadonlySet<YamlPair>): ScalarSite[] {
  const sites = new Map<YamlScalar, { node: YamlScalar; paths: string[][]; inFlow: boolean }>();
  visit(root, [], false, skip, (node, path, inFlow) => {
    const site = sites.get(node);
    if (site === undefined) sites.set(node, { node, paths: [path], inFlow });
    else site.paths.push(path);
  });
  return [...sites.values()].sort((a, b) => a.node.start - b.node.start);
}

function visit(
  node: YamlNode,
  path: string[],
  inFlow: boolean,
  skip: ReadonlySet<YamlPair>,
  onScalar: (node: YamlScalar, path: string[], inFlow: boolean) => void,
): void {
  const value = resolveAlias(node);
  if (value.kind === 'scalar') {
    onScalar(value, path, inFlow);
  } else if (value.kind === 'seq') {
    for (const [i, item] of value.items.entries())
      visit(item, [...path, String(i)], inFlow || value.flow, skip, onScalar);
  } else {
    for (const pair of value.pairs) {
      if (skip.has(pair)) continue;
      const below = isMergeKey(pair) ? path : [...path, pair.name];
      for (const target of isMergeKey(pair) ? mergedMaps(pair.value) : [pair.value])
        visit(target, below, inFlow || value.flow, skip, onScalar);
    }
  }
}

function mergedMaps(node: YamlNode): YamlNode[] {
  const value = resolveAlias(node);
  return value.kind === 'seq' ? [...value.items] : [value];
}

/** Every map of the document once, in the order of the text. */
export function listMaps(node: YamlNode): YamlMap[] {
  if (node.kind === 'map')
    return [node, ...node.pairs.flatMap((pair) => [...listMaps(pair.key), ...listMaps(pair.value)])];
  if (node.kind === 'seq') return node.items.flatMap(listMaps);
  return [];
}

/** `services.web.ports.0`, the form in messages. */
export function formatPath(path: readonly string[]): string {
  return path.join('.');
}

/** `version:` at the root: read before anything is substituted. */
export function isVersion(path: readonly string[]): boolean {
  return path.length === 1 && path[0] === 'version';
}
