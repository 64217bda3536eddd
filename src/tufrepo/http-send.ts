import { Agent, type Dispatcher, request } from 'undici';
import { RebundleError } from '../errors.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Bytes of the answer that are read; more are an error. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** By lower-case name; of several with one name the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Sends one request: no redirect is followed and nothing is tried again. Throws TARGETS_UNREACHABLE where no whole answer comes. */
export type HttpSend = (request: HttpRequest) => Promise<HttpResponse>;

const CONNECT_MS = 10_000;
const HEADERS_MS = 60_000;
const BODY_MS = 30_000;

/** An HTTP client for TUF repositories; certificates are checked, answers are capped, silence ends a request. */
export function createHttpSend(dispatcher: Dispatcher = new Agent({ connect: { timeout: CONNECT_MS } })): HttpSend {
  return async ({ method, url, headers, body, maxBytes, signal }) => {
    try {
      const answer = await request(url, {
        dispatcher,
        method,
        headers: { ...headers, 'accept-encoding': 'identity' },
        headersTimeout: HEADERS_MS,
        bodyTimeout: BODY_MS,
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
      return {
        status: answer.statusCode,
        headers: flattenHeaders(answer.headers),
        body: await readBody(answer.body, maxBytes, url),
      };
    } catch (cause) {
      if (cause instanceof RebundleError || signal?.aborted === true) throw cause;
      throw new RebundleError('TARGETS_UNREACHABLE', `${describeUrl(url)}: ${describeCause(cause)}`, { cause });
    }
  };
}

/** A URL without user, password, query and fragment. */
export function describeUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

async function readBody(chunks: AsyncIterable<Uint8Array>, maxBytes: number, url: URL): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.byteLength;
    if (size > maxBytes) {
      throw new RebundleError(
        'TARGETS_UNREACHABLE',
        `${describeUrl(url)}: the answer is larger than ${maxBytes} bytes`,
      );
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts, size);
}

function flattenHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) flat[name.toLowerCase()] = first;
  }
  return flat;
}

function describeCause(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  return code === undefined || cause.message.includes(code) ? cause.message : `${cause.message} (${code})`;
}
