import { resolve } from 'node:path';
import { RebundleError } from '../../errors.ts';
import { encodeJson } from '../../lib/escape-text.ts';
import { compareReports } from '../../report/compare-reports.ts';
import { renderDifference } from '../../report/difference-text.ts';
import { parseReport } from '../../report/report-schema.ts';
import type { RunReport } from '../../report/run-report.ts';
import type { CommandDefinition, CommandResult, Invocation } from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { readOptional } from '../output.ts';

export const REPORT_DIFF: CommandDefinition = {
  name: 'report diff',
  summary: 'show what changed between two runs',
  operands: [
    { name: 'old', description: 'report.json of the earlier run' },
    { name: 'new', description: 'report.json of the later run' },
  ],
  options: ['json'],
  example: 'rebundle report diff last-week/report.json out/report.json',
  statuses: [0, 4],
  run,
};

async function run({ operands, flags }: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const [old = '', now = ''] = operands;
  const difference = compareReports(await readReport(old, environment), await readReport(now, environment));
  const { env, stdoutIsTerminal } = environment;
  const color = stdoutIsTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  const stdout = flags.json ? `${encodeJson(difference, 2)}\n` : renderDifference(difference, { color });
  return { status: 0, stdout };
}

async function readReport(path: string, { cwd }: CliEnvironment): Promise<RunReport> {
  const bytes = await readOptional(resolve(cwd, path));
  if (bytes === undefined) throw new RebundleError('USAGE', `${path}: no such file`);
  return parseReport(bytes.toString('utf8'), path);
}
