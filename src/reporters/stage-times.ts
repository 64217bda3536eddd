import type { PipelineEvent, Stage } from '../events.ts';
import type { SourceOrigin } from '../model/app.ts';

/** Listens to a run and adds up how long apps were in each stage. `now` is in milliseconds of a clock with any origin. */
export function createStageTimes(now: () => number): {
  readonly onEvent: (event: PipelineEvent) => void;
  /** Whole milliseconds by stage, summed over apps that are worked on in parallel. */
  readonly read: () => Readonly<Record<Stage, number>>;
} {
  const times: Record<Stage, number> = { split: 0, rewrite: 0, pin: 0, bundle: 0, publish: 0 };
  const running = new Map<string, { readonly stage: Stage; readonly since: number }>();
  const end = (key: string): void => {
    const last = running.get(key);
    if (last === undefined) return;
    times[last.stage] += now() - last.since;
    running.delete(key);
  };
  return {
    onEvent(event) {
      if (event.type === 'app:stage') {
        const key = keyOf(event.app, event.origin);
        end(key);
        running.set(key, { stage: event.stage, since: now() });
      } else if (event.type === 'app:result') {
        end(keyOf(event.result.app, event.result.origin));
      }
    },
    read: () => {
      const rounded = Object.entries(times).map(([stage, ms]) => [stage, Math.round(ms)]);
      return Object.fromEntries(rounded) as Record<Stage, number>;
    },
  };
}

function keyOf(app: string, { repository, path }: SourceOrigin): string {
  return JSON.stringify([app, repository, path]);
}
