import type { Reporter } from '../events.ts';
import { createEventLines } from './event-line.ts';

interface LinesOptions {
  readonly verbose: boolean;
  /** Errors only. */
  readonly quiet: boolean;
  readonly color: boolean;
}

/** Plain log lines, one for each noteworthy event, in the order of the events. */
export function createLinesReporter(write: (text: string) => void, options: LinesOptions): Reporter {
  const toLines = createEventLines(options, 'info');
  return {
    onEvent(event) {
      const text = toLines(event);
      if (text !== '') write(text);
    },
  };
}
