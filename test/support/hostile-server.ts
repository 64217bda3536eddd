import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './certificates.ts';
import {
  type Answer,
  answerRequest,
  kindOf,
  type SeenRequest,
  type Session,
  type Store,
} from './memory-distribution.ts';

export type { SeenRequest } from './memory-distribution.ts';

/** What goes wrong with one request. Where nothing is said about the work itself, it is done as if nothing were wrong. */
export type Fault =
  /** The connection ends; `done`: after the work. */
  | { readonly do: 'reset'; readonly done?: boolean }
  /** Another answer; the work is not done. */
  | {
      readonly do: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** The connection ends in the middle of the body. */
  | { readonly do: 'cut' }
  /** Half of the body, then nothing more; the connection stays. */
  | { readonly do: 'stall' }
  /** Other headers; undefined takes one away. */
  | { readonly do: 'headers'; readonly headers: Readonly<Record<string, string | undefined>> }
  /** Other bytes under the same headers; the length is that of the bytes. */
  | { readonly do: 'body'; readonly body: Buffer }
  /** The announced length is not that of the bytes, which are sent as they are. */
  | { readonly do: 'length'; readonly length: number }
  /** Bytes without an end. */
  | { readonly do: 'endless' }
  /** A byte now and then, for ever. */
  | { readonly do: 'drip'; readonly everyMs: number }
  /** No answer at all. */
  | { readonly do: 'hang' }
  /** All upload sessions are forgotten, then it goes on. */
  | { readonly do: 'forget' }
  /** The work is said to be done, but it is not. */
  | { readonly do: 'lie'; readonly status: number; readonly headers?: Readonly<Record<string, string>> };

export type FaultRule = (request: SeenRequest) => Fault | undefined;

export interface HostileServer extends Store {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly origin: string;
  readonly requests: SeenRequest[];
  /** Asked before each request; may be replaced at any time. */
  fault: FaultRule;
  close(): Promise<void>;
}

/** A whole registry by the distribution specification, in memory, that misbehaves exactly as it is told. */
export async function startHostileServer(
  fault: FaultRule = () => undefined,
  tls?: Certificate,
): Promise<HostileServer> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    serve(server, sessions, request, response).catch(() => response.destroy());
  };
  const http =
    tls === undefined ? createServer(listener) : createTlsServer({ cert: tls.certificate, key: tls.key }, listener);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  const sessions = new Map<string, Session>();
  const server: HostileServer = {
    host,
    origin: `${tls === undefined ? 'http' : 'https'}://${host}`,
    requests: [],
    blobs: new Map(),
    manifests: new Map(),
    tags: new Map(),
    fault,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return server;
}

async function serve(
  server: HostileServer,
  sessions: Map<string, Session>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', url: path = '', headers } = request;
  const kind = kindOf(path);
  const count = 1 + server.requests.filter((seen) => seen.method === method && seen.kind === kind).length;
  const parts: Buffer[] = [];
  const seen: SeenRequest = {
    method,
    path,
    kind,
    headers,
    count,
    get body() {
      return Buffer.concat(parts);
    },
  };
  server.requests.push(seen);
  const fault = server.fault(seen);
  if (fault?.do === 'reset' && fault.done !== true) {
    request.socket.destroy();
    return;
  }
  for await (const part of request) parts.push(part as Buffer);
  if (fault?.do === 'hang') return;
  if (fault?.do === 'answer' || fault?.do === 'lie') {
    const body = Buffer.from(fault.do === 'answer' ? (fault.body ?? '') : '');
    send(response, method, { status: fault.status, headers: fault.headers ?? {}, body });
    return;
  }
  if (fault?.do === 'forget') sessions.clear();
  misbehave(request, response, answerRequest(server, sessions, seen), fault);
}

function misbehave(request: IncomingMessage, response: ServerResponse, answer: Answer, fault: Fault | undefined): void {
  const { method = '' } = request;
  const { status, headers, body } = answer;
  switch (fault?.do) {
    case 'reset':
      request.socket.destroy();
      return;
    case 'cut':
      response.writeHead(status, { ...headers, 'content-length': String(Math.max(2, body.byteLength)) });
      response.write(body.subarray(0, Math.floor(body.byteLength / 2)), () => request.socket.destroy());
      return;
    case 'stall':
      response.writeHead(status, { ...headers, 'content-length': String(Math.max(2, body.byteLength)) });
      response.write(body.subarray(0, Math.floor(body.byteLength / 2)));
      return;
    case 'headers': {
      const changed = Object.entries({ ...headers, ...fault.headers }).filter(([, value]) => value !== undefined);
      send(response, method, { status, headers: Object.fromEntries(changed) as Record<string, string>, body });
      return;
    }
    case 'body':
      send(response, method, { status, headers: without(headers, 'content-length'), body: fault.body });
      return;
    case 'length':
      response.strictContentLength = false;
      response.writeHead(status, { ...headers, 'content-length': String(fault.length), connection: 'close' });
      response.end(method === 'HEAD' ? undefined : body);
      return;
    case 'endless':
    case 'drip': {
      response.writeHead(status, without(headers, 'content-length'));
      const everyMs = fault.do === 'drip' ? fault.everyMs : 0;
      const chunk = Buffer.alloc(fault.do === 'drip' ? 1 : 65_536, ' ');
      const go = (): void => {
        if (response.destroyed) return;
        if (response.write(chunk)) setTimeout(go, everyMs);
        else response.once('drain', go);
      };
      go();
      return;
    }
    default:
      send(response, method, answer);
  }
}

function send(response: ServerResponse, method: string, { status, headers, body }: Answer): void {
  const length = headers['content-length'] ?? String(body.byteLength);
  response.writeHead(status, { ...headers, ...(status === 204 ? {} : { 'content-length': length }) });
  response.end(method === 'HEAD' ? undefined : body);
}

function without(headers: Readonly<Record<string, string>>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
}
