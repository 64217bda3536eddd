const EXPIRES = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
const SOON_DAYS = 30;
const DAY_MS = 86_400_000;

/** True for `YYYY-MM-DDTHH:MM:SSZ` and a day that exists: the one form that devices read. */
export function isExpiry(text: unknown): text is string {
  if (typeof text !== 'string' || !EXPIRES.test(text)) return false;
  // A day that does not exist would be read as one of the next month.
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text.slice(0, 10));
}

/** How far a date is away: `soon` is less than 30 days. Both are UTC, `YYYY-MM-DDTHH:MM:SSZ`. */
export function judgeExpiry(expires: string, now: string): 'past' | 'soon' | 'fine' {
  const left = Date.parse(expires) - Date.parse(now);
  if (left <= 0) return 'past';
  return left < SOON_DAYS * DAY_MS ? 'soon' : 'fine';
}
