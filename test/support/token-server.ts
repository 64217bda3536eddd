import { createHash, sign, X509Certificate } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Authority } from './certificates.ts';

interface TokenCall {
  readonly method: string;
  readonly scopes: readonly string[];
  /** Who asked, as far as the server could tell. */
  readonly user: string | undefined;
  readonly status: number;
}

export interface TokenServer {
  /** What goes into `auth.token` of the registry. */
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** PEM: the registry trusts tokens that this certificate signed. */
  readonly rootCertificate: string;
  readonly calls: TokenCall[];
  /** Takes no call any more, until it is restarted at the same address. */
  stop(): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface TokenServerOptions {
  /** Signs the tokens. */
  readonly authority: Authority;
  /** https, with a certificate of the same authority. */
  readonly tls?: boolean;
  readonly user: string;
  readonly password: string;
  /** What an OAuth2 POST with grant_type=refresh_token has to bring; without it the server takes no POST. */
  readonly identityToken?: string;
  /** Seconds that a token lasts; 300 by default. */
  readonly lifetime?: number;
  /** What somebody without credentials may do; nothing by default. */
  readonly anonymousActions?: readonly string[];
}

const SERVICE = 'test-registry';
const ISSUER = 'test-issuer';

/** A token server by the distribution project's token specification: GET with Basic, POST with an identity token, ES256 signatures. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const calls: TokenCall[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response, options, calls).catch(() => response.destroy());
  };
  const pair = options.tls === true ? await options.authority.issue('tokens') : undefined;
  const server =
    pair === undefined ? createServer(listener) : createTlsServer({ cert: pair.certificate, key: pair.key }, listener);
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    realm: `${pair === undefined ? 'http' : 'https'}://127.0.0.1:${port}/token`,
    service: SERVICE,
    issuer: ISSUER,
    rootCertificate: options.authority.certificate,
    calls,
    stop,
    restart: () => listen(port),
    close: stop,
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: TokenServerOptions,
  calls: TokenCall[],
): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const form = request.method === 'POST' ? new URLSearchParams(Buffer.concat(parts).toString()) : url.searchParams;
  const scopes = form.getAll('scope').flatMap((text) => text.split(' ').filter((scope) => scope !== ''));
  const reply = (status: number, body: unknown, user?: string): void => {
    calls.push({ method: request.method ?? '', scopes, user, status });
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (url.pathname !== '/token') return reply(404, {});
  const { user, password, identityToken, lifetime = 300, anonymousActions = [] } = options;
  if (form.get('service') !== SERVICE) return reply(400, { errors: [{ code: 'DENIED', message: 'wrong service' }] });
  let who: string | undefined;
  if (request.method === 'POST') {
    if (identityToken === undefined) return reply(405, {});
    if (form.get('grant_type') !== 'refresh_token' || form.get('refresh_token') !== identityToken) {
      return reply(400, { error: 'invalid_grant', error_description: 'the refresh token is not known' });
    }
    who = user;
  } else if (request.headers.authorization !== undefined) {
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    if (request.headers.authorization !== basic) {
      return reply(401, { errors: [{ code: 'UNAUTHORIZED', message: 'incorrect username or password' }] });
    }
    who = user;
  }
  const access = scopes.map((scope) => {
    const [type = '', ...rest] = scope.split(':');
    const actions = (rest.pop() ?? '')
      .split(',')
      .filter((name) => who !== undefined || anonymousActions.includes(name));
    return { type, name: rest.join(':'), actions };
  });
  const token = signToken(options, { access, subject: who ?? '', lifetime });
  const issued = new Date().toISOString();
  reply(
    200,
    request.method === 'POST'
      ? { access_token: token, expires_in: lifetime, issued_at: issued, scope: scopes.join(' ') }
      : { token, expires_in: lifetime, issued_at: issued },
    who,
  );
}

function signToken(
  { authority }: TokenServerOptions,
  claims: { readonly access: unknown; readonly subject: string; readonly lifetime: number },
): string {
  const now = Math.floor(Date.now() / 1000);
  const certificate = new X509Certificate(authority.certificate).raw.toString('base64');
  const header = { typ: 'JWT', alg: 'ES256', x5c: [certificate] };
  const payload = {
    iss: ISSUER,
    sub: claims.subject,
    aud: SERVICE,
    exp: now + claims.lifetime,
    nbf: now - 10,
    iat: now,
    jti: createHash('sha256').update(`${now} ${Math.random()}`).digest('hex'),
    access: claims.access,
  };
  const content = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(content), { key: authority.key, dsaEncoding: 'ieee-p1363' });
  return `${content}.${signature.toString('base64url')}`;
}
