import { join, relative } from 'node:path';
import { escapeTerminal } from '../../lib/escape-text.ts';
import type { AppResult } from '../../model/app.ts';
import { convertPackages } from '../../pipeline/convert.ts';
import { hasErrors } from '../../pipeline/migration.ts';
import { scanSources, skippedResults } from '../../pipeline/scan.ts';
import {
  CONVERSION,
  type CommandDefinition,
  type CommandResult,
  type Invocation,
  OUTCOME,
  PROGRESS,
  REPOSITORY_PATHS,
} from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { combineStatus } from '../exit-status.ts';
import { removeTree, replaceTree, writeTree } from '../output.ts';
import { checkOutput, offlineContext, resultStatus, sourceStatus, withReporter } from '../session.ts';
import { appFolder, prepareSetup } from '../setup.ts';
import { COMPOSE_FILE, inPlaceFolder, newFiles, treeOf } from '../trees.ts';

export const CONVERT: CommandDefinition = {
  name: 'convert',
  summary: 'turn packages into compose files, without a registry',
  paths: REPOSITORY_PATHS,
  options: ['config', 'out', 'inPlace', 'app', ...CONVERSION, ...OUTCOME, ...PROGRESS],
  example: 'rebundle convert ~/src/gateway --out converted',
  statuses: [0, 3, 1, 5, 4, 130],
  run: convert,
};

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
