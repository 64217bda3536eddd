import { runMigration } from '../../pipeline/run.ts';
import { type CommandDefinition, type CommandResult, type Invocation, PLANNING, REPOSITORY_PATHS } from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { migrate } from '../migrate.ts';
import { savePlanAt } from '../plan-file.ts';
import { SIGNING_OPTIONS } from '../tuf-options.ts';

export const RUN: CommandDefinition = {
  name: 'run',
  summary: 'plan and apply in one go: the scheduled job',
  paths: REPOSITORY_PATHS,
  options: PLANNING,
  own: SIGNING_OPTIONS,
  example: 'rebundle run --tag "$(git rev-parse --short=7 HEAD)" --reporter lines',
  statuses: [0, 3, 1, 5, 4, 130],
  run,
};

async function run(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  return migrate(invocation, environment, async ({ setup, context, trees, planPath, takeEarlier }) => {
    const outcome = await runMigration(setup.request, context, savePlanAt(planPath, setup), takeEarlier());
    await trees.finish(outcome);
    return { outcome, pending: false };
  });
}
