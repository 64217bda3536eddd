import { createLimit, mapLimit } from '../lib/limit.ts';
import { onOutput } from '../lib/on-output.ts';
import type { MigrationPlan } from '../model/plan.ts';
import { isNotTried } from '../pipeline/max-failures.ts';
import { hasErrors } from '../pipeline/migration.ts';
import type { MigrationOutcome } from '../pipeline/run.ts';
import { formatPlan } from '../pipeline/state.ts';
import { assertOwnTree, removeTree, replaceTree, writeOutput } from './output.ts';
import { appFolder, type Setup } from './setup.ts';
import { digestFolder } from './tree-digest.ts';

/** As many as Node works on files with. */
const TREES_AT_ONCE = 4;

/** Before the first remote write it is also certain that the converted trees can be written. */
export async function savePlan(plan: MigrationPlan, path: string, { out }: Setup): Promise<void> {
  if (plan.state === 'started') for (const { app } of plan.apps) assertOwnTree(appFolder(out, app));
  await writeOutput(path, formatPlan(plan));
}

export async function writeApps({ apps }: MigrationOutcome, setup: Setup): Promise<void> {
  const limit = createLimit(TREES_AT_ONCE, setup.signal);
  await mapLimit(apps, limit, async ({ name, open, isConverted, details, diagnostics }) => {
    const folder = appFolder(setup.out, name);
    await onOutput(folder, async () => {
      if (open !== undefined && !hasErrors(diagnostics)) {
        const { tree } = details.read();
        if (tree !== undefined && (await digestFolder(folder)) === tree) return;
        await replaceTree(folder, (await open()).tree);
      } else if (!isConverted && !isNotTried(diagnostics)) removeTree(folder);
    });
  });
}
