import type { Dispatcher } from 'undici';
import type { Timers } from './retry.ts';
import type { HttpResponse } from './transport.ts';

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export const MAX_ERROR_BYTES = 64 * 1024;

/** The first value of a header. */
export function textOf(value: Headers[string]): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value[0];
}

/** Thrown where an answer is longer than the caller takes. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/** Thrown where an exchange as a whole takes too long. */
export class TotalTimeout extends Error {
  override readonly name = 'TotalTimeout';
}

interface Limits {
  readonly signal?: AbortSignal | undefined;
  readonly timers: Timers;
  readonly totalMs: number;
}

export interface Exchange extends Limits {
  readonly options: Dispatcher.DispatchOptions;
  /** Longest body that is kept; a longer one ends the exchange with BodyTooLarge. That of an error is cut at MAX_ERROR_BYTES. */
  readonly maxBytes: number;
}

type Settle<T> = { readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void };

/** Sends a request and collects the answer. Rejects with the signal's reason at once when it is aborted, wherever the request is by then. */
export function exchange(dispatcher: Dispatcher, request: Exchange): Promise<HttpResponse> {
  if (request.signal?.aborted === true) return Promise.reject(request.signal.reason);
  return new Promise((resolve, reject) => {
    start(dispatcher, request.options, new CollectingHandler(request, { resolve, reject }), reject);
  });
}

function start(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  handler: CollectingHandler | StreamingHandler,
  reject: (error: unknown) => void,
): void {
  try {
    dispatcher.dispatch(options, handler);
  } catch (error) {
    handler.finish();
    reject(error);
  }
}

/** Ends a handler's request when the signal is aborted or its time is over, also before it has a connection. */
class Abortable {
  #controller: Dispatcher.DispatchController | undefined;
  #reason: Error | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #takeBackTimer: () => void;
  readonly #onAbort: (reason: unknown) => void;
  isOver = false;

  constructor({ signal, timers, totalMs }: Limits, onAbort: (reason: unknown) => void) {
    this.#signal = signal;
    this.#onAbort = onAbort;
    signal?.addEventListener('abort', this.#stop, { once: true });
    this.#takeBackTimer = timers.after(totalMs, () => this.#end(new TotalTimeout()));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#reason !== undefined) controller.abort(this.#reason);
  }

  /** Ends the request from our side. */
  cancel(reason: Error): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  finish(): void {
    this.isOver = true;
    this.#takeBackTimer();
    this.#signal?.removeEventListener('abort', this.#stop);
  }

  readonly #stop = (): void => this.#end(this.#signal?.reason);

  #end(reason: unknown): void {
    if (this.isOver) return;
    this.finish();
    this.#onAbort(reason);
    this.cancel(reason instanceof Error ? reason : new Error('aborted'));
  }
}

class CollectingHandler extends Abortable implements Dispatcher.DispatchHandler {
  readonly #request: Exchange;
  readonly #settle: Settle<HttpResponse>;
  readonly #parts: Buffer[] = [];
  #status = 0;
  #headers: Headers = {};
  #size = 0;

  constructor(request: Exchange, settle: Settle<HttpResponse>) {
    super(request, settle.reject);
    this.#request = request;
    this.#settle = settle;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Headers): void {
    // 103 and its like come before the answer.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.isOver) return;
    const { maxBytes } = this.#request;
    const room = (this.#status >= 400 ? Math.min(maxBytes, MAX_ERROR_BYTES) : maxBytes) - this.#size;
    if (chunk.byteLength > room) {
      this.finish();
      if (this.#status >= 400) {
        this.#parts.push(chunk.subarray(0, room));
        this.#settle.resolve(this.#response());
      } else this.#settle.reject(new BodyTooLarge());
      this.cancel(new BodyTooLarge());
      return;
    }
    this.#size += chunk.byteLength;
    this.#parts.push(chunk);
  }

  onResponseEnd(): void {
    if (this.isOver) return;
    this.finish();
    this.#settle.resolve(this.#response());
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.isOver) return;
    this.finish();
    this.#settle.reject(error);
  }

  #response(): HttpResponse {
    const [only] = this.#parts;
    const body = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
    return { status: this.#status, headers: this.#headers, body };
  }
}

/** Above this much waiting for its reader, a stream is paused. */
const MAX_QUEUED_BYTES = 256 * 1024;

export interface StreamedResponse {
  readonly status: number;
  readonly headers: Headers;
  /** To be read, or cancelled. */
  readonly body: AsyncGenerator<Uint8Array, void>;
  readonly cancel: () => void;
}

/** As `exchange`, but gives the body as it comes. The connection is free again once the body was read or the reader stopped. */
export function exchangeStream(dispatcher: Dispatcher, request: Omit<Exchange, 'maxBytes'>): Promise<StreamedResponse> {
  if (request.signal?.aborted === true) return Promise.reject(request.signal.reason);
  return new Promise((resolve, reject) => {
    start(dispatcher, request.options, new StreamingHandler(request, { resolve, reject }), reject);
  });
}

class StreamingHandler extends Abortable implements Dispatcher.DispatchHandler {
  readonly #settle: Settle<StreamedResponse>;
  readonly #queue: Buffer[] = [];
  #queued = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #response: Dispatcher.DispatchController | undefined;

  constructor(limits: Limits, settle: Settle<StreamedResponse>) {
    super(limits, (reason) => {
      settle.reject(reason);
      this.#fail(reason);
    });
    this.#settle = settle;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status < 200) return;
    this.#response = controller;
    this.#settle.resolve({ status, headers, body: this.#read(), cancel: () => this.#cancel() });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#queue.push(chunk);
    this.#queued += chunk.byteLength;
    if (this.#queued > MAX_QUEUED_BYTES) controller.pause();
    this.#wake?.();
  }

  onResponseEnd(): void {
    this.finish();
    this.#ended = true;
    this.#wake?.();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.finish();
    this.#settle.reject(error);
    this.#fail(error);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  async *#read(): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        // An abort is told at once; what came before a cut is still good.
        if (this.isOver && this.#failure !== undefined && this.#queue.length === 0) throw this.#failure.error;
        const chunk = this.#queue.shift();
        if (chunk !== undefined) {
          this.#queued -= chunk.byteLength;
          if (this.#response?.paused === true && this.#queued <= MAX_QUEUED_BYTES / 2) this.#response.resume();
          yield chunk;
          continue;
        }
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      this.#cancel();
    }
  }

  #cancel(): void {
    if (this.isOver) return;
    this.finish();
    this.cancel(new Error('the reader stopped'));
  }
}
