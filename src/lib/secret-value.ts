import { looksSecret } from './redact.ts';

/** Words of values that stand for a secret and are none: what is left of such a value without them is short. */
const PLACEHOLDERS =
  /change|changeit|me|my|your|our|the|example|sample|demo|dummy|default|placeholder|replace|insert|here|todo|none|null|test|testing|local|dev|password|passwd|passphrase|pass|pwd|pw|secret|token|key|api|auth|access|private|admin|administrator|root|user|username|guest|postgres|mysql|mariadb|redis|mongo|rabbitmq|grafana|influx|qwerty|letmein|welcome|foo|bar|baz|xxx+|1234567890|123456789|12345678|1234567|123456|12345|1234|123/gi;
const SHORTEST = 8;
/** Bits per character. Text of a language has fewer over so few characters. */
const LEAST_ENTROPY = 2.6;

/**
 * True where a value under a secret name is worth protecting: not a placeholder, path, number, address, class or identifier of lower-case words, nor a
 * reference to a variable. A pass phrase of plain words is not told from an identifier.
 */
export function isGuarded(value: string): boolean {
  const text = value.trim().replace(/\$\{[^{}]{0,256}\}/g, '');
  if (text.length < SHORTEST || /\s/.test(text) || /^\$[A-Za-z_]\w*$/.test(text) || text.includes('(masked)'))
    return false;
  if (/^(?:[./~]|[A-Za-z]:\\|<.*>$|\{\{)/.test(text) || /^[\d.,:+-]+[a-z]{0,2}$/i.test(text)) return false;
  // A URL is judged by the user part in it.
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return false;
  if (/^[a-z]+(?:[-_.:/][a-z]+)*$/.test(text) || /^[A-Za-z][\w-]*(?:\.[A-Za-z][\w-]*)+(?::\d+)?$/.test(text))
    return false;
  const rest = text.replace(PLACEHOLDERS, '').replace(/[^A-Za-z0-9]/g, '');
  if (rest.length < 6) return false;
  const classes = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((each) => each.test(text)).length;
  return classes >= 2 && entropyOf(text) >= LEAST_ENTROPY;
}

/** Shannon entropy in bits per character. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  const length = [...text].length;
  let bits = 0;
  for (const count of counts.values()) bits -= (count / length) * Math.log2(count / length);
  return bits;
}

/** True where a name and a value together are a secret: `db.password` and something that is no placeholder. */
export function isSecret(name: string, value: string): boolean {
  return looksSecret(name) && isGuarded(value);
}

/** Forms that are secrets whatever they are called. Each pattern is linear. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY-----/, 'a private key'],
  [/\bAKIA[0-9A-Z]{16}\b/, 'an access key of AWS'],
  [/\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{60,255}\b/, 'a token of GitHub'],
  [/\bglpat-[A-Za-z0-9_-]{20,64}\b/, 'a token of GitLab'],
  [/\bxox[abprs]-[A-Za-z0-9-]{20,128}\b/, 'a token of Slack'],
  [/\bdckr_pat_[A-Za-z0-9_-]{20,64}\b/, 'a token of Docker Hub'],
  [/\bsk_live_[A-Za-z0-9]{20,64}\b/, 'a key of Stripe'],
  [/\beyJ[A-Za-z0-9_-]{10,512}\.eyJ[A-Za-z0-9_-]{10,2048}\.[A-Za-z0-9_-]{16,512}\b/, 'a JSON web token'],
];
const URL_PASSWORD = /[a-z][a-z0-9+.-]{0,15}:\/\/[^\s/?#:@"']{0,64}:([^\s/?#@"']{1,256})@/gi;

/** What kind of secret stands in a text by its form alone, with its offset; undefined where there is none. */
export function findSecretForm(text: string): { readonly kind: string; readonly offset: number } | undefined {
  for (const [pattern, kind] of FORMS) {
    const at = text.search(pattern);
    if (at >= 0) return { kind, offset: at };
  }
  for (const match of text.matchAll(URL_PASSWORD)) {
    if (isGuarded(match[1] ?? '')) return { kind: 'a URL with a password', offset: match.index };
  }
  return undefined;
}

const ENV_LINE = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]{0,127})=(.*)$/;

/** The secret assignments of an environment file: name and line, from 1. */
export function findEnvSecrets(text: string): { readonly name: string; readonly line: number }[] {
  return text.split('\n').flatMap((line, i) => {
    const [, name = '', value = ''] = ENV_LINE.exec(line) ?? [];
    const plain = value.trim().replace(/^(["'])(.*)\1$/, '$2');
    return name !== '' && isSecret(name, plain) ? [{ name, line: i + 1 }] : [];
  });
}
