interface Flight<V> {
  readonly result: Promise<V>;
  readonly abort: AbortController;
  waiting: number;
}

/** Calls that several wait for at once, one per key. A call is aborted when nobody waits for it any more; its result is not kept. */
export class SharedCalls<V> {
  readonly #flights = new Map<string, Flight<V>>();

  /** Joins the call of `key`, or starts it. Rejects with the signal's reason at once when that aborts. */
  async join(key: string, start: (signal: AbortSignal) => Promise<V>, signal: AbortSignal | undefined): Promise<V> {
    signal?.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#start(key, start);
    flight.waiting += 1;
    let stop = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(signal?.reason);
    });
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([flight.result, aborted]);
    } finally {
      signal?.removeEventListener('abort', stop);
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        this.#remove(key, flight);
        flight.abort.abort();
      }
    }
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<V>): Flight<V> {
    const abort = new AbortController();
    const flight: Flight<V> = { result: start(abort.signal), abort, waiting: 0 };
    this.#flights.set(key, flight);
    const done = (): void => this.#remove(key, flight);
    flight.result.then(done, done);
    return flight;
  }

  #remove(key: string, flight: Flight<V>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
