import { resolve } from 'node:path';
import { RebundleError } from '../../errors.ts';
import { applyMigration } from '../../pipeline/run.ts';
import {
  CONVERSION,
  type CommandDefinition,
  type CommandResult,
  type Invocation,
  OUTCOME,
  PLACES,
  PROGRESS,
  REPOSITORY_PATHS,
  SOURCES,
} from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { migrate } from '../migrate.ts';
import { readPlanFile, savePlanAt } from '../plan-file.ts';
import { SIGNING_OPTIONS } from '../tuf-options.ts';

export const APPLY: CommandDefinition = {
  name: 'apply',
  summary: 'publish exactly what a plan says, or refuse',
  operands: [{ name: 'plan', description: 'the plan file' }],
  paths: REPOSITORY_PATHS,
  options: [
    'config',
    'out',
    ...SOURCES,
    ...PLACES,
    ...CONVERSION,
    'repin',
    'allowPartial',
    ...OUTCOME,
    'report',
    ...PROGRESS,
  ],
  own: SIGNING_OPTIONS,
  example: 'rebundle apply out/plan.json --tag 4f2c9ab',
  statuses: [0, 3, 1, 5, 4, 130],
  run: apply,
};

async function apply(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const [given = ''] = invocation.operands;
  const approved = await readPlanFile(resolve(environment.cwd, given), given);
  if (approved === undefined)
    throw new RebundleError('PLAN_INVALID', `${given}: no such file`, {
      hint: 'Make a plan with rebundle plan.',
    });
  return migrate(invocation, environment, async ({ setup, context, trees, planPath }) => {
    const { apps, only, removeApps, allowPartial } = approved.request;
    const request = {
      ...setup.request,
      apps,
      ...(only === undefined ? {} : { only: new Map(Object.entries(only)) }),
      removeApps,
      allowPartial: allowPartial || setup.request.allowPartial,
    };
    const outcome = await applyMigration(approved, request, context, savePlanAt(planPath, setup));
    await trees.finish(outcome);
    return { outcome, pending: false };
  });
}
