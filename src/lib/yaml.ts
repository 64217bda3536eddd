import {
  Composer,
  isAlias,
  isMap,
  isPair,
  isSeq,
  LineCounter,
  type Pair,
  Parser,
  type Alias as RawAlias,
  type YAMLMap as RawMap,
  type Node as RawNode,
  type Scalar as RawScalar,
  type YAMLSeq as RawSeq,
} from 'yaml';
import { RebundleError, type SourceLocation } from '../errors.ts';
import { findTooDeepToken } from './yaml-depth.ts';

/** A YAML text as a tree of texts and places: scalars are not resolved, aliases not expanded, nothing is dropped. */
export interface YamlScalar {
  readonly kind: 'scalar';
  /** The text after folding and unescaping. */
  readonly value: string;
  readonly style: 'plain' | 'single' | 'double' | 'literal' | 'folded';
  readonly tag?: string;
  readonly anchor?: string;
  /** Offsets of the scalar itself, quotes or block header included, anchor and tag excluded. */
  readonly start: number;
  readonly end: number;
}

export interface YamlPair {
  readonly key: YamlNode;
  /** The text of a scalar key. */
  readonly name: string;
  readonly value: YamlNode;
  /** From the first token of the key (its anchor, tag or `?`) to the end of the value. */
  readonly start: number;
  readonly end: number;
}

export interface YamlMap {
  readonly kind: 'map';
  readonly flow: boolean;
  readonly pairs: readonly YamlPair[];
  readonly tag?: string;
  readonly anchor?: string;
  readonly start: number;
  readonly end: number;
}

export interface YamlSeq {
  readonly kind: 'seq';
  readonly flow: boolean;
  readonly items: readonly YamlNode[];
  readonly tag?: string;
  readonly anchor?: string;
  readonly start: number;
  readonly end: number;
}

export interface YamlAlias {
  readonly kind: 'alias';
  readonly name: string;
  readonly target: YamlScalar | YamlMap | YamlSeq;
  readonly start: number;
  readonly end: number;
}

export type YamlNode = YamlScalar | YamlMap | YamlSeq | YamlAlias;
export type YamlValue = Exclude<YamlNode, YamlAlias>;

export interface YamlDocument {
  /** The first document; undefined where there is none but blanks and comments. */
  readonly root: YamlNode | undefined;
  /** Where the text after the first document begins; the length of the text where nothing follows. */
  readonly end: number;
  readonly locate: (offset: number) => SourceLocation;
}

export const YAML_LIMITS = {
  /** Bytes of one document. */
  bytes: 8 * 1024 * 1024,
  /** Nested collections. */
  depth: 100,
  /** Nodes after all aliases are expanded: docker-app's own cap on decoded values. */
  nodes: 1_000_000,
} as const;

/** A document to parse: `line` is the line of `path` on which `text` begins. */
export interface YamlSource {
  readonly text: string;
  readonly path: string;
  readonly line: number;
}

/**
 * Parses the first YAML document of a text. Throws YAML_INVALID with the place of the first error and YAML_LIMIT above a limit.
 * Duplicate keys stay in the tree.
 */
export function parseYaml(source: YamlSource): YamlDocument {
  if (source.text.length > YAML_LIMITS.bytes) {
    throw new RebundleError('YAML_LIMIT', `${source.path} is larger than ${YAML_LIMITS.bytes} bytes`);
  }
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(source.text)];
  const locate = (offset: number): SourceLocation => {
    const place = lines.linePos(offset);
    return { path: source.path, line: source.line + Math.max(place.line, 1) - 1, column: Math.max(place.col, 1) };
  };
  const deep = findTooDeepToken(tokens, YAML_LIMITS.depth);
  if (deep !== undefined) throw tooDeep(locate(deep));
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false, keepSourceTokens: true, logLevel: 'silent' });
  const documents = [...composer.compose(tokens, false, source.text.length)];
  const [document] = documents;
  if (document === undefined) return { root: undefined, end: source.text.length, locate };
  const error = document.errors[0];
  if (error !== undefined) {
    const location = locate(error.pos[0]);
    if (error.code === 'RESOURCE_EXHAUSTION') throw tooDeep(location);
    throw new RebundleError('YAML_INVALID', `not valid YAML: ${error.message}`, { location });
  }
  const converted =
    document.contents === null
      ? undefined
      : new TreeBuilder(locate, source.text).build(document.contents as RawNode, 0).node;
  const root = converted?.kind === 'scalar' && converted.start === converted.end ? undefined : converted;
  const end = documents.length > 1 ? document.range[2] : source.text.length;
  return { root, end, locate };
}

function tooDeep(location: SourceLocation): RebundleError {
  return new RebundleError('YAML_LIMIT', `collections are nested more than ${YAML_LIMITS.depth} deep`, { location });
}

/** Turns the library's nodes into ours; `size` is the number of nodes after expansion, so a bomb is refused without being expanded. */
class TreeBuilder {
  readonly #locate: (offset: number) => SourceLocation;
  readonly #text: string;
  readonly #anchors = new Map<string, { node: YamlValue; size: number }>();

  constructor(locate: (offset: number) => SourceLocation, text: string) {
    this.#locate = locate;
    this.#text = text;
  }

  build(raw: RawNode, depth: number): { node: YamlNode; size: number } {
    const [start, end] = raw.range ?? [0, 0];
    if (depth > YAML_LIMITS.depth) throw tooDeep(this.#locate(start));
    if (isAlias(raw)) return this.#alias(raw, start, end);
    const built = isMap(raw)
      ? this.#map(raw, depth, start, end)
      : isSeq(raw)
        ? this.#seq(raw, depth, start, end)
        : { node: scalarNode(raw as RawScalar, start, Math.min(end, this.#text.length), this.#text), size: 1 };
    if (built.size > YAML_LIMITS.nodes) {
      throw new RebundleError('YAML_LIMIT', `more than ${YAML_LIMITS.nodes} values after aliases are expanded`, {
        location: this.#locate(start),
      });
    }
    if (built.node.anchor !== undefined) this.#anchors.set(built.node.anchor, built);
    return built;
  }

  #alias(raw: RawAlias, start: number, end: number): { node: YamlNode; size: number } {
    const anchored = this.#anchors.get(raw.source);
    if (anchored === undefined) {
      throw new RebundleError('YAML_INVALID', `not valid YAML: unknown anchor '${raw.source}'`, {
        location: this.#locate(start),
      });
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
      pairs.push({
        key: key.node,
        name: key.node.kind === 'scalar' ? key.node.value : '',
        value: value.node,
        start: pairStart(pair, key.node.start),
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
      items.push(built.node);
    }
    return { node: { kind: 'seq', flow: raw.flow === true, items, ...properties(raw), start, end }, size };
  }

  #pairAsMap(pair: Pair<RawNode, RawNode | null>, depth: number): { node: YamlMap; size: number } {
    const range = pair.key.range ?? [0, 0, 0];
    return this.#map(
      { items: [pair], flow: true } as unknown as RawMap,
      depth + 1,
      range[0],
      pair.value?.range?.[1] ?? range[1],
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

/** The node that an alias stands for; any other node itself. */
export function resolveAlias(node: YamlNode): YamlValue {
  return node.kind === 'alias' ? node.target : node;
}

/** The members of a map as YAML 1.1 reads them: the last of equal keys wins, own keys win over merged ones (`<<`). Keys in order of first appearance. */
export function effectivePairs(map: YamlMap): Map<string, YamlPair> {
  const members = new Map<string, YamlPair>();
  const merges: YamlPair[] = [];
  for (const pair of map.pairs) {
    if (isMergeKey(pair)) merges.push(pair);
    else members.set(pair.name, pair);
  }
  for (const merge of merges) {
    const source = resolveAlias(merge.value);
    const maps = source.kind === 'seq' ? source.items.map(resolveAlias) : [source];
    for (const merged of maps) {
      if (merged.kind !== 'map') continue;
      for (const [name, pair] of effectivePairs(merged)) if (!members.has(name)) members.set(name, pair);
    }
  }
  return members;
}

export function isMergeKey(pair: YamlPair): boolean {
  return pair.name === '<<' && pair.key.kind === 'scalar' && pair.key.style === 'plain';
}

/** The value of a member, aliases resolved; undefined where the node is no map or lacks it. */
export function memberOf(node: YamlNode | undefined, name: string): YamlValue | undefined {
  if (node === undefined) return undefined;
  const map = resolveAlias(node);
  if (map.kind !== 'map') return undefined;
  const pair = effectivePairs(map).get(name);
  return pair === undefined ? undefined : resolveAlias(pair.value);
}

/** Where the content of a node ends: a block collection ends with its last item, whatever blank lines and comments follow. */
export function contentEnd(node: YamlNode): number {
  if (node.kind === 'map' && !node.flow)
    return Math.max(node.start, ...node.pairs.slice(-1).map((pair) => Math.max(pair.key.end, contentEnd(pair.value))));
  if (node.kind === 'seq' && !node.flow) return Math.max(node.start, ...node.items.slice(-1).map(contentEnd));
  return node.end;
}
