import type { Reporter } from '../events.ts';

/** Tells nothing. */
export function createSilentReporter(): Reporter {
  return { onEvent: () => undefined };
}
