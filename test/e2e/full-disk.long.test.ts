import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { canMount, mountDisk, type SmallDisk } from '../support/small-disk.ts';
import { StoppedRuns } from './stopped-runs.ts';

const ROOM = 64 * 1024 * 1024;
const BLOCK = 4096;
/** Sizes of the disk as parts of what a whole run takes there. */
const PARTS = [0, 0.2, 0.5, 0.8, 0.97];

const isPossible = canMount();

describe.skipIf(!isPossible)(`a disk that is full${isPossible ? '' : ': SKIPPED, this user may not mount one'}`, () => {
  let runs: StoppedRuns;
  const disks: SmallDisk[] = [];
  beforeAll(async () => {
    runs = await StoppedRuns.create({ repositories: 3, packages: 10 });
  });
  const unmount = (): void => {
    for (const disk of disks.splice(0).reverse()) disk.close();
  };
  afterEach(unmount);
  afterAll(() => runs.close());

  const mount = (path: string, bytes: number): SmallDisk => {
    const disk = mountDisk(runs.workspace.path(path), bytes);
    disks.push(disk);
    return disk;
  };

  /** Runs with a full disk at each of the sizes, and again when there is room. `setUp` mounts it. */
  const fillAndGoOn = async (
    setUp: (bytes: number) => SmallDisk,
    check: (result: { readonly status: number | null; readonly stderr: string }, what: string) => Promise<void>,
  ): Promise<void> => {
    await runs.reset();
    const spacious = setUp(ROOM);
    expect((await runs.run()).status).toBe(0);
    const used = await spacious.readUsed();
    unmount();
    for (const part of PARTS) {
      await runs.reset();
      const disk = setUp(Math.max(1, Math.floor((part * used) / BLOCK)) * BLOCK);
      const what = `a disk of ${part} of ${used} bytes`;
      await check(await runs.run(), what);
      const left = await runs.expectWhole(what, { temps: false });
      disk.resize(ROOM);
      await runs.goOn(what, left);
      unmount();
    }
  };

  test('under the output folder: the run ends with OUTPUT_UNWRITABLE', async () => {
    await fillAndGoOn(
      (bytes) => mount('out', bytes),
      async ({ status, stderr }, what) => {
        expect(status, what).toBe(1);
        expect(stderr, what).toMatch(/^rebundle: OUTPUT_UNWRITABLE: \S+ cannot be written: ENOSPC\n {2}\S/);
      },
    );
  });

  test('under the layout: the apps that did not get there fail, the targets wait', async () => {
    await fillAndGoOn(
      (bytes) => mount('kept/registry', bytes),
      async ({ status, stderr }, what) => {
        expect(stderr, what).toBe('');
        await runs.expectHeld(what, status, { code: 'REGISTRY_UNREACHABLE', says: 'ENOSPC' });
      },
    );
  });

  test('under the targets: the run ends with OUTPUT_UNWRITABLE, the bundles are there', async () => {
    await fillAndGoOn(
      (bytes) => {
        const disk = mount('kept', bytes);
        mount('kept/registry', ROOM);
        return disk;
      },
      async ({ status, stderr }, what) => {
        expect(status, what).toBe(1);
        expect(stderr, what).toMatch(/^rebundle: OUTPUT_UNWRITABLE: \S+ cannot be written: ENOSPC\n {2}\S/);
        expect(runs.workspace.exists('kept/targets.json'), what).toBe(false);
        expect(runs.workspace.exists('kept/registry/index.json'), what).toBe(true);
      },
    );
  });
});
