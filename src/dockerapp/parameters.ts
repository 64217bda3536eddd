import { RebundleError, type SourceLocation } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { finding } from '../lib/finding.ts';
import {
  effectivePairs,
  isMergeKey,
  parseYaml,
  resolveAlias,
  type YamlDocument,
  type YamlMap,
  type YamlNode,
  type YamlSource,
} from '../lib/yaml.ts';
import { printGo, readScalar, type ScalarValue } from '../lib/yaml-scalars.ts';
import type { Diagnostic } from '../model/app.ts';

/** A document of parameters or metadata as docker-app decoded it: YAML 1.1 with Go's types. */
type ParameterTree =
  | {
      readonly kind: 'scalar';
      readonly value: ScalarValue;
      readonly written: string;
      readonly location: SourceLocation;
    }
  | { readonly kind: 'list'; readonly items: readonly ParameterTree[]; readonly location: SourceLocation }
  | { readonly kind: 'map'; readonly members: ReadonlyMap<string, ParameterTree>; readonly location: SourceLocation };

export interface Parameter {
  /** Flat name: `a.b` for a nested key, `a.0` for a list item. */
  readonly name: string;
  /** Go's `%v` of the value; undefined for null, which docker-app treated as missing. */
  readonly value: string | undefined;
  /** The text as the author wrote it, where it was one scalar. */
  readonly written: string | undefined;
  readonly location: SourceLocation;
}

/** One `--set k=v`. */
export interface ParameterSetting {
  readonly name: string;
  readonly value: string;
}

export interface ParameterSet {
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads the parameters of a package: its own document, then further files in order, then `app.*` from the metadata, then settings; each is merged
 * over the former by key. Throws PARAM_INVALID and PARAM_CONFLICT with the place.
 */
export function readParameters(input: {
  readonly own: YamlSource;
  readonly files: readonly YamlSource[];
  readonly metadata: YamlSource;
  readonly settings: readonly ParameterSetting[];
}): ParameterSet {
  const diagnostics: Diagnostic[] = [];
  let merged: ParameterTree = readTree(input.own, 'parameters', diagnostics);
  for (const file of input.files) merged = mergeTrees(merged, readTree(file, 'parameters', diagnostics));
  const metadata = readTree(input.metadata, 'metadata', []);
  merged = mergeTrees(merged, mapOf(new Map([['app', metadata]]), metadata.location));
  for (const setting of input.settings) merged = applySetting(merged, setting);
  const parameters = new Map<string, Parameter>();
  const layers = [input.own.path, ...input.files.map(({ path }) => path)];
  flattenTree(merged, '', { parameters, layers });
  return { parameters, diagnostics };
}

function readTree(source: YamlSource, what: 'parameters' | 'metadata', diagnostics: Diagnostic[]): ParameterTree {
  const code = what === 'parameters' ? 'PARAM_INVALID' : 'METADATA_INVALID';
  const document = parseYaml(source);
  const start = document.locate(0);
  if (document.root === undefined) return mapOf(new Map(), start);
  const root = resolveAlias(document.root);
  if (root.kind === 'scalar' && readScalar(root, 'go-v2').type === 'null') return mapOf(new Map(), start);
  if (root.kind !== 'map') {
    throw new RebundleError(
      code,
      `failed to read ${what}: the document is a ${root.kind === 'seq' ? 'list' : 'single value'}, not a mapping`,
      {
        location: document.locate(root.start),
        hint: 'Write name: value pairs.',
      },
    );
  }
  return new TreeReader(document, code, diagnostics).map(root, '');
}

class TreeReader {
  readonly #document: YamlDocument;
  readonly #code: 'PARAM_INVALID' | 'METADATA_INVALID';
  readonly #diagnostics: Diagnostic[];

  constructor(document: YamlDocument, code: 'PARAM_INVALID' | 'METADATA_INVALID', diagnostics: Diagnostic[]) {
    this.#document = document;
    this.#code = code;
    this.#diagnostics = diagnostics;
  }

  map(map: YamlMap, prefix: string): ParameterTree {
    const seen = new Map<string, number>();
    for (const pair of map.pairs) {
      if (isMergeKey(pair)) continue;
      const key = resolveAlias(pair.key);
      const read = key.kind === 'scalar' ? readScalar(key, 'go-v2') : undefined;
      const location = this.#document.locate(pair.start);
      if (key.kind !== 'scalar' || read?.type !== 'string') {
        const where = prefix === '' ? 'at top level' : `in ${prefix}`;
        const shown = read === undefined ? `(a ${key.kind})` : printGo(read);
        throw new RebundleError(this.#code, `Non-string key ${where}: ${shown}`, {
          location,
          hint: 'Put the name into quotes.',
        });
      }
      const before = seen.get(key.value);
      if (before !== undefined) {
        this.#diagnostics.push(
          finding(
            'yaml.duplicate-key',
            `'${joinName(prefix, key.value)}' is written twice; this one, the last, counts`,
            { location },
          ),
        );
      }
      seen.set(key.value, pair.start);
    }
    const members = new Map<string, ParameterTree>();
    for (const [name, pair] of effectivePairs(map)) members.set(name, this.#node(pair.value, joinName(prefix, name)));
    return mapOf(members, this.#document.locate(map.start));
  }

  #node(node: YamlNode, name: string): ParameterTree {
    const value = resolveAlias(node);
    const location = this.#document.locate(node.start);
    if (value.kind === 'map') return this.map(value, name);
    if (value.kind === 'seq')
      return {
        kind: 'list',
        items: value.items.map((item, i) => this.#node(item, joinName(name, String(i)))),
        location,
      };
    return { kind: 'scalar', value: readScalar(value, 'go-v2'), written: value.value, location };
  }
}

function mapOf(members: ReadonlyMap<string, ParameterTree>, location: SourceLocation): ParameterTree & { kind: 'map' } {
  return { kind: 'map', members, location };
}

/** A null or empty override from a file is no override, a map does not replace a scalar: so merged docker-app. */
function mergeTrees(base: ParameterTree, over: ParameterTree): ParameterTree {
  if (base.kind === 'map' && over.kind === 'map') {
    const members = new Map(base.members);
    for (const [name, tree] of over.members) {
      const before = members.get(name);
      members.set(name, before === undefined ? tree : mergeTrees(before, tree));
    }
    return mapOf(members, base.location);
  }
  if (over.kind === 'scalar' && over.value.type === 'null') return base;
  return over.kind === 'map' && base.kind === 'scalar' && base.value.type !== 'null' ? base : over;
}

/** `a.b=x`: the value is read as YAML, an empty one is ignored. A flat key `a.b` of the package is the same parameter. */
function applySetting(tree: ParameterTree, { name, value }: ParameterSetting): ParameterTree {
  const source = { text: value, path: `--set ${name}`, line: 1 };
  const document = parseYaml(source);
  if (document.root === undefined) return tree;
  const location = document.locate(0);
  const root = resolveAlias(document.root);
  if (root.kind === 'seq') {
    throw new RebundleError('PARAM_INVALID', `--set ${name}: a list is not a value`, {
      location,
      hint: `Set its items: ${name}.0=...`,
    });
  }
  const set: ParameterTree =
    root.kind === 'map'
      ? new TreeReader(document, 'PARAM_INVALID', []).map(root, name)
      : { kind: 'scalar', value: readScalar(root, 'go-v2'), written: root.value, location };
  return setPath(tree, name.split('.'), name, set);
}

function setPath(tree: ParameterTree, path: readonly string[], name: string, value: ParameterTree): ParameterTree {
  const [key = '', ...rest] = path;
  if (tree.kind === 'list') {
    const index = /^\d{1,4}$/.test(key) ? Number(key) : undefined;
    if (index === undefined || rest.length > 0) throw conflict(name, 'is a list');
    // docker-app made a new list of the one item: the items before it print `<nil>`, those after it are gone.
    const blank: ParameterTree = {
      kind: 'scalar',
      value: { type: 'string', value: '<nil>' },
      written: '',
      location: value.location,
    };
    return { ...tree, items: [...Array.from({ length: index }, () => blank), value] };
  }
  if (tree.kind === 'scalar' && tree.value.type !== 'null') throw conflict(name, 'is already present and not a map');
  const members = new Map(tree.kind === 'map' ? tree.members : []);
  const flat = path.join('.');
  if (rest.length > 0 && members.has(flat)) {
    members.set(flat, value);
    return mapOf(members, tree.location);
  }
  const before = members.get(key);
  if (rest.length === 0) members.set(key, before === undefined ? value : mergeTrees(before, value));
  else members.set(key, setPath(before ?? mapOf(new Map(), tree.location), rest, name, value));
  return mapOf(members, tree.location);
}

function conflict(name: string, why: string): RebundleError {
  return new RebundleError('PARAM_CONFLICT', `--set ${name}: a part of the name ${why}`, {
    hint: 'Name an existing parameter, or a new one.',
  });
}

interface Flattened {
  readonly parameters: Map<string, Parameter>;
  /** Paths of the documents, the last one wins. */
  readonly layers: readonly string[];
}

function flattenTree(tree: ParameterTree, name: string, into: Flattened): void {
  if (tree.kind === 'map') {
    for (const [key, member] of tree.members) flattenTree(member, joinName(name, key), into);
  } else if (tree.kind === 'list') {
    for (const [i, item] of tree.items.entries()) addParameter(into, joinName(name, String(i)), item);
  } else {
    addParameter(into, name, tree);
  }
}

function addParameter({ parameters, layers }: Flattened, name: string, tree: ParameterTree): void {
  const before = parameters.get(name);
  if (before !== undefined && before.location.path !== tree.location.path) {
    // One spelling comes from a file that was given later: that one wins, whichever way it is written.
    if (layers.indexOf(before.location.path) > layers.indexOf(tree.location.path)) return;
  } else if (before !== undefined) {
    throw new RebundleError('PARAM_CONFLICT', `parameter '${name}' is there twice, as a nested and as a dotted name`, {
      location: tree.location,
      hint: `Remove one; the other is on line ${before.location.line}.`,
    });
  }
  const missing = tree.kind === 'scalar' && tree.value.type === 'null';
  parameters.set(name, {
    name,
    value: missing ? undefined : printTree(tree),
    written: tree.kind === 'scalar' ? tree.written : undefined,
    location: tree.location,
  });
}

/** Go's `%v`: lists in brackets, maps as `map[k:v]` with sorted keys. */
function printTree(tree: ParameterTree): string {
  if (tree.kind === 'scalar') return printGo(tree.value);
  if (tree.kind === 'list') return `[${tree.items.map(printTree).join(' ')}]`;
  const members = [...tree.members].sort(([a], [b]) => compareText(a, b));
  return `map[${members.map(([key, member]) => `${key}:${printTree(member)}`).join(' ')}]`;
}

function joinName(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}
