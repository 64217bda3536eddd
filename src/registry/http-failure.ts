import { type ErrorCode, RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { MASK, maskUrlCredentials } from '../lib/redact.ts';
import { redactUrl } from './http-url.ts';
import { HttpFailure, parseRetryAfter } from './retry.ts';
import { describeTlsTrouble } from './tls.ts';
import { BodyTooLarge, type Headers, TotalTimeout } from './transport-exchange.ts';

const MAX_ERRORS = 5;
const MAX_TEXT = 200;

/** What a request was, for messages. */
export interface Asked {
  readonly method: string;
  /** Whole, not yet redacted. */
  readonly url: string;
  /** `Authorization` values as they were sent: a server that repeats one in its answer must not bring it into our output. */
  readonly secrets?: Iterable<string>;
}

/** One entry of the error list that registries answer with (distribution specification, "Error codes"). */
interface RegistryError {
  readonly code: string;
  readonly message: string;
  readonly detail: unknown;
}

/** An answer with a status that the caller has no use for. */
export function statusFailure(
  asked: Asked,
  response: { readonly status: number; readonly headers: Headers; readonly body: Uint8Array },
  now: number,
): HttpFailure {
  const { status } = response;
  const errors = parseErrors(response.body);
  const said = describeErrors(errors, response.body, asked.secrets ?? []);
  const url = redactUrl(asked.url);
  const { code, hint } = codeOfStatus(status, errors);
  const message = `${asked.method} ${url}: ${status}${said === '' ? '' : `: ${said}`}`;
  const error = new RebundleError(code, message, hint === undefined ? {} : { hint });
  const retryAfter = response.headers['retry-after'];
  const retryAfterMs = parseRetryAfter(typeof retryAfter === 'string' ? retryAfter : undefined, now);
  const isThrottle = status === 429 || (status === 503 && retryAfterMs !== undefined);
  const kind = isThrottle ? 'throttle' : TRANSIENT.has(status) ? 'transient' : 'final';
  return new HttpFailure(error, { url: asked.url, reason: `${status}`, kind, retryAfterMs });
}

/** Trouble before or during an answer. What is not about the network comes back as it is. */
export function networkFailure(asked: Asked, thrown: unknown): unknown {
  if (thrown instanceof HttpFailure || thrown instanceof RebundleError) return thrown;
  if (!(thrown instanceof Error)) return thrown;
  const { host, origin } = new URL(asked.url);
  const place = `${asked.method} ${redactUrl(asked.url)}`;
  const fail = (code: ErrorCode, why: string, kind: HttpFailure['kind'], hint?: string): HttpFailure =>
    new HttpFailure(
      new RebundleError(code, `${place}: ${why}`, { cause: thrown, ...(hint === undefined ? {} : { hint }) }),
      { url: asked.url, reason: why, kind },
    );
  const code = networkCode(thrown);
  if (thrown instanceof BodyTooLarge)
    return fail('REGISTRY_SIZE_MISMATCH', 'the answer is longer than it may be', 'final');
  if (thrown instanceof TotalTimeout) return fail('REGISTRY_TIMEOUT', 'took too long', 'transient');
  const tls = describeTlsTrouble(innermost(thrown), host);
  if (tls !== undefined) return new HttpFailure(tls, { url: asked.url, reason: 'TLS', kind: 'final' });
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return fail('REGISTRY_TIMEOUT', `no connection to ${host}`, 'transient', PROXY_HINT);
    case 'UND_ERR_HEADERS_TIMEOUT':
      return fail('REGISTRY_TIMEOUT', 'no answer in time', 'transient');
    case 'UND_ERR_BODY_TIMEOUT':
      return fail('REGISTRY_TIMEOUT', 'the answer stopped coming', 'transient');
    case 'ECONNREFUSED':
      return fail(
        'REGISTRY_UNREACHABLE',
        `nothing listens at ${host}`,
        'transient',
        'Check host and port, and that the registry runs.',
      );
    case 'ENOTFOUND':
      return fail(
        'REGISTRY_UNREACHABLE',
        `the name of ${origin} is not known`,
        'final',
        'Check the name of the host, and the DNS.',
      );
    case 'EAI_AGAIN':
      return fail('REGISTRY_UNREACHABLE', `the name of ${origin} cannot be looked up now`, 'transient');
    case 'UND_ERR_RES_EXCEEDED_MAX_SIZE':
    case 'UND_ERR_HEADERS_OVERFLOW':
      return fail('REGISTRY_PROTOCOL', 'the headers of the answer are too large', 'final');
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ECONNABORTED':
      return fail('REGISTRY_UNREACHABLE', 'the connection broke', 'transient', closedHint(thrown, new URL(asked.url)));
  }
  if (thrown.name === 'HTTPParserError') return fail('REGISTRY_PROTOCOL', 'the answer is not HTTP', 'transient');
  const tunnel = /Proxy response \((\d{3})\)/.exec(thrown.message);
  if (tunnel !== null) {
    const hint = tunnel[1] === '407' ? 'Put user and password into HTTPS_PROXY.' : PROXY_HINT;
    return fail('REGISTRY_UNREACHABLE', `the proxy refused with ${tunnel[1]}`, 'final', hint);
  }
  if ('syscall' in innermost(thrown))
    return fail('REGISTRY_UNREACHABLE', `the network fails (${code})`, 'transient', PROXY_HINT);
  return thrown;
}

/** Servers that miss a client certificate often say so by closing the connection, only. */
function closedHint(error: Error, { protocol, host }: URL): string | undefined {
  const socket = 'socket' in error && isRecord(error.socket) ? error.socket : {};
  if (protocol !== 'https:' || socket.bytesRead !== 0) return undefined;
  return `If the host wants a client certificate: hosts: { "${host}": { clientCertificate: FILE, clientKey: FILE } }.`;
}

const PROXY_HINT = 'Check the network, and HTTPS_PROXY and NO_PROXY.';

/** Statuses of trouble that passes; 425 and those of a well-known content network among them. */
const TRANSIENT = new Set([408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

function codeOfStatus(status: number, errors: readonly RegistryError[]): { code: ErrorCode; hint?: string } {
  const has = (code: string): boolean => errors.some((error) => error.code === code);
  if (status === 429 || has('TOOMANYREQUESTS')) return { code: 'REGISTRY_RATE_LIMIT' };
  if (status === 401) return { code: 'REGISTRY_AUTH' };
  if (status === 403) return { code: 'REGISTRY_DENIED' };
  if (status === 407) return { code: 'REGISTRY_AUTH', hint: 'Put user and password into HTTPS_PROXY or HTTP_PROXY.' };
  if (has('MANIFEST_BLOB_UNKNOWN') || has('BLOB_UNKNOWN')) return { code: 'REGISTRY_BLOB_MISSING' };
  if (has('DIGEST_INVALID'))
    return { code: 'REGISTRY_DIGEST_MISMATCH', hint: 'Something between here and the registry changes what is sent.' };
  if (status === 413)
    return {
      code: 'REGISTRY_DENIED',
      hint: 'The registry, or a proxy before it, limits the size of uploads: raise that limit.',
    };
  if (status === 408 || status === 504) return { code: 'REGISTRY_TIMEOUT' };
  if (status >= 500)
    return {
      code: 'REGISTRY_UNREACHABLE',
      hint: 'The registry itself has trouble: try again later, or look into its log.',
    };
  return { code: 'REGISTRY_PROTOCOL' };
}

/** True where the registry's error list has one of these codes. */
export function hasErrorCode(body: Uint8Array, ...codes: readonly string[]): boolean {
  return parseErrors(body).some(({ code }) => codes.includes(code));
}

/** The first sha256 digest in the details of an error list. */
export function digestInErrors(body: Uint8Array): string | undefined {
  const details = JSON.stringify(parseErrors(body).map(({ detail, message }) => [detail, message]));
  return /sha256:[0-9a-f]{64}/.exec(details)?.[0];
}

function parseErrors(body: Uint8Array): RegistryError[] {
  const text = body.byteLength === 0 ? undefined : decodeUtf8(body);
  if (text === undefined) return [];
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return [];
  }
  const list = isRecord(document) ? document.errors : undefined;
  if (!Array.isArray(list)) return [];
  return list
    .slice(0, MAX_ERRORS)
    .filter(isRecord)
    .map(({ code, message, detail }) => ({ code: textOf(code), message: textOf(message), detail }));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The registry's own words, made safe: without what we sent as a secret, escaped, cut. Pages of proxies are not shown. */
function describeErrors(errors: readonly RegistryError[], body: Uint8Array, secrets: Iterable<string>): string {
  const texts = errors.map(({ code, message }) => [code, message].filter((part) => part !== '').join(' '));
  if (errors.length === 0 && body.byteLength > 0) {
    const text = decodeUtf8(body.subarray(0, 4 * MAX_TEXT))?.trim() ?? '';
    if (!/^[<{[]/.test(text)) texts.push(text);
  }
  return texts
    .map((text) => {
      const safe = escapeTerminal(maskUrlCredentials(maskSecrets(text, secrets)));
      return safe.length > MAX_TEXT ? `${safe.slice(0, MAX_TEXT)}…` : safe;
    })
    .filter((text) => text !== '')
    .join('; ');
}

function maskSecrets(text: string, authorizations: Iterable<string>): string {
  let masked = text;
  for (const authorization of authorizations) {
    const [scheme = '', credential = ''] = authorization.split(' ', 2);
    const plain = scheme.toLowerCase() === 'basic' ? Buffer.from(credential, 'base64').toString('utf8') : '';
    for (const secret of [credential, plain, plain.slice(plain.indexOf(':') + 1)]) {
      if (secret !== '') masked = masked.replaceAll(secret, MASK);
    }
  }
  return masked;
}

function networkCode(error: Error): string {
  const inner = innermost(error);
  return 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
}

/** undici and the dialling of several addresses wrap what the system said. */
function innermost(error: Error): Error {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0];
  return error.cause instanceof Error && !('code' in error) ? innermost(error.cause) : error;
}
