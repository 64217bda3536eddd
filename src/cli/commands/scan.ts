import { encodeJson, escapeTerminal } from '../../lib/escape-text.ts';
import { listPackages } from '../../pipeline/scan.ts';
import {
  type CommandDefinition,
  type CommandResult,
  type Invocation,
  PROGRESS,
  REPOSITORY_PATHS,
  SOURCES,
} from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { offlineContext, sourceStatus, withReporter } from '../session.ts';
import { prepareSetup } from '../setup.ts';

export const SCAN: CommandDefinition = {
  name: 'scan',
  summary: 'list the packages found, each skipped one with its reason',
  paths: REPOSITORY_PATHS,
  options: ['config', 'app', ...SOURCES, 'json', ...PROGRESS],
  example: 'rebundle scan ~/src/gateway --json',
  statuses: [0, 1, 5, 4, 130],
  run: scan,
};

async function scan(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const setup = await prepareSetup(invocation, environment);
  return withReporter(invocation, environment, setup, async (emit) => {
    const scanned = await listPackages(setup.request, offlineContext(setup, environment, emit));
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
