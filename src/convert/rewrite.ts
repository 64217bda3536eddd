import { checkMetadata } from '../dockerapp/metadata.ts';
import { type Parameter, type ParameterSetting, readParameters } from '../dockerapp/parameters.ts';
import { tokenizeReferences } from '../dockerapp/references.ts';
import { RebundleError } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import { looksSecret } from '../lib/redact.ts';
import { applyEdits, sortEdits } from '../lib/text-edit.ts';
import { parseYaml, resolveAlias, YAML_LIMITS, type YamlDocument, type YamlMap, type YamlPair } from '../lib/yaml.ts';
import type {
  AppPackage,
  ComposeApp,
  Diagnostic,
  DocumentPart,
  Interpolation,
  ServiceConfigsMode,
  VariableMapping,
} from '../model/app.ts';
import { checkResult } from './check-result.ts';
import { makeEdits } from './compose-edits.ts';
import { findRemovals, type Removals } from './disabled-services.ts';
import { placeRepairs, type Repair } from './repair.ts';
import { checkReferences, type RewrittenScalar, rewriteScalar, type ScalarContext } from './rewrite-scalar.ts';
import { isVersion, listScalarSites, type ScalarSite } from './scalar-sites.ts';
import { chooseVariables } from './variables.ts';

export interface RewriteOptions {
  readonly interpolation: Interpolation;
  /** Further parameter files, merged over the package's own in this order. */
  readonly parameterFiles: readonly DocumentPart[];
  readonly settings: readonly ParameterSetting[];
  /** How severe it is that docker-compose 1.29 refuses the result, which docker-app took; an error unless said otherwise. */
  readonly deviceSeverity?: 'error' | 'warning';
  /** What becomes of the configs of services; they are kept unless said otherwise. */
  readonly serviceConfigs?: ServiceConfigsMode;
  /** Members in which compose reads something else than docker-app did. */
  readonly repairs?: readonly Repair[];
}

/** Wrong references after which a text is given up: more of them help nobody. */
const MAX_ERRORS = 1000;

/**
 * Turns the compose part of a package into a compose file that means the same without docker-app: parameters become `${name-default}`, disabled
 * services go, all else stays as written. Errors of the package are findings of severity `error`; what makes it unreadable is thrown.
 */
export function rewriteCompose(app: AppPackage, options: RewriteOptions): ComposeApp {
  const { compose } = app;
  const diagnostics: Diagnostic[] = [...app.diagnostics, ...checkMetadata(app.metadata, app.name)];
  const read = readParameters({
    own: app.parameters,
    files: options.parameterFiles,
    metadata: app.metadata,
    settings: options.settings,
    semantics: app.semantics,
    strict: app.strict,
  });
  for (const diagnostic of read.diagnostics) diagnostics.push(diagnostic);
  const document = parseCompose(compose);
  const root = document.root === undefined ? undefined : resolveAlias(document.root);
  if (root?.kind !== 'map') {
    throw new RebundleError('COMPOSE_INVALID', 'the compose part must be a mapping', {
      location: document.locate(root?.start ?? 0),
    });
  }
  const { replaced, dropped, diagnostics: repaired } = placeRepairs(root, options.repairs ?? [], document.locate);
  diagnostics.push(...repaired);
  const { parameters } = read;
  const removals = findRemovals({ text: compose.text, root, parameters, dropped, locate: document.locate });
  for (const diagnostic of removals.diagnostics) diagnostics.push(diagnostic);
  const gone = new Set([...removals.pairs, ...replaced.keys()]);
  const sites = listScalarSites(root, gone).filter((site) => !removals.items.has(site.node));
  const choices = chooseVariables(sites, read.parameters, options.interpolation);
  const { interpolation } = options;
  const context: ScalarContext = { interpolation, parameters: read.parameters, choices, locate: document.locate };
  const results = new Map<ScalarSite, RewrittenScalar>();
  let size = compose.text.length;
  let errors = 0;
  for (const site of sites) {
    if (!site.node.value.includes('$') || site.paths.some(isVersion)) continue;
    size += measureValues(site, read.parameters);
    if (size > YAML_LIMITS.bytes) {
      throw new RebundleError('YAML_LIMIT', `the text is larger than ${YAML_LIMITS.bytes} with its parameters put in`, {
        location: document.locate(site.node.start),
      });
    }
    const result = rewriteScalar(site, context);
    results.set(site, result);
    for (const diagnostic of result.diagnostics) {
      diagnostics.push(diagnostic);
      if (diagnostic.severity === 'error') errors += 1;
    }
    if (errors >= MAX_ERRORS) return leaveUnwritten(app, diagnostics);
  }
  for (const site of listSwitchedOff(root, removals, sites)) {
    const error = checkReferences(site, context);
    if (error !== undefined) diagnostics.push(error);
  }
  if (document.end < compose.text.length) {
    diagnostics.push(
      finding('package.second-document', 'a second YAML document was cut off, as docker-app ignored it', {
        location: document.locate(document.end),
      }),
    );
  }
  const variables = describeVariables({
    parameters: read.parameters,
    results: [...results.values(), ...describeReplaced([...replaced.keys(), ...dropped], read.parameters)],
    removals,
    choices,
    diagnostics,
  });
  for (const diagnostic of findOverrides(app, options, variables)) diagnostics.push(diagnostic);
  const edits = sortEdits(
    makeEdits({
      app,
      root,
      end: document.end,
      sites,
      results,
      removals,
      replaced,
      diagnostics,
      locate: document.locate,
    }),
  );
  const composeText = applyEdits(compose.text, edits);
  const result = { source: compose, edits, composeText };
  const failed = diagnostics.some(({ severity }) => severity === 'error');
  const { services, references, ...checked } = failed
    ? { services: [], references: [], diagnostics: [] }
    : checkResult(result, options.deviceSeverity ?? 'error', { isRendered: (options.repairs ?? []).length > 0 });
  for (const diagnostic of checked.diagnostics) diagnostics.push(diagnostic);
  if (app.strict !== true) for (const diagnostic of findEnvFiles(references)) diagnostics.push(diagnostic);
  return { name: app.name, origin: app.origin, ...result, variables, services, references, diagnostics };
}

/** An app of which no text was made. */
export function leaveUnwritten({ name, origin, compose }: AppPackage, diagnostics: readonly Diagnostic[]): ComposeApp {
  const nothing = { edits: [], variables: [], services: [], references: [] };
  return { name, origin, composeText: '', source: compose, ...nothing, diagnostics };
}

/** A release line that was chosen refuses these itself. */
function findEnvFiles(references: ComposeApp['references']): Diagnostic[] {
  const files = references.filter(({ kind }) => kind === 'env_file');
  return files.map(({ path, location }) => {
    const message = `docker-app up to 0.8 read env_file ${path} from the folder that it was run in, and devices had no file there`;
    return finding('package.env-file', message, { location });
  });
}

/** UTF-16 units that the values of a scalar's references add. */
function measureValues({ node }: ScalarSite, parameters: ReadonlyMap<string, Parameter>): number {
  const lengths = tokenizeReferences(node.value).map(({ name = '' }) => parameters.get(name)?.value?.length ?? 0);
  return lengths.reduce((sum, length) => sum + length, 0);
}

/** The parameters in parts that are repaired: they became values there, or nothing. */
function describeReplaced(
  repaired: readonly YamlPair[],
  parameters: ReadonlyMap<string, Parameter>,
): RewrittenScalar[] {
  return repaired.map((pair) => {
    const tokens = listScalarSites(pair.value, new Set()).flatMap(({ node }) => tokenizeReferences(node.value));
    const used = tokens.flatMap(({ name }) => (name !== undefined && parameters.has(name) ? [name] : []));
    const fixed = new Map(
      used.map((name) => [name, 'docker-app reads the part that it stands in otherwise than compose']),
    );
    return { pieces: [], origins: [], fixed, used, diagnostics: [] };
  });
}

/** The values of switched-off services: they are not in the result, but docker-app read them and refused what it could not resolve. */
function listSwitchedOff(root: YamlMap, { pairs, switchedOff }: Removals, sites: readonly ScalarSite[]): ScalarSite[] {
  if (switchedOff.size === 0) return [];
  const kept = new Set(sites.map(({ node }) => node));
  const gone = new Set([...pairs].filter((pair) => !switchedOff.has(pair)));
  return listScalarSites(root, gone).filter(({ node }) => !kept.has(node));
}

/** Marks of the engines that experimental builds of docker-app ran over the whole text (gotemplate, mustache, yatee). */
const TEMPLATE = /^[ \t]*(?:-[ \t]+)?(?:\{\{|["']?@(?:if|for|switch|else)\b)/m;

function parseCompose(compose: DocumentPart): YamlDocument {
  try {
    return parseYaml(compose);
  } catch (thrown) {
    const template = TEMPLATE.exec(compose.text)?.[0].trim();
    if (!(thrown instanceof RebundleError) || thrown.code !== 'YAML_INVALID' || template === undefined) throw thrown;
    const { location } = thrown;
    throw new RebundleError(
      'APP_TEMPLATE',
      `the compose part is no YAML before a template engine ran over it (it has '${template}')`,
      {
        ...(location === undefined ? {} : { location }),
        hint: 'Write the text that the engine made, with parameters for what differs.',
      },
    );
  }
}

/** Parameters in use whose value was given for this run: the published package does not have it. */
function findOverrides(
  app: AppPackage,
  { parameterFiles, settings }: RewriteOptions,
  variables: readonly VariableMapping[],
): Diagnostic[] {
  if (parameterFiles.length === 0 && settings.length === 0) return [];
  const own = readParameters({ own: app.parameters, files: [], metadata: app.metadata, settings: [] }).parameters;
  return variables.flatMap(({ parameter: name, value, uses }) => {
    const before = own.get(name)?.value;
    if (uses === 0 || before === value) return [];
    const values = looksSecret(name) ? '' : `: ${value}, not ${before ?? 'undefined'}`;
    const location = own.get(name)?.location;
    const message = `'${name}' has another value than in the package${values}; devices of the old style do not see it`;
    return [finding('param.overridden', message, location === undefined ? {} : { location })];
  });
}

function describeVariables(input: {
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly results: readonly RewrittenScalar[];
  readonly removals: Removals;
  readonly choices: ReturnType<typeof chooseVariables>;
  readonly diagnostics: Diagnostic[];
}): VariableMapping[] {
  const mappings: VariableMapping[] = [];
  const usesByName = new Map<string, RewrittenScalar[]>();
  for (const result of input.results) {
    for (const name of new Set(result.used)) {
      const uses = usesByName.get(name);
      if (uses === undefined) usesByName.set(name, [result]);
      else uses.push(result);
    }
  }
  for (const parameter of input.parameters.values()) {
    const { name } = parameter;
    const uses = usesByName.get(name) ?? [];
    const metadata = name === 'app' || name.startsWith('app.');
    const fixed =
      uses.map((use) => use.fixed.get(name)).find((reason) => reason !== undefined) ?? input.removals.fixed.get(name);
    const isVariable = uses.some((use) => !use.fixed.has(name));
    const choice = input.choices.get(name);
    const count = uses.length + (input.removals.fixed.has(name) ? 1 : 0);
    if (metadata && count === 0) continue;
    describeParameter(parameter, count, metadata, fixed, input.diagnostics);
    mappings.push({
      parameter: name,
      ...(isVariable && choice !== undefined && 'variable' in choice ? { variable: choice.variable } : {}),
      value: parameter.value ?? '',
      uses: count,
      ...(fixed === undefined ? {} : { fixed }),
    });
  }
  return mappings;
}

function describeParameter(
  parameter: Parameter,
  uses: number,
  metadata: boolean,
  fixed: string | undefined,
  diagnostics: Diagnostic[],
): void {
  const { name, location, value, written } = parameter;
  if (metadata)
    diagnostics.push(finding('param.app-metadata', `'${name}' is metadata and was put in as its value`, { location }));
  else if (uses === 0) diagnostics.push(finding('param.unused', `nothing refers to parameter '${name}'`, { location }));
  else if (fixed !== undefined) {
    diagnostics.push(
      finding('param.fixed', `'${name}' was put in as its value, an override of it is lost: ${fixed}`, { location }),
    );
  }
  if (uses > 0 && value !== undefined && written !== undefined && value !== written) {
    const message = looksSecret(name)
      ? `'${name}' is written otherwise than docker-app printed it`
      : `'${name}' is written ${written}; docker-app printed ${value}, and so does the result`;
    diagnostics.push(finding('param.retyped', message, { location }));
  }
}
