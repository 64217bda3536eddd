import type { ModelMap, ModelValue } from '../compose/model-value.ts';
import { RebundleError } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import type { AppPackage, ComposeApp, Diagnostic } from '../model/app.ts';
import { attempt } from './attempt.ts';
import { checkResult } from './check-result.ts';
import { mountConfigs } from './mount-configs.ts';
import { REFUSED_BY_DEVICE, toWarning } from './not-publishable.ts';
import { type Proof, proveConversion } from './prove.ts';
import { keepReleaseVariables, prepareRendering, type Rendering } from './rendering.ts';
import { chooseRefusedRepairs, chooseRepairs, isNewRepair, mergeRepairs, type Repair } from './repair.ts';
import { leaveUnwritten, type RewriteOptions, rewriteCompose } from './rewrite.ts';
import { useVersionForms } from './version-forms.ts';
import { type EscapeText, writeDocument } from './write-model.ts';

/** Of repairs: each takes a proof. */
const MAX_ROUNDS = 6;

interface ConversionInput {
  readonly pkg: AppPackage;
  readonly options: RewriteOptions;
  readonly render: Rendering;
}

export interface Conversion {
  readonly app: ComposeApp;
  /** What was proved; undefined where an error came before. */
  readonly proof?: Proof;
}

/**
 * Rewrites a package and proves the result equal to docker-app's render. A part that compose reads otherwise than docker-app (a command with `&&`, a
 * range of ports) is replaced by what docker-app made of it, or taken out where that was nothing; where this leads nowhere, docker-app's render stands
 * in place of the whole text. By option the configs of services become mounts after that. What stays unequal is an error of the app. Throws what makes
 * the package unreadable. The rewriting and the proof take long: `pause` is waited for between them.
 */
export async function convertApp(
  pkg: AppPackage,
  options: RewriteOptions,
  pause?: () => Promise<void>,
): Promise<Conversion> {
  const conversion = await convertAsWritten(pkg, options, pause);
  if (options.serviceConfigs !== 'mount' || hasErrors(conversion.app)) return conversion;
  const app = mountConfigs(conversion.app);
  if (app.mountedConfigs === undefined) return { ...conversion, app };
  const proof = proveConversion({ ...options, render: prepareRendering(pkg, options), app });
  return { app: withFindings(app, proof.diagnostics), proof };
}

async function convertAsWritten(
  pkg: AppPackage,
  options: RewriteOptions,
  pause?: () => Promise<void>,
): Promise<Conversion> {
  const render = prepareRendering(pkg, options);
  const refused = refuseEarly(pkg, render);
  if (refused !== undefined) return { app: refused };
  const prove = (app: ComposeApp): Proof => proveConversion({ ...options, render, app });
  const first = attempt(() => rewriteCompose(pkg, options));
  if (!(first instanceof RebundleError) && canReadOnce(pkg, options, first)) return readOnce(pkg, options, first);
  if (first instanceof RebundleError || hasErrors(first)) return recover({ pkg, options, render }, first);
  await pause?.();
  const proof = prove(first);
  if (proof.rendered === undefined) return { app: refusedByDockerApp(first, proof.diagnostics) };
  const input = { pkg, options, render };
  const repaired = proof.differences.length === 0 ? { app: first, proof, repairs: [] } : repair(input, proof);
  if (repaired?.proof !== undefined) return loadable(input, repaired);
  const whole = useRender(input, first, proof.rendered);
  // Its errors have their places.
  return repaired !== undefined && hasErrors(whole.app) ? { app: repaired.app } : whole;
}

/** A text of this size, in UTF-16 units, is rewritten only if docker-app takes it: else no text comes of the work. */
const LARGE = 256 * 1024;

/** What docker-app says of a large package that it refuses. Of one that it cannot read at all the rewriter knows more. */
function refuseEarly(pkg: AppPackage, render: Rendering): ComposeApp | undefined {
  if (pkg.compose.text.length < LARGE) return undefined;
  const result = render(new Map());
  if ('value' in result || result.diagnostics.some(({ code }) => code === 'YAML_INVALID')) return undefined;
  return leaveUnwritten(pkg, [...pkg.diagnostics, ...result.diagnostics]);
}

/** A conversion that is proved equal, with the repairs that it took. */
interface Repaired extends Required<Conversion> {
  readonly repairs: readonly Repair[];
}

/** A repaired text with errors, which nothing was proved of. */
interface RefusedRepair {
  readonly app: ComposeApp;
  readonly proof?: undefined;
}

/**
 * Mends what docker-compose 1.29 refuses of a text where it takes docker-app's render: such as an empty test of a healthcheck, of which docker-app
 * printed nothing. What it refuses of both stays as it is written.
 */
function loadable(input: ConversionInput, { app, proof, repairs }: Repaired): Conversion {
  const { pkg, options, render } = input;
  const refusals = listRefusals(app);
  if (refusals.length === 0 || proof.rendered === undefined) return { app, proof };
  const encode = escapeText(options);
  const chosen = chooseRefusedRepairs(pkg.compose, useVersionForms(proof.rendered), { refusals, encode });
  const more = mergeRepairs(repairs, chosen);
  const next = chosen.length === 0 ? undefined : attempt(() => rewriteCompose(pkg, { ...options, repairs: more }));
  if (next !== undefined && !(next instanceof RebundleError) && isBetter(next, refusals)) {
    const again = proveConversion({ ...options, render, app: next });
    if (again.rendered !== undefined && again.differences.length === 0) return { app: next, proof: again };
  }
  const whole = useRender(input, app, proof.rendered);
  return isBetter(whole.app, refusals) ? whole : { app, proof };
}

function isBetter(app: ComposeApp, refusals: readonly string[]): boolean {
  return !hasErrors(app) && listRefusals(app).length < refusals.length;
}

/** What docker-compose 1.29 refuses, without how that begins. */
function listRefusals({ diagnostics }: ComposeApp): string[] {
  const refused = diagnostics.filter(
    ({ code, message }) => code === 'convert.not-publishable' && message.startsWith(REFUSED_BY_DEVICE),
  );
  return refused.map(({ message }) => message.slice(REFUSED_BY_DEVICE.length));
}

/** Where a release line was chosen and the text is only converted, what no device could read twice is taken as docker-app alone read it. */
function canReadOnce(pkg: AppPackage, { interpolation, deviceSeverity }: RewriteOptions, failed: ComposeApp): boolean {
  const codes = errorCodes(failed);
  const isFree = pkg.strict === true && deviceSeverity === 'warning' && interpolation === 'device';
  return isFree && codes.length > 0 && codes.every((code) => code === 'INTERPOLATION_NEVER_RAN');
}

async function readOnce(pkg: AppPackage, options: RewriteOptions, failed: ComposeApp): Promise<Conversion> {
  const conversion = await convertAsWritten(pkg, { ...options, interpolation: 'single' });
  const refusals = failed.diagnostics.filter(({ code }) => code === 'INTERPOLATION_NEVER_RAN').map(toWarning);
  return { ...conversion, app: withFindings(conversion.app, refusals) };
}

function hasErrors({ diagnostics }: ComposeApp): boolean {
  return diagnostics.some(({ severity }) => severity === 'error');
}

/** Its refusal says what a warning about devices would say again. */
function refusedByDockerApp(app: ComposeApp, refusals: readonly Diagnostic[]): ComposeApp {
  const others = app.diagnostics.filter(({ code }) => code !== 'convert.not-publishable');
  return { ...app, diagnostics: [...others, ...refusals] };
}

function withFindings(app: ComposeApp, diagnostics: readonly Diagnostic[]): ComposeApp {
  return { ...app, diagnostics: [...app.diagnostics, ...diagnostics] };
}

/** Errors of the rewriter stand, unless docker-app renders the package and no rule of conversion is against it. */
async function recover(input: ConversionInput, failed: ComposeApp | RebundleError): Promise<Conversion> {
  const { pkg, render } = input;
  const thrown = failed instanceof RebundleError ? failed : undefined;
  const codes = thrown === undefined ? errorCodes(failed as ComposeApp) : [thrown.code];
  if (thrown === undefined && input.options.deviceSeverity !== 'warning' && codes.every(isRefusal)) {
    // What convert would write, where a device takes it: both commands give one text.
    const lenient = await convertAsWritten(pkg, { ...input.options, deviceSeverity: 'warning' });
    const isRefused = lenient.app.diagnostics.some(({ code }) => code === 'convert.not-publishable');
    if (!isRefused && !hasErrors(lenient.app)) return lenient;
  }
  const isRule = (code: string): boolean => /^INTERPOLATION_|^PROOF_|^IMAGE_|_LIMIT$/.test(code);
  const isFixable = (code: string): boolean => code === 'COMPOSE_INVALID' || code === 'INTERNAL';
  const canUseRender = pkg.semantics !== '0.4-0.8' || codes.every(isFixable);
  if (canUseRender && !codes.some(isRule)) {
    const result = render(new Map());
    if ('value' in result) {
      const base = failed instanceof RebundleError ? leaveUnwritten(pkg, pkg.diagnostics) : failed;
      const conversion = useRender(input, base, result.value);
      if (!hasErrors(conversion.app)) return conversion;
    }
  }
  if (thrown !== undefined) throw thrown;
  return { app: failed as ComposeApp };
}

function isRefusal(code: string): boolean {
  return code.startsWith('COMPOSE_');
}

function errorCodes({ diagnostics }: ComposeApp): string[] {
  return diagnostics.filter(({ severity }) => severity === 'error').map(({ code }) => code);
}

/**
 * Puts docker-app's values in place of members that differ, until none does; undefined where that leads nowhere. What has errors then is not
 * proved.
 */
function repair({ pkg, options, render }: ConversionInput, first: Proof): Repaired | RefusedRepair | undefined {
  let repairs: readonly Repair[] = [];
  let proof = first;
  // Overrides are tried where the defaults are equal, so that differences can come up later.
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (proof.rendered === undefined) return undefined;
    const encode = escapeText(options);
    const chosen = chooseRepairs(useVersionForms(proof.rendered), proof.differences, { tried: repairs, encode });
    const tried = repairs;
    repairs = mergeRepairs(tried, chosen ?? []);
    if (!repairs.some((each) => isNewRepair(each, tried))) return undefined;
    const app = attempt(() => rewriteCompose(pkg, { ...options, repairs }));
    if (app instanceof RebundleError) return undefined;
    if (hasErrors(app)) return { app };
    proof = proveConversion({ ...options, render, app });
    if (proof.rendered !== undefined && proof.differences.length === 0) return { app, proof, repairs };
  }
  return undefined;
}

/** One pass of compose is still to come: what it must not read is doubled, unless the device read docker-app's text in the same way. */
function escapeText({ interpolation }: RewriteOptions): EscapeText {
  return (text) => keepReleaseVariables(interpolation === 'device' ? text : text.replaceAll('$', '$$$$'));
}

/** docker-app's render in place of the whole text. */
function useRender({ pkg, options, render }: ConversionInput, base: ComposeApp, rendered: ModelMap): Conversion {
  const { compose } = pkg;
  const composeText = writeDocument(withoutSwitches(useVersionForms(rendered)), escapeText(options));
  const origin = { rule: 'rendered' } as const;
  const edits = [{ start: 0, end: compose.text.length, text: composeText, origin }];
  const fixed = "docker-app's render stands in place of the compose part";
  const variables = base.variables.map(({ parameter, value, uses }) => ({
    parameter,
    value,
    uses,
    ...(uses === 0 ? {} : { fixed }),
  }));
  const location = { path: compose.path, line: compose.line, column: 1 };
  const release = `docker-app ${pkg.semantics}`;
  const message = `only ${release} reads the compose part as it is written: its render stands in its place, without comments, and overrides are lost`;
  const result = { source: compose, edits, composeText };
  const checked = checkResult(result, options.deviceSeverity ?? 'error', { isRendered: true });
  const kept = base.diagnostics.filter(
    ({ severity, code }) => severity !== 'error' && !code.startsWith('yaml.') && !code.startsWith('render.'),
  );
  const app: ComposeApp = {
    name: pkg.name,
    origin: pkg.origin,
    ...result,
    variables,
    services: checked.services,
    references: checked.references,
    diagnostics: [...kept, finding('render.whole-text', message, { location }), ...checked.diagnostics],
  };
  const proof = proveConversion({ ...options, render, app });
  return { app: proof.differences.length === 0 ? app : withFindings(app, proof.diagnostics), proof };
}

/** docker-app kept `x-enabled` of what is on; nothing reads it any more. */
function withoutSwitches(rendered: ModelMap): ModelMap {
  const services = rendered.get('services');
  if (!(services instanceof Map)) return rendered;
  const cleaned = [...(services as ModelMap)].map(([name, service]) => {
    if (!(service instanceof Map)) return [name, service] as const;
    return [name, new Map([...(service as ModelMap)].filter(([key]) => key !== 'x-enabled'))] as const;
  });
  return new Map([...rendered, ['services', new Map<string, ModelValue>(cleaned)]]);
}
