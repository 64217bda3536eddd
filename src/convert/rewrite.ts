import { listServiceImages } from '../compose/images.ts';
import { type ComposeFile, readComposeFile } from '../compose/compose-file.ts';
import { validateCompose } from '../compose/validate.ts';
import { checkMetadata } from '../dockerapp/metadata.ts';
import { type Parameter, type ParameterSetting, readParameters } from '../dockerapp/parameters.ts';
import { RebundleError, type SourceLocation } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import { applyEdits, sortEdits, sourceOffset } from '../lib/text-edit.ts';
import { contentEnd, parseYaml, resolveAlias, type YamlMap, type YamlNode, type YamlPair, type YamlScalar } from '../lib/yaml.ts';
import type { AppPackage, ComposeApp, Diagnostic, DocumentPart, Interpolation, ServiceImage, TextEdit, VariableMapping } from '../model/app.ts';
import { findRemovals, type Removals } from './disabled-services.ts';
import { editScalar, quoteScalar } from './edit-scalar.ts';
import { fixPlainScalar } from './plain-scalars.ts';
import { type RewrittenScalar, rewriteScalar } from './rewrite-scalar.ts';
import { listScalarSites, type ScalarSite } from './scalar-sites.ts';
import { chooseVariables } from './variables.ts';

export interface RewriteOptions {
  readonly interpolation: Interpolation;
  /** Further parameter files, merged over the package's own in this order. */
  readonly parameterFiles: readonly DocumentPart[];
  readonly settings: readonly ParameterSetting[];
}

/**
 * Turns the compose part of a package into a compose file that means the same without docker-app: parameters become `${name-default}`, disabled
 * services go, all else stays as written. Errors of the package are findings of severity `error`; what makes it unreadable is thrown.
 */
export function rewriteCompose(app: AppPackage, options: RewriteOptions): ComposeApp {
  const { compose } = app;
  const diagnostics: Diagnostic[] = [...app.diagnostics, ...checkMetadata(app.metadata, app.name)];
  const read = readParameters({ own: app.parameters, files: options.parameterFiles, metadata: app.metadata, settings: options.settings });
  diagnostics.push(...read.diagnostics);
  const document = parseYaml(compose);
  const root = document.root === undefined ? undefined : resolveAlias(document.root);
  if (root?.kind !== 'map') {
    throw new RebundleError('COMPOSE_INVALID', 'the compose part must be a mapping', { location: document.locate(root?.start ?? 0) });
  }
  const removals = findRemovals({ text: compose.text, root, parameters: read.parameters, locate: document.locate });
  diagnostics.push(...removals.diagnostics);
  const sites = listScalarSites(root, removals.pairs).filter((site) => !removals.items.has(site.node));
  const choices = chooseVariables(sites, read.parameters);
  const results = new Map<ScalarSite, RewrittenScalar>();
  for (const site of sites) {
    if (!site.node.value.includes('$') || site.paths.some(isVersion)) continue;
    const result = rewriteScalar(site, { interpolation: options.interpolation, parameters: read.parameters, choices, locate: document.locate });
    results.set(site, result);
    diagnostics.push(...result.diagnostics);
  }
  if (document.end < compose.text.length) {
    diagnostics.push(finding('package.second-document', 'a second YAML document was cut off, as docker-app ignored it', { location: document.locate(document.end) }));
  }
  const variables = describeVariables({ parameters: read.parameters, results: [...results.values()], removals, choices, diagnostics });
  const edits = sortEdits(makeEdits({ app, root, end: document.end, sites, results, removals, diagnostics, locate: document.locate }));
  const composeText = applyEdits(compose.text, edits);
  const result = { source: compose, edits, composeText };
  const checked = diagnostics.some(({ severity }) => severity === 'error') ? { services: [], diagnostics: [] } : checkResult(result);
  diagnostics.push(...checked.diagnostics);
  return { name: app.name, origin: app.origin, ...result, variables, services: checked.services, diagnostics };
}

function isVersion(path: readonly string[]): boolean {
  return path.length === 1 && path[0] === 'version';
}

interface EditInput {
  readonly app: AppPackage;
  readonly root: YamlMap;
  /** Where the first document ends. */
  readonly end: number;
  readonly sites: readonly ScalarSite[];
  readonly results: ReadonlyMap<ScalarSite, RewrittenScalar>;
  readonly removals: Removals;
  readonly diagnostics: Diagnostic[];
  readonly locate: (offset: number) => SourceLocation;
}

/** All edits, proved: the edited text is parsed again and must hold the intended values, else the scalars that differ are quoted. */
function makeEdits(input: EditInput): TextEdit[] {
  const { app, root, sites, results, removals } = input;
  const text = app.compose.text;
  const fixed = new Map<ScalarSite, TextEdit>();
  for (const site of sites) {
    const edit = results.has(site) || site.paths.some(isVersion) ? undefined : fixPlainScalar(site);
    if (edit === undefined) continue;
    fixed.set(site, edit);
    input.diagnostics.push(
      finding('yaml.scalar-quoted', `'${site.node.value}' is now ${edit.text}: releases of compose read it differently`, {
        location: input.locate(site.node.start),
      }),
    );
  }
  const frame = frameEdits(app, root, input.end);
  const quoted = new Set<YamlScalar>();
  for (let attempt = 0; attempt < 3; attempt++) {
    const edits = [...frame, ...removals.edits.map((edit) => clip(edit, frame))];
    const expected = new Map<YamlScalar, string>();
    for (const site of sites) {
      const result = results.get(site);
      const fix = fixed.get(site);
      if (result?.native !== undefined) {
        edits.push({ start: site.node.start, end: site.node.end, text: result.native });
        expected.set(site.node, result.native);
      } else if (fix !== undefined) {
        edits.push(fix);
        expected.set(site.node, parseScalar(fix.text));
      } else if (quoted.has(site.node)) {
        edits.push(quoteScalar(site.node, result?.pieces.join('') ?? site.node.value));
        expected.set(site.node, result?.pieces.join('') ?? site.node.value);
      } else if (result !== undefined) {
        edits.push(...editScalar(text, site.node, result.pieces, site.inFlow));
        expected.set(site.node, result.pieces.join(''));
      }
    }
    const merged = mergeRemovals(edits);
    const wrong = findDifference(root, expected, removals, applyEdits(text, merged));
    if (wrong === undefined) return merged;
    if (wrong === 'structure' || quoted.has(wrong)) break;
    quoted.add(wrong);
    attempt = -1;
  }
  throw new RebundleError('INTERNAL', `${app.name}: the edited compose text does not hold the intended values`, { origin: app.origin });
}

function parseScalar(text: string): string {
  const node = parseYaml({ text, path: '', line: 1 }).root;
  return node?.kind === 'scalar' ? node.value : '';
}

/** What surrounds the compose text of a single file: blank lines at both ends and a second document go, one line end stays. */
function frameEdits(app: AppPackage, root: YamlNode, end: number): TextEdit[] {
  const { text } = app.compose;
  const edits: TextEdit[] = [];
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  const body = text.slice(0, end);
  if (app.kind === 'folder') return end < text.length ? [{ start: end, end: text.length, text: '' }] : [];
  const leading = /^(?:[ \t]*\r?\n)+/.exec(body)?.[0].length ?? 0;
  if (leading > 0) edits.push({ start: 0, end: leading, text: '' });
  // Behind a block text that keeps its final line ends they are content.
  const content = Math.min(contentEnd(root), body.length);
  const trailing = Math.max(content, body.trimEnd().length);
  const rest = text.slice(trailing);
  const wanted = /^[ \t]*\r?\n/.exec(rest)?.[0] === lineEnd || body[trailing - 1] === '\n' ? '' : lineEnd;
  const keep = wanted === '' && body[trailing - 1] !== '\n' ? lineEnd.length : 0;
  if (trailing + keep < text.length || wanted !== '') edits.push({ start: trailing + keep, end: text.length, text: wanted });
  return edits;
}

function clip(edit: TextEdit, frame: readonly TextEdit[]): TextEdit {
  const trailing = frame.find((other) => other.start > edit.start && other.start < edit.end);
  return trailing === undefined ? edit : { ...edit, end: trailing.start };
}

/** A removal may hold another one: the outer one stands. */
function mergeRemovals(edits: readonly TextEdit[]): TextEdit[] {
  return edits.filter(
    (edit, i) =>
      !edits.some(
        (other, j) => i !== j && other.text === '' && other.start <= edit.start && edit.end <= other.end && (other.end - other.start > edit.end - edit.start || j < i),
      ),
  );
}

/** Compares the edited text with the tree that was meant; gives the first scalar that came out otherwise. */
function findDifference(
  root: YamlNode,
  expected: ReadonlyMap<YamlScalar, string>,
  removals: Removals,
  edited: string,
): YamlScalar | 'structure' | undefined {
  let actual: YamlNode | undefined;
  try {
    actual = parseYaml({ text: edited, path: '', line: 1 }).root;
  } catch {
    return [...expected.keys()].find((node) => node.style === 'plain') ?? 'structure';
  }
  const compare = (before: YamlNode, after: YamlNode | undefined): YamlScalar | 'structure' | undefined => {
    if (after === undefined || before.kind !== after.kind) return before.kind === 'scalar' ? before : 'structure';
    if (before.kind === 'scalar' && after.kind === 'scalar') return (expected.get(before) ?? before.value) === after.value ? undefined : before;
    if (before.kind === 'seq' && after.kind === 'seq') {
      const items = before.items.filter((item) => !removals.items.has(item));
      return items.length === after.items.length ? firstDifference(items.map((item, i) => () => compare(item, after.items[i]))) : 'structure';
    }
    if (before.kind === 'map' && after.kind === 'map') {
      const pairs = before.pairs.filter((pair: YamlPair) => !removals.pairs.has(pair));
      if (pairs.length !== after.pairs.length) return 'structure';
      return firstDifference(
        pairs.map((pair, i) => () => (pair.name === after.pairs[i]?.name ? compare(pair.value, after.pairs[i]?.value) : 'structure')),
      );
    }
    return undefined;
  };
  return compare(root, actual);
}

function firstDifference<T>(checks: readonly (() => T | undefined)[]): T | undefined {
  for (const check of checks) {
    const difference = check();
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function describeVariables(input: {
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly results: readonly RewrittenScalar[];
  readonly removals: Removals;
  readonly choices: ReturnType<typeof chooseVariables>;
  readonly diagnostics: Diagnostic[];
}): VariableMapping[] {
  const mappings: VariableMapping[] = [];
  for (const parameter of input.parameters.values()) {
    const { name } = parameter;
    const uses = input.results.filter((result) => result.used.includes(name));
    const metadata = name === 'app' || name.startsWith('app.');
    const fixed = uses.map((use) => use.fixed.get(name)).find((reason) => reason !== undefined) ?? input.removals.fixed.get(name);
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
  if (metadata) diagnostics.push(finding('param.app-metadata', `'${name}' is metadata and was put in as its value`, { location }));
  else if (uses === 0) diagnostics.push(finding('param.unused', `nothing refers to parameter '${name}'`, { location }));
  else if (fixed !== undefined) {
    diagnostics.push(finding('param.fixed', `'${name}' was put in as its value, an override of it is lost: ${fixed}`, { location }));
  }
  if (uses > 0 && value !== undefined && written !== undefined && value !== written) {
    diagnostics.push(finding('param.retyped', `'${name}' is written ${written}; docker-app printed ${value}, and so does the result`, { location }));
  }
}

/** Reads the result as compose does; places are those of the package. */
function checkResult(result: { readonly source: DocumentPart; readonly edits: readonly TextEdit[]; readonly composeText: string }): {
  readonly services: readonly ServiceImage[];
  readonly diagnostics: readonly Diagnostic[];
} {
  const toSource = createSourceLocator(result);
  const source = { text: result.composeText, path: result.source.path, line: 1 };
  let file: ComposeFile;
  try {
    file = readComposeFile(source);
  } catch (thrown) {
    if (!(thrown instanceof RebundleError) || thrown.location === undefined) throw thrown;
    const details = { location: toSource(thrown.location), ...(thrown.hint === undefined ? {} : { hint: thrown.hint }) };
    throw new RebundleError(thrown.code, thrown.message, details);
  }
  const diagnostics = validateCompose(file).map((diagnostic) =>
    diagnostic.location === undefined ? diagnostic : { ...diagnostic, location: toSource(diagnostic.location) },
  );
  const services = listServiceImages(file).map(({ service, image, build, location }) => ({
    service,
    ...(image === undefined ? {} : { image }),
    build,
    location: toSource(location),
  }));
  return { services, diagnostics };
}

/** Maps a place of the converted text (its first line is 1) to the place of the package that it comes from. */
export function createSourceLocator(result: {
  readonly source: DocumentPart;
  readonly edits: readonly TextEdit[];
  readonly composeText: string;
}): (location: SourceLocation) => SourceLocation {
  const starts = lineStarts(result.composeText);
  const sourceStarts = lineStarts(result.source.text);
  return ({ line, column }) => {
    const offset = Math.min(sourceOffset(result.edits, (starts[line - 1] ?? 0) + column - 1), result.source.text.length);
    let index = sourceStarts.findLastIndex((start) => start <= offset);
    index = Math.max(index, 0);
    return { path: result.source.path, line: result.source.line + index, column: offset - (sourceStarts[index] ?? 0) + 1 };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
