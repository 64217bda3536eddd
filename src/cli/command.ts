import type { Option } from 'commander';
import type { CliEnvironment } from './environment.ts';
import type { ExitStatus } from './exit-status.ts';
import type { Flags, OptionName } from './options.ts';

/** A command line, checked. */
export interface Invocation {
  /** As typed: one word, or two as in `auth check`. */
  readonly command: string;
  /** The operands that the definition lists, in its order. */
  readonly operands: readonly string[];
  /** Repositories or packages instead of the configured ones. */
  readonly paths: readonly string[];
  readonly flags: Flags;
  /** The command's own options by their camel-case long names; what was not given is absent. */
  readonly own: Readonly<Record<string, unknown>>;
}

/** How a command ended; `stdout` is its data: text, or bytes that go out as they are. */
export interface CommandResult {
  readonly status: ExitStatus;
  readonly stdout?: string | Uint8Array;
}

/** One command: what help and README say of it, and what it does. */
export interface CommandDefinition {
  /** One word, or two for a command of a group. */
  readonly name: string;
  readonly summary: string;
  /** Operands before the paths, required and single; the name as help shows it, without brackets. */
  readonly operands?: readonly { readonly name: string; readonly description: string }[];
  /** What the remaining operands are; without it the command takes none. `kind` is how each is checked. */
  readonly paths?: {
    readonly name: string;
    readonly description: string;
    readonly kind: 'path' | 'repository' | 'text';
  };
  /** Options that commands share. */
  readonly options: readonly OptionName[];
  /** Options of this command alone; each call makes a new one. */
  readonly own?: readonly (() => Option)[];
  readonly example: string;
  readonly statuses: readonly ExitStatus[];
  /** Does the work. What stops it whole is thrown. */
  readonly run: (invocation: Invocation, environment: CliEnvironment) => Promise<CommandResult>;
}

/** Repositories or packages, as most commands take them. */
export const REPOSITORY_PATHS = {
  name: 'path',
  description: 'repositories (folders or URLs) or packages, instead of the configured ones',
  kind: 'repository',
} as const;
/** Which repositories are read, and what of them. */
export const SOURCES = ['ref', 'repositories', 'offline'] as const satisfies readonly OptionName[];

export const PROGRESS = ['reporter', 'quiet', 'verbose'] as const satisfies readonly OptionName[];
export const CONVERSION = [
  'semantics',
  'interpolation',
  'serviceConfigs',
  'parametersFile',
  'set',
  'fleet',
] as const satisfies readonly OptionName[];
export const PLACES = ['to', 'registry', 'platform', 'tag'] as const satisfies readonly OptionName[];
export const OUTCOME = ['failFast', 'maxFailures', 'errorOn', 'ignore'] as const satisfies readonly OptionName[];
/** What plan and run take. */
export const PLANNING: readonly OptionName[] = [
  'config',
  'out',
  'app',
  'onlyFailed',
  ...SOURCES,
  ...PLACES,
  ...CONVERSION,
  'repin',
  'frozen',
  'targetVersion',
  'allowPartial',
  'removeApp',
  ...OUTCOME,
  'report',
  ...PROGRESS,
];
