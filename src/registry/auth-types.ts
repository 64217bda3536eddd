/** What is asked of a registry: `origin` is scheme, host and port of the registry, `scopes` as the token specification writes them. */
export interface AuthorizationRequest {
  readonly origin: string;
  readonly scopes: readonly string[];
  /** For `answer`: the header that the registry refused. */
  readonly sent?: string | undefined;
}

/** Knows what to send as `Authorization`. */
export interface Authorizer {
  /** What to send first: a token in hand or Basic; undefined is anonymous. */
  headerFor(request: AuthorizationRequest, signal?: AbortSignal): Promise<string | undefined>;
  /** After a 401, from its `WWW-Authenticate` headers: what to send on the one more try; undefined gives up. `sent` is not sent again. */
  answer(
    request: AuthorizationRequest,
    challenges: readonly string[],
    signal?: AbortSignal,
  ): Promise<string | undefined>;
}

export interface TokenRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface TokenResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** Sends a request to a token server under the guards of the transport; the body is at most 64 KiB. */
export type TokenSend = (request: TokenRequest) => Promise<TokenResponse>;
