import type {
  AppStatus,
  Diagnostic,
  FileTarget,
  ImageResolution,
  PackageKind,
  SourceOrigin,
  VariableMapping,
} from './app.ts';
import type { Descriptor, Digest, Platform } from './oci.ts';
import type { Target } from './target.ts';

/** The rules that shaped the bytes. A plan made under other rules is refused by `apply`. */
export const RULES_VERSION = 1;

/** The first rules that made bundles. A bundle does not say which ones made it. */
export const FIRST_RULES_VERSION = 1;

/** A value that is asked for seldom, and so may be kept packed. */
export interface Kept<T> {
  /** The value, made anew each time where it is packed: nothing that holds on to it. */
  readonly read: () => T;
  readonly isPacked: boolean;
}

/** What the plan says of one app and a run goes by. */
export interface AppRow {
  readonly app: string;
  readonly origin: SourceOrigin;
  readonly kind: PackageKind;
  readonly status: AppStatus;
  readonly reason?: string;
  /** sha256 over the package and all that shaped its bytes: apply refuses when it differs. */
  readonly inputs?: Digest;
  /** `registry/factory/app@sha256:...` */
  readonly reference?: string;
  readonly dockerApp?: FileTarget & { readonly reused: boolean };
  /** Whether the destination already has the bundle. */
  readonly published: boolean;
  readonly newOnDevices: boolean;
  /** By platform, then by what the device has; absent where nothing changes or a registry tells too little. */
  readonly downloads?: readonly Download[];
  /** What the newest parent target says of the app. */
  readonly former?: { readonly reference?: string; readonly dockerApp?: string };
  readonly diagnostics: readonly Diagnostic[];
}

/** What a plan says of one app for people and reports: digests and edits, never whole texts. Most of a plan is this. */
export interface AppDetails {
  readonly images: readonly ServicePin[];
  /** Platforms that every service image has. */
  readonly platforms: readonly Platform[];
  readonly variables: readonly VariableMapping[];
  readonly bundle?: Descriptor;
  readonly bundleIndex?: Descriptor;
  readonly manifest?: Descriptor;
  /** Bundle contents: path, bytes, digest. */
  readonly files: readonly { readonly path: string; readonly size: number; readonly digest: Digest }[];
  /** Unified diff between the compose part and the converted file. */
  readonly diff?: string;
  /** Line of the package file on which its compose part begins. */
  readonly composeLine?: number;
  /** Why lines of the converted file are not those of the package. */
  readonly changes?: readonly LineChange[];
  /** Unified diff between the committed package and the one that is published; absent where they are equal. */
  readonly dockerAppDiff?: string;
  /** What outlives the containers of the app. */
  readonly storage?: readonly StoragePath[];
  /** The `.dockerapp` for devices of the old style; absent where they get none. */
  readonly oldStyle?: { readonly length: number; readonly sha256: string };
  /** sha256 over the converted tree. */
  readonly tree?: Digest;
  /** What the app was made of: as long as `key` comes out equal for the files that were read, so does the app. */
  readonly sources?: { readonly key: Digest; readonly reads: readonly string[] };
}

/** An app as the plan file has it. */
export type AppPlan = AppRow & AppDetails;

/** An app of a plan in memory, which does not grow by what is only shown. */
export type PlannedApp = AppRow & { readonly details: Kept<AppDetails> };

/** One change of the conversion, told in a sentence. */
export interface LineChange {
  /** Line of docker-compose.yml; absent for a line that went. */
  readonly line?: number;
  /** Line of the package file. */
  readonly source: number;
  /** The rule, as MIGRATION.md names it. */
  readonly rule: string;
  readonly reason: string;
}

/** A mount that keeps data on the device. */
export interface StoragePath {
  readonly service: string;
  /** In the container. */
  readonly target: string;
  readonly kind: 'volume' | 'host path' | 'app folder';
  /** Full name of the volume, path of the host, or path in the folder of the app. */
  readonly source: string;
}

/** The image of one service: what was written, what was asked for and what it is pinned to. */
export interface ServicePin {
  readonly service: string;
  readonly written: string;
  readonly reference: string;
  readonly pinned: string;
  /** It is an image of the factory's release, which is resolved anew at every release. */
  readonly covered?: true;
  /** The reference names another digest by now, and the pin stayed. */
  readonly drift?: Drift;
}

/** What a kept reference names now. `metadata`: devices would run the same; `layers`: not for every platform; `gone`: nothing. */
export interface Drift {
  readonly kind: 'metadata' | 'layers' | 'gone';
  readonly digest?: Digest;
}

/** What a device downloads for one app; see `AppRow.downloads`. */
export interface Download {
  /** As `linux/arm64`. */
  readonly platform: string;
  /** What the device has: nothing of the app, what its `.dockerapp` runs, or what its former bundle runs. */
  readonly from: 'nothing' | 'docker-app' | 'bundle';
  /** Of the archive, and of the configs and layers of images that it lacks, as they are compressed. */
  readonly bytes: number;
  /** Images that the device runs and that nothing is known of: it may have less to download. */
  readonly unknownImages?: number;
}

export type TargetChange = 'added' | 'replaced' | 'unchanged' | 'removed';

/** A target that the run adds, in full, and how its app maps differ from its parent's. */
export interface PlannedTarget {
  readonly name: string;
  readonly kind: 'ostree' | 'file';
  readonly parent?: string;
  readonly tag?: string;
  readonly hardwareId?: string;
  readonly target: Target;
  readonly apps: readonly {
    readonly app: string;
    readonly dockerApp: TargetChange | 'none';
    readonly composeApp: TargetChange | 'none';
  }[];
}

/**
 * Why devices get another entry of an app. `new`: devices of the style had none; `removed`: they lose it; `source`: the package or its support files;
 * `image`: a reference stands for another digest; `option`: configuration and flags; `format`: what made the bytes; `targets`: nothing of ours, the
 * target that they have is not built upon the last one with these apps.
 */
export type UpdateCause = (typeof UPDATE_CAUSES)[number];

/** In the order in which they are told. */
export const UPDATE_CAUSES = ['new', 'removed', 'source', 'image', 'option', 'format', 'targets'] as const;

/** How devices run apps: by docker-app from a `.dockerapp`, or from a Compose Bundle. */
export type DeviceStyle = 'docker-app' | 'bundle';

/** An image reference that stands for another digest than before. */
export interface MovedImage {
  readonly reference: string;
  readonly before: Digest;
  readonly after: Digest;
}

/** What devices of one tag see when the new targets reach them: the same for each of the hardware ids. */
export interface DeviceUpdate {
  readonly tag: string;
  readonly hardwareIds: readonly string[];
  /** True where the new target also names another build of the operating system than the one that the devices have. */
  readonly changesSystem: boolean;
  /** By style, then by cause. */
  readonly groups: readonly UpdateGroup[];
}

/** Apps that change for the same causes. */
export interface UpdateGroup {
  readonly style: DeviceStyle;
  /** All of them hold. */
  readonly causes: readonly UpdateCause[];
  /** At least one of them holds, and it cannot be told which. */
  readonly unclear: readonly UpdateCause[];
  readonly apps: readonly string[];
  /** What is behind the cause `image`. */
  readonly images: readonly MovedImage[];
}

/** A finding that the configuration says is known. */
export interface IgnoredFinding {
  /** The app and the path of its package; absent for a finding about the run as a whole. */
  readonly app?: string;
  readonly path?: string;
  readonly diagnostic: Diagnostic;
  readonly reason: string;
}

/** A target that no new target was built upon. */
export interface SkippedTarget {
  readonly name: string;
  readonly reason: string;
}

/**
 * The one state file. `proposed`: made by `plan`, gives no pins; `started`: a run began to publish it and can be resumed,
 * and where it has no apps, began to send blobs while it was being made; `done`: it was published whole.
 */
export interface MigrationPlan {
  readonly version: 1;
  readonly state: 'proposed' | 'started' | 'done';
  /** UTC, `YYYY-MM-DDTHH:MM:SSZ`: the run's one reading of the clock. */
  readonly createdAt: string;
  readonly rules: number;
  /** Release of the program that made it. */
  readonly tool: string;
  /** What was asked for on the command line; `apply` asks for the same. */
  readonly request: {
    readonly apps: readonly string[];
    /** The packages that alone were asked for, by repository. */
    readonly only?: Readonly<Record<string, readonly string[]>>;
    readonly removeApps: readonly string[];
    readonly allowPartial: boolean;
  };
  readonly factory: string;
  readonly registry: string;
  /** sha256 over all options that shape bytes. */
  readonly options: Digest;
  readonly images: readonly ImageResolution[];
  readonly apps: readonly PlannedApp[];
  readonly targets: readonly PlannedTarget[];
  readonly skippedTargets: readonly SkippedTarget[];
  /** What devices see once the targets are written; empty where that is nothing, absent where no targets are configured. */
  readonly updates?: readonly DeviceUpdate[];
  /** sha256 over the options that shape bundles, whatever their images are pinned to. */
  readonly shape?: Digest;
  /** Findings about the targets as a whole. */
  readonly diagnostics: readonly Diagnostic[];
  /** Findings that are not told because `findings.ignore` or `--ignore` names them; absent where there is none. */
  readonly ignored?: readonly IgnoredFinding[];
  /** Version of the new targets; absent where none is planned. */
  readonly targetVersion?: string;
  /** sha256 of the targets file that the plan was made against; `absent` where there was none. */
  readonly targetsBefore?: Digest | 'absent';
  readonly hasChanges: boolean;
}

/** A plan as its file has it. */
export type PlanFile = Omit<MigrationPlan, 'apps'> & { readonly apps: readonly AppPlan[] };
