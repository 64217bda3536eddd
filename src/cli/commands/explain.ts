import { explainConversion } from '../../convert/explain.ts';
import { encodeJson } from '../../lib/escape-text.ts';
import { convertPackages } from '../../pipeline/convert.ts';
import { type ConvertedApp, hasErrors } from '../../pipeline/migration.ts';
import { scanSources } from '../../pipeline/scan.ts';
import {
  CONVERSION,
  type CommandDefinition,
  type CommandResult,
  type Invocation,
  PROGRESS,
  REPOSITORY_PATHS,
  SOURCES,
} from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { combineStatus } from '../exit-status.ts';
import { type AppExplanation, renderExplanation } from '../explain-text.ts';
import { APP_OPERAND, prepareApp, selectApp } from '../select-app.ts';
import { offlineContext, sourceStatus, withReporter } from '../session.ts';
import type { Setup } from '../setup.ts';

export const EXPLAIN: CommandDefinition = {
  name: 'explain',
  summary: 'say where each line of a converted app comes from, and why',
  operands: [APP_OPERAND],
  paths: REPOSITORY_PATHS,
  options: ['config', ...SOURCES, ...CONVERSION, 'json', ...PROGRESS],
  example: 'rebundle explain shellhttpd ~/src/containers',
  statuses: [0, 1, 5, 4, 130],
  run: explain,
};

async function explain(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const { setup, app } = await prepareApp(invocation, environment);
  return withReporter(invocation, environment, setup, async (emit) => {
    const context = offlineContext(setup, environment, emit);
    const scanned = await scanSources(setup.request, context);
    const found = selectApp(scanned, app);
    const request = { ...setup.request, deviceSeverity: 'warning' } as const;
    const converted = await convertPackages(found, request, context, async (each) => each);
    const skipped = new Map(scanned.flatMap(({ packages }) => packages.map(({ path, reason }) => [path, reason])));
    const explained = converted.map((each) => explainApp(each, setup, skipped.get(each.location.path)));
    const failed = converted.some(({ diagnostics }) => hasErrors(diagnostics));
    const stdout = invocation.flags.json
      ? `${encodeJson(explained, 2)}\n`
      : explained.map((each) => renderExplanation(each)).join('\n');
    return { status: combineStatus(sourceStatus(scanned), failed ? 1 : 0), stdout, results: [] };
  });
}

function explainApp(
  { name, origin, location, pkg, app, proof, diagnostics }: ConvertedApp,
  { config }: Setup,
  skipped: string | undefined,
): AppExplanation {
  return {
    app: name,
    origin,
    kind: pkg?.kind ?? location.kind,
    ...(pkg === undefined ? {} : { semantics: pkg.semantics }),
    interpolation: config.apps.interpolation.get(name) ?? config.interpolation,
    ...(skipped === undefined ? {} : { skipped }),
    ...(app === undefined ? {} : explainConversion(app)),
    ...(proof === undefined || hasErrors(diagnostics)
      ? {}
      : { proof: { fields: proof.fields, overrides: proof.overrides, sampled: proof.sampled } }),
    findings: diagnostics,
  };
}
