import { RebundleError, type SourceLocation } from '../errors.ts';
import { readCommonYaml } from './yaml-common.ts';
import { parseWithLibrary } from './yaml-library.ts';

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
  const known = recent.get(source.text);
  const lines = known?.lines ?? countLines(source.text);
  const locate = (offset: number): SourceLocation => {
    const { line, column } = lines(offset);
    return { path: source.path, line: source.line + line - 1, column };
  };
  const { root, end, size } = known ?? readText(source.text, locate);
  if (known === undefined) keepRecent(source.text, { root, end, size, lines });
  return { root, end, locate };
}

/** What is read of a text; `size` is the number of nodes after aliases are expanded. */
export interface ParsedText extends Pick<YamlDocument, 'root' | 'end'> {
  readonly size: number;
}

/** Line and column of an offset, from 1. */
type LineCounter = (offset: number) => { readonly line: number; readonly column: number };

type KnownText = ParsedText & { readonly lines: LineCounter };

/**
 * Every stage of an app reads the same few texts, so the last ones are kept as trees: so many, and so large together that the text of a large package
 * and what becomes of it are both among them. Nobody changes a tree.
 */
const RECENT = { count: 32, weight: 2 * YAML_LIMITS.bytes } as const;
/** What a node weighs beside the characters of its text. */
const NODE_WEIGHT = 8;
const recent = new Map<string, KnownText>();
let recentWeight = 0;

function keepRecent(text: string, known: KnownText): void {
  const weight = weigh(text, known);
  if (weight > RECENT.weight) return;
  for (const [oldest, tree] of recent) {
    if (recent.size < RECENT.count && recentWeight + weight <= RECENT.weight) break;
    recent.delete(oldest);
    recentWeight -= weigh(oldest, tree);
  }
  recent.set(text, known);
  recentWeight += weight;
}

function weigh(text: string, { size }: KnownText): number {
  return text.length + NODE_WEIGHT * size;
}

/** A carriage return ends a line, too, as Go reads it. The lines are found when they are first asked for. */
function countLines(text: string): LineCounter {
  let starts: number[] | undefined;
  return (offset) => {
    starts ??= [0, ...Array.from(text.matchAll(/\n|\r(?!\n)/g), ({ index }) => index + 1)];
    let low = 0;
    for (let high = starts.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

function readText(text: string, locate: YamlDocument['locate']): ParsedText {
  const common = readCommonYaml(text, YAML_LIMITS.nodes);
  return common === undefined
    ? parseWithLibrary(text, { locate, limits: YAML_LIMITS })
    : { ...common, end: text.length };
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
