import { RebundleError } from '../errors.ts';
import type { Authorizer } from './auth-types.ts';
import { statusFailure } from './http-failure.ts';
import { redactUrl, resolveLocation } from './http-url.ts';
import { HttpFailure } from './retry.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';
import { type Headers, type StreamedResponse, textOf } from './transport-exchange.ts';

/** A place at the registry or at one that it points to. */
export interface Target {
  readonly origin: string;
  readonly path: string;
}

export interface RegistryCall {
  readonly method: HttpRequest['method'];
  readonly target: Target;
  /** What the token has to be good for, as the token specification writes scopes. */
  readonly scopes: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpRequest['body'];
  readonly maxBytes?: number;
  readonly bytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Requests to one registry, with authorization. Credentials go to the registry's own origin only. */
export interface RegistryClient {
  readonly transport: Transport;
  readonly host: string;
  targetOf(path: string, signal?: AbortSignal): Promise<Target>;
  /** One try, with another one where the registry wants a token. Every other status is an answer. */
  call(call: RegistryCall): Promise<HttpResponse>;
  /** GET with the body as a stream, redirects followed. */
  stream(call: RegistryCall): Promise<StreamedResponse>;
  /** As `call`, redirects followed. */
  follow(call: RegistryCall): Promise<HttpResponse>;
  /** Where an upload goes on. Throws REGISTRY_PROTOCOL where the answer does not say, REGISTRY_UNSAFE where it must not go there. */
  locationOf(call: RegistryCall, response: { readonly headers: Headers }): Promise<Target>;
  /** The failure that an unexpected status is. */
  failure(call: RegistryCall, response: { status: number; headers: Headers; body: Uint8Array }): HttpFailure;
}

const USER_AGENT = 'rebundle';
const MAX_REDIRECTS = 5;
const MAX_REMEMBERED = 256;
const MAX_ANSWER_BYTES = 64 * 1024;

export function createRegistryClient(options: {
  readonly transport: Transport;
  readonly authorizer: Authorizer;
  readonly host: string;
}): RegistryClient {
  const { transport, authorizer, host } = options;

  /** What was sent lately: a server that repeats it must not bring it into our messages. */
  const sent = new Set<string>();
  const remember = (authorization: string): void => {
    if (sent.has(authorization)) return;
    sent.add(authorization);
    const [oldest] = sent;
    if (sent.size > MAX_REMEMBERED && oldest !== undefined) sent.delete(oldest);
  };

  /** Sends a call, and once more with what the authorizer answers to a 401. */
  const authorized = async <R extends { readonly status: number; readonly headers: Headers }>(
    call: RegistryCall,
    send: (request: HttpRequest) => Promise<R>,
    discard: (response: R) => void,
  ): Promise<R> => {
    const { signal, scopes, target } = call;
    const origin = await transport.originOf(host, signal);
    const isOwn = target.origin === origin;
    const asked = { origin, scopes };
    const authorization = isOwn ? await authorizer.headerFor(asked, signal) : undefined;
    if (authorization !== undefined) remember(authorization);
    const response = await send(toRequest(call, origin, authorization));
    if (response.status !== 401 || !isOwn) return response;
    const header = response.headers['www-authenticate'];
    const challenges = header === undefined ? [] : typeof header === 'string' ? [header] : header;
    const refused = authorization === undefined ? asked : { ...asked, sent: authorization };
    const answer = await authorizer.answer(refused, challenges, signal);
    if (answer === undefined) return response;
    remember(answer);
    discard(response);
    if (isStream(call.body)) {
      const error = new RebundleError('REGISTRY_AUTH', `${call.method} ${redactUrl(origin + target.path)}: 401`);
      throw new HttpFailure(error, { url: origin + target.path, reason: '401', kind: 'transient' });
    }
    return send(toRequest(call, origin, answer));
  };

  const follow = async <R extends { readonly status: number; readonly headers: Headers }>(
    call: RegistryCall,
    send: (call: RegistryCall) => Promise<R>,
    discard: (response: R) => void,
  ): Promise<R> => {
    let current = call;
    for (let hops = 0; ; hops += 1) {
      const response = await send(current);
      if (!isRedirect(response.status)) return response;
      discard(response);
      if (hops === MAX_REDIRECTS) throw protocolError(current, `more than ${MAX_REDIRECTS} redirects`);
      current = { ...current, target: await pointed(current, response, 'a redirect') };
    }
  };

  const pointed = async (
    call: RegistryCall,
    response: { readonly headers: Headers },
    what: string,
  ): Promise<Target> => {
    const { target } = call;
    const location = textOf(response.headers.location);
    const url = location === undefined ? undefined : resolveLocation(location, target.origin, target.path);
    if (url === undefined) throw protocolError(call, `${what} without a Location that is a URL`);
    const origin = await transport.originOf(host, call.signal);
    // https once left is not to be taken up by http again.
    if (url.origin !== origin) await transport.guards.check(origin, url, what);
    if (target.origin.startsWith('https:') && url.protocol !== 'https:') {
      throw new RebundleError(
        'REGISTRY_UNSAFE',
        `${what} of ${new URL(target.origin).host} leaves https: ${redactUrl(url.href)}`,
      );
    }
    return { origin: url.origin, path: url.pathname + url.search };
  };

  const callOnce: RegistryClient['call'] = (call) => authorized(call, transport.send, () => {});
  const streamOnce = (call: RegistryCall): Promise<StreamedResponse> =>
    authorized(call, transport.stream, (response) => response.cancel());

  return {
    transport,
    host,
    targetOf: async (path, signal) => ({ origin: await transport.originOf(host, signal), path }),
    call: callOnce,
    stream: (call) => follow(call, streamOnce, (response) => response.cancel()),
    follow: (call) => follow(call, callOnce, () => {}),
    locationOf: (call, response) => pointed(call, response, 'the upload Location'),
    failure(call, response) {
      const asked = { method: call.method, url: call.target.origin + call.target.path };
      return isRedirect(response.status)
        ? new HttpFailure(
            protocolError(call, `answers with the redirect ${response.status}, which is followed for blobs only`),
            {
              url: asked.url,
              reason: `${response.status}`,
              kind: 'final',
            },
          )
        : statusFailure({ ...asked, secrets: sent }, response, transport.timers.now());
    },
  };
}

function toRequest(call: RegistryCall, from: string, authorization: string | undefined): HttpRequest {
  const { method, target, body, signal, bytes, maxBytes = MAX_ANSWER_BYTES } = call;
  return {
    method,
    origin: target.origin,
    path: target.path,
    headers: {
      'user-agent': USER_AGENT,
      ...call.headers,
      ...(authorization === undefined ? {} : { authorization }),
    },
    body,
    from,
    maxBytes,
    bytes,
    signal,
  };
}

function isStream(body: HttpRequest['body']): boolean {
  return body !== undefined && !(body instanceof Uint8Array);
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function protocolError(call: RegistryCall, why: string): RebundleError {
  const { origin, path } = call.target;
  return new RebundleError('REGISTRY_PROTOCOL', `${call.method} ${redactUrl(origin + path)}: ${why}`);
}
