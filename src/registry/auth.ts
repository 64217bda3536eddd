import type { RebundleError } from '../errors.ts';
import { SharedCalls } from './auth-flight.ts';
import { coversScopes, mergeScopes, scopeRepository } from './auth-scopes.ts';
import { fetchToken, formatBasic, type Token } from './auth-token.ts';
import type { AuthorizationRequest, Authorizer, TokenSend } from './auth-types.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credential } from './credentials.ts';

/** Tokens that are kept at once; a factory needs one per repository and action. */
const MAX_TOKENS = 4_096;
const MAX_SEARCHED = 64;

export interface AuthorizerOptions {
  /** Credential for a registry host, and for a repository of it where files tell them apart. Asked once per pair. */
  readonly credentialsFor: (host: string, repository?: string) => Promise<Credential | undefined>;
  readonly send: TokenSend;
  /** Milliseconds. */
  readonly now: () => number;
  /** Throws where a registry must not point to this token server. */
  readonly checkRealm: (origin: string, realm: URL) => Promise<void>;
}

/** How a registry wants to be spoken to, as its first 401 said. */
type Method =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: URL; readonly service: string | undefined };

interface HeldToken {
  readonly scopes: readonly string[];
  readonly credential: string;
  readonly token: Token;
}

interface Origin {
  method: Method | undefined;
  /** By credential and scopes, the oldest first. */
  readonly tokens: Map<string, HeldToken>;
  readonly calls: SharedCalls<Token>;
  /** The first call with each credential. The others wait for it: a wrong password that many show at once may lock the account. */
  readonly firsts: Map<string, Promise<Token>>;
  /** What the token server said of credentials, or of scopes for them, that it does not take: they are not tried again. */
  readonly refused: Map<string, RebundleError>;
}

/**
 * Answers challenges of registries (distribution project, token specification; RFC 7617 for Basic). Anonymous first: nothing is sent to a registry
 * that has not asked. Tokens are shared per origin and scopes, asked for by one call at a time, and renewed before they run out. Credentials that
 * were refused are not tried again. Throws REGISTRY_AUTH.
 */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const origins = new Map<string, Origin>();
  const credentials = new Map<string, Promise<Credential | undefined>>();

  const originOf = (name: string): Origin => {
    const known = origins.get(name);
    if (known !== undefined) return known;
    const made: Origin = {
      method: undefined,
      tokens: new Map(),
      calls: new SharedCalls(),
      firsts: new Map(),
      refused: new Map(),
    };
    origins.set(name, made);
    return made;
  };

  const credentialOf = ({ origin, scopes }: AuthorizationRequest): Promise<Credential | undefined> => {
    const { host } = new URL(origin);
    const repository = scopeRepository(scopes);
    const key = `${host} ${repository ?? ''}`;
    const known = credentials.get(key);
    if (known !== undefined) return known;
    const asked = options.credentialsFor(host, repository);
    credentials.set(key, asked);
    return asked;
  };

  const tokenHeader = async (
    request: AuthorizationRequest,
    method: Extract<Method, { scheme: 'bearer' }>,
    signal: AbortSignal | undefined,
  ): Promise<string> => {
    const state = originOf(request.origin);
    const credential = await credentialOf(request);
    if (credential?.kind === 'bearer') return `Bearer ${credential.token}`;
    const who = credential === undefined ? '' : `${credential.source} ${credential.kind}`;
    const scopes = mergeScopes(request.scopes);
    const key = JSON.stringify([who, scopes]);
    const refused = state.refused.get(who) ?? state.refused.get(key);
    if (refused !== undefined) throw refused;
    const held = findToken(state, { key, credential: who, scopes, now: options.now() });
    if (held !== undefined) return `Bearer ${held.text}`;
    const ask = async (abort: AbortSignal): Promise<Token> => {
      await options.checkRealm(request.origin, method.realm);
      const { host } = new URL(request.origin);
      const { realm, service } = method;
      const answer = await fetchToken({ host, realm, service, scopes, credential, signal: abort }, options);
      if ('error' in answer) {
        if (answer.refused !== undefined) state.refused.set(answer.refused === 'credential' ? who : key, answer.error);
        throw answer.error;
      }
      keepToken(state, key, { scopes, credential: who, token: answer.token });
      return answer.token;
    };
    const askInTurn = async (abort: AbortSignal): Promise<Token> => {
      const earlier = who === '' ? undefined : state.firsts.get(who);
      if (earlier === undefined) {
        const first = ask(abort);
        state.firsts.set(who, first);
        first.catch(() => state.firsts.delete(who));
        return first;
      }
      await earlier.catch(() => {});
      const error = state.refused.get(who);
      if (error !== undefined) throw error;
      return ask(abort);
    };
    return `Bearer ${(await state.calls.join(key, askInTurn, signal)).text}`;
  };

  const basicHeader = async (request: AuthorizationRequest): Promise<string | undefined> => {
    const credential = await credentialOf(request);
    if (credential?.kind === 'bearer' || credential === undefined) return undefined;
    return formatBasic(credential.username, credential.kind === 'basic' ? credential.password : credential.token);
  };

  const send = async (
    request: AuthorizationRequest,
    method: Method | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> => {
    if (method === undefined) return undefined;
    return method.scheme === 'basic' ? basicHeader(request) : tokenHeader(request, method, signal);
  };

  return {
    headerFor: async (request, signal) => {
      signal?.throwIfAborted();
      return send(request, originOf(request.origin).method, signal);
    },
    answer: async (request, challenges, signal) => {
      signal?.throwIfAborted();
      const state = originOf(request.origin);
      const chosen = chooseMethod(parseChallenges(challenges), request.origin);
      if (chosen === undefined) return undefined;
      state.method = chosen.method;
      const asked = { origin: request.origin, scopes: [...request.scopes, ...chosen.scopes] };
      if (request.sent !== undefined) forgetToken(state, request.sent);
      const header = await send(asked, chosen.method, signal);
      // What was refused once is not sent again.
      return header === request.sent ? undefined : header;
    },
  };
}

/** Bearer before Basic, as clients of the distribution project prefer it; other schemes are none that a registry client speaks. */
function chooseMethod(
  challenges: readonly Challenge[],
  origin: string,
): { readonly method: Method; readonly scopes: readonly string[] } | undefined {
  for (const { scheme, parameters } of challenges) {
    const realm = scheme === 'bearer' ? resolveRealm(parameters.get('realm'), origin) : undefined;
    if (realm === undefined) continue;
    const scopes = (parameters.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
    return { method: { scheme: 'bearer', realm, service: parameters.get('service') }, scopes };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { method: { scheme: 'basic' }, scopes: [] } : undefined;
}

function resolveRealm(realm: string | undefined, origin: string): URL | undefined {
  if (realm === undefined || realm === '') return undefined;
  try {
    return new URL(realm, origin);
  } catch {
    return undefined;
  }
}

function findToken(
  state: Origin,
  wanted: {
    readonly key: string;
    readonly credential: string;
    readonly scopes: readonly string[];
    readonly now: number;
  },
): Token | undefined {
  const { credential, scopes, now } = wanted;
  const exact = state.tokens.get(wanted.key);
  if (exact !== undefined && exact.token.renewAt > now) return exact.token;
  // A token to push is good for pulling, too. Only looked for among few: it saves calls and is no matter of correctness.
  if (state.tokens.size > MAX_SEARCHED) return undefined;
  for (const held of state.tokens.values()) {
    if (held.credential === credential && held.token.renewAt > now && coversScopes(held.scopes, scopes))
      return held.token;
  }
  return undefined;
}

function keepToken(state: Origin, key: string, held: HeldToken): void {
  state.tokens.delete(key);
  state.tokens.set(key, held);
  const oldest = state.tokens.keys().next().value;
  if (state.tokens.size > MAX_TOKENS && oldest !== undefined) state.tokens.delete(oldest);
}

function forgetToken(state: Origin, header: string): void {
  for (const [key, { token }] of state.tokens) if (header === `Bearer ${token.text}`) state.tokens.delete(key);
}
