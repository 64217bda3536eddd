import {
  isAlias,
  isMap,
  isPair,
  isSeq,
  type Pair,
  type Alias as RawAlias,
  type YAMLMap as RawMap,
  type Node as RawNode,
  type Scalar as RawScalar,
  type YAMLSeq as RawSeq,
} from 'yaml';
import { RebundleError, type SourceLocation } from '../errors.ts';
import type { YamlMap, YamlNode, YamlPair, YamlScalar, YamlSeq, YamlValue } from './yaml.ts';
import { findTabAfter, isAnchorName } from './yaml-rules.ts';

interface TreeContext {
  readonly text: string;
  readonly locate: (offset: number) => SourceLocation;
  /** Offset in `text` of what the library parsed. */
  readonly toOriginal: (offset: number) => number;
  readonly limits: { readonly depth: number; readonly nodes: number };
}

export function invalidYaml(message: string, location: SourceLocation): RebundleError {
  return new RebundleError('YAML_INVALID', `not valid YAML: ${message}`, { location });
}

export function tooDeep(limit: number, location: SourceLocation): RebundleError {
  return new RebundleError('YAML_LIMIT', `collections are nested more than ${limit} deep`, { location });
}

/** Turns the library's nodes into ours; `size` is the number of nodes after expansion, so a bomb is refused without being expanded. */
export class TreeBuilder {
  readonly #context: TreeContext;
  readonly #anchors = new Map<string, { node: YamlValue; size: number }>();

  constructor(context: TreeContext) {
    this.#context = context;
  }

  build(raw: RawNode, depth: number): { node: YamlNode; size: number } {
    const { locate, text, toOriginal, limits } = this.#context;
    const [rawStart, rawEnd] = raw.range ?? [0, 0];
    const start = toOriginal(rawStart);
    const end = toOriginal(rawEnd);
    if (depth > limits.depth) throw tooDeep(limits.depth, locate(start));
    if (isAlias(raw)) return this.#alias(raw, start, end);
    const built = isMap(raw)
      ? this.#map(raw, depth, start, end)
      : isSeq(raw)
        ? this.#seq(raw, depth, start, end)
        : { node: scalarNode(raw as RawScalar, start, Math.min(end, text.length), text), size: 1 };
    if (built.size > limits.nodes) {
      throw new RebundleError('YAML_LIMIT', `more than ${limits.nodes} values after aliases are expanded`, {
        location: locate(start),
      });
    }
    const { anchor } = built.node;
    if (anchor !== undefined && !isAnchorName(anchor)) {
      throw invalidYaml('an anchor has letters, digits, _ and - only', locate(start));
    }
    if (anchor !== undefined) this.#anchors.set(anchor, built);
    return built;
  }

  #alias(raw: RawAlias, start: number, end: number): { node: YamlNode; size: number } {
    const anchored = this.#anchors.get(raw.source);
    if (anchored === undefined) {
      throw invalidYaml(`unknown anchor '${raw.source}'`, this.#context.locate(start));
    }
    return { node: { kind: 'alias', name: raw.source, target: anchored.node, start, end }, size: anchored.size };
  }

  #map(raw: RawMap, depth: number, start: number, end: number): { node: YamlMap; size: number } {
    let size = 1;
    const pairs: YamlPair[] = [];
    for (const pair of raw.items as unknown as Pair<RawNode, RawNode | null>[]) {
      const key = this.build(pair.key, depth + 1);
      const value =
        pair.value === null ? { node: emptyScalar(key.node.end), size: 1 } : this.build(pair.value, depth + 1);
      size += key.size + value.size;
      if (raw.flow !== true) this.#checkTabs(value.node, start);
      pairs.push({
        key: key.node,
        name: key.node.kind === 'scalar' ? key.node.value : '',
        value: value.node,
        start: this.#context.toOriginal(pairStart(pair, pair.key.range?.[0] ?? 0)),
        end: Math.max(key.node.end, value.node.end),
      });
    }
    return { node: { kind: 'map', flow: raw.flow === true, pairs, ...properties(raw), start, end }, size };
  }

  #seq(raw: RawSeq, depth: number, start: number, end: number): { node: YamlSeq; size: number } {
    let size = 1;
    const items: YamlNode[] = [];
    for (const item of raw.items as RawNode[]) {
      // `[a: b]` is a pair in a flow sequence: a map of one.
      const built = isPair(item)
        ? this.#pairAsMap(item as unknown as Pair<RawNode, RawNode | null>, depth)
        : this.build(item, depth + 1);
      size += built.size;
      if (raw.flow !== true) this.#checkTabs(built.node, start);
      items.push(built.node);
    }
    return { node: { kind: 'seq', flow: raw.flow === true, items, ...properties(raw), start, end }, size };
  }

  /** A plain text goes on over blank lines, in which a tab cannot stand for the indentation of its collection. */
  #checkTabs(node: YamlNode, collection: number): void {
    if (node.kind !== 'scalar' || node.style !== 'plain' || node.start === node.end) return;
    const { text, locate } = this.#context;
    const column = collection - (text.lastIndexOf('\n', collection - 1) + 1);
    const tab = findTabAfter(text, node.end, column);
    if (tab !== undefined) throw invalidYaml('found a tab character that violates indentation', locate(tab));
  }

  #pairAsMap(pair: Pair<RawNode, RawNode | null>, depth: number): { node: YamlMap; size: number } {
    const range = pair.key.range ?? [0, 0, 0];
    return this.#map(
      { items: [pair], flow: true } as unknown as RawMap,
      depth + 1,
      this.#context.toOriginal(range[0]),
      this.#context.toOriginal(pair.value?.range?.[1] ?? range[1]),
    );
  }
}

function scalarNode(raw: RawScalar, start: number, end: number, text: string): YamlScalar {
  const styles = {
    PLAIN: 'plain',
    QUOTE_SINGLE: 'single',
    QUOTE_DOUBLE: 'double',
    BLOCK_LITERAL: 'literal',
    BLOCK_FOLDED: 'folded',
  } as const;
  const style = styles[raw.type as keyof typeof styles] ?? 'plain';
  // The value of a tag that the library knows (binary, timestamp) is not text any more; the source is.
  const read = raw.source ?? (typeof raw.value === 'string' ? raw.value : '');
  // A block text that the end of the input cuts off has no final line end for libyaml and its ports; the library adds one.
  const cutOff = (style === 'literal' || style === 'folded') && end === text.length && !text.endsWith('\n');
  const value = cutOff && read.endsWith('\n') ? read.slice(0, -1) : read;
  return { kind: 'scalar', value, style, ...properties(raw), start, end };
}

function emptyScalar(at: number): YamlScalar {
  return { kind: 'scalar', value: '', style: 'plain', start: at, end: at };
}

function properties(raw: RawNode): { tag?: string; anchor?: string } {
  const { tag, anchor } = raw as { tag?: string; anchor?: string };
  // A collection without a tag of its own carries the default one in the library.
  const own = tag !== undefined && tag !== 'tag:yaml.org,2002:map' && tag !== 'tag:yaml.org,2002:seq';
  return { ...(own ? { tag } : {}), ...(anchor === undefined ? {} : { anchor }) };
}

function pairStart(pair: Pair<RawNode, RawNode | null>, keyStart: number): number {
  const tokens = (pair.srcToken as { start?: { type: string; offset: number }[] } | undefined)?.start ?? [];
  const first = tokens.find((token) => ['explicit-key-ind', 'anchor', 'tag'].includes(token.type));
  return Math.min(first?.offset ?? keyStart, keyStart);
}
