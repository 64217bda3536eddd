import type { Emit } from '../events.ts';
import type { CliEnvironment } from './environment.ts';

/** Apps from which on a heap that grows freely would take hundreds of megabytes. */
const MANY_APPS = 500;

/** Tells the environment of a factory of many apps. */
export function createSizeWatch({ saveMemory }: CliEnvironment): Emit {
  let apps = 0;
  return (event) => {
    if (event.type !== 'source:scanned') return;
    const before = apps;
    apps += event.packages.filter(({ selected }) => selected).length;
    if (before < MANY_APPS && apps >= MANY_APPS) saveMemory?.();
  };
}
