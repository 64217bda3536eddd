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

/** A URL without user, password, query and fragment. */
export function describeUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}
