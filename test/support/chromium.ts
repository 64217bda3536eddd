/** A page of the system's headless Chromium. */
export interface Page {
  /** A command of the DevTools protocol. */
  send<T>(method: string, params?: object): Promise<T>;
  /** Opens an address and waits until it is painted; milliseconds from the start of the navigation, as the page measures them. */
  open(url: string): Promise<number>;
  /** The value of an expression, as JSON; a promise is waited for. */
  evaluate<T>(expression: string): Promise<T>;
  close(): Promise<void>;
}

const client = new URL('../../scripts/bench/chromium.mjs', import.meta.url).href;

export async function openChromium(): Promise<Page> {
  const { openChromium: open } = (await import(client)) as { openChromium: () => Promise<Page> };
  return open();
}
