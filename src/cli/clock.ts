import { RebundleError } from '../errors.ts';

/** The time that a run works with, `YYYY-MM-DDTHH:MM:SSZ`: SOURCE_DATE_EPOCH (seconds) where it is set, else the clock. Throws USAGE for other text. */
export function readCreatedAt(env: Readonly<Record<string, string | undefined>>, now: () => number): string {
  const epoch = env.SOURCE_DATE_EPOCH;
  if (epoch !== undefined && epoch !== '' && !/^\d{1,11}$/.test(epoch)) {
    throw new RebundleError('USAGE', 'SOURCE_DATE_EPOCH: expected seconds since 1970 as a whole number');
  }
  const milliseconds = epoch === undefined || epoch === '' ? now() : Number(epoch) * 1000;
  return formatTime(milliseconds);
}

/** `YYYY-MM-DDTHH:MM:SSZ` of milliseconds since 1970. */
export function formatTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
