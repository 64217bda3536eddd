import pLimit from 'p-limit';

export type Limit = <T>(task: () => Promise<T>) => Promise<T>;

/** At most `concurrency` tasks at once, started in the order they came; none starts after `signal` was aborted. */
export function createLimit(concurrency: number, signal?: AbortSignal): Limit {
  const limit = pLimit(concurrency);
  return (task) =>
    limit(async () => {
      signal?.throwIfAborted();
      return task();
    });
}

/** Items of one list that are handed to a limit at once, above any limit: what waits takes memory. */
const LANES = 256;

/** Runs `task` over all items under a limit; results are in the order of the items, whatever the timing. Every task is waited for. */
export async function mapLimit<T, R>(
  items: readonly T[],
  limit: Limit,
  task: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const failed = new Map<number, unknown>();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      try {
        results[index] = await limit(() => task(items[index] as T, index));
      } catch (thrown) {
        failed.set(index, thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, items.length) }, lane));
  // The first by order, not by time.
  if (failed.size > 0) throw failed.get(Math.min(...failed.keys()));
  return results;
}

/** Gives turns one at a time, each after `wait`, which does not fail: of those who ask by then, the one of lowest order goes on. */
export function createTurns(wait: () => Promise<void>): (order: number) => Promise<void> {
  const asked: { readonly order: number; readonly goOn: () => void }[] = [];
  let isGiving = false;
  const give = async (): Promise<void> => {
    isGiving = true;
    while (asked.length > 0) {
      await wait();
      const next = asked.reduce((least, each) => (each.order < least.order ? each : least));
      asked.splice(asked.indexOf(next), 1);
      next.goOn();
    }
    isGiving = false;
  };
  return (order) =>
    new Promise((goOn) => {
      asked.push({ order, goOn });
      if (!isGiving) void give();
    });
}

/** One call per key, shared by all who ask for it; a failure is shared too. */
export class SingleFlight<K, V> {
  readonly #calls = new Map<K, Promise<V>>();

  get(key: K, start: () => Promise<V>): Promise<V> {
    let call = this.#calls.get(key);
    if (call === undefined) {
      call = start();
      this.#calls.set(key, call);
    }
    return call;
  }
}

/** Runs a task for all who asked before it began: calls that come while it is at work share the run after it. A failure is told to those of its run. */
export function shareRuns(task: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    if (next === undefined) {
      next = last.then(() => {
        next = undefined;
        return task();
      });
      last = next.catch(() => {});
    }
    return next;
  };
}
