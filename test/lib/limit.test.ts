import { describe, expect, it } from 'vitest';
import { createLimit, createTurns, mapLimit, SingleFlight, shareRuns } from '../../src/lib/limit.ts';

/** A task that ends when told to. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

describe('mapLimit', () => {
  it('gives results in the order of the items, whatever ends first', async () => {
    const gates = [gate(), gate(), gate()];
    const results = mapLimit(gates, createLimit(3), async ({ opened }, index) => {
      await opened;
      return index;
    });
    for (const { open } of gates.toReversed()) open();
    expect(await results).toEqual([0, 1, 2]);
  });

  it('runs no more than allowed at once', async () => {
    let running = 0;
    let most = 0;
    await mapLimit(Array(20).fill(0), createLimit(3), async () => {
      running++;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running--;
    });
    expect(most).toBe(3);
  });

  it('waits for every task, then throws the first failure by order', async () => {
    const done: number[] = [];
    const failing = mapLimit([0, 1, 2, 3], createLimit(4), async (item) => {
      if (item === 1) await new Promise(setImmediate);
      if (item === 1 || item === 2) throw new Error(`task ${item}`);
      await new Promise(setImmediate);
      done.push(item);
    });
    await expect(failing).rejects.toThrow('task 1');
    expect(done).toEqual([0, 3]);
  });

  it('starts nothing once the signal was aborted', async () => {
    const controller = new AbortController();
    const started: number[] = [];
    const stopped = mapLimit([0, 1, 2], createLimit(1, controller.signal), async (item) => {
      started.push(item);
      controller.abort();
    });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect(started).toEqual([0]);
  });
});

describe('SingleFlight', () => {
  it('starts one call per key and shares it, a failure too', async () => {
    const flight = new SingleFlight<string, number>();
    let calls = 0;
    const start = async (): Promise<number> => ++calls;
    expect(await Promise.all([flight.get('a', start), flight.get('a', start), flight.get('b', start)])).toEqual([
      1, 1, 2,
    ]);
    const fail = (): Promise<number> => Promise.reject(new Error('no'));
    await expect(flight.get('c', fail)).rejects.toThrow('no');
    await expect(flight.get('c', start)).rejects.toThrow('no');
  });
});

describe('createTurns', () => {
  it('lets one go on at a time, of those who ask the one of lowest order', async () => {
    const waits: (() => void)[] = [];
    const nextTurn = createTurns(() => new Promise<void>((resolve) => waits.push(resolve)));
    const done: string[] = [];
    const ask = async (name: string, order: number): Promise<void> => {
      await nextTurn(order);
      done.push(name);
      if (name === 'a') await ask('a again', order);
    };
    const asked = [ask('c', 3), ask('a', 1), ask('b', 2)];
    const expected = ['a', 'a again', 'b', 'c'];
    for (let turns = 1; turns <= expected.length; turns += 1) {
      await new Promise(setImmediate);
      expect(waits).toHaveLength(1);
      waits.pop()?.();
      await new Promise(setImmediate);
      expect(done).toEqual(expected.slice(0, turns));
    }
    await Promise.all(asked);
    expect(waits).toEqual([]);
    const later = ask('later', 9);
    waits.pop()?.();
    await later;
  });
});

describe('shareRuns', () => {
  it('runs once for all who asked before it began, and once more for those who came while it was at work', async () => {
    const gates: (() => void)[] = [];
    const run = shareRuns(() => new Promise<void>((resolve) => gates.push(resolve)));
    const first = [run(), run()];
    await new Promise(setImmediate);
    expect(gates).toHaveLength(1);
    const second = [run(), run()];
    await new Promise(setImmediate);
    expect(gates).toHaveLength(1);
    gates[0]?.();
    await Promise.all(first);
    await new Promise(setImmediate);
    expect(gates).toHaveLength(2);
    gates[1]?.();
    await Promise.all(second);
  });

  it('tells a failure to those of its run only', async () => {
    let fails = true;
    const run = shareRuns(async () => {
      if (fails) throw new Error('no');
    });
    await expect(run()).rejects.toThrow('no');
    fails = false;
    await expect(run()).resolves.toBeUndefined();
  });
});
