import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DockerRegistry, hasDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { choosePoints, createRandom } from '../support/stop-hook.ts';
import { type Progress, StoppedRuns } from './stopped-runs.ts';

const SEED = Number(process.env.KILL_SEED ?? 20_260);
const POINTS = 20;
const SIGNALS = 4;

describe.skipIf(!hasDockerRegistry())(`a run to docker-registry that is stopped (KILL_SEED=${SEED})`, () => {
  let registry: DockerRegistry;
  let runs: StoppedRuns;
  beforeAll(async () => {
    registry = await startDockerRegistry({ inMemory: true });
    runs = await StoppedRuns.create({ repositories: 3, packages: 10, registry });
  });
  afterAll(async () => {
    await runs?.close();
    await registry?.close();
  });

  test(`kill -9 at ${POINTS} of its calls: the next one ends with the same bytes, and sends nothing twice`, async () => {
    const seen = new Set<Progress>();
    for (const point of choosePoints(runs.calls, POINTS, createRandom(SEED))) {
      const { stopped, progress } = await runs.stopAndGoOn({ point }, 'SIGKILL');
      if (point.at < runs.calls * 0.9) expect(stopped.status, JSON.stringify(point)).toBe(null);
      seen.add(progress);
    }
    expect([...seen]).toContain('publishing');
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(`%s at ${SIGNALS} of its calls: the same`, async (signal) => {
    for (const point of choosePoints(runs.calls, SIGNALS, createRandom(SEED + 1))) {
      const { stopped } = await runs.stopAndGoOn({ point }, signal);
      expect([0, 130]).toContain(stopped.status);
    }
  });
});
