import type { Reporter } from '../events.ts';
import { encodeJson } from '../lib/escape-text.ts';
import { maskUrlCredentials } from '../lib/redact.ts';

/** Every event as one line of JSON, as it is but for credentials in URLs; control and bidi characters are `\u` escapes. */
export function createNdjsonReporter(write: (text: string) => void): Reporter {
  return {
    onEvent(event) {
      write(`${encodeJson(maskStrings(event))}\n`);
    },
  };
}

function maskStrings(value: unknown): unknown {
  if (typeof value === 'string') return maskUrlCredentials(value);
  if (Array.isArray(value)) return value.map(maskStrings);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, maskStrings(member)]));
}
