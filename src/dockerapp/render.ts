import { RebundleError, type SourceLocation } from '../errors.ts';
import { COMPOSE_RULES, FORBIDDEN_KEYS } from '../lib/compose-schema.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import { shareParts } from '../lib/plain-value.ts';
import { parseYaml, resolveAlias, type YamlDocument, type YamlSource } from '../lib/yaml.ts';
import type { AppPackage, Diagnostic, DocumentPart, Semantics } from '../model/app.ts';
import { checkSchema } from './check-schema.ts';
import { checkSources } from './check-sources.ts';
import { decodeGo, isMap, printValue } from './decode-go.ts';
import { applyEnabledKeys, isEnabled } from './enabled.ts';
import { readEnvFile } from './env-file.ts';
import { type InterpolationContext, interpolateFile } from './interpolate-file.ts';
import { loadCompose } from './load-compose.ts';
import { locatePath } from './locate-path.ts';
import { requireMetadata } from './metadata-schema.ts';
import { type ParameterSetting, prepareParameters } from './parameters.ts';
import type { RenderedMap, RenderedValue } from './rendered-value.ts';
import { substituteText } from './substitute-text.ts';

/** Values that are given for a render, over those of the package: parameter files in order, then single settings. */
export interface RenderOptions {
  readonly files?: readonly DocumentPart[];
  readonly settings?: readonly ParameterSetting[];
  /** Texts in place of the values of parameters, after all else. */
  readonly values?: ReadonlyMap<string, string>;
  /** What names stand for in an image where no parameter has them: the variables of a release. Not looked at where the package is `strict`. */
  readonly defaults?: ReadonlyMap<string, string>;
}

/** What docker-app printed for a package, or why it refused it. */
export type RenderResult =
  | { readonly ok: true; readonly value: RenderedMap; readonly diagnostics: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** Highest version `3.N` of the file format of a release line; of 0.4-0.8 that of 0.6. Where nobody chose the line, what any of them took is taken. */
const MAX_MINOR: Readonly<Record<Semantics, number>> = { '0.2': 6, '0.4-0.8': 7, '0.9': 9 };

/**
 * Reads a package once, to give the compose model that docker-app's `render` printed for it with any set of values, by the rules of the package's
 * release line, docker/cli's loader included: what it refused comes as errors. Paths that 0.9 made absolute are relative to the package, as in
 * earlier lines.
 */
export function prepareRender(pkg: AppPackage): (options: RenderOptions) => RenderResult {
  const prepared = attempt(() => preparePackage(pkg));
  if ('diagnostics' in prepared) return () => prepared;
  return (options) => {
    const result = attempt(() => prepared.value(options));
    return 'diagnostics' in result ? result : { ok: true, value: result.value, diagnostics: [] };
  };
}

function attempt<T>(work: () => T): { readonly value: T } | { readonly ok: false; diagnostics: Diagnostic[] } {
  try {
    return { value: work() };
  } catch (thrown) {
    if (thrown instanceof SchemaErrors) return { ok: false, diagnostics: thrown.diagnostics };
    if (thrown instanceof RebundleError) return { ok: false, diagnostics: [errorFinding(thrown)] };
    throw thrown;
  }
}

/** More than one error of a file. */
class SchemaErrors extends Error {
  readonly diagnostics: Diagnostic[];

  constructor(diagnostics: Diagnostic[]) {
    super('the schema refuses the file');
    this.diagnostics = diagnostics;
  }
}

interface Values {
  readonly lookup: (name: string) => string | undefined;
  readonly defaults: ReadonlyMap<string, string>;
}

function preparePackage(pkg: AppPackage): (options: RenderOptions) => RenderedMap {
  const { semantics, strict = false } = pkg;
  if (strict) requireMetadata(pkg.metadata, semantics);
  const readValues = prepareParameters({ own: pkg.parameters, metadata: pkg.metadata, semantics, strict });
  const render = semantics === '0.9' ? prepareText(pkg) : prepareTree(pkg);
  return ({ files = [], settings = [], values = new Map(), defaults = new Map() }) => {
    const { parameters } = readValues({ files, settings });
    const lookup = (name: string): string | undefined => values.get(name) ?? parameters.get(name)?.value;
    return render({ lookup, defaults: strict ? new Map() : defaults });
  };
}

/** Up to 0.8 the YAML was read first, and each of its texts then substituted. */
function prepareTree(pkg: AppPackage): (values: Values) => RenderedMap {
  const { semantics } = pkg;
  const read = readFile(pkg.compose, semantics);
  const version = checkVersion(read, pkg);
  const load = prepareLoad(pkg);
  return ({ lookup, defaults }) => {
    const context: InterpolationContext = {
      semantics,
      lookup,
      defaults,
      locate: read.locate,
      grammar: semantics === '0.2' ? 'defaults' : 'names',
    };
    const interpolated = interpolateFile(read.file, context);
    const file = semantics === '0.2' ? applyEnabledKeys(interpolated) : interpolated;
    return load({ ...read, file, version }, lookup);
  };
}

/** 0.9 substituted the text as a whole, and docker/cli read what came out, with no variable set. */
function prepareText(pkg: AppPackage): (values: Values) => RenderedMap {
  const { compose } = pkg;
  const raw = readFile(compose, '0.9');
  const problems = checkSources(raw.file);
  if (problems.length > 0) {
    throw new RebundleError('COMPOSE_INVALID', ['Compose file validation failed:', ...problems].join('\n* '), {
      location: raw.locate([]),
      hint: 'docker-app 0.9 took absolute paths and declared volumes only.',
    });
  }
  const load = prepareLoad(pkg);
  return ({ lookup, defaults }) => {
    const substituted = substituteText(compose.text, (name) => lookup(name) ?? defaults.get(name));
    if ('error' in substituted) {
      throw new RebundleError(substituted.missing ? 'PARAM_UNDEFINED' : 'INTERPOLATION_INVALID', substituted.error, {
        location: raw.document.locate(substituted.offset),
      });
    }
    const read = readFile({ ...compose, text: substituted.text }, '0.9');
    const version = checkVersion(read, pkg);
    const empty = (): undefined => undefined;
    const file = interpolateFile(read.file, {
      semantics: '0.9',
      lookup: empty,
      defaults: new Map(),
      locate: read.locate,
      grammar: 'environment',
    });
    return load({ ...read, file, version }, empty);
  };
}

interface ReadFile {
  readonly document: YamlDocument;
  readonly file: RenderedMap;
  readonly locate: (path: readonly string[]) => SourceLocation;
}

function readFile(source: YamlSource, semantics: Semantics): ReadFile {
  const document = parseYaml(source);
  const root = document.root === undefined ? undefined : resolveAlias(document.root);
  if (root?.kind !== 'map') {
    throw new RebundleError('COMPOSE_INVALID', 'failed to parse Compose file: Top-level object must be a mapping', {
      location: document.locate(root?.start ?? 0),
    });
  }
  const file = decodeGo(root, document.locate, semantics) as RenderedMap;
  return { document, file, locate: (path) => document.locate(locatePath(root, path)) };
}

/** docker/cli looked at the version and at forbidden keys before anything else. Gives the version as it is printed. */
function checkVersion({ file, locate }: ReadFile, { semantics, strict = false }: AppPackage): string {
  const written = file.get('version');
  const text = written === undefined ? '1.0' : printValue(written);
  const version = text === '3' ? '3.0' : text;
  const highest = strict ? MAX_MINOR[semantics] : MAX_MINOR['0.9'];
  const minor = /^3\.([0-9])$/.exec(version)?.[1];
  if (minor === undefined || Number(minor) > highest) {
    throw new RebundleError('COMPOSE_VERSION', `unsupported Compose file version: ${version}`, {
      location: locate(['version']),
    });
  }
  const services = file.get('services');
  for (const [name, service] of isMap(services) ? services : []) {
    const key = isMap(service) ? FORBIDDEN_KEYS.find((each) => service.has(each)) : undefined;
    if (key === undefined) continue;
    const message = `Configuration contains forbidden properties: services.${name}.${key}`;
    throw new RebundleError('COMPOSE_FORBIDDEN', message, { location: locate(['services', name, key]) });
  }
  return version;
}

interface LoadInput extends Pick<ReadFile, 'file' | 'locate'> {
  readonly version: string;
}

/** Loads files that come of one package with different values. What is equal in them is the same part of all models, and is checked once. */
function prepareLoad(pkg: AppPackage): (input: LoadInput, lookup: Values['lookup']) => RenderedMap {
  const firsts = new Map<
    string,
    { readonly file: RenderedMap; model?: RenderedMap; readonly valid: Set<RenderedValue> }
  >();
  return (input, lookup) => {
    // The version decides what is valid.
    const first = firsts.get(input.version) ?? { file: input.file, valid: new Set() };
    firsts.set(input.version, first);
    const model = load({ ...input, file: shareParts(first.file, input.file), pkg, valid: first.valid }, lookup);
    first.model ??= model;
    return shareParts(first.model, model);
  };
}

function load(
  { file, locate, version, pkg, valid }: LoadInput & { readonly pkg: AppPackage; readonly valid: Set<RenderedValue> },
  lookup: Values['lookup'],
): RenderedMap {
  const { semantics, strict = false } = pkg;
  const faults = checkSchema(file, COMPOSE_RULES['docker-cli'], Number(version.slice(2)), valid);
  if (faults.length > 0) {
    throw new SchemaErrors(
      faults.map(({ path, message }) => finding('COMPOSE_INVALID', message, { location: locate(path) })),
    );
  }
  const readsFiles = strict || pkg.envFiles !== undefined;
  const model = loadCompose(file, {
    semantics,
    version,
    lookup,
    locate,
    readEnvFile: readsFiles ? (path) => readEnvFile(path, pkg.envFiles ?? new Map()) : undefined,
  });
  const services = model.get('services');
  if (semantics !== '0.2' && isMap(services)) model.set('services', dropDisabled(services, locate));
  return model;
}

function dropDisabled(services: RenderedMap, locate: ReadFile['locate']): RenderedMap {
  const kept = new Map<string, RenderedValue>();
  for (const [name, service] of services) {
    const word = isMap(service) ? service.get('x-enabled') : undefined;
    const result = word === undefined ? { enabled: true } : isEnabled(word);
    if ('error' in result) {
      throw new RebundleError('COMPOSE_INVALID', `services.${name}: ${result.error}`, {
        location: locate(['services', name, 'x-enabled']),
        hint: 'Write true, false, 1 or 0; a leading ! negates.',
      });
    }
    if (result.enabled) kept.set(name, service);
  }
  return kept;
}
