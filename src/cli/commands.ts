import { rm } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { requireIdentity } from '../config.ts';
import { ERRORS, RebundleError } from '../errors.ts';
import type { Emit, RunCounts } from '../events.ts';
import { once } from '../lib/bytes.ts';
import { encodeJson, escapeTerminal } from '../lib/escape-text.ts';
import type { AppResult, Diagnostic } from '../model/app.ts';
import type { Severity } from '../model/findings.ts';
import type { MigrationPlan } from '../model/plan.ts';
import { convertPackages } from '../pipeline/convert.ts';
import { type ConvertedApp, hasErrors, type MigrationContext, type ScannedSource } from '../pipeline/migration.ts';
import { applyMigration, type MigrationOutcome, planMigration, runMigration } from '../pipeline/run.ts';
import { scanSources } from '../pipeline/scan.ts';
import { formatPlan, parsePlan } from '../pipeline/state.ts';
import { createMemoryRegistry } from '../registry/memory.ts';
import { renderSummary } from '../report/summary.ts';
import { createFileTufRepo } from '../tufrepo/file.ts';
import { readCreatedAt } from './clock.ts';
import type { CliEnvironment } from './environment.ts';
import { combineStatus, type ExitStatus } from './exit-status.ts';
import { isWithin, type OutputFile, readOptional, removeTree, replaceTree, writeOutput, writeTree } from './output.ts';
import { openPlaces, type Places } from './places.ts';
import type { Flags } from './options.ts';
import type { ApplyInvocation, CommandHandlers, CommandResult, Invocation } from './program.ts';
import { createReporter, reporterKind, wantsColor } from './reporters.ts';
import { writeReports } from './report-files.ts';
import { appFolder, prepareSetup, type Setup } from './setup.ts';

const PLAN_FILE = 'plan.json';
const PROPOSED_TARGETS = 'targets.planned.json';
const COMPOSE_FILE = 'docker-compose.yml';

/** The commands over one environment. Each returns its data and exit status; what stops it whole is thrown. */
export function createHandlers(environment: CliEnvironment): CommandHandlers {
  return {
    scan: (invocation) => scan(invocation, environment),
    convert: (invocation) => convert(invocation, environment),
    plan: (invocation) => plan(invocation, environment),
    apply: (invocation) => apply(invocation, environment),
    run: (invocation) => run(invocation, environment),
  };
}

async function scan(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const setup = await prepareSetup(invocation, environment);
  return withReporter(invocation, environment, setup, async (emit) => {
    const scanned = await scanSources(setup.request, offlineContext(setup, environment, emit));
    const rows = scanned.flatMap(({ source, packages }) => packages.map((found) => ({ repository: source.origin.repository, ...found })));
    const stdout = invocation.flags.json
      ? `${encodeJson(rows, 2)}\n`
      : rows.map((row) => `${[row.selected ? 'selected' : 'skipped', row.name, row.kind, `${row.repository}/${row.path}`, row.reason ?? ''].map(escapeTerminal).join('\t').trimEnd()}\n`).join('');
    return { status: sourceStatus(scanned), stdout, results: [] };
  });
}

async function convert(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const setup = await prepareSetup(invocation, environment);
  const { inPlace } = invocation.flags;
  if (!inPlace) checkOutput(setup);
  return withReporter(invocation, environment, setup, async (emit) => {
    const context = offlineContext(setup, environment, emit);
    const scanned = await scanSources(setup.request, context);
    const apps = await convertPackages(scanned, setup.request, context, async (app) => app);
    const written: string[] = [];
    const results: AppResult[] = [];
    for (const app of apps) {
      const fine = app.app !== undefined && !hasErrors(app.diagnostics);
      const folder = inPlace ? inPlaceFolder(app, setup) : appFolder(setup.out, app.name);
      if (fine) {
        await (inPlace ? writeTree(folder, newFiles(app, setup, folder)) : replaceTree(folder, treeOf(app)));
        written.push(relative(environment.cwd, join(folder, COMPOSE_FILE)));
      } else if (!inPlace) await removeTree(folder);
      results.push({ app: app.name, origin: app.origin, status: fine ? 'migrated' : 'failed', diagnostics: app.diagnostics });
    }
    for (const result of results) emit({ type: 'app:result', result });
    const status = combineStatus(sourceStatus(scanned), resultStatus(results, invocation.flags.errorOn));
    return { status, stdout: written.map((path) => `${escapeTerminal(path)}\n`).join(''), results };
  });
}

async function plan(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  return migrate(invocation, environment, async ({ setup, context, planPath, earlier }) => {
    const outcome = await planMigration(setup.request, context, earlier);
    await writeOutput(planPath, formatPlan(outcome.plan));
    const proposal = join(setup.out, PROPOSED_TARGETS);
    // A proposal of an earlier plan would be taken for this one's.
    await (outcome.targets === undefined ? rm(proposal, { force: true }) : writeOutput(proposal, outcome.targets));
    return { outcome, pending: outcome.plan.hasChanges };
  });
}

async function run(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  return migrate(invocation, environment, async ({ setup, context, planPath, earlier }) => {
    const outcome = await runMigration(setup.request, context, (saved) => writeOutput(planPath, formatPlan(saved)), earlier);
    await writeApps(outcome, setup);
    return { outcome, pending: false };
  });
}

async function apply(invocation: ApplyInvocation, environment: CliEnvironment): Promise<CommandResult> {
  const given = resolve(environment.cwd, invocation.plan);
  const bytes = await readOptional(given);
  if (bytes === undefined) throw new RebundleError('PLAN_INVALID', `${invocation.plan}: no such file`, { hint: 'Make a plan with rebundle plan.' });
  const approved = parsePlan(bytes, invocation.plan);
  return migrate(invocation, environment, async ({ setup, context, planPath }) => {
    const request = {
      ...setup.request,
      apps: approved.request.apps,
      removeApps: approved.request.removeApps,
      allowPartial: approved.request.allowPartial || setup.request.allowPartial,
    };
    const outcome = await applyMigration(approved, request, context, (saved) => writeOutput(planPath, formatPlan(saved)));
    await writeApps(outcome, setup);
    return { outcome, pending: false };
  });
}

interface MigrationWork {
  readonly setup: Setup;
  readonly context: MigrationContext;
  readonly planPath: string;
  /** The plan that is in the output folder, where one can be read. */
  readonly earlier?: MigrationPlan;
}

/** What plan, apply and run share: the context, the reports, the summary and the exit status. */
async function migrate(
  invocation: Invocation,
  environment: CliEnvironment,
  work: (input: MigrationWork) => Promise<{ readonly outcome: MigrationOutcome; readonly pending: boolean }>,
): Promise<CommandResult> {
  const { command, flags } = invocation;
  const setup = await prepareSetup(invocation, environment);
  requireIdentity(setup.config);
  checkOutput(setup);
  const places = openPlaces(setup.config, environment.cwd);
  if (command !== 'plan' && setup.config.publish.to?.kind === 'memory' && setup.config.targets !== undefined) {
    throw new RebundleError('USAGE', '--to memory: publishes nothing that a target could name', { hint: 'Use rebundle plan, or name a folder.' });
  }
  const started = environment.now();
  return withReporter(invocation, environment, setup, async (emit) => {
    const context = await createContext(setup, places, environment, emit);
    const planPath = join(setup.out, PLAN_FILE);
    const earlier = await readEarlierPlan(planPath);
    const { outcome, pending } = await work({ setup, context, planPath, ...(earlier === undefined ? {} : { earlier }) });
    const status = combineStatus(
      sourceStatus(outcome.scanned),
      resultStatus(outcome.results, flags.errorOn),
      pending ? 2 : 0,
    );
    const shown = (path: string): string => relative(environment.cwd, path);
    const wroteTargets = command !== 'plan' && outcome.targets !== undefined;
    const report = await writeReports(
      {
        plan: outcome.plan,
        results: outcome.results,
        command,
        status,
        sources: outcome.scanned.map(({ source, packages, error }) => ({ repository: source.origin.repository, packages, ...(error === undefined ? {} : { error }) })),
        bytesSent: outcome.bytesSent,
        timing: { totalMs: Math.round(environment.now() - started) },
        outputs: {
          plan: shown(planPath),
          ...(command === 'plan' ? {} : { apps: shown(join(setup.out, 'apps')), destination: places.destinationName }),
          ...(wroteTargets && setup.config.targets !== undefined ? { targets: shown(resolve(environment.cwd, setup.config.targets.repo)) } : {}),
          ...(command === 'plan' && outcome.targets !== undefined ? { plannedTargets: shown(join(setup.out, PROPOSED_TARGETS)) } : {}),
        },
      },
      { out: setup.out, cwd: environment.cwd, requests: flags.reports },
    );
    const kind = reporterKind(flags, environment);
    const summary =
      (kind === 'live' || kind === 'lines') && flags.verbosity !== 'quiet'
        ? renderSummary(report, { width: environment.width(), color: wantsColor(environment), flags: repeatedFlags(flags) })
        : undefined;
    const references = outcome.results.flatMap(({ app, reference }) => (reference === undefined ? [] : [`${app}\t${reference}\n`]));
    return {
      status,
      results: outcome.results,
      bytesSent: outcome.bytesSent,
      // On a terminal the summary says it better.
      ...(environment.stdoutIsTerminal ? {} : { stdout: references.join('') }),
      ...(summary === undefined ? {} : { summary }),
    };
  });
}

/** The flags that the next command of a user has to have, too. */
function repeatedFlags({ config, out, tag }: Flags): string {
  return Object.entries({ config, out, tag })
    .flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`]))
    .join(' ');
}

interface Finished extends CommandResult {
  readonly results: readonly AppResult[];
  readonly bytesSent?: number;
  /** For people, after the last event. */
  readonly summary?: string;
}

async function withReporter(
  invocation: Invocation,
  environment: CliEnvironment,
  setup: Setup,
  work: (emit: Emit) => Promise<Finished>,
): Promise<CommandResult> {
  const reporter = createReporter(invocation.flags, environment);
  try {
    reporter.onEvent({ type: 'run:start', command: invocation.command, repositories: setup.sources.length });
    const { summary, results, bytesSent = 0, ...result } = await work((event) => reporter.onEvent(event));
    reporter.onEvent({ type: 'run:end', status: result.status, counts: countResults(results, bytesSent) });
    await reporter.close?.();
    if (summary !== undefined) environment.writeError(summary.endsWith('\n') ? summary : `${summary}\n`);
    return result;
  } catch (thrown) {
    await reporter.close?.();
    throw thrown;
  }
}

function countResults(results: readonly AppResult[], bytesSent: number): RunCounts {
  const count = (status: AppResult['status']): number => results.filter((result) => result.status === status).length;
  return {
    migrated: count('migrated'),
    unchanged: count('unchanged'),
    skipped: count('skipped'),
    held: count('held'),
    failed: count('failed'),
    bundles: results.filter(({ reference }) => reference !== undefined).length,
    bytesSent,
  };
}

function sourceStatus(scanned: readonly ScannedSource[]): ExitStatus {
  return scanned.some(({ error }) => error !== undefined) ? 1 : 0;
}

function resultStatus(results: readonly AppResult[], errorOn: Severity): ExitStatus {
  const failed = results.some(({ status }) => status === 'failed' || status === 'held');
  const reached = (diagnostic: Diagnostic): boolean =>
    errorOn === 'note' || (errorOn === 'warning' && diagnostic.severity !== 'note');
  const over = errorOn !== 'error' && results.some(({ diagnostics }) => diagnostics.some(reached));
  return combineStatus(failed ? 1 : 0, over ? 3 : 0);
}

async function readEarlierPlan(path: string): Promise<MigrationPlan | undefined> {
  const bytes = await readOptional(path);
  try {
    return bytes === undefined ? undefined : parsePlan(bytes, path);
  } catch (thrown) {
    // A plan of another release, or a damaged one, is no state to go on from: the run begins anew.
    if (thrown instanceof RebundleError) return undefined;
    throw thrown;
  }
}

async function createContext(setup: Setup, places: Places, environment: CliEnvironment, emit: Emit): Promise<MigrationContext> {
  const { targets } = setup.config;
  const context = { ...offlineContext(setup, environment, emit), imageRegistry: places.imageRegistry, destination: places.destination };
  if (targets === undefined) return context;
  const shown = (path: string): string => relative(environment.cwd, resolve(environment.cwd, path));
  const seed = targets.seed === undefined ? undefined : await readOptional(resolve(environment.cwd, targets.seed));
  return {
    ...context,
    tufRepo: createFileTufRepo(resolve(environment.cwd, targets.repo)),
    ...(seed === undefined || targets.seed === undefined ? {} : { targetsSeed: { path: shown(targets.seed), bytes: seed } }),
  };
}

/** A context for commands that ask no registry: an empty one stands in every place. */
function offlineContext(setup: Setup, environment: CliEnvironment, emit: Emit): MigrationContext {
  const empty = createMemoryRegistry();
  return {
    sources: setup.sources,
    imageRegistry: () => empty,
    destination: empty,
    createdAt: readCreatedAt(environment.env, environment.now),
    emit,
    limit: setup.limit,
    signal: environment.signal,
  };
}

/** Output never goes where input is: a folder for an app may not lie in a repository, unless `--out` as a whole is kept out of its scan. */
function checkOutput({ out, roots }: Setup): void {
  for (const [repository, root] of roots) {
    const kept = out !== root && isWithin(root, out);
    if (!kept && isWithin(root, join(out, 'apps'))) {
      throw new RebundleError('OUTPUT_UNSAFE', `--out ${out} is the folder of the repository ${repository}`, { hint: 'Choose another --out.' });
    }
  }
}

async function writeApps({ apps }: MigrationOutcome, setup: Setup): Promise<void> {
  for (const { converted, bundle, diagnostics } of apps) {
    const folder = appFolder(setup.out, converted.name);
    if (bundle !== undefined && !hasErrors(diagnostics)) await replaceTree(folder, treeOf(converted));
    else if (converted.app === undefined) await removeTree(folder);
  }
}

/** The converted tree: what `convert` writes, images as they are written. */
function treeOf({ app, files, source }: ConvertedApp): OutputFile[] {
  const compose = Buffer.from(app?.composeText ?? '');
  return [
    { path: COMPOSE_FILE, executable: false, open: () => once(compose) },
    ...files.map((file) => ({ path: file.path, executable: file.executable, open: () => source.open(file.source) })),
  ];
}

function inPlaceFolder({ name, location, source }: ConvertedApp, { roots }: Setup): string {
  return join(roots.get(source.origin.repository) ?? '', dirname(location.path), name);
}

/** Files that are not in their place already: a support file of the folder beside the package is. */
function newFiles(app: ConvertedApp, setup: Setup, folder: string): OutputFile[] {
  const root = setup.roots.get(app.source.origin.repository) ?? '';
  const inPlace = new Set(app.files.filter((file) => join(root, file.source) === join(folder, file.path)).map(({ path }) => path));
  return treeOf(app).filter(({ path }) => !inPlace.has(path));
}

/** The exit status of what stopped a command. */
export function statusOf(error: RebundleError): ExitStatus {
  return ERRORS[error.code].exit;
}
