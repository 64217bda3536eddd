import { join, relative } from 'node:path';
import { ERRORS, type RebundleError } from '../errors.ts';
import { encodeJson, escapeTerminal } from '../lib/escape-text.ts';
import type { AppResult } from '../model/app.ts';
import { convertPackages } from '../pipeline/convert.ts';
import { hasErrors } from '../pipeline/migration.ts';
import { scanSources, skippedResults } from '../pipeline/scan.ts';
import type { CliEnvironment } from './environment.ts';
import { combineStatus, type ExitStatus } from './exit-status.ts';
import { apply, plan, run } from './migrate.ts';
import { removeTree, replaceTree, writeTree } from './output.ts';
import type { CommandHandlers, CommandResult, Invocation } from './program.ts';
import { checkOutput, offlineContext, resultStatus, sourceStatus, withReporter } from './session.ts';
import { appFolder, prepareSetup } from './setup.ts';
import { COMPOSE_FILE, inPlaceFolder, newFiles, treeOf } from './trees.ts';

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
    const rows = scanned.flatMap(({ source, packages }) =>
      packages.map((found) => ({ repository: source.origin.repository, ...found })),
    );
    const stdout = invocation.flags.json
      ? `${encodeJson(rows, 2)}\n`
      : rows
          .map(
            (row) =>
              `${[row.selected ? 'selected' : 'skipped', row.name, row.kind, `${row.repository}/${row.path}`, row.reason ?? ''].map(escapeTerminal).join('\t').trimEnd()}\n`,
          )
          .join('');
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
      results.push({
        app: app.name,
        origin: app.origin,
        status: fine ? 'migrated' : 'failed',
        diagnostics: app.diagnostics,
      });
    }
    results.push(...skippedResults(scanned));
    for (const result of results) emit({ type: 'app:result', result });
    const status = combineStatus(sourceStatus(scanned), resultStatus(results, invocation.flags.errorOn));
    return { status, stdout: written.map((path) => `${escapeTerminal(path)}\n`).join(''), results };
  });
}

/** The exit status of what stopped a command. */
export function statusOf(error: RebundleError): ExitStatus {
  return ERRORS[error.code].exit;
}
