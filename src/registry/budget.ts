import type { Timers } from './retry.ts';

/** The requests that one host gets at once, shared by all work. It adapts: fewer after the host complained, slowly more while all goes well. */
export interface HostBudget {
  /** Waits for a place, in the order of asking. Every `acquire` needs one `release`. */
  acquire(signal?: AbortSignal): Promise<void>;
  release(): void;
  /** An answer without complaint. */
  succeed(): void;
  /** 429 or 503: half the places, and nothing starts for `pauseMs`. */
  complain(pauseMs: number): void;
  /** Places at best, and by now. */
  readonly most: number;
  readonly places: number;
}

interface Waiting {
  readonly start: () => void;
  next: Waiting | undefined;
  gone: boolean;
}

/** Complaints within this time are about one and the same burst. */
const BURST_MS = 500;

export function createBudget(most: number, timers: Timers): HostBudget {
  let places = most;
  let active = 0;
  let pausedUntil = 0;
  let halvedAt = Number.NEGATIVE_INFINITY;
  let goodInRow = 0;
  let first: Waiting | undefined;
  let last: Waiting | undefined;
  let wake: (() => void) | undefined;

  const isOpen = (): boolean => active < Math.max(1, Math.floor(places)) && timers.now() >= pausedUntil;
  const drain = (): void => {
    while (first !== undefined && (first.gone || isOpen())) {
      const waiting = first;
      first = waiting.next;
      if (first === undefined) last = undefined;
      if (waiting.gone) continue;
      active += 1;
      waiting.start();
    }
    const left = pausedUntil - timers.now();
    if (first !== undefined && left > 0 && wake === undefined) {
      wake = timers.after(left, () => {
        wake = undefined;
        drain();
      });
    }
  };
  const acquire = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const stop = (): void => {
        waiting.gone = true;
        reject(signal?.reason);
        drain();
      };
      const waiting: Waiting = {
        start: () => {
          signal?.removeEventListener('abort', stop);
          resolve();
        },
        next: undefined,
        gone: false,
      };
      signal?.addEventListener('abort', stop, { once: true });
      if (last === undefined) first = waiting;
      else last.next = waiting;
      last = waiting;
      drain();
    });

  return {
    acquire(signal) {
      if (signal?.aborted === true) return Promise.reject(signal.reason);
      if (first === undefined && isOpen()) {
        active += 1;
        return DONE;
      }
      return acquire(signal);
    },
    release() {
      active -= 1;
      if (first !== undefined) drain();
    },
    succeed() {
      if (places >= most) return;
      goodInRow += 1;
      if (goodInRow < Math.max(1, Math.floor(places))) return;
      goodInRow = 0;
      places = Math.min(most, places + 1);
      drain();
    },
    complain(pauseMs) {
      const now = timers.now();
      goodInRow = 0;
      if (now - halvedAt >= BURST_MS) {
        places = Math.max(1, Math.floor(places / 2));
        halvedAt = now;
      }
      if (now + pauseMs <= pausedUntil) return;
      pausedUntil = now + pauseMs;
      wake?.();
      wake = undefined;
      drain();
    },
    most,
    get places() {
      return places;
    },
  };
}

const DONE = Promise.resolve();
