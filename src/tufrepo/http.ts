import { setTimeout as sleep } from 'node:timers/promises';
import { RebundleError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { describeUrl, type HttpRequest, type HttpResponse, type HttpSend } from './http-send.ts';
import { checkTargetName } from './target-name.ts';
import type { TufRepo } from './tuf-repo.ts';

export interface HttpTufRepoOptions {
  /** The user repository, as `https://host/api/v1/user_repo`; also with `/targets.json` at its end. */
  readonly url: URL;
  readonly send: HttpSend;
  /** Sent with every request to the host of `url`, and to no other. */
  readonly credential?: { readonly header: string; readonly value: string };
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
  /** Milliseconds before the first repetition; each further one waits twice as long. */
  readonly retryDelayMs?: number;
}

const CHECKSUM = 'x-ats-role-checksum';
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_TRIES = 4;
const RETRY_DELAY_MS = 500;
const MAX_RETRY_DELAY_MS = 30_000;
const MAX_REDIRECTS = 3;

/**
 * The TUF repository of an HTTP server (the user repository of ota-tuf). Targets are replaced under the checksum that they had when they were
 * read; file targets are frozen by the server, so that one which is there already is compared. Only https, but for loopback addresses.
 * What a busy server refuses is tried again; each request here may be repeated without harm.
 */
export function createHttpTufRepo(options: HttpTufRepoOptions): TufRepo {
  assertSafe(options.url);
  return new HttpTufRepo(options);
}

class HttpTufRepo implements TufRepo {
  readonly location: string;
  readonly #base: URL;
  readonly #options: HttpTufRepoOptions;

  constructor(options: HttpTufRepoOptions) {
    const base = new URL(options.url);
    base.pathname = base.pathname.replace(/\/(?:targets\.json)?$/, '');
    base.search = '';
    base.hash = '';
    base.username = '';
    base.password = '';
    this.#base = base;
    this.#options = options;
    this.location = describeUrl(base);
  }

  async readTargets(): Promise<{ readonly bytes: Buffer; readonly checksum: string } | undefined> {
    const answer = await this.#request({ method: 'GET', url: this.#place('targets.json'), maxBytes: MAX_BYTES });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw this.#refusal('reading the targets', answer);
    const { body } = answer;
    const given = answer.headers[CHECKSUM]?.toLowerCase();
    const checksum = given !== undefined && /^[0-9a-f]{64}$/.test(given) ? given : hexOf(digestOf(body));
    return { bytes: body, checksum };
  }

  async writeTargets(bytes: Uint8Array, expectedChecksum: string | 'absent'): Promise<void> {
    const answer = await this.#request({
      method: 'PUT',
      url: this.#place('targets'),
      headers: {
        'content-type': 'application/json',
        ...(expectedChecksum === 'absent' ? {} : { [CHECKSUM]: expectedChecksum }),
      },
      body: bytes,
      maxBytes: MAX_ERROR_BYTES,
    });
    if (isSuccess(answer.status)) return;
    // 428: the server has targets and wants to know upon which these build.
    if (answer.status === 412 || answer.status === 428 || answer.status === 409) {
      throw new RebundleError(
        'TARGETS_CONFLICT',
        `${this.location}: the targets changed since they were read; nothing was written`,
        {
          hint: 'Run again: the run then builds upon the new targets.',
        },
      );
    }
    throw this.#refusal('writing the targets', answer);
  }

  async getTarget(name: string): Promise<Buffer | undefined> {
    checkTargetName(name);
    const answer = await this.#request({ method: 'GET', url: this.#targetPlace(name), maxBytes: MAX_BYTES });
    if (answer.status === 404) return undefined;
    if (answer.status === 200) return answer.body;
    throw this.#refusal(`reading the file target ${name}`, answer);
  }

  async putTarget(name: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    checkTargetName(name);
    const url = this.#targetPlace(name);
    // The server keeps both beside the file: `<app>.dockerapp-<version>`.
    const [, file, version] = /^(.+)-([0-9]+)$/.exec(name) ?? [];
    url.search = new URLSearchParams({ name: file ?? name, version: version ?? '1' }).toString();
    const answer = await this.#request({
      method: 'PUT',
      url,
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
      maxBytes: MAX_ERROR_BYTES,
    });
    if (isSuccess(answer.status)) return 'created';
    if (answer.status !== 412 && answer.status !== 409) throw this.#refusal(`storing the file target ${name}`, answer);
    const there = await this.getTarget(name);
    if (there !== undefined && digestOf(there) === digestOf(bytes)) return 'exists';
    throw new RebundleError(
      'TARGETS_CONFLICT',
      `${this.location} holds other bytes than the file target '${escapeTerminal(name)}' to be stored`,
      { hint: 'What is published is frozen: give the changed app a new version.' },
    );
  }

  #place(path: string): URL {
    const url = new URL(this.#base);
    url.pathname = `${url.pathname}/${path}`;
    return url;
  }

  #targetPlace(name: string): URL {
    return this.#place(`targets/${name.split('/').map(encodeURIComponent).join('/')}`);
  }

  async #request(
    asked: Omit<HttpRequest, 'headers'> & { readonly headers?: Record<string, string> },
  ): Promise<HttpResponse> {
    let answer = await this.#requestAgain(asked);
    let { url } = asked;
    // File targets lie in a store of their own, to which the server sends on.
    for (let count = 0; isRedirect(answer) && asked.method === 'GET'; count += 1) {
      const { location = '' } = answer.headers;
      const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      if (count === MAX_REDIRECTS || next === undefined) throw this.#refusal('following a redirect', answer);
      assertSafe(next);
      if (url.protocol === 'https:' && next.protocol !== 'https:') throw this.#refusal('following a redirect', answer);
      url = next;
      answer = await this.#requestAgain({ ...asked, url });
    }
    return answer;
  }

  async #requestAgain(
    asked: Omit<HttpRequest, 'headers'> & { readonly headers?: Record<string, string> },
  ): Promise<HttpResponse> {
    const { send, credential, emit, signal, retryDelayMs = RETRY_DELAY_MS } = this.#options;
    const own = asked.url.origin === this.#base.origin && credential !== undefined;
    const headers = { accept: '*/*', ...asked.headers, ...(own ? { [credential.header]: credential.value } : {}) };
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      const result = await send({ ...asked, headers, ...(signal === undefined ? {} : { signal }) }).catch(
        (error: unknown) => {
          const isTrouble = error instanceof RebundleError && error.code === 'TARGETS_UNREACHABLE';
          if (isTrouble && attempt < MAX_TRIES && !signal?.aborted) return error;
          throw error;
        },
      );
      const reason = result instanceof RebundleError ? result.message : busyReason(result);
      if (!(result instanceof RebundleError) && (reason === undefined || attempt === MAX_TRIES)) return result;
      const delayMs = delayBefore(attempt, retryDelayMs, result);
      emit?.({ type: 'request:retry', url: describeUrl(asked.url), attempt, delayMs, reason: reason ?? '' });
      await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
    }
  }

  #refusal(what: string, { status, body }: HttpResponse): RebundleError {
    const said = escapeTerminal(body.subarray(0, 300).toString('utf8').trim());
    const message = `${this.location}: ${escapeTerminal(what)} failed with HTTP status ${status}${said === '' ? '' : `: ${said}`}`;
    if (status === 401 || status === 403) {
      return new RebundleError('TARGETS_UNREACHABLE', message, {
        hint: 'Give a token with REBUNDLE_TUF_TOKEN or targets.tokenFile, and its header with targets.tokenHeader.',
      });
    }
    return status === 400 || status === 413 || status === 422
      ? new RebundleError('TARGETS_INVALID', message, {
          hint: 'The server refused the content; rebundle verify may say why.',
        })
      : new RebundleError('TARGETS_UNREACHABLE', message);
  }
}

function isSuccess(status: number): boolean {
  return status === 200 || status === 201 || status === 204;
}

function isRedirect({ status }: HttpResponse): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function busyReason({ status }: HttpResponse): string | undefined {
  return [429, 502, 503, 504].includes(status) ? `HTTP status ${status}` : undefined;
}

/** Seconds that the server asks for, else twice as long each time. */
function delayBefore(attempt: number, first: number, result: HttpResponse | RebundleError): number {
  const asked = result instanceof RebundleError ? undefined : result.headers['retry-after'];
  const wanted = asked !== undefined && /^[0-9]{1,4}$/.test(asked) ? Number(asked) * 1000 : first * 2 ** (attempt - 1);
  return Math.min(wanted, MAX_RETRY_DELAY_MS);
}

/** A token must not go over the network in the clear. */
function assertSafe(url: URL): void {
  const isLoopback = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback)) return;
  throw new RebundleError('TARGETS_UNREACHABLE', `${describeUrl(url)}: only https is used for a TUF repository`, {
    hint: 'Give an https URL; http is for 127.0.0.1 and localhost alone.',
  });
}
