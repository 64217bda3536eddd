import { RebundleError } from '../errors.ts';
import { encodeJson, escapeTerminal } from '../lib/escape-text.ts';
import type { AppResult } from '../model/app.ts';
import { convertPackages } from '../pipeline/convert.ts';
import { tellConversion } from '../pipeline/ignore-findings.ts';
import { hasErrors, type MigrationContext } from '../pipeline/migration.ts';
import { listPackages, planReplacements, type RepositoryReplacement } from '../pipeline/retire.ts';
import { checkReplacements, type RetireOutlook } from '../pipeline/retire-check.ts';
import { scanSources, skippedResults } from '../pipeline/scan.ts';
import type { CommandResult, Invocation } from './command.ts';
import type { CommitOptions } from './convert-commits.ts';
import type { CliEnvironment } from './environment.ts';
import { combineStatus } from './exit-status.ts';
import { writeReplacements } from './retire-commits.ts';
import { readLosses } from './retire-losses.ts';
import { formatRetire, listRows, type RetireView, toRow } from './retire-text.ts';
import { offlineContext, resultStatus, withReporter } from './session.ts';
import { prepareSetup, type Setup } from './setup.ts';

const NOTHING: RetireOutlook = { lostFiles: new Map(), newApps: [] };

/**
 * The first step: tells what takes the place of each package and what devices will lose; with `--fleet-ready` writes it as commits upon those that are read,
 * never into a work tree. `packages` are those of the repositories as they lie there.
 */
export async function replacePackages(
  input: { readonly setup: Setup; readonly packages: ReturnType<typeof listPackages> },
  invocation: Invocation,
  environment: CliEnvironment,
): Promise<CommandResult> {
  const { flags, own } = invocation;
  const ready = own.fleetReady === true;
  const options = own as CommitOptions;
  if (ready && options.branch === undefined && options.patch === undefined) {
    throw new RebundleError('USAGE', `packages are left, so --fleet-ready needs --patch DIR or --branch NAME`, {
      hint: 'Without --fleet-ready, retire only tells what it would do.',
    });
  }
  const setup = ready ? await prepareSetup(invocation, environment, { commits: true }) : input.setup;
  return withReporter(invocation, environment, setup, async (emit) => {
    const context = offlineContext(setup, environment, emit);
    const made = await planPackages({ setup, context, ready, packages: input.packages });
    const losses = await readLosses(setup, environment);
    const view: RetireView = {
      step: 'packages',
      ready,
      ...(made.refused === undefined ? {} : { refused: made.refused }),
      packages: made.refused === undefined ? listRows(made.replacements, made.outlook) : input.packages.map(toRow),
      newApps: made.outlook.newApps,
      ...(losses === undefined ? {} : { losses }),
    };
    const status = combineStatus(resultStatus(ready ? made.results : [], flags.errorOn, ready ? made.told : []));
    if (!ready) return { status, results: made.results, stdout: flags.json ? toJson(view) : formatRetire(view) };
    const { replacements, outlook } = made;
    const commits = await writeReplacements({ replacements, outlook, options, setup, context }, environment);
    const stdout = flags.json
      ? toJson({ ...view, commits })
      : commits.map((line) => `${escapeTerminal(line)}\n`).join('');
    const told = !flags.json && flags.verbosity !== 'quiet';
    return { status, results: made.results, stdout, ...(told ? { summary: formatRetire(view) } : {}) };
  });
}

function toJson(view: RetireView): string {
  return `${encodeJson(view, 2)}\n`;
}

async function planPackages({
  setup,
  context,
  ready,
  packages,
}: {
  readonly setup: Setup;
  readonly context: MigrationContext;
  readonly ready: boolean;
  readonly packages: ReturnType<typeof listPackages>;
}) {
  const { request } = setup;
  const scanned = await scanSources(request, context);
  const apps = await convertPackages(scanned, request, context, async (app) => app);
  const found: AppResult[] = apps.map(({ name, origin, app, diagnostics }) => ({
    app: name,
    origin,
    status: app === undefined || hasErrors(diagnostics) ? 'failed' : 'migrated',
    diagnostics,
  }));
  const all = [...found, ...skippedResults(scanned)];
  const { results, diagnostics: told } = tellConversion({ apps, results: all, scanned }, request, context);
  try {
    const replacements = await planReplacements(apps, scanned);
    if (ready) requireCommitted(packages, listPackages(scanned));
    const outlook = await checkReplacements(replacements, scanned, { request, context });
    return { results, told, replacements, outlook };
  } catch (thrown) {
    // Who only looks gets to know it with all the rest.
    if (ready || !(thrown instanceof RebundleError) || thrown.code !== 'RETIRE_REFUSED') throw thrown;
    const replacements: readonly RepositoryReplacement[] = [];
    return { results, told, replacements, outlook: NOTHING, refused: thrown.message };
  }
}

/** A package that no commit of the repository itself has would stay where it is. */
function requireCommitted(lying: ReturnType<typeof listPackages>, committed: ReturnType<typeof listPackages>): void {
  const keyOf = ({ source, location }: (typeof lying)[number]): string =>
    `${source.origin.repository}/${location.path}`;
  const known = new Set(committed.map(keyOf));
  const missing = lying.map(keyOf).find((key) => !known.has(key));
  if (missing === undefined) return;
  throw new RebundleError('RETIRE_REFUSED', `'${escapeTerminal(missing)}' is in no commit that is read`, {
    hint: 'Commit it first; retire what lies in a submodule in the repository of that; or leave it out with --app or apps.exclude.',
  });
}
