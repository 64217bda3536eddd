import type { ErrorCode, SourceLocation, SourceOrigin } from '../errors.ts';
import type { FindingCode, Severity } from './findings.ts';
import type { AppReference, Descriptor, Digest, Platform } from './oci.ts';

export type { SourceLocation, SourceOrigin } from '../errors.ts';

export type PackageKind = 'single-file' | 'folder' | 'tar' | 'compose';

/** Which release line of docker-app a package is read as; dockerapp-format: 0.4-0.8 is what factories used. */
export type Semantics = '0.2' | '0.4-0.8' | '0.9';

/** How often `$` is read on a device: `device` = docker-app and then compose, `single` = docker-app alone. */
export type Interpolation = 'device' | 'single';

/** What becomes of the configs of services: they stay, or their files are mounted. */
export type ServiceConfigsMode = 'keep' | 'mount';

/** Something worth telling about an app. An app with an `error` fails. */
export interface Diagnostic {
  readonly code: FindingCode | ErrorCode;
  readonly severity: Severity;
  readonly message: string;
  readonly hint?: string;
  readonly location?: SourceLocation;
}

/** One package or compose folder found by the scan; `reason` says why it is not selected. */
export interface PackageLocation {
  readonly name: string;
  readonly path: string;
  readonly kind: PackageKind;
  readonly selected: boolean;
  readonly reason?: string;
}

/** One of the three documents of a package: an exact slice of a file, so that places can be named. */
export interface DocumentPart {
  readonly text: string;
  /** Path of the file, relative to the repository. */
  readonly path: string;
  /** Offset of `text` in the decoded file, in UTF-16 units (a byte order mark counts). */
  readonly offset: number;
  /** Line of the file, from 1, on which `text` begins. */
  readonly line: number;
}

/** A file of a repository, `path` relative to its root with `/`. */
export interface FileEntry {
  readonly path: string;
  readonly mode: 'file' | 'executable' | 'symlink' | 'directory' | 'other';
  /** Bytes. */
  readonly size: number;
  /** What a link leads to, all links on the way followed, where that is in the repository; `path` relative to its root. */
  readonly target?: { readonly path: string; readonly mode: 'file' | 'executable' | 'directory' };
  /** Git object id, where the source knows one. */
  readonly objectId?: string;
}

/** A package split into its documents, nothing interpreted yet. */
export interface AppPackage {
  readonly name: string;
  readonly origin: SourceOrigin;
  readonly kind: PackageKind;
  readonly semantics: Semantics;
  /** True where the user chose the release line: what it refused is refused. Else more is taken, where it is clear what is meant. */
  readonly strict?: boolean;
  /** Small files of the package by their path in it, for `env_file` of docker-app 0.9, which put the variables into the model. */
  readonly envFiles?: ReadonlyMap<string, string>;
  /** The committed bytes of a single file; undefined for a folder. */
  readonly bytes?: Uint8Array;
  readonly metadata: DocumentPart;
  readonly compose: DocumentPart;
  readonly parameters: DocumentPart;
  /** Files of a folder package besides its three documents; `path` relative to the repository. */
  readonly attachments: readonly FileEntry[];
  readonly diagnostics: readonly Diagnostic[];
}

/** A parameter and the compose variable that replaces it. */
export interface VariableMapping {
  readonly parameter: string;
  /** Environment variable name; undefined where every use was inlined. */
  readonly variable?: string;
  readonly value: string;
  readonly uses: number;
  /** Why an override of it has no effect any more, where that is so. */
  readonly fixed?: string;
}

/** The `image:` of one service after parameters were put in; `image` is undefined for a service that is only built. */
export interface ServiceImage {
  readonly service: string;
  readonly image?: string;
  readonly build: boolean;
  readonly location: SourceLocation;
}

/** A path in a compose text that names a file or folder of the repository. */
export interface FileReference {
  readonly kind: 'bind' | 'env_file' | 'label_file' | 'config' | 'secret' | 'extends' | 'seccomp';
  /** The services that mount or read it. */
  readonly services: readonly string[];
  /** As the compose file means it with default values: relative to the compose file, `/` between names. */
  readonly path: string;
  /** False for bind sources and for `env_file` with `required: false`. */
  readonly required: boolean;
  readonly location: SourceLocation;
}

/** Why the conversion changed a place. */
export type EditRule =
  /** A reference became a variable with a default. */
  | 'variable'
  /** A reference, or a value of several, became its value. */
  | 'value'
  /** A `$` that one pass of interpolation took away. */
  | 'dollar'
  /** An unquoted value that the YAML readers take differently. */
  | 'plain-scalar'
  /** A part that `x-enabled` removed, and the key itself. */
  | 'x-enabled'
  | 'duplicate-key'
  | 'second-document'
  /** Blank lines and the line end around the compose part. */
  | 'line-ends'
  /** A config of a service that became a mount. */
  | 'config-mount'
  /** A command that docker-app split otherwise than compose does. */
  | 'command'
  /** docker-app's own render of another part, or of the whole text. */
  | 'rendered';

/** Where an edit of the conversion comes from. */
export interface EditOrigin {
  readonly rule: EditRule;
  /** The parameter that was referred to, where it is one. */
  readonly parameter?: string;
  readonly detail?: string;
}

/** Replacement of `[start, end)`, in UTF-16 units of the text that is edited. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Set on the edits of a ComposeApp. */
  readonly origin?: EditOrigin;
}

/** A converted app: compose text that means what docker-app and devices made of the package. Images are as written. */
export interface ComposeApp {
  readonly name: string;
  readonly origin: SourceOrigin;
  readonly composeText: string;
  /** The document that `composeText` was made from by `edits`. */
  readonly source: DocumentPart;
  readonly edits: readonly TextEdit[];
  readonly variables: readonly VariableMapping[];
  readonly services: readonly ServiceImage[];
  /** Files that the text refers to. */
  readonly references: readonly FileReference[];
  readonly diagnostics: readonly Diagnostic[];
  /** Configs of services that became mounts: the one way in which the text means more than docker-app's render. */
  readonly mountedConfigs?: readonly MountedConfig[];
}

/** A config of a service as docker-app rendered it, which the converted text mounts. */
export interface MountedConfig {
  readonly service: string;
  /** Position among the configs of the service. */
  readonly index: number;
  /** Stands before its target: a relative one is below the root. */
  readonly root: '' | '/';
}

/** The variables of one app that a group of devices sets to values of its own, as the text of a `.env` file. */
export interface EnvFile {
  readonly group: string;
  readonly text: string;
}

/** An image reference of a compose file, resolved: what was asked, what it is pinned to and for which platforms it exists. */
export interface ImageResolution {
  /** The reference after the tag rule, normalised. */
  readonly reference: string;
  /** `registry/repository@sha256:...` of the index (or of the manifest, where there is no index). */
  readonly pinned: string;
  readonly mediaType: string;
  readonly platforms: readonly Platform[];
}

/** A file of a repository that goes into a bundle. */
export interface SupportFile {
  /** In the bundle. */
  readonly path: string;
  /** In the repository. */
  readonly source: string;
  readonly executable: boolean;
  /** Bytes as the listing has them: of a link, the link's own. */
  readonly size: number;
  /** Why it is in, in words. */
  readonly reason: string;
}

/** A file that could have gone into a bundle, and why it did not. */
export interface LeftOutFile {
  readonly path: string;
  readonly source: string;
  readonly size: number;
  readonly reason: string;
}

/** A file that goes into a bundle beside docker-compose.yml. */
export interface BundleFile {
  /** Path in the bundle, with `/`. */
  readonly path: string;
  readonly executable: boolean;
  /** Bytes. */
  readonly size: number;
  readonly digest: Digest;
  /** The same bytes each time it is called. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** A small blob of a bundle that is kept in memory. */
export interface BundleBlob {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** A bundle whose every digest is known and whose bytes can be made again at any time. */
export interface AppBundle {
  readonly name: string;
  /** The gzip archive, `layers[0]`. */
  readonly archive: Descriptor;
  /** The same bytes each time it is called. */
  readonly openArchive: () => AsyncIterable<Uint8Array>;
  readonly index: Descriptor;
  readonly indexBytes: Uint8Array;
  readonly manifest: Descriptor;
  readonly manifestBytes: Uint8Array;
  /** What Docker Compose reads besides: a compose file and its environment files. Empty where the app has no such form. */
  readonly composeLayers: readonly BundleBlob[];
  readonly reference: AppReference;
  /** docker-compose.yml first, then by path. */
  readonly files: readonly BundleFile[];
}

/** The `.dockerapp` as devices of the old style fetch it; `name` is that of the target, `<app>.dockerapp-<version>`. */
export interface FileTarget {
  readonly name: string;
  readonly length: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface PublishedApp {
  readonly name: string;
  readonly compose: AppReference;
  readonly dockerApp?: FileTarget;
}

export type AppStatus = 'migrated' | 'unchanged' | 'skipped' | 'held' | 'failed';

/** How an app ended. `held`: fine itself, but its target waits for an app that failed. */
export interface AppResult {
  readonly app: string;
  readonly origin: SourceOrigin;
  readonly status: AppStatus;
  readonly reason?: string;
  readonly reference?: string;
  readonly diagnostics: readonly Diagnostic[];
}
