import { join } from 'node:path';

/** One call of a run that changes the disk or asks a registry: it is stopped before it, in the middle of what it writes, or after it. */
export interface StopPoint {
  readonly at: number;
  readonly when: 'before' | 'half' | 'after';
}

/** Environment of a Node process that signals itself at a point. */
export function stopAt(point: StopPoint, signal: NodeJS.Signals): Record<string, string> {
  return hook({ ...point, signal });
}

/** What a process says on standard error when `pauseAtRequest` lets it stand. */
export const PAUSED = 'stop-hook: paused\n';

/** Environment of a Node process that stands still at its request of that number, or at the answer (both are counted), until there is a file. */
export function pauseAtRequest(at: number, waitFor: string): Record<string, string> {
  return hook({ at, waitFor, onlyRequests: true });
}

/** Environment of a Node process that writes into a file how many such calls it made. */
export function countCalls(counted: string): Record<string, string> {
  return hook({ counted });
}

function hook(options: object): Record<string, string> {
  return {
    NODE_OPTIONS: `--require ${join(import.meta.dirname, 'stop-hook.cjs')}`,
    STOP_HOOK: JSON.stringify(options),
  };
}

/** Points over all calls of a run, one at random in each of equal parts. */
export function choosePoints(calls: number, count: number, random: () => number): StopPoint[] {
  return Array.from({ length: count }, (_, part) => ({
    at: 1 + Math.floor(((part + random()) * calls) / count),
    when: (['before', 'half', 'after'] as const)[Math.floor(random() * 3)] ?? 'before',
  }));
}

/** Numbers from 0 up to 1 that depend on the seed alone (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
