import { open } from 'node:fs/promises';
import { RebundleError } from '../errors.ts';
import type { MigrationPlan } from '../model/plan.ts';
import { readPlan } from '../pipeline/state.ts';

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
    return await readPlan(file.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false }), shown);
  } catch (thrown) {
    throw thrown instanceof RebundleError ? thrown : unreadable(thrown);
  } finally {
    await file.close();
  }
}
