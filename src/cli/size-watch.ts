import type { Emit } from '../events.ts';
import { isHuge } from '../pipeline/hold-limits.ts';
import type { CliEnvironment } from './environment.ts';

/** Tells the environment of a factory that is too large to be held. */
export function createSizeWatch({ saveMemory }: CliEnvironment): Emit {
  let apps = 0;
  return (event) => {
    if (event.type !== 'source:scanned') return;
    const before = apps;
    apps += event.packages.filter(({ selected }) => selected).length;
    if (isHuge(apps) && !isHuge(before)) saveMemory?.();
  };
}
