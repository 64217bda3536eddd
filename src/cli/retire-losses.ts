import { relative, resolve } from 'node:path';
import { readTargets } from '../pipeline/app-targets.ts';
import { findRetireLosses, type RetireLoss } from '../pipeline/retire-losses.ts';
import type { CliEnvironment } from './environment.ts';
import { readOptional } from './output.ts';
import { withPlaces } from './places.ts';
import { offlineContext } from './session.ts';
import type { Setup } from './setup.ts';
import { openTufRepo } from './tuf-files.ts';

/** What devices lose by the targets as they are now; undefined where no targets are configured. */
export async function readLosses(setup: Setup, environment: CliEnvironment): Promise<RetireLoss[] | undefined> {
  const { config, offline } = setup;
  const { targets } = config;
  if (targets === undefined) return undefined;
  const emit = (): void => {};
  return withPlaces({ config, environment, emit, offline }, async ({ http }) => {
    const tufRepo = await openTufRepo(targets, { environment, emit, http });
    const seedPath = targets.seed === undefined ? undefined : resolve(environment.cwd, targets.seed);
    const seed = seedPath === undefined ? undefined : await readOptional(seedPath);
    const state = await readTargets({
      ...offlineContext(setup, environment, emit),
      tufRepo,
      ...(seedPath === undefined || seed === undefined
        ? {}
        : { targetsSeed: { path: relative(environment.cwd, seedPath), bytes: seed } }),
    });
    return state?.file === undefined ? [] : findRetireLosses(state.file, targets);
  });
}
