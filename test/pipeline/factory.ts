import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Config, parseConfig, resolvePaths } from '../../src/config.ts';
import type { PipelineEvent } from '../../src/events.ts';
import { createLimit } from '../../src/lib/limit.ts';
import type { AppStatus } from '../../src/model/app.ts';
import type { AppPlan, MigrationPlan } from '../../src/model/plan.ts';
import type { Target, TargetCustom } from '../../src/model/target.ts';
import type { MigrationContext, MigrationRequest } from '../../src/pipeline/migration.ts';
import { applyMigration, type MigrationOutcome, planMigration, runMigration } from '../../src/pipeline/run.ts';
import { formatPlan, parsePlan, unpackRow } from '../../src/pipeline/state.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { createFolderSource } from '../../src/source/folder.ts';
import type { Source } from '../../src/source/source.ts';
import { createFileTufRepo } from '../../src/tufrepo/file.ts';
import type { TufRepo } from '../../src/tufrepo/tuf-repo.ts';
import { pushImage } from './images.ts';

export const HOST = 'hub.example.com';
export const TAG = '4f2c9ab';
const CREATED_AT = '2026-03-04T05:06:07Z';

/** A single-file package with one service. */
export function singleFile(image: string, extra = '', parameters = 'port: 80'): string {
  return `version: 1.0.0\nname: some-app\n---\nversion: '3.2'\nservices:\n  main:\n    image: ${image}\n    environment:\n      PORT: "\${port}"\n${extra}---\n${parameters}\n`;
}

/** The image of the factory for an app, as its package names it. */
export const imageOf = (app: string): string => `${HOST}/acme/${app}:latest`;

export function ostreeTarget(hardwareId: string, version: number, custom: Record<string, unknown> = {}): Target {
  return {
    hashes: { sha256: 'ab'.repeat(32) },
    length: 0,
    custom: {
      targetFormat: 'OSTREE',
      version: String(version),
      name: `${hardwareId}-lmp`,
      hardwareIds: [hardwareId],
      tags: ['main'],
      ...custom,
    },
  };
}

function targetsText(targets: Record<string, unknown>): string {
  return `${JSON.stringify({ _type: 'Targets', version: 3, expires: '2030-01-01T00:00:00Z', targets }, null, 2)}\n`;
}

type RunOptions = Partial<Omit<MigrationRequest, 'config'>> & {
  /** Text that replaces the whole configuration but registry and factory. */
  readonly config?: string;
  readonly context?: Partial<MigrationContext>;
  readonly earlier?: MigrationPlan;
};

/**
 * A factory in a temporary folder: repositories are folders below it, images and bundles are in memory, targets in a file. The plan that a run saves is
 * kept as the command line keeps it, as bytes.
 */
export class TestFactory {
  readonly root: string;
  readonly images: Registry = createMemoryRegistry();
  readonly events: PipelineEvent[] = [];
  /** Every plan that was saved, in order. */
  readonly saved: MigrationPlan[] = [];
  destination: Registry = createMemoryRegistry();
  repositories = ['repo'];
  config = `images: { tag: ${TAG} }\ntargets: { repo: tuf/targets.json, tags: main }\n`;

  private constructor(root: string) {
    this.root = root;
  }

  static async create(): Promise<TestFactory> {
    return new TestFactory(await realpath(await mkdtemp(join(tmpdir(), 'rebundle-pipeline-'))));
  }

  /** A factory of apps of one service each, whose images and targets are there. */
  static async withApps(...apps: string[]): Promise<TestFactory> {
    const factory = await TestFactory.create();
    for (const app of apps) await factory.addApp(app);
    await factory.writeTargets({
      'amd-lmp-7': ostreeTarget('amd', 7),
      'arm-lmp-7': ostreeTarget('arm', 7),
    });
    return factory;
  }

  async addApp(app: string, repository = 'repo'): Promise<void> {
    await pushImage(this.images, `${HOST}/acme/${app}:${TAG}`);
    await this.write(`${repository}/${app}.dockerapp`, singleFile(imageOf(app)));
  }

  async write(path: string, content: string | Uint8Array): Promise<void> {
    const file = join(this.root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }

  async remove(path: string): Promise<void> {
    await rm(join(this.root, path), { recursive: true });
  }

  async writeTargets(targets: Record<string, unknown>): Promise<void> {
    await this.write('tuf/targets.json', targetsText(targets));
  }

  async readTargets(): Promise<Record<string, Target>> {
    return JSON.parse(await this.targetsText()).targets;
  }

  async targetsText(): Promise<string> {
    return readFile(join(this.root, 'tuf/targets.json'), 'utf8');
  }

  async close(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }

  get tufRepo(): TufRepo {
    return createFileTufRepo(join(this.root, 'tuf/targets.json'));
  }

  sources(): Source[] {
    return this.repositories.map((repository) =>
      createFolderSource({ root: join(this.root, repository), repository: repository }),
    );
  }

  request({ config, context: _context, earlier: _earlier, ...rest }: RunOptions = {}): MigrationRequest {
    return {
      config: this.#parse(config ?? this.config),
      apps: [],
      only: new Map(),
      parameterFiles: [],
      allowPartial: false,
      removeApps: [],
      ...rest,
    };
  }

  context({ config, context }: RunOptions = {}): MigrationContext {
    const hasTargets = (config ?? this.config).includes('targets:');
    return {
      sources: this.sources(),
      imageRegistry: () => this.images,
      destination: this.destination,
      ...(hasTargets ? { tufRepo: this.tufRepo } : {}),
      createdAt: CREATED_AT,
      tool: '0.0.0',
      emit: (event) => this.events.push(event),
      limit: createLimit(8),
      ...context,
    };
  }

  plan(options: RunOptions = {}): Promise<MigrationOutcome> {
    return planMigration(this.request(options), this.context(options), options.earlier);
  }

  run(options: RunOptions = {}): Promise<MigrationOutcome> {
    return runMigration(this.request(options), this.context(options), this.save, options.earlier);
  }

  /** Applies a plan as it is read from its file. */
  apply(plan: MigrationPlan, options: RunOptions = {}): Promise<MigrationOutcome> {
    const approved = reread(plan);
    const { apps, removeApps, allowPartial } = approved.request;
    const request = { ...this.request({ apps, removeApps, allowPartial, ...options }) };
    return applyMigration(approved, request, this.context(options), this.save);
  }

  readonly save = async (plan: MigrationPlan): Promise<void> => {
    this.saved.push(reread(plan));
  };

  #parse(text: string): Config {
    const whole = `registry: ${HOST}\nfactory: acme\n${text}`;
    return resolvePaths(parseConfig(whole, 'rebundle.yml'), this.root, (base, path) => resolve(base, path));
  }
}

function reread(plan: MigrationPlan): MigrationPlan {
  return parsePlan(Buffer.from([...formatPlan(plan)].join('')), 'plan.json');
}

/** The status of each app, in the order of the results. */
export function statusesOf(outcome: MigrationOutcome): Record<string, AppStatus> {
  return Object.fromEntries(outcome.results.map(({ app, status }) => [app, status]));
}

/** The codes of an app's findings; the one that each of these packages has is left out. */
export function codesOf(outcome: MigrationOutcome, app: string): string[] {
  const diagnostics = outcome.results.find((result) => result.app === app)?.diagnostics ?? [];
  return diagnostics.map(({ code }) => code).filter((code) => code !== 'metadata.name-differs');
}

export function planOf({ plan }: { readonly plan: MigrationPlan }, app: string): AppPlan {
  const found = plan.apps.find((row) => row.app === app);
  if (found === undefined) throw new Error(`no app ${app}`);
  return unpackRow(found);
}

/** Calls of a registry's methods, as `method repository reference`, and a registry that counts them. */
export function recordCalls(registry: Registry): { readonly registry: Registry; readonly calls: string[] } {
  const calls: string[] = [];
  const note = (method: string, repository: string, what: string): void => {
    calls.push(`${method} ${repository} ${what}`);
  };
  return {
    calls,
    registry: {
      headManifest: (name, reference, options) => {
        note('headManifest', name.repository, reference);
        return registry.headManifest(name, reference, options);
      },
      getManifest: (name, reference, options) => {
        note('getManifest', name.repository, reference);
        return registry.getManifest(name, reference, options);
      },
      putManifest: (name, manifest, options) => {
        note('putManifest', name.repository, manifest.tag ?? '');
        return registry.putManifest(name, manifest, options);
      },
      hasBlob: (name, digest, options) => {
        note('hasBlob', name.repository, digest);
        return registry.hasBlob(name, digest, options);
      },
      getBlob: (name, descriptor, options) => {
        note('getBlob', name.repository, descriptor.digest);
        return registry.getBlob(name, descriptor, options);
      },
      putBlob: (name, descriptor, open, options) => {
        note('putBlob', name.repository, descriptor.digest);
        return registry.putBlob(name, descriptor, open, options);
      },
    },
  };
}

/** The uris of `docker_compose_apps` by app. */
export function bundleUris(custom: TargetCustom | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(custom?.docker_compose_apps ?? {}).map(([app, { uri }]) => [app, uri]));
}
