import { expect, test } from 'vitest';
import { createStageTimes } from '../../src/reporters/stage-times.ts';

test('times are summed by stage over apps in parallel, and an app that ended counts no more', () => {
  let now = 0;
  const times = createStageTimes(() => now);
  const origin = { repository: 'r', path: 'p' };
  const at = (ms: number, app: string, stage: 'split' | 'pin'): void => {
    now = ms;
    times.onEvent({ type: 'app:stage', app, origin: { ...origin, path: app }, stage });
  };
  at(0, 'a', 'split');
  at(10, 'b', 'split');
  at(30, 'a', 'pin');
  at(40, 'b', 'pin');
  now = 100;
  const result = { app: 'a', origin: { ...origin, path: 'a' }, status: 'migrated', diagnostics: [] } as const;
  times.onEvent({ type: 'app:result', result });
  now = 500;
  times.onEvent({ type: 'app:result', result });
  expect(times.read()).toEqual({ split: 30 + 30, rewrite: 0, pin: 70, bundle: 0, publish: 0 });
});
