import { setImmediate } from 'node:timers/promises';

let last: Promise<void> = Promise.resolve();

/** Lets connections, timers and signals have their turn. Of all who wait for theirs, one goes on in each round of the event loop. */
export function nextTurn(): Promise<void> {
  last = last.then(() => setImmediate());
  return last;
}
