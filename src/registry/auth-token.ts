import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { MASK } from '../lib/redact.ts';
import type { TokenResponse, TokenSend } from './auth-types.ts';
import type { Credential } from './credentials.ts';

/** Who tokens are asked for, as the OAuth2 form of the specification wants it. */
const CLIENT_ID = 'rebundle';
/** Seconds, by the specification where the answer does not say. */
const DEFAULT_LIFETIME = 60;
const MAX_LIFETIME = 24 * 60 * 60;
/** A token is renewed so much before its end, or a quarter of a short life. */
const MAX_EARLY_MS = 30_000;
const MAX_TOKEN = 48 * 1024;
const MAX_WORDS = 300;

export interface Token {
  readonly text: string;
  /** Milliseconds: from then on a new one is asked for. */
  readonly renewAt: number;
}

export interface TokenQuestion {
  /** Host of the registry, for messages. */
  readonly host: string;
  /** Resolved and checked. */
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
  readonly signal: AbortSignal;
}

/** `refused`: asking again with the same credentials, or for the same scopes, is of no use. */
export type TokenAnswer =
  | { readonly token: Token }
  | { readonly error: RebundleError; readonly refused?: 'credential' | 'scopes' };

/**
 * Asks a token server by the distribution project's token specification: GET, with Basic where there is a password; the OAuth2 POST for an
 * identity token, or GET where the server knows no POST. Its refusal is REGISTRY_AUTH with the server's own words, never with a secret.
 */
export async function fetchToken(
  question: TokenQuestion,
  { send, now }: { readonly send: TokenSend; readonly now: () => number },
): Promise<TokenAnswer> {
  const asked = now();
  const { credential } = question;
  let response: TokenResponse | undefined;
  if (credential?.kind === 'identity') {
    response = await post(question, credential.token, send);
    if (response.status === 404 || response.status === 405 || response.status === 501) response = undefined;
  }
  response ??= await get(question, send);
  if (response.status !== 200) return describeRefusal(question, response);
  return readToken(question, response, asked);
}

function get({ realm, service, scopes, credential, signal }: TokenQuestion, send: TokenSend): Promise<TokenResponse> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (credential?.kind === 'basic') headers.authorization = formatBasic(credential.username, credential.password);
  if (credential?.kind === 'identity') headers.authorization = formatBasic(credential.username, credential.token);
  return send({ method: 'GET', url, headers, signal });
}

function post(
  { realm, service, scopes, signal }: TokenQuestion,
  token: string,
  send: TokenSend,
): Promise<TokenResponse> {
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: CLIENT_ID, refresh_token: token });
  if (service !== undefined) form.set('service', service);
  if (scopes.length > 0) form.set('scope', scopes.join(' '));
  const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
  return send({ method: 'POST', url: new URL(realm), headers, body: form.toString(), signal });
}

/** The value of `Authorization` for a name and a password. RFC 7617, in UTF-8. */
export function formatBasic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function readToken(question: TokenQuestion, { body }: TokenResponse, asked: number): TokenAnswer {
  const answer = parseObject(body);
  if (answer === undefined) return unusable(question, 'it did not answer with JSON');
  const text = [answer.token, answer.access_token].find((value) => typeof value === 'string' && value !== '');
  if (typeof text !== 'string') return unusable(question, 'its answer holds no token');
  if (text.length > MAX_TOKEN || !/^[\x21-\x7e]+$/.test(text)) return unusable(question, 'its token cannot be sent');
  const seconds = typeof answer.expires_in === 'number' && answer.expires_in > 0 ? answer.expires_in : DEFAULT_LIFETIME;
  const lifetime = Math.min(seconds, MAX_LIFETIME) * 1000;
  const issued = typeof answer.issued_at === 'string' ? Date.parse(answer.issued_at) : Number.NaN;
  // A server may hand out a token it had; one from the future, or long over, shows that the clocks differ.
  const start = issued <= asked && issued + lifetime > asked ? issued : asked;
  return { token: { text, renewAt: start + lifetime - Math.min(MAX_EARLY_MS, lifetime / 4) } };
}

function describeRefusal(question: TokenQuestion, response: TokenResponse): TokenAnswer {
  const { host, realm, credential } = question;
  const { status } = response;
  const words = describeWords(response.body, credential);
  const said = `${realm.host} answered ${status}${words === '' ? '' : `: ${words}`}`;
  if (status !== 400 && status !== 401 && status !== 403) {
    const hint = 'Try again later; the token server is what failed, not the registry.';
    return {
      error: new RebundleError('REGISTRY_AUTH', `the token server of ${host} gives no token: ${said}`, { hint }),
    };
  }
  const who = credential === undefined ? 'without credentials' : `with the credentials of ${credential.source}`;
  const hint =
    credential === undefined
      ? `Log in to ${host}; rebundle auth check shows where credentials are looked for.`
      : `Log in to ${host} again: what ${credential.source} holds is wrong, has run out or lacks the right.`;
  const error = new RebundleError('REGISTRY_AUTH', `the token server of ${host} gives no token ${who}: ${said}`, {
    hint,
  });
  const isWrong = status === 401 || parseObject(response.body)?.error === 'invalid_grant';
  return { error, refused: credential !== undefined && isWrong ? 'credential' : 'scopes' };
}

function unusable({ host, realm }: TokenQuestion, why: string): TokenAnswer {
  const error = new RebundleError('REGISTRY_AUTH', `the token server ${realm.host} of ${host} cannot be used: ${why}`, {
    hint: 'Check that the registry names the right token server.',
  });
  return { error };
}

/** What the server says of a failure: the distribution project's error list or that of OAuth2, without secrets, escaped, cut. */
function describeWords(body: Buffer, credential: Credential | undefined): string {
  const answer = parseObject(body);
  const list = Array.isArray(answer?.errors) ? answer.errors : [];
  const texts = list.slice(0, 4).map((entry: unknown) => (isRecord(entry) ? entry.message : undefined));
  const words = [...texts, answer?.error_description, answer?.details, answer?.message, answer?.error]
    .filter((text) => typeof text === 'string' && text !== '')
    .slice(0, 4)
    .join('; ');
  const masked = secretsOf(credential).reduce((text, secret) => text.replaceAll(secret, MASK), words);
  const safe = escapeTerminal(masked);
  return safe.length > MAX_WORDS ? `${safe.slice(0, MAX_WORDS)}…` : safe;
}

function secretsOf(credential: Credential | undefined): string[] {
  if (credential === undefined) return [];
  const secret = credential.kind === 'basic' ? credential.password : credential.token;
  const encoded = Buffer.from(credential.kind === 'bearer' ? secret : `${credential.username}:${secret}`).toString(
    'base64',
  );
  return [encoded, encodeURIComponent(secret), secret].filter((text) => text !== '');
}

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(decodeUtf8(body) ?? '');
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
