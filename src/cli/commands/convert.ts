import { join, relative } from 'node:path';
import { Option } from 'commander';
import { escapeTerminal } from '../../lib/escape-text.ts';
import type { AppResult } from '../../model/app.ts';
import { convertPackages } from '../../pipeline/convert.ts';
import { tellConversion } from '../../pipeline/ignore-findings.ts';
import { type ConvertedApp, hasErrors } from '../../pipeline/migration.ts';
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
import { writeEnvFiles } from '../env-output.ts';
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
  own: [() => new Option('--prove', 'write nothing, only say what was proved equal').conflicts(['out', 'inPlace'])],
  example: 'rebundle convert ~/src/gateway --out converted',
  statuses: [0, 3, 1, 5, 4, 130],
  run: convert,
};

async function convert(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const setup = await prepareSetup(invocation, environment);
  const { inPlace } = invocation.flags;
  const proveOnly = invocation.own.prove === true;
  if (!inPlace && !proveOnly) checkOutput(setup);
  return withReporter(invocation, environment, setup, async (emit) => {
    const context = offlineContext(setup, environment, emit);
    const scanned = await scanSources(setup.request, context);
    const request = { ...setup.request, deviceSeverity: 'warning' } as const;
    const apps = await convertPackages(scanned, request, context, async (app) => app);
    const lines: string[] = [];
    const results: AppResult[] = [];
    for (const app of apps) {
      const fine = app.app !== undefined && !hasErrors(app.diagnostics);
      const folder = inPlace ? inPlaceFolder(app, setup) : appFolder(setup.out, app.name);
      if (proveOnly) lines.push(`${app.name}: ${describeProof(app, fine)}`);
      else if (fine) {
        await (inPlace ? writeTree(folder, newFiles(app, setup, folder)) : replaceTree(folder, treeOf(app)));
        lines.push(relative(environment.cwd, join(folder, COMPOSE_FILE)));
      } else if (!inPlace) await removeTree(folder);
      results.push({
        app: app.name,
        origin: app.origin,
        status: fine ? 'migrated' : 'failed',
        diagnostics: app.diagnostics,
      });
    }
    if (!proveOnly) await writeEnvFiles(apps, setup);
    results.push(...skippedResults(scanned));
    const heard = tellConversion({ apps, results, scanned }, setup.request, context);
    const status = combineStatus(
      sourceStatus(scanned),
      resultStatus(heard.results, invocation.flags.errorOn, heard.diagnostics),
    );
    const stdout = lines.map((line) => `${escapeTerminal(line)}\n`).join('');
    return { status, stdout, results: heard.results };
  });
}

/** The defaults are counted with the overrides. */
function describeProof({ proof }: ConvertedApp, fine: boolean): string {
  if (proof === undefined) return 'not proved, see its errors';
  const { fields, overrides, sampled } = proof;
  const how = sampled ? ' (many parameters: overridden in groups)' : '';
  return `${fine ? 'equal' : 'not equal'}: ${fields} fields x ${overrides + 1} overrides x 2 generations${how}`;
}
