import { escapeTerminal } from '../lib/escape-text.ts';
import { MASK } from '../lib/redact.ts';

const MAX_SHOWN = 300;
/** Query members of the distribution and token specifications that hold no secret. */
const HARMLESS_QUERY = new Set(['digest', 'mount', 'from', 'scope', 'service', 'n']);

/** A URL as messages and events show it: no user part, no fragment, values of the query masked, escaped and at most 300 characters. */
export function redactUrl(text: string): string {
  const end = text.search(/[?#]/);
  const base = (end < 0 ? text : text.slice(0, end)).replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1');
  const query = end >= 0 && text[end] === '?' ? text.slice(end + 1).replace(/#.*$/s, '') : '';
  const shown = query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const [name = ''] = part.split('=', 1);
      return HARMLESS_QUERY.has(name) ? part : `${name}=${MASK}`;
    });
  const whole = escapeTerminal(`${base}${shown.length === 0 ? '' : `?${shown.join('&')}`}`);
  return whole.length > MAX_SHOWN ? `${whole.slice(0, MAX_SHOWN)}…` : whole;
}

/** `location` of an answer to `origin` + `path`, which may be relative; undefined where it is no URL. */
export function resolveLocation(location: string, origin: string, path: string): URL | undefined {
  try {
    return new URL(location, `${origin}${path}`);
  } catch {
    return undefined;
  }
}

/** Adds a member to a query; what is there keeps its spelling, which may be signed. */
export function addQuery(path: string, name: string, value: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(value)}`;
}
