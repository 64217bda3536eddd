import { castOf, isInterpolated } from '../compose/fields.ts';
import { type ComposeGeneration, interpolateCompose, tokenizeCompose } from '../compose/interpolation.ts';
import { castText, findCast } from '../dockerapp/casts.ts';
import type { Parameter } from '../dockerapp/parameters.ts';
import { type ReferenceToken, substituteReferences, tokenizeReferences } from '../dockerapp/references.ts';
import { RebundleError, type SourceLocation } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic, EditOrigin, Interpolation } from '../model/app.ts';
import type { ScalarPieces } from './edit-scalar.ts';
import { formatPath, type ScalarSite } from './scalar-sites.ts';
import type { VariableChoice } from './variables.ts';

/** Variables of the release that an image may name; they stay for the tag rule where the package has no parameter of that name. */
const RELEASE_VARIABLES = ['TAG', 'FACTORY'];
const GENERATIONS: readonly ComposeGeneration[] = ['1.29', 'v2'];

export interface ScalarContext {
  readonly interpolation: Interpolation;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly choices: ReadonlyMap<string, VariableChoice>;
  readonly locate: (offset: number) => SourceLocation;
}

/** What becomes of one scalar that holds a `$`. */
export interface RewrittenScalar extends ScalarPieces {
  /** A plain YAML value that replaces the scalar: a number or bool that had to be put in. */
  readonly native?: string;
  /** Parameters put in as values here, with the reason; the others became variables. */
  readonly fixed: ReadonlyMap<string, string>;
  readonly used: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** docker-app's error about the references of a value, as a finding; undefined where it has none. */
export function checkReferences(site: ScalarSite, context: ScalarContext): Diagnostic | undefined {
  const place = new Place(site, context.interpolation);
  const { error } = substituteReferences(tokenizeReferences(site.node.value), createLookup(place, context));
  return error === undefined ? undefined : referenceError(error, site, place, context);
}

/** Values of parameters; a variable of the release stays for the tag rule in an image. */
function createLookup(place: Place, { parameters }: ScalarContext): (name: string) => string | undefined {
  return (name) =>
    parameters.get(name)?.value ?? (place.isImage && RELEASE_VARIABLES.includes(name) ? `\${${name}}` : undefined);
}

/**
 * Rewrites one value so that compose makes of it what docker-app and the device made of it, for the defaults and for an override of each
 * parameter that stays one: both are evaluated and compared. Errors of the package come as findings.
 */
export function rewriteScalar(site: ScalarSite, context: ScalarContext): RewrittenScalar {
  const tokens = tokenizeReferences(site.node.value);
  const place = new Place(site, context.interpolation);
  const lookup = createLookup(place, context);
  const rendered = substituteReferences(tokens, lookup);
  const location = context.locate(site.node.start);
  const used = tokens.flatMap((token) => (token.name === undefined ? [] : [token.name]));
  const failed = (diagnostic: Diagnostic): RewrittenScalar => ({
    pieces: tokens.map((token) => token.text),
    origins: [],
    fixed: new Map(),
    used,
    diagnostics: [diagnostic],
  });
  if (rendered.error !== undefined) return failed(referenceError(rendered.error, site, place, context));

  const fixed = new Map<string, string>();
  for (const name of used) {
    const choice = context.choices.get(name);
    const reason = choice !== undefined && 'fixed' in choice ? choice.fixed : place.fixedReason;
    if (reason !== undefined && context.parameters.has(name)) fixed.set(name, reason);
  }
  const diagnostics: Diagnostic[] = rendered.lost.map((name) =>
    finding(
      'param.lost-reference',
      `${place.path}: '${name}' has no value; docker-app put nothing here and said nothing`,
      { location },
    ),
  );
  const second = place.secondPass(rendered.text, location);
  if ('error' in second) return failed(second.error);
  diagnostics.push(...second.diagnostics);

  const cast = site.paths.map((path) => findCast(path)).find((found) => found !== undefined);
  const native = cast === undefined ? undefined : castText(second.text, cast);
  if (cast !== undefined && native === undefined) {
    return failed(
      finding('COMPOSE_INVALID', `${place.path}: docker-app refuses '${rendered.text}' here, ${cast} is needed`, {
        location,
      }),
    );
  }
  if (cast !== undefined && (site.paths.some((path) => castOf(path) !== cast) || native !== second.text)) {
    for (const name of used) fixed.set(name, `releases of compose read '${rendered.text}' differently at this place`);
  }
  const pieces = buildPieces(tokens, lookup, context, place, fixed);
  const origins = tokens.map((token) => originOf(token, context, fixed));
  // A value that compose would have to cast alike is written as what it is once no variable is in it.
  const isFixed = cast !== undefined && used.every((name) => fixed.has(name));
  return { pieces, origins, ...(isFixed && native !== undefined ? { native } : {}), fixed, used, diagnostics };
}

function originOf(
  token: ReferenceToken,
  context: ScalarContext,
  fixed: ReadonlyMap<string, string>,
): EditOrigin | undefined {
  if (token.kind === 'text') return undefined;
  if (token.kind === 'escape') return { rule: 'dollar' };
  const { name: parameter = token.text } = token;
  const choice = context.choices.get(parameter);
  if (choice !== undefined && 'variable' in choice && !fixed.has(parameter)) return { rule: 'variable', parameter };
  const reason = fixed.get(parameter);
  return { rule: 'value', parameter, ...(reason === undefined ? {} : { detail: reason }) };
}

/** Where a scalar stands and how `$` is read there. */
class Place {
  readonly path: string;
  readonly isImage: boolean;
  /** Why no variable can stand here; undefined where one can. */
  readonly fixedReason: string | undefined;
  /** True where the text is read by compose after docker-app, `$` unescaped. */
  readonly twoPasses: boolean;

  constructor(site: ScalarSite, interpolation: Interpolation) {
    this.path = formatPath(site.paths[0] ?? []);
    this.isImage = site.paths.some((path) => path.length === 3 && path[0] === 'services' && path[2] === 'image');
    const interpolated = site.paths.some(isInterpolated);
    this.twoPasses = interpolation === 'device' && interpolated;
    this.fixedReason = this.isImage
      ? 'images are pinned when the bundle is made'
      : site.paths.some((path) => path[0] === 'services' && path[2] === 'build')
        ? 'builds are no part of a bundle'
        : interpolated
          ? undefined
          : 'compose does not interpolate this place';
  }

  /** What the device's compose made of docker-app's result; findings where that is worth knowing. */
  secondPass(
    text: string,
    location: SourceLocation,
  ): { readonly text: string; readonly diagnostics: readonly Diagnostic[] } | { readonly error: Diagnostic } {
    const inner = this.isImage ? text.replace(/\$\{(?:TAG|FACTORY)\}/g, '') : text;
    if (!this.twoPasses || !inner.includes('$')) return { text, diagnostics: [] };
    const results: string[] = [];
    for (const generation of GENERATIONS) {
      const result = tryInterpolate(inner, generation);
      if ('error' in result) {
        const code = generation === '1.29' ? 'INTERPOLATION_NEVER_RAN' : 'INTERPOLATION_INVALID';
        return {
          error: finding(
            code,
            `${this.path}: after docker-app the text is ${quote(text)}, which compose refuses: ${result.error}`,
            {
              location,
              hint: 'If the package ran elsewhere (docker-app deploy, swarm), convert it with --interpolation single; else escape the $ once more.',
            },
          ),
        };
      }
      results.push(result.text);
    }
    const names = new Set(tokenizeCompose(inner, '1.29').flatMap((token) => ('name' in token ? [token.name] : [])));
    if (names.size > 0) {
      const message = `${this.path}: after docker-app the text is ${quote(text)}; devices read ${[...names].join(', ')} from their environment`;
      return { text: results[0]!, diagnostics: [finding('interp.reads-environment', message, { location })] };
    }
    const message = `${this.path}: devices read the text twice and got ${quote(results[0] ?? '')}; read once it is ${quote(text)}`;
    return { text: results[0]!, diagnostics: [finding('interp.passes-differ', message, { location })] };
  }
}

function tryInterpolate(
  text: string,
  generation: ComposeGeneration,
  environment: (name: string) => string | undefined = () => undefined,
): { readonly text: string } | { readonly error: string } {
  try {
    return { text: interpolateCompose(text, environment, generation) };
  } catch (thrown) {
    return { error: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

function referenceError(
  error: { readonly kind: 'undefined' | 'invalid'; readonly name?: string },
  site: ScalarSite,
  place: Place,
  context: ScalarContext,
): Diagnostic {
  const location = context.locate(site.node.start);
  if (error.kind === 'invalid') {
    return finding(
      'INTERPOLATION_INVALID',
      `invalid interpolation format for ${place.path}: ${quote(site.node.value)}`,
      {
        location,
        hint: 'Write $$ for a literal $.',
      },
    );
  }
  const name = error.name ?? '';
  const plain = /^[_a-zA-Z][._a-zA-Z0-9]*/.exec(name)?.[0] ?? name;
  const why = context.parameters.has(name)
    ? 'its value is null, which docker-app took as missing'
    : plain !== name && context.parameters.has(plain)
      ? `docker-app reads all of it as one name; write \${${plain}} for the parameter '${plain}'`
      : 'define it in the parameters, or write $$ for a literal $';
  return finding('PARAM_UNDEFINED', `${place.path}: required variable ${name} is missing a value`, {
    location,
    hint: why,
  });
}

/**
 * The new text of each token. A parameter becomes `${NAME-default}` unless it is fixed, or the text before it would swallow it or read it otherwise;
 * then its value stands there, and `fixed` says so.
 */
function buildPieces(
  tokens: readonly ReferenceToken[],
  lookup: (name: string) => string | undefined,
  context: ScalarContext,
  place: Place,
  fixed: Map<string, string>,
): string[] {
  for (;;) {
    const pieces = tokens.map((token) => newText(token, lookup, context, place, fixed));
    const wrong = findDivergence(tokens, pieces, lookup, context, place, fixed);
    if (wrong.length === 0) return pieces;
    for (const name of wrong) fixed.set(name, 'the text around it is read together with it');
  }
}

function newText(
  token: ReferenceToken,
  lookup: (name: string) => string | undefined,
  context: ScalarContext,
  place: Place,
  fixed: ReadonlyMap<string, string>,
): string {
  if (token.kind === 'text') return token.text;
  if (token.kind === 'escape') return place.twoPasses ? '$' : '$$';
  const name = token.name ?? '';
  const value = lookup(name);
  if (value === undefined) return '';
  if (!context.parameters.has(name)) return value;
  const choice = context.choices.get(name);
  if (choice !== undefined && 'variable' in choice && !fixed.has(name)) return `\${${choice.variable}-${value}}`;
  return place.twoPasses ? value : value.replaceAll('$', '$$$$');
}

/** Texts with more parameters than this are proved with all of them overridden at once, so that time stays linear. */
const MAX_SINGLE_OVERRIDES = 50;

/** Values that no name or operator can swallow unseen, and one that would close what stands open before it. */
const PROBES = ['Zq7', 'Zq7}'];

/** The parameters for which the new text means something else than the old one did, as it is or when they are overridden; none where it is right. */
function findDivergence(
  tokens: readonly ReferenceToken[],
  pieces: readonly string[],
  lookup: (name: string) => string | undefined,
  context: ScalarContext,
  place: Place,
  fixed: ReadonlyMap<string, string>,
): readonly string[] {
  if (place.fixedReason !== undefined) return [];
  const result = pieces.join('');
  const variables = new Map<string, string>();
  for (const token of tokens) {
    const choice = token.name === undefined ? undefined : context.choices.get(token.name);
    if (token.name !== undefined && choice !== undefined && 'variable' in choice && !fixed.has(token.name))
      variables.set(token.name, choice.variable);
  }
  const names = [...variables.keys()];
  const overrides = names.length <= MAX_SINGLE_OVERRIDES ? names.map((name) => [name]) : [names];
  for (const generation of GENERATIONS) {
    for (const { overridden, override } of [
      { overridden: [], override: '' },
      ...PROBES.flatMap((probe) => overrides.map((each) => ({ overridden: each, override: probe }))),
    ]) {
      const parameters = new Set(overridden);
      const environment = new Set(overridden.map((name) => variables.get(name)));
      const before = substituteReferences(tokens, (name) => (parameters.has(name) ? override : lookup(name))).text;
      const expected = place.twoPasses ? tryInterpolate(before, generation) : { text: before };
      const actual = tryInterpolate(result, generation, (name) => (environment.has(name) ? override : undefined));
      if ('text' in expected && 'text' in actual && expected.text === actual.text) continue;
      const culprits =
        overridden.length > 0 ? overridden : names.slice(0, names.length <= MAX_SINGLE_OVERRIDES ? 1 : undefined);
      if (culprits.length > 0) return culprits;
      throw new RebundleError('INTERNAL', `${place.path}: the rewritten text does not mean the same`);
    }
  }
  return [];
}

/** A text in a message: in quotes, and cut where it is long. */
function quote(text: string): string {
  const MAX = 160;
  return text.length <= MAX
    ? JSON.stringify(text)
    : `${JSON.stringify(text.slice(0, MAX))}... (${text.length} characters)`;
}
