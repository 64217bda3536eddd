import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { generateFactory } from '../support/generated-factory.ts';
import { countCalls, type StopPoint, stopAt } from '../support/stop-hook.ts';
import { type CliOptions, type CliResult, EPOCH, Workspace } from './cli.ts';

/** The clock of the run that goes on: where there is a plan, it goes by the clock of that. */
const LATER = '1700000000';
const RUN = ['run', '--reporter', 'silent'];

/** How far a run was when it was stopped. */
export type Progress = 'nothing' | 'planned' | 'publishing' | 'published' | 'done';

/** A generated factory, and what a run leaves that nobody stops. */
export class StoppedRuns {
  readonly workspace: Workspace;
  readonly calls: number;
  readonly milliseconds: number;
  readonly #kept: ReadonlyMap<string, string>;
  readonly #trees: ReadonlyMap<string, string>;

  private constructor(
    workspace: Workspace,
    whole: Pick<StoppedRuns, 'calls' | 'milliseconds'> & Record<'kept' | 'trees', ReadonlyMap<string, string>>,
  ) {
    this.workspace = workspace;
    this.calls = whole.calls;
    this.milliseconds = whole.milliseconds;
    this.#kept = whole.kept;
    this.#trees = whole.trees;
  }

  static async create(size: { readonly repositories: number; readonly packages: number }): Promise<StoppedRuns> {
    const workspace = await Workspace.create({ samples: false, inMemory: true });
    await generateFactory(workspace.root, size);
    const start = performance.now();
    const { status, stderr } = await workspace.run(RUN, { env: countCalls(workspace.path('calls')) });
    const milliseconds = performance.now() - start;
    expect([status, stderr]).toEqual([0, '']);
    return new StoppedRuns(workspace, {
      calls: Number(await workspace.read('calls')),
      milliseconds,
      kept: await workspace.listing('kept'),
      trees: await workspace.listing('out/apps'),
    });
  }

  /** Stops a first run, looks at what it leaves, lets the same command go on, and compares all that it gives. */
  async stopAndGoOn(
    stop: { readonly point: StopPoint } | { readonly afterMs: number },
    signal: NodeJS.Signals,
  ): Promise<{ readonly stopped: CliResult; readonly progress: Progress }> {
    const { workspace } = this;
    const what = `${signal} at ${JSON.stringify(stop)}`;
    await Promise.all(['out', 'kept'].map((name) => rm(workspace.path(name), { recursive: true, force: true })));
    const options: CliOptions =
      'point' in stop ? { env: stopAt(stop.point, signal) } : { interrupt: { at: stop.afterMs, signal } };
    const stopped = await workspace.run(RUN, options);
    const left = await this.#expectWhole(what, signal === 'SIGKILL');
    const progress = this.#progressOf(left);
    const complete = [...left.keys()].filter((path) => !isTemp(path) && path !== 'registry/index.json');
    const stamps = await this.#stampsOf(complete);

    const epoch = workspace.exists('out/plan.json') ? LATER : EPOCH;
    const next = await workspace.run(RUN, { env: { SOURCE_DATE_EPOCH: epoch } });
    expect([next.status, next.stderr], what).toEqual([0, '']);
    expect(withoutTemps(await workspace.listing('kept')), what).toEqual(this.#kept);
    expect(withoutTemps(await workspace.listing('out/apps')), what).toEqual(this.#trees);
    expect(await this.#stampsOf(complete), what).toEqual(stamps);
    return { stopped, progress };
  }

  close(): Promise<void> {
    return this.workspace.close();
  }

  /** Whatever is under its final name has its final bytes, and a manifest comes after all that it names. */
  async #expectWhole(what: string, mayLeaveTemps: boolean): Promise<Map<string, string>> {
    const { workspace } = this;
    const left = await workspace.listing('kept');
    const trees = await workspace.listing('out/apps');
    if (!mayLeaveTemps) {
      const all = [...(await workspace.listing('out')).keys(), ...left.keys()];
      expect(all.filter(isTemp), what).toEqual([]);
    }
    for (const [path, digest] of withoutTemps(left))
      if (path !== 'registry/index.json') expect(digest, `${path} after ${what}`).toBe(this.#kept.get(path));
    for (const [path, digest] of withoutTemps(trees))
      expect(digest, `${path} after ${what}`).toBe(this.#trees.get(path));
    for (const path of ['out/plan.json', 'out/report.json'])
      if (workspace.exists(path))
        await expect(workspace.readJson(path), `${path} after ${what}`).resolves.toBeDefined();
    if (!left.has('registry/index.json')) return left;
    const { manifests } = await workspace.readJson<{ readonly manifests: readonly Descriptor[] }>(
      'kept/registry/index.json',
    );
    for (const { digest } of manifests) {
      const manifest = await workspace.readJson<{
        readonly config: Descriptor;
        readonly layers: readonly Descriptor[];
      }>(join('kept', blobPath(digest)));
      for (const blob of [manifest.config, ...manifest.layers])
        expect(left.has(blobPath(blob.digest)), `${blob.digest} after ${what}`).toBe(true);
    }
    return left;
  }

  #progressOf(left: ReadonlyMap<string, string>): Progress {
    if (left.has('targets.json')) return 'done';
    if (left.get('registry/index.json') === this.#kept.get('registry/index.json')) return 'published';
    if (left.size > 0) return 'publishing';
    return this.workspace.exists('out/plan.json') ? 'planned' : 'nothing';
  }

  /** A file that is written again gets another inode or another time. */
  async #stampsOf(paths: readonly string[]): Promise<Map<string, string>> {
    const stamps = new Map<string, string>();
    for (const path of paths) {
      const { ino, mtimeNs } = await stat(this.workspace.path(join('kept', path)), { bigint: true });
      stamps.set(path, `${ino} ${mtimeNs}`);
    }
    return stamps;
  }
}

interface Descriptor {
  readonly digest: string;
}

const blobPath = (digest: string): string => `registry/blobs/${digest.replace(':', '/')}`;

/** What a killed run leaves beside the place of a file or folder that it was writing. */
function isTemp(path: string): boolean {
  return /(?:^|\/)\.rebundle-|\.tmp(?:\/|$)/.test(path);
}

function withoutTemps(files: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...files].filter(([path]) => !isTemp(path)));
}
