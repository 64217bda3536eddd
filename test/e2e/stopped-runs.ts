import { appendFile, rm, stat } from 'node:fs/promises';
import { expect } from 'vitest';
import type { DockerRegistry } from '../support/docker-registry.ts';
import { generateFactory } from '../support/generated-factory.ts';
import { countCalls, type StopPoint, stopAt } from '../support/stop-hook.ts';
import { type CliOptions, type CliResult, EPOCH, Workspace } from './cli.ts';

/** The clock of the run that goes on where there is a plan, as it has to go by the clock of that. */
const LATER = '1700000000';

/** How far a run was when it was stopped. */
export type Progress = 'nothing' | 'planned' | 'publishing' | 'published' | 'done';

/** Where a stopped run stopped, and how. */
export type Stop = { readonly point: StopPoint } | { readonly afterMs: number };

export interface StoppedRunsOptions {
  readonly repositories: number;
  readonly packages: number;
  /** Where bundles go instead of a layout. */
  readonly registry?: DockerRegistry;
  /** Lines for rebundle.yml. */
  readonly config?: string;
  /** More words for every run. */
  readonly flags?: readonly string[];
  /** Called before the first run. */
  readonly prepare?: (workspace: Workspace) => Promise<void>;
}

/** A generated factory, and what a run leaves that nobody disturbs. */
export class StoppedRuns {
  readonly workspace: Workspace;
  /** Calls and milliseconds of a run. */
  readonly calls: number;
  readonly milliseconds: number;
  readonly #registry: DockerRegistry | undefined;
  readonly #command: readonly string[];
  readonly #whole: Whole;

  private constructor(setup: {
    readonly workspace: Workspace;
    readonly calls: number;
    readonly milliseconds: number;
    readonly registry: DockerRegistry | undefined;
    readonly command: readonly string[];
    readonly whole: Whole;
  }) {
    this.workspace = setup.workspace;
    this.calls = setup.calls;
    this.milliseconds = setup.milliseconds;
    this.#registry = setup.registry;
    this.#command = setup.command;
    this.#whole = setup.whole;
  }

  static async create(options: StoppedRunsOptions): Promise<StoppedRuns> {
    const { registry, config = '', flags = [], prepare, ...size } = options;
    const workspace = await Workspace.create({ samples: false, inMemory: true });
    await generateFactory(workspace.root, size);
    await appendFile(workspace.path('rebundle.yml'), config);
    await prepare?.(workspace);
    const to = registry === undefined ? [] : ['--to', registry.host];
    const command = ['run', '--reporter', 'silent', ...to, ...flags];
    const start = performance.now();
    const { status, stderr } = await workspace.run(command, { env: countCalls(workspace.path('calls')) });
    const milliseconds = performance.now() - start;
    expect([status, stderr]).toEqual([0, '']);
    const calls = Number(await workspace.read('calls'));
    const whole = await listWhole(workspace, registry);
    return new StoppedRuns({ workspace, calls, milliseconds, registry, command, whole });
  }

  /** The command of the first run and of the one that goes on. */
  run(options: CliOptions = {}): Promise<CliResult> {
    return this.workspace.run(this.#command, options);
  }

  async reset(): Promise<void> {
    await Promise.all(
      ['out', 'kept', 'go-on'].map((name) => rm(this.workspace.path(name), { recursive: true, force: true })),
    );
    await this.#registry?.clear();
    await this.#registry?.takeRequests();
  }

  /** Stops a first run, looks at what it leaves, lets the same command go on, and compares all that it gives. */
  async stopAndGoOn(
    stop: Stop,
    signal: NodeJS.Signals,
  ): Promise<{ readonly stopped: CliResult; readonly progress: Progress }> {
    const what = `${signal} at ${JSON.stringify(stop)}`;
    await this.reset();
    const stopped = await this.run(
      'point' in stop ? { env: stopAt(stop.point, signal) } : { interrupt: { at: stop.afterMs, signal } },
    );
    const left = await this.expectWhole(what, { temps: signal === 'SIGKILL' });
    await this.goOn(what, left);
    return { stopped, progress: this.#progressOf(left) };
  }

  /** Whatever is under its final name has its final bytes, and a manifest comes after all that it names. Gives what is there. */
  async expectWhole(what: string, may: { readonly temps: boolean }): Promise<Whole> {
    const { workspace } = this;
    const left = await listWhole(workspace, this.#registry);
    const output = [...(await workspace.listing('out')).keys()];
    if (!may.temps) expect([...output, ...left.kept.keys()].filter(isTemp), what).toEqual([]);
    for (const part of ['kept', 'trees', 'stored'] as const)
      for (const [path, digest] of left[part])
        if (!isTemp(path) && path !== INDEX) expect(digest, `${path} after ${what}`).toBe(this.#whole[part].get(path));
    for (const path of output.filter((name) => /^[^/.]+\.json$/.test(name)))
      await expect(workspace.readJson(`out/${path}`), `${path} after ${what}`).resolves.toBeDefined();
    if (left.kept.has(INDEX)) await this.#expectManifests(what, left);
    return left;
  }

  /** Some apps failed, each with that error and a hint; all others wait for them, and nothing of targets is there. */
  async expectHeld(
    what: string,
    status: number | null,
    error: { readonly code: string; readonly says: string },
  ): Promise<void> {
    const { workspace } = this;
    const { apps, findings } = await workspace.readJson<Report & Record<string, unknown>>('out/report.json');
    expect(status, what).toBe(1);
    expect(
      [...(await workspace.listing('kept')).keys()].filter((path) => path.startsWith('targets')),
      what,
    ).toEqual([]);
    const failed = apps.filter((app) => app.status === 'failed').map(({ app }) => app);
    expect(failed.length, what).toBeGreaterThan(0);
    expect(
      apps.filter((app) => app.status !== 'held').map(({ app }) => app),
      what,
    ).toEqual(failed);
    for (const name of failed) {
      const errors = findings.filter(({ app, severity }) => app === name && severity === 'error');
      expect(errors.length, `${name}, ${what}`).toBeGreaterThan(0);
      for (const found of errors)
        expect(found, what).toMatchObject({
          code: error.code,
          message: expect.stringContaining(error.says),
          hint: expect.stringMatching(/\S/),
        });
    }
  }

  /** Lets the same command go on, compares all that there is then, and sees that nothing complete was sent again. */
  async goOn(what: string, left: Whole): Promise<void> {
    const { workspace } = this;
    const complete = [...left.kept.keys()].filter((path) => !isTemp(path) && path !== INDEX);
    const stamps = await this.#stampsOf(complete);
    const sent = await this.#takeSent();
    const next = await this.run({ env: { SOURCE_DATE_EPOCH: (await this.#hasPlan()) ? LATER : EPOCH } });
    expect([next.status, next.stderr], what).toEqual([0, '']);
    const now = await listWhole(workspace, this.#registry);
    for (const part of ['kept', 'trees', 'stored'] as const)
      expect(new Map([...now[part]].filter(([path]) => !isTemp(path))), what).toEqual(this.#whole[part]);
    expect(await this.#stampsOf(complete), what).toEqual(stamps);
    const again = await this.#takeSent();
    expect(
      [...again].filter((name) => sent.has(name)),
      `sent twice after ${what}`,
    ).toEqual([]);
  }

  close(): Promise<void> {
    return this.workspace.close();
  }

  /** True where there is a plan to go on with: one that could plan every app. */
  async #hasPlan(): Promise<boolean> {
    if (!this.workspace.exists('out/plan.json')) return false;
    const { apps } = await this.workspace.readJson<Pick<Report, 'apps'> & Record<string, unknown>>('out/plan.json');
    return apps.every(({ status }) => status !== 'failed');
  }

  async #expectManifests(what: string, left: Whole): Promise<void> {
    const index = await this.workspace.readJson<{ readonly manifests: readonly Descriptor[] }>(`kept/${INDEX}`);
    for (const { digest } of index.manifests) {
      const { config, layers } = await this.workspace.readJson<{
        readonly config: Descriptor;
        readonly layers: readonly Descriptor[];
      }>(`kept/${blobPath(digest)}`);
      for (const blob of [config, ...layers])
        expect(left.kept.has(blobPath(blob.digest)), `${blob.digest} after ${what}`).toBe(true);
    }
  }

  #progressOf({ kept, stored }: Whole): Progress {
    if (kept.has('targets.json')) return 'done';
    if (kept.size + stored.size === 0) return this.workspace.exists('out/plan.json') ? 'planned' : 'nothing';
    const isPublished =
      this.#registry === undefined
        ? kept.get(INDEX) === this.#whole.kept.get(INDEX)
        : stored.size === this.#whole.stored.size;
    return isPublished ? 'published' : 'publishing';
  }

  /** A file that is written again gets another inode or another time. */
  async #stampsOf(paths: readonly string[]): Promise<Map<string, string>> {
    const stamps = new Map<string, string>();
    for (const path of paths) {
      const { ino, mtimeNs } = await stat(this.workspace.path(`kept/${path}`), { bigint: true });
      stamps.set(path, `${ino} ${mtimeNs}`);
    }
    return stamps;
  }

  /** Blobs and manifests that the registry took since the last call, each with its repository. */
  async #takeSent(): Promise<Set<string>> {
    const requests = (await this.#registry?.takeRequests()) ?? [];
    const taken = requests.flatMap(({ method, path, status }) => {
      if (status !== 201) return [];
      const { pathname, searchParams } = new URL(path, 'http://127.0.0.1');
      const digest = searchParams.get('digest') ?? searchParams.get('mount');
      if (digest !== null) return [`${pathname.replace(/uploads\/.*/, '')}${digest}`];
      return method === 'PUT' ? [pathname] : [];
    });
    return new Set(taken);
  }
}

/** Digests by path: what lies in `kept/`, the converted trees, and what a registry stores. */
export interface Whole {
  readonly kept: ReadonlyMap<string, string>;
  readonly trees: ReadonlyMap<string, string>;
  readonly stored: ReadonlyMap<string, string>;
}

interface Report {
  readonly apps: readonly { readonly app: string; readonly status: string }[];
  readonly findings: readonly { readonly app?: string; readonly severity: string }[];
}

interface Descriptor {
  readonly digest: string;
}

/** The one file of a layout that grows. */
const INDEX = 'registry/index.json';

const blobPath = (digest: string): string => `registry/blobs/${digest.replace(':', '/')}`;

async function listWhole(workspace: Workspace, registry: DockerRegistry | undefined): Promise<Whole> {
  return {
    kept: await workspace.listing('kept'),
    trees: await workspace.listing('out/apps'),
    stored: (await registry?.listContents()) ?? new Map(),
  };
}

/** What a killed run leaves beside the place of a file or folder that it was writing. */
function isTemp(path: string): boolean {
  return /(?:^|\/)\.rebundle-|\.tmp(?:\/|$)/.test(path);
}
