import { RebundleError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { redactUrl } from './http-url.ts';

/** Clock and timers of the transport; tests give their own. Times are in milliseconds since 1970. */
export interface Timers {
  now(): number;
  /** Rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once; the function that is returned takes it back. */
  after(ms: number, callback: () => void): () => void;
}

/** What went wrong, and whether another try may help. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  readonly error: RebundleError;
  readonly url: string;
  readonly reason: string;
  /** `throttle`: the registry asks for a pause. */
  readonly kind: 'final' | 'transient' | 'throttle';
  readonly retryAfterMs: number | undefined;

  constructor(
    error: RebundleError,
    details: {
      readonly url: string;
      readonly reason: string;
      readonly kind: HttpFailure['kind'];
      readonly retryAfterMs?: number | undefined;
    },
  ) {
    super(error.message, { cause: error });
    this.error = error;
    this.url = details.url;
    this.reason = details.reason;
    this.kind = details.kind;
    this.retryAfterMs = details.retryAfterMs;
  }
}

export interface RetryPolicy {
  /** Tries of one operation in all. */
  readonly attempts: number;
  /** Longest sum of waits of one operation. A registry that asks for more gets no further request of it. */
  readonly maxWaitMs: number;
}

/** A failing host is not asked for ever: retries of all work together come out of this store, and successes fill it again. */
export interface RetryStore {
  take(): boolean;
  give(): void;
}

const BASE_MS = 500;
const LONGEST_STEP_MS = 30_000;
const THROTTLE_ATTEMPTS = 12;
/** With jitter at most this much later than a registry asked, so that not all come at the same moment. */
const SPREAD_MS = 1_000;

export function createRetryStore(size: number): RetryStore {
  let left = size;
  return {
    take: () => {
      if (left < 1) return false;
      left -= 1;
      return true;
    },
    give: () => {
      left = Math.min(size, left + 0.5);
    },
  };
}

/**
 * Runs an operation that can be begun anew as a whole, until it succeeds or another try is of no use. Waits are exponential with full jitter; where the
 * registry says how long, at least that. Throws the RebundleError of the last try.
 */
export async function retryOperation<T>(
  attempt: (number: number) => Promise<T>,
  context: {
    readonly policy: RetryPolicy;
    readonly timers: Timers;
    readonly random: () => number;
    readonly storeFor: (url: string) => RetryStore;
    readonly emit: Emit;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<T> {
  let waited = 0;
  for (let number = 1; ; number += 1) {
    try {
      return await attempt(number);
    } catch (thrown) {
      if (!(thrown instanceof HttpFailure)) throw thrown;
      const { error, kind, retryAfterMs } = thrown;
      if (kind === 'final' || number >= attemptsFor(kind, context.policy)) throw withAttempts(error, number);
      const jittered = Math.min(LONGEST_STEP_MS, BASE_MS * 2 ** (number - 1)) * context.random();
      const delayMs = Math.round(retryAfterMs === undefined ? jittered : retryAfterMs + Math.min(SPREAD_MS, jittered));
      if (waited + delayMs > context.policy.maxWaitMs) throw tooLong(error, retryAfterMs, context.policy.maxWaitMs);
      // Waiting as asked is no burden on the host.
      if (kind !== 'throttle' && !context.storeFor(thrown.url).take()) throw withAttempts(error, number);
      waited += delayMs;
      context.emit({
        type: 'request:retry',
        url: redactUrl(thrown.url),
        attempt: number + 1,
        delayMs,
        reason: thrown.reason,
      });
      await context.timers.sleep(delayMs, context.signal);
    }
  }
}

function attemptsFor(kind: HttpFailure['kind'], policy: RetryPolicy): number {
  return kind === 'throttle' && policy.attempts > 1 ? Math.max(THROTTLE_ATTEMPTS, policy.attempts) : policy.attempts;
}

function withAttempts(error: RebundleError, attempts: number): RebundleError {
  if (attempts < 2) return error;
  return copyError(error, `${error.message} (${attempts} tries)`);
}

function tooLong(error: RebundleError, retryAfterMs: number | undefined, maxWaitMs: number): RebundleError {
  const asked = retryAfterMs === undefined ? '' : `; it asks to wait ${Math.ceil(retryAfterMs / 1000)} s`;
  return copyError(error, `${error.message}${asked}; waits of one request end at ${Math.floor(maxWaitMs / 1000)} s`);
}

function copyError(error: RebundleError, message: string): RebundleError {
  return new RebundleError(error.code, message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  });
}

const DAYS = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const HTTP_DATE = new RegExp(`^${DAYS}[a-z]*,? [A-Za-z0-9 :-]+(?: GMT)?$`);

/** `Retry-After` (RFC 9110 section 10.2.3): seconds or a date. Undefined where it is absent, malformed or in the past. Fractions are taken too. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d{1,10}(?:\.\d{1,9})?$/.test(text)) return Math.ceil(Number(text) * 1000);
  if (!HTTP_DATE.test(text)) return undefined;
  // A date without its zone is UTC here, whatever the zone of this machine.
  const time = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
  return Number.isNaN(time) || time <= now ? undefined : time - now;
}
