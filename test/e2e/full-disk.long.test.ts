import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { canMount, mountDisk, type SmallDisk } from '../support/small-disk.ts';
import { StoppedRuns } from './stopped-runs.ts';

const ROOM = 64 * 1024 * 1024;
/** Sizes of the disk as parts of what a whole run takes there. */
const PARTS = [0, 0.2, 0.5, 0.8, 0.97];

interface ReportedApp {
  readonly status: string;
  readonly diagnostics: readonly { readonly code: string; readonly message: string; readonly hint?: string }[];
}

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
      const disk = setUp(Math.max(4096, Math.ceil(part * used)));
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
        expect([status, stderr], what).toEqual([1, '']);
        expect(runs.workspace.exists('kept/targets.json'), what).toBe(false);
        const { apps } = await runs.workspace.readJson<{ readonly apps: readonly ReportedApp[] }>('out/report.json');
        const failed = apps.filter((app) => app.status === 'failed');
        expect(failed.length, what).toBeGreaterThan(0);
        for (const { diagnostics } of failed)
          expect(diagnostics, what).toContainEqual(
            expect.objectContaining({
              code: 'REGISTRY_UNREACHABLE',
              message: expect.stringContaining('ENOSPC'),
              hint: expect.stringContaining('space'),
            }),
          );
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
