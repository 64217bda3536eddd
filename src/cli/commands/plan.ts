import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { planMigration } from '../../pipeline/run.ts';
import { formatPlan } from '../../pipeline/state.ts';
import { type CommandDefinition, type CommandResult, type Invocation, PLANNING, REPOSITORY_PATHS } from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { migrate } from '../migrate.ts';
import { writeOutput } from '../output.ts';
import { PROPOSED_TARGETS } from '../run-result.ts';
import { SIGNING_OPTIONS } from '../tuf-options.ts';

export const PLAN: CommandDefinition = {
  name: 'plan',
  summary: 'do everything but writing: a plan file and reports, with the final digests',
  paths: REPOSITORY_PATHS,
  options: PLANNING,
  own: SIGNING_OPTIONS,
  example: 'rebundle plan --tag 4f2c9ab --report html=review.html',
  statuses: [0, 2, 3, 1, 5, 4, 130],
  run: plan,
};

async function plan(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  return migrate(invocation, environment, async ({ setup, context, planPath, takeEarlier }) => {
    const outcome = await planMigration(setup.request, context, takeEarlier());
    await writeOutput(planPath, formatPlan(outcome.plan));
    const proposal = join(setup.out, PROPOSED_TARGETS);
    // A proposal of an earlier plan would be taken for this one's.
    await (outcome.targets === undefined ? rm(proposal, { force: true }) : writeOutput(proposal, outcome.targets));
    return { outcome, pending: outcome.plan.hasChanges };
  });
}
