import { createLimit, mapLimit } from '../lib/limit.ts';
import { onOutput } from '../lib/on-output.ts';
import type { AppBytes } from '../pipeline/app-bytes.ts';
import { isNotTried } from '../pipeline/max-failures.ts';
import { hasErrors } from '../pipeline/migration.ts';
import type { MigrationOutcome } from '../pipeline/run.ts';
import { removeTree, replaceTree } from './output.ts';
import { appFolder, type Setup } from './setup.ts';
import { digestFolder } from './tree-digest.ts';

/** As many as Node works on files with. */
const TREES_AT_ONCE = 4;

/** Writes the converted trees of a run. */
export interface AppTrees {
  /** Writes the tree of an app whose bytes are at hand, while other apps wait for the network. Where that fails, `finish` tries again and tells. */
  readonly save: (app: Pick<AppBytes, 'name' | 'tree'>) => Promise<void>;
  /** Writes all others that are not there as they should be, and removes those of packages that cannot be converted. */
  readonly finish: (outcome: Pick<MigrationOutcome, 'apps'>) => Promise<void>;
}

export function createAppTrees(setup: Pick<Setup, 'out' | 'signal'>): AppTrees {
  const saved = new Set<string>();
  return {
    async save({ name, tree }) {
      try {
        await replaceTree(appFolder(setup.out, name), tree);
        saved.add(name);
      } catch {
        // Told by `finish`.
      }
    },
    async finish({ apps }) {
      const limit = createLimit(TREES_AT_ONCE, setup.signal);
      await mapLimit(apps, limit, async ({ name, open, isConverted, details, diagnostics }) => {
        if (saved.has(name)) return;
        const folder = appFolder(setup.out, name);
        await onOutput(folder, async () => {
          if (open !== undefined && !hasErrors(diagnostics)) {
            const { tree } = details.read();
            if (tree !== undefined && (await digestFolder(folder)) === tree) return;
            await replaceTree(folder, (await open()).tree);
          } else if (!isConverted && !isNotTried(diagnostics)) removeTree(folder);
        });
      });
    },
  };
}
