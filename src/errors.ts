/** Every code an error can carry, with the exit status it leads to and what a user does about it, unless its hint says more. README.md lists this table. */
export const ERRORS = {
  SOURCE_UNREADABLE: { exit: 1, help: 'Check the path of the repository or file and its permissions.' },
  SOURCE_LIMIT: { exit: 1, help: 'Make the file or folder smaller; the message names the limit.' },
  APP_NAME_INVALID: {
    exit: 1,
    help: 'Rename the package: lower-case letters, digits and single dots, underscores or hyphens.',
  },
  APP_NAME_DUPLICATE: { exit: 1, help: 'Rename one of the packages, or leave one out with apps.exclude.' },
  APP_SPLIT: { exit: 1, help: 'Write metadata, compose and parameters in this order, separated by lines ---.' },
  APP_FILE_MISSING: { exit: 1, help: 'Add the file to the folder of the package; parameters may be empty.' },
  APP_FORM: { exit: 1, help: 'Use a single file or a folder; the message says what was found.' },
  APP_TEMPLATE: { exit: 1, help: 'Rewrite by hand what the removed template engine made.' },
  METADATA_INVALID: { exit: 1, help: 'Begin the package with a mapping that has name and version.' },
  PARAM_INVALID: { exit: 1, help: 'Write the parameters as a mapping of text names to values.' },
  PARAM_CONFLICT: { exit: 1, help: 'Keep one of the two parameters or files that contradict each other.' },
  PARAM_UNDEFINED: { exit: 1, help: 'Define the parameter, or write $$ for a literal $.' },
  INTERPOLATION_INVALID: { exit: 1, help: 'Write $$ for a literal $.' },
  INTERPOLATION_NEVER_RAN: {
    exit: 1,
    help: 'Escape the $ once more, or use --interpolation single where the package ran elsewhere than on devices.',
  },
  YAML_INVALID: { exit: 1, help: 'Correct the YAML at the place that is named.' },
  YAML_LIMIT: { exit: 1, help: 'Make the document smaller or flatter; the message names the limit.' },
  COMPOSE_INVALID: { exit: 1, help: 'Correct the compose part at the place that is named.' },
  COMPOSE_VERSION: {
    exit: 1,
    help: "Write a version that docker-app and devices take, in quotes, for example version: '3.7'.",
  },
  COMPOSE_FORBIDDEN: { exit: 1, help: 'Remove the key: docker-app refused it.' },
  PROOF_UNEQUAL: {
    exit: 1,
    help: 'Write the named value so that docker-app and compose read it alike, and report the package.',
  },
  FLEET_FIXED: {
    exit: 1,
    help: 'Give the devices the value of the package, or rewrite the package so that the parameter can stay one.',
  },
  IMAGE_MISSING: { exit: 1, help: 'Name the image that is built from the context.' },
  IMAGE_REFERENCE: { exit: 1, help: 'Correct the name of the image.' },
  IMAGE_TAG_FOREIGN: { exit: 1, help: 'Remove the tag, or list the image in images.exempt.' },
  IMAGE_TAG_UNKNOWN: { exit: 1, help: 'Give the release tag with --tag or images.tag.' },
  IMAGE_UNRESOLVED: { exit: 1, help: 'Push the image, or correct its name or tag.' },
  IMAGE_PLATFORMS: { exit: 1, help: 'Build the images for at least one common platform, or change images.platforms.' },
  IMAGE_MANIFEST: { exit: 1, help: 'Push the image again with a current tool.' },
  BUNDLE_FILE_MISSING: { exit: 1, help: 'Add the file to the package or beside it.' },
  BUNDLE_PATH: { exit: 1, help: 'Rename or move the file: it leaves the bundle or its name is reserved.' },
  BUNDLE_LIMIT: { exit: 1, help: 'Leave out files that the app does not need.' },
  MANIFEST_TOO_LARGE: { exit: 1, help: 'Shorten the names: devices of 2020 read 2,048 bytes.' },
  BUNDLE_ARCHIVE: { exit: 1, help: 'Publish the bundle again: its archive cannot be unpacked.' },
  BUNDLE_REFUSED: { exit: 1, help: 'Publish the bundle again; rebundle verify lists all that is wrong with it.' },
  DOCKER_APP_FORM: { exit: 1, help: 'List the app in targets.composeOnly: devices of the old style cannot run it.' },
  REGISTRY_UNREACHABLE: { exit: 1, help: 'Check the place of the registry.' },
  REGISTRY_DIGEST_MISMATCH: { exit: 1, help: 'Repair the registry: it holds other bytes than it says.' },
  REGISTRY_SIZE_MISMATCH: { exit: 1, help: 'Repair the registry: it holds more or fewer bytes than it says.' },
  REGISTRY_LAYOUT: { exit: 1, help: 'Name a folder that is an OCI image layout, empty or new.' },
  REGISTRY_AUTH: { exit: 1, help: 'Log in to the registry: rebundle auth check says which credential is used.' },
  REGISTRY_DENIED: { exit: 1, help: 'Give the account the right to do this in the repository.' },
  REGISTRY_RATE_LIMIT: { exit: 1, help: 'Wait and run again, log in, or lower hosts.HOST.concurrency.' },
  REGISTRY_TIMEOUT: { exit: 1, help: 'Check the network, or raise the timeouts under http.' },
  REGISTRY_TLS: { exit: 1, help: 'Name the CA of the registry with hosts.HOST.ca.' },
  REGISTRY_PROTOCOL: {
    exit: 1,
    help: 'Check that the address is that of a registry; the message says what it answered.',
  },
  REGISTRY_UNSAFE: {
    exit: 1,
    help: 'The registry points to a place where it must not: correct it, or allow it under hosts.HOST.',
  },
  REGISTRY_TAG_TAKEN: { exit: 1, help: 'Name another tag, or move this one with --force.' },
  REGISTRY_BLOB_MISSING: { exit: 1, help: 'Push the image or bundle again: the registry lacks a part of it.' },
  OFFLINE: { exit: 1, help: 'Run without --offline, or name a place on this machine.' },
  TARGETS_INVALID: { exit: 1, help: 'Correct the targets file at the place that is named.' },
  TARGETS_PARENT: {
    exit: 1,
    help: 'Check targets.tags, targets.machines and targets.seed: nothing was found to build upon.',
  },
  TARGETS_VERSION: { exit: 1, help: 'Give a version above every version in the file.' },
  TARGETS_NAME: { exit: 1, help: 'Choose a higher version: a target of that name exists, or the name is not allowed.' },
  TARGETS_CONFLICT: { exit: 1, help: 'Run again: the targets file changed while the run was at work.' },
  TARGETS_SIZE: { exit: 1, help: 'Prune old targets: devices read 8 MiB.' },
  TARGETS_UNSIGNABLE: {
    exit: 1,
    help: 'Use printable ASCII and whole numbers only: signing tools and devices differ on how they write anything else.',
  },
  TARGETS_EXPIRES: { exit: 1, help: 'Give a date to come with --expires, as in 2031-01-31T00:00:00Z.' },
  TARGETS_SIGNATURE: { exit: 1, help: 'Sign the very bytes that targets export wrote, with the key that is named.' },
  TARGETS_LINT: { exit: 1, help: 'Correct what the message names; rebundle verify shows all findings of a file.' },
  TARGETS_UNREACHABLE: { exit: 1, help: 'Check the URL of the TUF repository, the network and the token.' },
  KEY_INVALID: { exit: 4, help: 'Give an Ed25519 or RSA key as PEM, or as a TUF key in JSON.' },
  APP_REMOVED: { exit: 1, help: 'Delete or disable the package first, and run on all repositories.' },
  RETIRE_REFUSED: { exit: 1, help: 'Settle what the message names, and run rebundle retire again.' },
  REPORT_INVALID: { exit: 4, help: 'Name a report.json that a run of rebundle wrote.' },
  SECRET_IN_BUNDLE: {
    exit: 1,
    help: 'Let devices give the value (--fleet), mount it from the host, or allow it by secrets.allow with a reason.',
  },
  PLAN_INVALID: { exit: 4, help: 'Make a new plan with rebundle plan.' },
  PLAN_STALE: { exit: 1, help: 'Make a new plan with rebundle plan, and review it.' },
  OUTPUT_UNWRITABLE: { exit: 1, help: 'Check the permissions and the free space of the folder.' },
  OUTPUT_UNSAFE: { exit: 4, help: 'Choose another --out.' },
  CONFIG_INVALID: { exit: 4, help: 'Correct the configuration at the place that is named.' },
  USAGE: { exit: 4, help: 'See --help.' },
  RUN_LOCKED: { exit: 5, help: 'Wait until the other run has ended.' },
  NOTHING_TO_START: { exit: 5, help: 'Name repositories that can be read.' },
  CANCELLED: { exit: 130, help: 'Run the same command again: it goes on where it stopped.' },
  INTERNAL: { exit: 1, help: 'Report this defect of rebundle, with the message and the stack.' },
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
