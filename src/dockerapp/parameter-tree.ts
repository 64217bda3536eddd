import { RebundleError, type SourceLocation } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { finding } from '../lib/finding.ts';
import {
  isMergeKey,
  resolveAlias,
  type YamlDocument,
  type YamlMap,
  type YamlNode,
  type YamlScalar,
} from '../lib/yaml.ts';
import { printGo, readScalar, type ScalarValue, shortTag, type YamlReader } from '../lib/yaml-scalars.ts';
import type { Diagnostic } from '../model/app.ts';

/** A document of parameters or metadata as docker-app decoded it: YAML 1.1 with Go's types. */
export type ParameterTree = ParameterScalar | ParameterList | ParameterMap | OpaqueMap;

interface ParameterScalar {
  readonly kind: 'scalar';
  readonly value: ScalarValue;
  readonly written: string;
  readonly location: SourceLocation;
}

interface ParameterList {
  readonly kind: 'list';
  readonly items: readonly ParameterTree[];
  readonly location: SourceLocation;
}

export interface ParameterMap {
  readonly kind: 'map';
  readonly members: ReadonlyMap<string, ParameterTree>;
  readonly location: SourceLocation;
}

/** A mapping that a single value was read as: docker-app printed it, and found nothing in it. */
interface OpaqueMap {
  readonly kind: 'opaque';
  readonly text: string;
  readonly location: SourceLocation;
}

export function mapOf(members: ReadonlyMap<string, ParameterTree>, location: SourceLocation): ParameterMap {
  return { kind: 'map', members, location };
}

export function isNull(tree: ParameterTree): boolean {
  return tree.kind === 'scalar' && tree.value.type === 'null';
}

/** Go's `%v`: lists in brackets, maps as `map[k:v]` with sorted keys. */
export function printTree(tree: ParameterTree): string {
  if (tree.kind === 'scalar') return printGo(tree.value);
  if (tree.kind === 'opaque') return tree.text;
  if (tree.kind === 'list') return `[${tree.items.map(printTree).join(' ')}]`;
  const members = [...tree.members].sort(([a], [b]) => compareText(a, b));
  return `map[${members.map(([key, member]) => `${key}:${printTree(member)}`).join(' ')}]`;
}

export function joinName(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}

/** Reads trees out of one YAML document. */
export class TreeReader {
  readonly #document: YamlDocument;
  readonly #code: 'PARAM_INVALID' | 'METADATA_INVALID';
  readonly #diagnostics: Diagnostic[];
  readonly #reader: YamlReader;

  constructor(
    document: YamlDocument,
    input: {
      readonly code: 'PARAM_INVALID' | 'METADATA_INVALID';
      readonly diagnostics: Diagnostic[];
      readonly reader: YamlReader;
    },
  ) {
    this.#document = document;
    this.#code = input.code;
    this.#diagnostics = input.diagnostics;
    this.#reader = input.reader;
  }

  /** Throws the code given for a key that is no text, at any depth; tells of keys that are written twice. */
  map(map: YamlMap, prefix: string): ParameterMap {
    const members = new Map<string, ParameterTree>();
    const own = new Set<string>();
    this.#fill(map, prefix, members, own);
    return mapOf(members, this.#document.locate(map.start));
  }

  #fill(map: YamlMap, prefix: string, members: Map<string, ParameterTree>, own: Set<string>): void {
    for (const pair of map.pairs) {
      if (isMergeKey(pair)) {
        const source = resolveAlias(pair.value);
        // Of a list of sources the first one wins, and all of them win over what stands before.
        const sources = source.kind === 'seq' ? source.items.map(resolveAlias).toReversed() : [source];
        for (const merged of sources) if (merged.kind === 'map') this.#fill(merged, prefix, members, new Set());
        continue;
      }
      const key = resolveAlias(pair.key);
      const read = key.kind === 'scalar' ? readScalar(key, this.#reader) : undefined;
      const location = this.#document.locate(pair.start);
      if (key.kind !== 'scalar' || read?.type !== 'string') {
        const where = prefix === '' ? 'at top level' : `in ${prefix}`;
        const shown = read === undefined ? `(a ${key.kind})` : printGo(read);
        throw new RebundleError(this.#code, `Non-string key ${where}: ${shown}`, {
          location,
          hint: 'Put the name into quotes.',
        });
      }
      if (own.has(key.value)) {
        const message = `'${joinName(prefix, key.value)}' is written twice; this one, the last, counts`;
        this.#diagnostics.push(finding('yaml.duplicate-key', message, { location }));
      }
      own.add(key.value);
      members.set(key.value, this.node(pair.value, joinName(prefix, key.value)));
    }
  }

  node(node: YamlNode, name: string): ParameterTree {
    const value = resolveAlias(node);
    const location = this.#document.locate(node.start);
    if (value.kind === 'map') return this.map(value, name);
    if (value.kind === 'scalar') {
      return this.#scalar(value, location);
    }
    return { kind: 'list', items: value.items.map((item, i) => this.node(item, joinName(name, String(i)))), location };
  }

  /** A value that Go decoded by itself: keys of its mappings may be anything, and nothing in them has a name. */
  value(node: YamlNode): ParameterTree {
    const value = resolveAlias(node);
    const location = this.#document.locate(node.start);
    if (value.kind === 'map') return { kind: 'opaque', text: printAny(value, this.#reader), location };
    if (value.kind === 'seq') return { kind: 'list', items: value.items.map((item) => this.value(item)), location };
    return this.#scalar(value, location);
  }

  #scalar(node: YamlScalar, location: SourceLocation): ParameterTree {
    const value = readScalar(node, this.#reader);
    if (value.type !== 'invalid') return { kind: 'scalar', value, written: node.value, location };
    throw new RebundleError(this.#code, `cannot decode ${JSON.stringify(node.value)} as ${shortTag(node)}`, {
      location,
    });
  }
}

function printAny(node: YamlNode, reader: YamlReader): string {
  const value = resolveAlias(node);
  if (value.kind === 'scalar') return printGo(readScalar(value, reader));
  if (value.kind === 'seq') return `[${value.items.map((item) => printAny(item, reader)).join(' ')}]`;
  const members = new Map(value.pairs.map((pair) => [printAny(pair.key, reader), printAny(pair.value, reader)]));
  return `map[${[...members]
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, text]) => `${key}:${text}`)
    .join(' ')}]`;
}
