// Loaded before the program (node --require): counts the calls that change the disk and the requests that are sent, in one row, and at one of
// them signals the process, or lets it stand until there is a file. STOP_HOOK is JSON: { at?, when?, signal?, waitFor?, onlyRequests?, counted? };
// `counted` names the file that gets the number of calls in the end.
const fs = require('node:fs');
const { channel } = require('node:diagnostics_channel');
const { syncBuiltinESMExports } = require('node:module');

const { at, when, signal, waitFor, onlyRequests, counted } = JSON.parse(process.env.STOP_HOOK);
delete process.env.STOP_HOOK;
delete process.env.NODE_OPTIONS;
const { existsSync, writeFileSync, writeSync } = fs;
const { kill, pid } = process;
let calls = 0;

const isDue = () => ++calls === at;
const stop = () => {
  if (waitFor === undefined) return kill.call(process, pid, signal);
  writeSync(2, 'stop-hook: paused\n');
  while (!existsSync(waitFor)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
};

/** `half` is for calls that write bytes; for all others it is `before`. */
function watch(holder, name, { isChange = () => true, writeHalf } = {}) {
  if (onlyRequests === true) return;
  const inner = holder[name];
  holder[name] = function (...args) {
    if (!isChange(args) || !isDue()) return inner.apply(this, args);
    if (when === 'half') writeHalf?.(this, args);
    if (when !== 'after') stop();
    const result = inner.apply(this, args);
    if (when !== 'after') return result;
    if (typeof result?.then === 'function') return result.finally(stop);
    stop();
    return result;
  };
}

const opensToWrite = ([, flags]) => (typeof flags === 'number' ? (flags & 3) !== 0 : /[wa+]/.test(flags ?? 'r'));
// A graceful end lets the call finish: only what is killed may leave a part.
const writePart = (fd, bytes) => {
  if (signal === 'SIGKILL' && bytes instanceof Uint8Array) writeSync(fd, bytes, 0, bytes.length >> 1);
};

for (const name of ['mkdir', 'rename', 'rm', 'unlink', 'link', 'chmod', 'writeFile', 'copyFile']) watch(fs.promises, name);
for (const name of ['mkdirSync', 'renameSync', 'rmSync', 'unlinkSync', 'linkSync']) watch(fs, name);
watch(fs, 'writeFileSync', { writeHalf: (_, [file, bytes]) => typeof file === 'number' && writePart(file, bytes) });
watch(fs, 'openSync', { isChange: opensToWrite });
watch(fs.promises, 'open', { isChange: opensToWrite });

// The class of file handles is only to be had from one.
const { open } = fs.promises;
let isHandleWatched = false;
fs.promises.open = async (...args) => {
  const handle = await open(...args);
  if (!isHandleWatched) {
    isHandleWatched = true;
    const prototype = Object.getPrototypeOf(handle);
    for (const name of ['writeFile', 'write']) watch(prototype, name, { writeHalf: ({ fd }, [bytes]) => writePart(fd, bytes) });
    for (const name of ['sync', 'chmod']) watch(prototype, name);
  }
  return handle;
};
syncBuiltinESMExports();

for (const name of ['undici:client:sendHeaders', 'undici:request:headers']) {
  channel(name).subscribe(() => {
    if (isDue()) stop();
  });
}

if (counted !== undefined) process.on('exit', () => writeFileSync(counted, String(calls)));
