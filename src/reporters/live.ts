import type { Reporter } from '../events.ts';
import { createEventLines } from './event-line.ts';
import { createFrameState, reduceFrame, renderFrame } from './frame.ts';

interface LiveOptions {
  readonly write: (text: string) => void;
  /** Columns, asked before each frame. */
  readonly width: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Calls `tick` every so many milliseconds until the function that it returns is called. */
  readonly repeat: (tick: () => void, milliseconds: number) => () => void;
  readonly color: boolean;
  readonly verbose: boolean;
  /** Above the frame, errors only. */
  readonly quiet: boolean;
}

const REDRAW_MS = 100;

/**
 * A frame at the bottom of a terminal that is redrawn in place, at most each 100 ms; errors and warnings are printed above it and
 * stay. `close` takes the frame away.
 */
export function createLiveReporter(options: LiveOptions): Reporter {
  const { write, now } = options;
  const toLines = createEventLines(options, 'warning');
  let state = createFrameState(now());
  let drawnAt = Number.NEGATIVE_INFINITY;
  let height = 0;

  const erase = () => (height === 0 ? '' : `\u001b[${height}A\u001b[0J`);
  const draw = (above: string) => {
    // One column stays free: a line as wide as the terminal wraps on some of them.
    const frame = renderFrame(state, Math.max(1, options.width() - 1), options.color);
    write(`${erase()}${above}${frame}`);
    height = frame.split('\n').length - 1;
    drawnAt = state.now;
  };
  const stop = options.repeat(() => {
    state = { ...state, now: now() };
    draw('');
  }, REDRAW_MS);

  return {
    onEvent(event) {
      state = reduceFrame(state, event, now());
      const above = toLines(event);
      if (above !== '' || state.now - drawnAt >= REDRAW_MS) draw(above);
    },
    close() {
      stop();
      write(erase());
      height = 0;
    },
  };
}
