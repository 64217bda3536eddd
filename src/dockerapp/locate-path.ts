import { effectivePairs, resolveAlias, type YamlMap, type YamlNode } from '../lib/yaml.ts';

/** Offset of the member or item that a path leads to, or of the last part of it that is there. */
export function locatePath(root: YamlMap, path: readonly string[]): number {
  let node: YamlNode = root;
  let offset = root.start;
  for (const name of path) {
    const value = resolveAlias(node);
    if (value.kind === 'map') {
      const pair = effectivePairs(value).get(name);
      if (pair === undefined) return offset;
      offset = pair.start;
      node = pair.value;
    } else if (value.kind === 'seq') {
      const item: YamlNode | undefined = value.items[Number(name)];
      if (item === undefined) return offset;
      offset = item.start;
      node = item;
    } else return offset;
  }
  return offset;
}
