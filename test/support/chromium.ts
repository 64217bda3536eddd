import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

type Message = { readonly id?: number; readonly method?: string; readonly result?: unknown; readonly error?: { readonly message: string } };

/** A page of the system's headless Chromium, driven over its debugging pipe: no port, no network. */
export interface Page {
  /** A command of the DevTools protocol. */
  send<T>(method: string, params?: object): Promise<T>;
  /** Opens an address and waits for its load event; milliseconds from start to load, as the page itself measures them. */
  open(url: string): Promise<number>;
  /** The value of an expression, as JSON; a promise is waited for. */
  evaluate<T>(expression: string): Promise<T>;
  close(): Promise<void>;
}

export async function openChromium(): Promise<Page> {
  const profile = mkdtempSync(join(tmpdir(), 'rebundle-chromium-'));
  const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--disable-dev-shm-usage'];
  const child: ChildProcess = spawn(
    'chromium',
    [...args, '--remote-debugging-pipe', `--user-data-dir=${profile}`, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const input = child.stdio[3] as Writable;
  const output = child.stdio[4] as Readable;
  input.on('error', () => {});
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  const listeners = new Set<(message: Message) => void>();
  let pending: Buffer[] = [];
  output.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, from)) {
      const message = JSON.parse(Buffer.concat([...pending, chunk.subarray(from, end)]).toString('utf8')) as Message;
      pending = [];
      from = end + 1;
      const call = waiting.get(message.id ?? -1);
      if (call === undefined) for (const listener of listeners) listener(message);
      else if (message.error === undefined) call.resolve(message.result);
      else call.reject(new Error(message.error.message));
      waiting.delete(message.id ?? -1);
    }
    pending.push(chunk.subarray(from));
  });
  let id = 0;
  const call = <T>(method: string, params: object, sessionId?: string): Promise<T> => {
    id += 1;
    const text = JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) });
    const answer = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
    input.write(`${text}\0`);
    return answer as Promise<T>;
  };
  const { targetInfos } = await call<{ targetInfos: { type: string; targetId: string }[] }>('Target.getTargets', {});
  const targetId = targetInfos.find(({ type }) => type === 'page')?.targetId;
  const { sessionId } = await call<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
  const send = <T>(method: string, params: object = {}): Promise<T> => call<T>(method, params, sessionId);
  await send('Page.enable');
  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = await send<{
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string } };
    }>('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? 'the page threw');
    return result.value;
  };
  return {
    send,
    evaluate,
    open: async (url) => {
      const loaded = new Promise<void>((resolve) => {
        const listener = ({ method }: Message): void => {
          if (method !== 'Page.loadEventFired') return;
          listeners.delete(listener);
          resolve();
        };
        listeners.add(listener);
      });
      await send('Page.navigate', { url });
      await loaded;
      // Two frames later it has been laid out and painted.
      return evaluate<number>(
        'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))',
      );
    },
    close: async () => {
      // The connection ends before the answer.
      call('Browser.close', {}).catch(() => {});
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
