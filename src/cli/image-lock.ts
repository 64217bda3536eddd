import { relative, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { isUrl } from '../config.ts';
import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { MigrationPlan } from '../model/plan.ts';
import type { ImageLock } from '../pipeline/migration.ts';
import type { CliEnvironment } from './environment.ts';
import { readPlanFile } from './plan-file.ts';
import type { Setup } from './setup.ts';

/** The plan that `--frozen` names, as the one source of digests. Throws what `readPlanFile` throws, and PLAN_INVALID where there is none. */
export async function readFrozenPlan(path: string, { cwd }: CliEnvironment): Promise<ImageLock> {
  const plan = await readPlanFile(resolve(cwd, path), path);
  if (plan === undefined) throw new RebundleError('PLAN_INVALID', `--frozen ${escapeTerminal(path)}: no such file`);
  return { plan, name: path, isWhole: true, covers: () => true };
}

/** Without a network, the plan in the output folder answers for the images of every host that is not a place on this machine. */
export function createOfflineLock(
  { config }: Setup,
  planPath: string,
  { earlier, cwd }: { readonly earlier: MigrationPlan | undefined; readonly cwd: string },
): ImageLock {
  return {
    ...(earlier === undefined ? {} : { plan: earlier }),
    name: relative(cwd, planPath),
    isWhole: false,
    covers: (host) => (config.registries.get(host)?.kind ?? 'registry') === 'registry',
  };
}

/** Throws USAGE where `--offline` cannot be kept to: a run has to reach where it writes. */
export function checkOffline({ publish, registry, targets }: Config): void {
  if (publish.to === undefined || publish.to.kind === 'registry') {
    const host = publish.to?.host ?? registry ?? 'a registry';
    throw new RebundleError('USAGE', `--offline: bundles would go to ${escapeTerminal(host)}`, {
      hint: 'Name a folder with --to oci-layout:DIR.',
    });
  }
  if (targets === undefined || !isUrl(targets.repo)) return;
  throw new RebundleError('USAGE', '--offline: targets.repo is a server', { hint: 'Name a file in targets.repo.' });
}
