import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { choosePoints, createRandom } from '../support/stop-hook.ts';
import { type Progress, StoppedRuns } from './stopped-runs.ts';

const SEED = Number(process.env.KILL_SEED ?? 20_260);
const CALLS = 70;
const MOMENTS = 30;
const SIGNALS = 10;
/** Each point takes two runs, on however busy a machine. */
const TIMEOUT_MS = 1_800_000;

let runs: StoppedRuns;
beforeAll(async () => {
  runs = await StoppedRuns.create({ repositories: 4, packages: 16 });
});
afterAll(() => runs.close());

describe(`a run that is stopped at seeded points (KILL_SEED=${SEED})`, { timeout: TIMEOUT_MS }, () => {
  test(`kill -9 before, in or after ${CALLS} of its calls: the next one ends with the same bytes`, async () => {
    const seen = new Set<Progress>();
    for (const point of choosePoints(runs.calls, CALLS, createRandom(SEED))) {
      const { stopped, progress } = await runs.stopAndGoOn({ point }, 'SIGKILL');
      if (point.at < runs.calls * 0.9) expect(stopped.status, JSON.stringify(point)).toBe(null);
      seen.add(progress);
    }
    expect([...seen]).toEqual(expect.arrayContaining(['publishing', 'published', 'done']));
  });

  test(`kill -9 at ${MOMENTS} moments of its time: the same`, async () => {
    const random = createRandom(SEED + 1);
    let killed = 0;
    for (let i = 0; i < MOMENTS; i += 1) {
      const afterMs = ((i + random()) * runs.milliseconds) / MOMENTS;
      const { stopped } = await runs.stopAndGoOn({ afterMs }, 'SIGKILL');
      if (stopped.status === null) killed += 1;
    }
    expect(killed).toBeGreaterThan(0);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    `%s at ${SIGNALS} of its calls: exit 130, no temporary file, and the same`,
    async (signal) => {
      for (const point of choosePoints(runs.calls, SIGNALS, createRandom(SEED + 2))) {
        const { stopped } = await runs.stopAndGoOn({ point }, signal);
        expect([0, 130]).toContain(stopped.status);
        if (point.at < runs.calls / 2) expect(stopped.status, JSON.stringify(point)).toBe(130);
      }
    },
  );
});
