import { RebundleError, type SourceLocation } from '../errors.ts';
import { parseYaml, resolveAlias, type YamlSource } from '../lib/yaml.ts';
import { readPlain, readScalar } from '../lib/yaml-scalars.ts';
import type { Diagnostic, Semantics } from '../model/app.ts';
import { readerOf } from './decode-go.ts';
import { expandNames, flattenTree, mergeTrees, replaceTrees } from './merge-parameters.ts';
import { isNull, mapOf, type ParameterMap, type ParameterTree, printTree, TreeReader } from './parameter-tree.ts';

export interface Parameter {
  /** Flat name: `a.b` for a nested key, `a.0` for a list item. */
  readonly name: string;
  /** Go's `%v` of the value; undefined for null, which docker-app 0.4 to 0.8 treated as missing. */
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

export interface ParameterInput {
  readonly own: YamlSource;
  readonly files: readonly YamlSource[];
  readonly metadata: YamlSource;
  readonly settings: readonly ParameterSetting[];
  /** The release line whose rules hold; 0.4-0.8 where it is not given. */
  readonly semantics?: Semantics | undefined;
  /** Whether a setting that the release ignored is ignored; else it is an error, so that nobody waits for its effect. */
  readonly strict?: boolean | undefined;
}

/**
 * Reads the parameters of a package: its own document, then further files in order, then `app.*` from the metadata, then settings; each is merged
 * over the former by key. Throws PARAM_INVALID and PARAM_CONFLICT with the place.
 */
export function readParameters(input: ParameterInput): ParameterSet {
  return prepareParameters(input)(input);
}

/** The same in two steps: the documents of the package are read once, for many sets of files and settings. */
export function prepareParameters(
  base: Pick<ParameterInput, 'own' | 'metadata' | 'semantics' | 'strict'>,
): (over: Pick<ParameterInput, 'files' | 'settings'>) => ParameterSet {
  const { semantics = '0.4-0.8', strict = false } = base;
  const merge = semantics === '0.2' ? replaceTrees : mergeTrees;
  const ownDiagnostics: Diagnostic[] = [];
  const own = readTree(base.own, 'parameters', semantics, ownDiagnostics);
  const metadata = readTree(base.metadata, 'metadata', semantics, []);
  const app = mapOf(new Map([['app', metadata]]), metadata.location);
  return ({ files, settings }) => {
    const diagnostics = [...ownDiagnostics];
    let merged = merge(mapOf(new Map(), own.location), own);
    for (const file of files) merged = merge(merged, readTree(file, 'parameters', semantics, diagnostics));
    merged = applySettings(merge(merged, app), settings, { semantics, strict });
    const layers = [base.own.path, ...files.map(({ path }) => path), base.metadata.path];
    return { parameters: collect(merged, { semantics, layers }), diagnostics };
  };
}

function readTree(
  source: YamlSource,
  what: 'parameters' | 'metadata',
  semantics: Semantics,
  diagnostics: Diagnostic[],
): ParameterMap {
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
  const tree = new TreeReader(document, { code, diagnostics, reader: readerOf(semantics) }).map(root, '');
  return semantics === '0.9' ? readAgain(tree) : tree;
}

/** docker-app 0.9 took every file apart into flat names, and read the text of each value as YAML once more. */
function readAgain(tree: ParameterMap): ParameterMap {
  const values = flattenTree(tree, 'items').map(({ name, tree: value }): [string, ParameterTree] => [
    name,
    readValue(printTree(value), value.location, '0.9'),
  ]);
  return expandNames(values, tree);
}

/** Text that means itself to every YAML reader, or a plain scalar: no need of a parser. */
const PLAIN = /^[A-Za-z0-9_./+]+(?:[ -]+[A-Za-z0-9_./+]+)*$/;

/** A text read as YAML by itself: what `--set` and 0.9 did with each value. */
function readValue(text: string, location: SourceLocation, semantics: Semantics): ParameterTree {
  const reader = readerOf(semantics);
  if (PLAIN.test(text) && !text.startsWith('...')) {
    return { kind: 'scalar', value: readPlain(text, reader), written: text, location };
  }
  const document = parseYaml({ text, path: location.path, line: location.line });
  if (document.root === undefined) return { kind: 'scalar', value: { type: 'null' }, written: text, location };
  return {
    ...new TreeReader(document, { code: 'PARAM_INVALID', diagnostics: [], reader }).value(document.root),
    location,
  };
}

function applySettings(
  tree: ParameterMap,
  settings: readonly ParameterSetting[],
  { semantics, strict }: { readonly semantics: Semantics; readonly strict: boolean },
): ParameterMap {
  if (semantics === '0.2') return settings.reduce(applyNested, tree);
  if (!strict) return settings.reduce<ParameterMap>((merged, setting) => applySetting(merged, setting), tree);
  const values = settings.map(({ name, value }): [string, ParameterTree] => [
    name,
    readValue(value, { path: `--set ${name}`, line: 1, column: 1 }, semantics),
  ]);
  return mergeTrees(tree, expandNames(values, tree));
}

/** `a.b=x` of docker-app 0.2: what the name leads to is replaced, a mapping is joined. */
function applyNested(tree: ParameterMap, setting: ParameterSetting): ParameterMap {
  const read = readSetting(setting);
  const location = { path: `--set ${setting.name}`, line: 1, column: 1 };
  const value: ParameterTree = read ?? { kind: 'scalar', value: { type: 'null' }, written: '', location };
  const nested = setting.name
    .split('.')
    .reduceRight<ParameterTree>((below, key) => mapOf(new Map([[key, below]]), location), value);
  return nested.kind === 'map' ? replaceTrees(tree, nested) : tree;
}

/** The value of a setting with names in its mappings; undefined where it is empty. */
function readSetting({ name, value }: ParameterSetting): ParameterTree | undefined {
  const document = parseYaml({ text: value, path: `--set ${name}`, line: 1 });
  if (document.root === undefined) return undefined;
  const reader = new TreeReader(document, { code: 'PARAM_INVALID', diagnostics: [], reader: 'go-v2' });
  return { ...reader.node(document.root, name), location: document.locate(0) };
}

/** `a.b=x`: the value is read as YAML, an empty one is ignored. A flat key `a.b` of the package is the same parameter. */
function applySetting(tree: ParameterMap, setting: ParameterSetting): ParameterMap {
  const { name } = setting;
  const set = readSetting(setting);
  if (set === undefined) return tree;
  if (set.kind === 'list') {
    throw new RebundleError('PARAM_INVALID', `--set ${name}: a list is not a value`, {
      location: set.location,
      hint: `Set its items: ${name}.0=...`,
    });
  }
  return setPath(tree, name.split('.'), name, set) as ParameterMap;
}

function setPath(tree: ParameterTree, path: readonly string[], name: string, value: ParameterTree): ParameterTree {
  const [key = '', ...rest] = path;
  if (tree.kind === 'list') {
    const index = /^\d{1,4}$/.test(key) ? Number(key) : undefined;
    if (index === undefined || rest.length > 0) throw conflict(name, 'is a list');
    // docker-app made a new list of the one item: the items before it print `<nil>`, those after it are gone.
    const blank: ParameterTree = { kind: 'scalar', value: { type: 'null' }, written: '', location: value.location };
    return { ...tree, items: [...Array.from({ length: index }, () => blank), value] };
  }
  if (tree.kind !== 'map' && !isNull(tree)) throw conflict(name, 'is already present and not a map');
  const members = new Map(tree.kind === 'map' ? tree.members : []);
  const flat = path.join('.');
  if (rest.length > 0 && members.has(flat)) {
    members.set(flat, value);
    return mapOf(members, tree.location);
  }
  if (rest.length === 0)
    return mergeTrees(mapOf(members, tree.location), mapOf(new Map([[key, value]]), tree.location));
  members.set(key, setPath(members.get(key) ?? mapOf(new Map(), tree.location), rest, name, value));
  return mapOf(members, tree.location);
}

function conflict(name: string, why: string): RebundleError {
  return new RebundleError('PARAM_CONFLICT', `--set ${name}: a part of the name ${why}`, {
    hint: 'Use the name as the parameters have it.',
  });
}

function collect(
  tree: ParameterMap,
  { semantics, layers }: { readonly semantics: Semantics; readonly layers: readonly string[] },
): Map<string, Parameter> {
  // What is in no file, a setting, comes after all of them.
  const rank = (path: string): number => (layers.includes(path) ? layers.indexOf(path) : layers.length);
  const parameters = new Map<string, Parameter>();
  for (const { name, tree: value } of flattenTree(tree, semantics === '0.2' ? 'whole' : 'items')) {
    const before = parameters.get(name);
    if (before !== undefined && before.location.path !== value.location.path) {
      // One spelling comes from a file that was given later: that one wins, whichever way it is written.
      if (rank(before.location.path) > rank(value.location.path)) continue;
    } else if (before !== undefined) {
      throw new RebundleError(
        'PARAM_CONFLICT',
        `parameter '${name}' is there twice, as a nested and as a dotted name`,
        {
          location: value.location,
          hint: `Remove one; the other is on line ${before.location.line}.`,
        },
      );
    }
    const isMissing = semantics !== '0.2' && isNull(value) && tree.members.get(name) === value;
    parameters.set(name, {
      name,
      value: isMissing ? undefined : printTree(value),
      written: value.kind === 'scalar' ? value.written : undefined,
      location: value.location,
    });
  }
  return parameters;
}
