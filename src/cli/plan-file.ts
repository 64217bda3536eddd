import { open } from 'node:fs/promises';
import { RebundleError } from '../errors.ts';
import type { MigrationPlan } from '../model/plan.ts';
import type { SavePlan } from '../pipeline/run.ts';
import { formatPlan, readPlan } from '../pipeline/state.ts';
import { assertOwnTree, writeOutput } from './output.ts';
import { appFolder, type Setup } from './setup.ts';

const CHUNK_BYTES = 256 * 1024;

/** Reads a plan file, undefined where there is none; `shown` is the path for messages. Throws what `readPlan` throws, and SOURCE_UNREADABLE. */
export async function readPlanFile(path: string, shown: string): Promise<MigrationPlan | undefined> {
  const unreadable = (cause: unknown): RebundleError =>
    new RebundleError('SOURCE_UNREADABLE', `${shown} cannot be read`, { cause });
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw unreadable(cause);
  });
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const chunks = file.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false });
    return await readPlan(chunks, { path: shown, size });
  } catch (thrown) {
    throw thrown instanceof RebundleError ? thrown : unreadable(thrown);
  } finally {
    await file.close();
  }
}

/** Writes the plan of a run. Before the first remote write it is also certain that the converted trees can be written. */
export function savePlanAt(path: string, { out }: Pick<Setup, 'out'>): SavePlan {
  return async (plan) => {
    if (plan.state === 'started') for (const { app } of plan.apps) assertOwnTree(appFolder(out, app));
    await writeOutput(path, formatPlan(plan));
  };
}
