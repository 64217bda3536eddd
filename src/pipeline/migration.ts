import type { Config } from '../config.ts';
import type { FleetFile } from '../convert/env-rescue.ts';
import type { Proof } from '../convert/prove.ts';
import type { SourceLocation } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Limit } from '../lib/limit.ts';
import type {
  AppPackage,
  ComposeApp,
  Diagnostic,
  DocumentPart,
  EnvFile,
  FileEntry,
  LeftOutFile,
  PackageLocation,
  SourceOrigin,
  SupportFile,
} from '../model/app.ts';
import type { Digest } from '../model/oci.ts';
import type { MigrationPlan } from '../model/plan.ts';
import type { CallOptions, Registry } from '../registry/registry.ts';
import type { Source } from '../source/source.ts';
import type { SigningOptions } from '../targets/sign.ts';
import type { TufRepo } from '../tufrepo/tuf-repo.ts';
import type { AppBytes } from './app-bytes.ts';

/** A plan that says what images are pinned to, where their registry is not asked for a tag. */
export interface ImageLock {
  /** Absent where there is none: then no reference is known. */
  readonly plan?: MigrationPlan;
  /** The plan as people know it. */
  readonly name: string;
  /** True where the plan alone gives pins, for every host. Otherwise published bundles come first. */
  readonly isWhole: boolean;
  /** Whether the images of a host are under the lock. */
  readonly covers: (host: string) => boolean;
}

/** What one invocation asks for, besides the configuration. */
export interface MigrationRequest {
  readonly config: Config;
  /** Globs on app names; none means every app. */
  readonly apps: readonly string[];
  /** Packages that the user named, by repository; they are selected wherever they lie, and nothing else of that repository is. */
  readonly only: ReadonlyMap<string, readonly string[]>;
  /** `only` is what the last run left. */
  readonly onlyFailed?: boolean;
  /** Globs of single repositories: `include` in place of that of the configuration, `exclude` besides it. */
  readonly scanRules?: ReadonlyMap<
    string,
    { readonly include?: readonly string[]; readonly exclude?: readonly string[] }
  >;
  /** Texts of the parameter files. */
  readonly parameterFiles: readonly DocumentPart[];
  /** The parameter files that groups of devices have. */
  readonly fleet?: readonly FleetFile[];
  /** How severe it is that a release of compose that devices have refuses a result: an error by default, as bundles have to run everywhere. */
  readonly deviceSeverity?: 'error' | 'warning';
  readonly allowPartial: boolean;
  readonly removeApps: readonly string[];
  /** The run begins nothing more once so many apps failed. */
  readonly maxFailures?: number;
  /** Images that are not resolved. */
  readonly lock?: ImageLock;
  /** The end of the dual window: new targets have no `docker_apps`. */
  readonly dropDockerApps?: boolean;
}

/** The outside world of a run: every effect comes in here. */
export interface MigrationContext {
  readonly sources: readonly Source[];
  /** Where the images of a registry host are read. */
  readonly imageRegistry: (host: string) => Registry;
  /** Where bundles are written. */
  readonly destination: Registry;
  /** The destination is a server, whose answers are waited for. */
  readonly isRemote?: boolean;
  /** Keeps the converted tree of an app that was just published; never rejects. */
  readonly saveTree?: (app: AppBytes) => Promise<void>;
  readonly tufRepo?: TufRepo;
  /** Targets to begin with while the repository has none. */
  readonly targetsSeed?: { readonly path: string; readonly bytes: Uint8Array };
  /** Signs the targets that are written. */
  readonly signing?: SigningOptions;
  /** The one reading of the clock, UTC `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly createdAt: string;
  /** Release of the program: what another one found out is found out anew. */
  readonly tool: string;
  readonly emit: Emit;
  readonly limit: Limit;
  /** Lets connections, timers and signals have their turn between pieces of work. One who waits goes on at a time, the lowest order first. */
  readonly nextTurn?: (order: number) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** A repository after the scan. */
export interface ScannedSource {
  readonly source: Source;
  readonly entries: readonly FileEntry[];
  readonly packages: readonly PackageLocation[];
  readonly error?: string;
}

/** A selected package on its way: `app` is there where it was converted, and no diagnostic of severity error where it is fine. */
export interface ConvertedApp {
  readonly name: string;
  readonly origin: SourceOrigin;
  readonly location: PackageLocation;
  readonly source: Source;
  /** What was read of the repository by now, with the digest of its content. */
  readonly reads: ReadonlyMap<string, Digest | undefined>;
  readonly pkg?: AppPackage;
  readonly app?: ComposeApp;
  /** What was compared to show that the app means what the package meant. */
  readonly proof?: Pick<Proof, 'fields' | 'overrides' | 'sampled'>;
  readonly files: readonly SupportFile[];
  /** Files that rules kept out of the bundle. */
  readonly leftOut?: readonly LeftOutFile[];
  /** What groups of devices set, for their `.env` files. */
  readonly envFiles?: readonly EnvFile[];
  /** True where a service mounts or reads a support file. */
  readonly readsFiles: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

/** Options for the calls of a registry. */
export function callOptions({ signal }: MigrationContext): CallOptions {
  return signal === undefined ? {} : { signal };
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === 'error');
}

/** Diagnostics in the order of their places, the same in every run. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const key = (location: SourceLocation | undefined): readonly [string, number, number] =>
    location === undefined ? ['', 0, 0] : [location.path, location.line, location.column];
  return diagnostics.toSorted((a, b) => {
    const [pathA, lineA, columnA] = key(a.location);
    const [pathB, lineB, columnB] = key(b.location);
    if (pathA !== pathB) return pathA < pathB ? -1 : 1;
    return (
      lineA - lineB ||
      columnA - columnB ||
      (a.code < b.code ? -1 : a.code > b.code ? 1 : a.message < b.message ? -1 : 1)
    );
  });
}
