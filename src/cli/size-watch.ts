import type { Emit } from '../events.ts';
import { isHuge } from '../pipeline/hold-limits.ts';
import type { CliEnvironment } from './environment.ts';

/** Apps from which on a heap that grows freely would take hundreds of megabytes. */
const MANY_APPS = 500;

/** Percent by which the heap may grow before it is cleaned: without a word it grows to twice its size and more. */
const GROWTH = { many: 20, huge: 5 };

const MIB = 1024 * 1024;
/** Room for new objects. More is no faster, but for a huge factory, which takes a tenth more time with so little, and fifty megabytes less. */
const ROOM = { usual: 32 * MIB, huge: 8 * MIB };

/** Events from one look at that room to the next. */
const EVENTS_A_LOOK = 32;

/** Keeps the heap of a factory of many apps small, from before the configuration is read. */
export function createSizeWatch({ heap }: CliEnvironment): Emit {
  if (heap === undefined) return () => {};
  heap.holdNew(true);
  let apps = 0;
  let events = 0;
  let isScanned = false;
  let isHeld = true;
  const look = (room: number): void => {
    if (heap.newBytes() < room) return;
    heap.holdNew(true);
    isHeld = true;
  };
  const letGrow = (): void => {
    heap.holdNew(false);
    isHeld = false;
  };
  return (event) => {
    if (event.type === 'source:scanned') {
      const before = apps;
      if (before === 0) letGrow();
      apps += event.packages.filter(({ selected }) => selected).length;
      if (before < MANY_APPS && apps >= MANY_APPS) heap.limitGrowth(GROWTH.many);
      if (!isHuge(before) && isHuge(apps)) heap.limitGrowth(GROWTH.huge);
      // How large the factory is, is known only at the end of this.
      if (!isHeld) look(ROOM.huge);
    } else if (event.type !== 'run:start' && event.type !== 'source:failed') {
      if (!isScanned && !isHuge(apps)) letGrow();
      isScanned = true;
      events += 1;
      if (isHeld) return;
      if (isHuge(apps)) look(ROOM.huge);
      else if (events % EVENTS_A_LOOK === 0) look(ROOM.usual);
    }
  };
}
