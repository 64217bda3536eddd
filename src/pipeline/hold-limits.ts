/** What may be held in memory for all apps together. */
export interface HoldLimits {
  /** UTF-16 units of the JSON of what is known of apps. */
  readonly details: number;
  /** Bytes of what is written of apps. */
  readonly bytes: number;
}

/** Apps of a factory that is held whole. */
const USUAL_APPS = 4_000;
const MIB = 1024 * 1024;

/** True for a factory that is not held whole. */
export function isHuge(apps: number): boolean {
  return apps > USUAL_APPS;
}

/** A factory of a usual size is held, so that it is converted once and fast; a huge one takes its time instead of memory. */
export function limitHeld(apps: number): HoldLimits {
  return !isHuge(apps) ? { details: 32 * MIB, bytes: 32 * MIB } : { details: 2 * MIB, bytes: 2 * MIB };
}
