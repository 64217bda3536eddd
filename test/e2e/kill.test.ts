import { afterAll, beforeAll, expect, test } from 'vitest';
import { choosePoints, createRandom } from '../support/stop-hook.ts';
import { StoppedRuns } from './stopped-runs.ts';

const POINTS = 10;
let runs: StoppedRuns;
beforeAll(async () => {
  runs = await StoppedRuns.create({ repositories: 3, packages: 5 });
});
afterAll(() => runs.close());

test(`kill -9 at ${POINTS} points of a run: the same command goes on to the same bytes, and nothing complete is written twice`, async () => {
  for (const point of choosePoints(runs.calls, POINTS, createRandom(8))) {
    const { stopped } = await runs.stopAndGoOn({ point }, 'SIGKILL');
    // How many calls a run takes differs by a few: tags that come together are written together.
    if (point.at < runs.calls * 0.9) expect(stopped.status, JSON.stringify(point)).toBe(null);
  }
}, 240_000);
