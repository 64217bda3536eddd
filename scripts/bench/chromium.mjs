// A page of the system's headless Chromium, driven over its debugging pipe: no port, no network.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ARGUMENTS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--hide-scrollbars',
  '--disable-dev-shm-usage',
  '--remote-debugging-pipe',
];

/** Starts it. `test/support/chromium.ts` describes what it gives. */
export async function openChromium() {
  const profile = mkdtempSync(join(tmpdir(), 'rebundle-chromium-'));
  const child = spawn('chromium', [...ARGUMENTS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const input = /** @type {import('node:stream').Writable} */ (child.stdio[3]);
  const output = /** @type {import('node:stream').Readable} */ (child.stdio[4]);
  input.on('error', () => {});
  const waiting = new Map();
  const listeners = new Set();
  let pending = [];
  output.on('data', (chunk) => {
    let from = 0;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, from)) {
      const message = JSON.parse(Buffer.concat([...pending, chunk.subarray(from, end)]).toString('utf8'));
      pending = [];
      from = end + 1;
      const call = waiting.get(message.id);
      if (call === undefined) for (const listener of listeners) listener(message);
      else if (message.error === undefined) call.resolve(message.result);
      else call.reject(new Error(message.error.message));
      waiting.delete(message.id);
    }
    pending.push(chunk.subarray(from));
  });
  let id = 0;
  const call = (method, params, sessionId) => {
    id += 1;
    const answer = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return answer;
  };
  const { targetInfos } = await call('Target.getTargets', {});
  const { targetId } = targetInfos.find(({ type }) => type === 'page');
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
  const send = (method, params = {}) => call(method, params, sessionId);
  await send('Page.enable');
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? 'the page threw');
    return result.value;
  };
  const open = async (url) => {
    const loaded = new Promise((resolve) => {
      const listener = ({ method }) => {
        if (method !== 'Page.loadEventFired') return;
        listeners.delete(listener);
        resolve(undefined);
      };
      listeners.add(listener);
    });
    await send('Page.navigate', { url });
    await loaded;
    // Two frames later it has been laid out and painted.
    return evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))',
    );
  };
  const close = async () => {
    // The connection ends before the answer.
    call('Browser.close', {}).catch(() => {});
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { send, evaluate, open, close };
}
