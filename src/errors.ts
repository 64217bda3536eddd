/** Every code an error can carry, with the exit status it leads to and what a user does about it. README.md lists this table. */
export const ERRORS = {
  SOURCE_UNREADABLE: { exit: 1, help: 'A repository or one of its files cannot be read; check the path and its permissions.' },
  SOURCE_LIMIT: { exit: 1, help: 'A file or folder is larger than a limit allows; the message names the limit.' },
  APP_NAME_INVALID: { exit: 1, help: 'The base name of the package cannot be an app name; rename the package.' },
  APP_NAME_DUPLICATE: { exit: 1, help: 'Two selected packages have one name; exclude one with apps.exclude.' },
  APP_SPLIT: { exit: 1, help: 'A single-file package is not metadata, compose and parameters, separated by lines ---.' },
  APP_FILE_MISSING: { exit: 1, help: 'A folder package lacks one of its three files.' },
  APP_FORM: { exit: 1, help: 'The form of this package cannot be read; the message says which form it is.' },
  APP_TEMPLATE: { exit: 1, help: 'The package uses a removed template engine; rewrite those places by hand.' },
  METADATA_INVALID: { exit: 1, help: 'The metadata document is not a mapping with name and version.' },
  PARAM_INVALID: { exit: 1, help: 'The parameters document cannot be read as docker-app read it.' },
  PARAM_CONFLICT: { exit: 1, help: 'Two parameters or parameter files contradict each other; keep one.' },
  PARAM_UNDEFINED: { exit: 1, help: 'The compose part refers to a parameter that has no value; define it or escape the $.' },
  INTERPOLATION_INVALID: { exit: 1, help: 'A $ expression is not valid; write $$ for a literal $.' },
  INTERPOLATION_NEVER_RAN: { exit: 1, help: 'Devices interpolated this text twice and the second pass fails; use --interpolation single if it ran elsewhere.' },
  YAML_INVALID: { exit: 1, help: 'The text is not valid YAML at the place that is named.' },
  YAML_LIMIT: { exit: 1, help: 'The YAML is larger, deeper or more aliased than the limits allow.' },
  COMPOSE_INVALID: { exit: 1, help: 'The compose part breaks a rule of the compose file format.' },
  COMPOSE_VERSION: { exit: 1, help: 'The compose file version is not one that docker-app and devices accept.' },
  COMPOSE_FORBIDDEN: { exit: 1, help: 'The compose part uses a key that docker-app refused.' },
  IMAGE_MISSING: { exit: 1, help: 'A service has no image to pin; build it elsewhere and name the image.' },
  IMAGE_REFERENCE: { exit: 1, help: 'An image name is not a valid reference or still holds a placeholder.' },
  IMAGE_TAG_FOREIGN: { exit: 1, help: 'A factory image has another tag than the one being released; remove the tag or list it in images.exempt.' },
  IMAGE_TAG_UNKNOWN: { exit: 1, help: 'A factory image needs the release tag and none is known; give --tag or images.tag.' },
  IMAGE_UNRESOLVED: { exit: 1, help: 'The registry has no such image; push it first or correct the name.' },
  IMAGE_PLATFORMS: { exit: 1, help: 'The service images of the app have no platform in common.' },
  IMAGE_MANIFEST: { exit: 1, help: 'The manifest of the image is of a type that cannot be pinned.' },
  BUNDLE_FILE_MISSING: { exit: 1, help: 'A file that the compose file needs is not in the package or beside it.' },
  BUNDLE_PATH: { exit: 1, help: 'A file name or a referenced path leaves the bundle or is reserved.' },
  BUNDLE_LIMIT: { exit: 1, help: 'The bundle is larger than devices accept.' },
  MANIFEST_TOO_LARGE: { exit: 1, help: 'The app manifest is over the 2,048 bytes that devices of 2020 read.' },
  DOCKER_APP_FORM: { exit: 1, help: 'Devices of the old style cannot run this package; list the app in targets.composeOnly.' },
  REGISTRY_UNREACHABLE: { exit: 1, help: 'The registry does not answer; check the place and the network.' },
  REGISTRY_DIGEST_MISMATCH: { exit: 1, help: 'The registry served bytes with another digest than asked for.' },
  REGISTRY_SIZE_MISMATCH: { exit: 1, help: 'The registry served more or fewer bytes than the descriptor says.' },
  REGISTRY_LAYOUT: { exit: 1, help: 'The folder is not an OCI image layout; remove it or name another one.' },
  REGISTRY_BLOB_MISSING: { exit: 1, help: 'The registry lacks a blob that a manifest names.' },
  REGISTRY_TAG_CONFLICT: { exit: 1, help: 'The tag already names another manifest.' },
  TARGETS_INVALID: { exit: 1, help: 'The targets file is not valid; the message says where.' },
  TARGETS_PARENT: { exit: 1, help: 'No target to build upon was found for the tags and machines that are configured.' },
  TARGETS_VERSION: { exit: 1, help: 'The target version is not above every version in the file.' },
  TARGETS_NAME: { exit: 1, help: 'A target of that name exists already or the name is not allowed.' },
  TARGETS_CONFLICT: { exit: 1, help: 'The targets file changed while the run was at work; run again.' },
  TARGETS_SIZE: { exit: 1, help: 'The targets file would be larger than devices read (8 MiB); prune old targets.' },
  APP_REMOVED: { exit: 1, help: 'An app is gone from the sources; confirm with --remove-app NAME or restore it.' },
  PLAN_INVALID: { exit: 4, help: 'The plan file cannot be read; make a new one with rebundle plan.' },
  PLAN_STALE: { exit: 1, help: 'Sources, rules or targets are not those of the plan any more; make a new plan.' },
  OUTPUT_UNSAFE: { exit: 4, help: 'The output folder holds files of a source; choose another --out.' },
  CONFIG_INVALID: { exit: 4, help: 'The configuration has an error at the place that is named.' },
  USAGE: { exit: 4, help: 'The command line is not right; see --help.' },
  NOTHING_TO_START: { exit: 5, help: 'No repository could be opened, so nothing was started.' },
  CANCELLED: { exit: 130, help: 'The run was interrupted; the same command goes on where it stopped.' },
  INTERNAL: { exit: 1, help: 'A defect of rebundle; please report it with the message and the stack.' },
} as const satisfies Record<string, { exit: number; help: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** A place in an input text. `line` and `column` start at 1; `path` is relative to the repository. */
export interface SourceLocation {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/** Where a package comes from: in every event, error and report row. */
export interface SourceOrigin {
  readonly repository: string;
  readonly path: string;
  readonly ref?: string;
  readonly commit?: string;
}

export interface ErrorDetails {
  readonly hint?: string;
  readonly origin?: SourceOrigin;
  readonly location?: SourceLocation;
  readonly cause?: unknown;
}

/** The one error type. The message says what happened to which thing; `hint` says what to do next. */
export class RebundleError extends Error {
  override readonly name = 'RebundleError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly origin: SourceOrigin | undefined;
  readonly location: SourceLocation | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.origin = details.origin;
    this.location = details.location;
  }
}

/** `path:line:column`, the form that editors and terminals link. */
export function formatLocation(location: SourceLocation): string {
  return `${location.path}:${location.line}:${location.column}`;
}

/** Wraps whatever was thrown: a RebundleError as it is, an abort as CANCELLED, all else as INTERNAL. */
export function toRebundleError(thrown: unknown): RebundleError {
  if (thrown instanceof RebundleError) return thrown;
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new RebundleError('CANCELLED', 'interrupted', { cause: thrown });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new RebundleError('INTERNAL', message, { cause: thrown });
}
