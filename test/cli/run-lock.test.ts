import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CliEnvironment } from '../../src/cli/environment.ts';
import { type LockHolder, withRunLock } from '../../src/cli/run-lock.ts';
import { ERRORS, RebundleError } from '../../src/errors.ts';

const GONE = 4_190_001;
let out: string;

beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'rebundle-lock-'));
});
afterEach(async () => {
  await rm(out, { recursive: true });
});

const environment: CliEnvironment = {
  cwd: '/',
  env: {},
  writeError: () => {},
  stdoutIsTerminal: false,
  stderrIsTerminal: false,
  width: () => 80,
  now: () => Date.parse('2026-03-04T05:06:07Z'),
  repeat: () => () => {},
  signal: new AbortController().signal,
  pid: process.pid,
  isRunning: (pid) => pid !== GONE,
  version: '0.0.0',
};

const enter = <T>(task: (takenFrom?: LockHolder) => Promise<T>): Promise<T> => withRunLock({ out, environment }, task);
const take = (): Promise<LockHolder | undefined> => enter(async (takenFrom) => takenFrom);
const read = async (): Promise<LockHolder> => JSON.parse(await readFile(join(out, 'run.lock'), 'utf8'));
const leave = (holder: object): Promise<void> => writeFile(join(out, 'run.lock'), JSON.stringify(holder));
const failureOf = (task: Promise<unknown>): Promise<RebundleError> =>
  task.then(
    () => Promise.reject(new Error('it was not refused')),
    (thrown) => (thrown instanceof RebundleError ? thrown : Promise.reject(thrown)),
  );

describe('one run at a time', () => {
  test('the lock holds the process and its host, and is gone after success and failure', async () => {
    await enter(async () => {
      expect(await read()).toMatchObject({ pid: process.pid, host: hostname(), since: '2026-03-04T05:06:07Z' });
      expect(await readdir(out)).toEqual(['run.lock']);
    });
    expect(await readdir(out)).toEqual([]);
    await expect(enter(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await readdir(out)).toEqual([]);
  });

  test('a second one is refused by who holds it, and changes nothing', async () => {
    await enter(async () => {
      const before = await readFile(join(out, 'run.lock'));
      const { code, message } = await failureOf(take());
      expect([code, ERRORS[code].exit]).toEqual(['RUN_LOCKED', 5]);
      expect(message).toContain(`process ${process.pid} on ${hostname()}, since 2026-03-04T05:06:07Z`);
      expect(await readFile(join(out, 'run.lock'))).toEqual(before);
    });
    expect(await take()).toBeUndefined();
  });

  test('what a person put in its place meanwhile stays', async () => {
    await enter(() => leave({ pid: 1, host: 'other', since: 'now' }));
    expect(await read()).toMatchObject({ host: 'other' });
  });

  test('a folder that cannot be written is told as such', async () => {
    await writeFile(join(out, 'file'), '');
    const refused = withRunLock({ out: join(out, 'file', 'out'), environment }, async () => {});
    expect((await failureOf(refused)).code).toBe('OUTPUT_UNWRITABLE');
  });
});

describe('a lock that was left', () => {
  const since = '2026-03-01T00:00:00Z';

  test('is taken over where its process is gone on this host', async () => {
    await leave({ pid: GONE, host: hostname(), since });
    expect(await take()).toMatchObject({ pid: GONE, since });
    expect(await readdir(out)).toEqual([]);
  });

  test('is held where the process runs', async () => {
    await leave({ pid: process.pid, host: hostname(), since });
    expect((await failureOf(take())).code).toBe('RUN_LOCKED');
  });

  test.runIf(process.platform === 'linux')(
    'is taken over where its id belongs to a later process, or to one before the last boot; not across containers',
    async () => {
      const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
      const processes = await readlink('/proc/self/ns/pid');
      const left = { pid: process.pid, host: hostname(), since };
      await leave({ ...left, start: `${boot} ${processes} 1` });
      expect(await take()).toMatchObject(left);
      await leave({ ...left, start: `another-boot ${processes} 1` });
      expect(await take()).toMatchObject(left);
      await leave({ ...left, pid: GONE, start: `${boot} pid:[1] 1` });
      expect((await failureOf(take())).hint).toContain(join(out, 'run.lock'));
    },
  );

  test.each([
    ['of another host', JSON.stringify({ pid: GONE, host: 'other\u001b[2J', since })],
    ['that is half-written', '{"pid":4'],
    ['that is empty', ''],
    ['that names no process', JSON.stringify({ pid: 0, host: hostname(), since })],
  ])('%s is never stolen: the message says how to remove it', async (_of, text) => {
    await writeFile(join(out, 'run.lock'), text);
    const { code, message, hint } = await failureOf(take());
    expect(code).toBe('RUN_LOCKED');
    expect(message).not.toContain('\u001b');
    expect(hint).toContain(`delete ${join(out, 'run.lock')}`);
    expect(await readFile(join(out, 'run.lock'), 'utf8')).toBe(text);
  });

  test('is won by one of many that find it, also where a taker was killed half-way', async () => {
    const left = JSON.stringify({ pid: GONE, host: hostname(), since });
    for (let round = 0; round < 20; round += 1) {
      await writeFile(join(out, 'run.lock'), left);
      if (round % 2 === 1) await writeFile(join(out, 'run.lock.takeover'), left);
      let inside = 0;
      let won = 0;
      const tries = Array.from({ length: 12 }, () =>
        enter(async () => {
          won += 1;
          inside += 1;
          expect(inside).toBe(1);
          await new Promise((resolve) => setTimeout(resolve, 20));
          inside -= 1;
        }),
      );
      const settled = await Promise.allSettled(tries);
      const refused = settled.filter((each) => each.status === 'rejected').map(({ reason }) => reason.code);
      expect([won >= 1, won + refused.length]).toEqual([true, 12]);
      expect(new Set([...refused, 'RUN_LOCKED'])).toEqual(new Set(['RUN_LOCKED']));
      expect(await readdir(out)).toEqual([]);
    }
  });
});
