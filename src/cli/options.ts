import { Option } from 'commander';
import { type ConfigFlags, parseValue } from '../config.ts';
import { SEMANTICS, SERVICE_CONFIGS } from '../config-schema.ts';
import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { Place } from '../lib/place.ts';
import type { Interpolation, Semantics, ServiceConfigsMode } from '../model/app.ts';
import type { Severity } from '../model/findings.ts';

export type ReportFormat = 'html' | 'json' | 'md' | 'junit' | 'metrics';
export type ReporterKind = 'live' | 'lines' | 'ndjson' | 'silent';

/** A report to write, `path` relative to the current folder. */
export interface ReportRequest {
  readonly format: ReportFormat;
  readonly path: string;
}

/** All flags of all commands, checked. A command sees its own; the others have the values that mean nothing was said. */
export interface Flags extends ConfigFlags {
  /** Path of the configuration file, where one was named. */
  readonly config?: string;
  /** Globs on app names; none means every app. */
  readonly apps: readonly string[];
  readonly allowPartial: boolean;
  /** Apps whose removal from the targets is confirmed. */
  readonly removeApps: readonly string[];
  /** Failures after which the run stops; `--fail-fast` is one. */
  readonly maxFailures?: number;
  readonly errorOn: Severity;
  readonly reports: readonly ReportRequest[];
  /** Undefined: `live` on a terminal, else `lines`. */
  readonly reporter?: ReporterKind;
  readonly verbosity: 'quiet' | 'normal' | 'verbose';
  readonly inPlace: boolean;
  readonly json: boolean;
  /** Branch, tag or commit that is read of every repository. */
  readonly ref?: string;
  /** A plan that gives all digests. */
  readonly frozen?: string;
  readonly offline: boolean;
  /** Nothing but what the last run left. */
  readonly onlyFailed: boolean;
  /** List of repositories, `-` for standard input. */
  readonly repositories?: string;
}

const REPORT_FORMATS = ['html', 'json', 'md', 'junit', 'metrics'] as const satisfies readonly ReportFormat[];

type ValueKind = Parameters<typeof parseValue>[0];

/** What commander gives for the options of a command: camel-case long names. */
interface RawOptions {
  readonly config?: string;
  readonly out?: string;
  readonly to?: Place;
  readonly registry?: ReadonlyMap<string, Place>;
  readonly app?: readonly string[];
  readonly platform?: readonly string[];
  readonly tag?: string;
  readonly targetVersion?: string;
  readonly interpolation?: Interpolation;
  readonly semantics?: Semantics | 'auto';
  readonly serviceConfigs?: ServiceConfigsMode;
  readonly parametersFile?: readonly string[];
  readonly set?: ReadonlyMap<string, string>;
  readonly fleet?: ReadonlyMap<string, string>;
  readonly ignore?: NonNullable<ConfigFlags['ignore']>;
  readonly repin?: readonly string[];
  readonly allowPartial?: boolean;
  readonly removeApp?: readonly string[];
  readonly failFast?: boolean;
  readonly maxFailures?: number;
  readonly errorOn?: Severity;
  readonly report?: readonly ReportRequest[];
  readonly reporter?: ReporterKind;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly inPlace?: boolean;
  readonly json?: boolean;
  readonly ref?: string;
  readonly repositories?: string;
  readonly frozen?: string;
  readonly offline?: boolean;
  readonly onlyFailed?: boolean;
}

function value(kind: ValueKind, flag: string) {
  return (text: string): unknown => parseValue(kind, text, flag);
}

function list(kind: Exclude<ValueKind, 'place' | 'count'>, flag: string) {
  return (text: string, before: readonly string[] = []): readonly string[] => [...before, parseValue(kind, text, flag)];
}

function usage(flag: string, problem: string): RebundleError {
  return new RebundleError('USAGE', `${flag}: ${problem}`);
}

/** Splits `key=value` at the first `=`. */
function splitPair(text: string, flag: string, form: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw usage(flag, `expected ${form}, found "${escapeTerminal(text)}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function registryPair(text: string, before: ReadonlyMap<string, Place> = new Map()): ReadonlyMap<string, Place> {
  const [name, place] = splitPair(text, '--registry', 'HOST=PLACE');
  const host = parseValue('host', name, '--registry');
  if (before.has(host)) throw usage('--registry', `${host} is given twice`);
  return new Map([...before, [host, parseValue('place', place, '--registry')]]);
}

function parameterPair(text: string, before: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const [name, parameter] = splitPair(text, '--set', 'NAME=VALUE');
  return new Map([...before, [parseValue('text', name, '--set'), parameter]]);
}

function fleetPair(text: string, before: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const [name, file] = splitPair(text, '--fleet', 'GROUP=FILE');
  const group = parseValue('group', name, '--fleet');
  if (before.has(group)) throw usage('--fleet', `${group} is given twice`);
  return new Map([...before, [group, parseValue('path', file, '--fleet')]]);
}

function ignorePair(text: string, before: NonNullable<ConfigFlags['ignore']> = []): NonNullable<ConfigFlags['ignore']> {
  const at = text.indexOf('@');
  const id = parseValue('findingId', at < 0 ? text : text.slice(0, at), '--ignore');
  const rule = { id, reason: 'given on the command line' };
  return [...before, at < 0 ? rule : { ...rule, path: parseValue('text', text.slice(at + 1), '--ignore') }];
}

function reportPair(text: string, before: readonly ReportRequest[] = []): readonly ReportRequest[] {
  const [name, file] = splitPair(text, '--report', 'FORMAT=PATH');
  const format = REPORT_FORMATS.find((known) => known === name);
  if (format === undefined) {
    throw usage('--report', `expected a format of ${REPORT_FORMATS.join(', ')}, found "${escapeTerminal(name)}"`);
  }
  const path = parseValue('path', file, '--report');
  if (before.some((report) => report.path === path)) throw usage('--report', `${path} is given twice`);
  return [...before, { format, path }];
}

/** Every option; a command takes those that have a meaning for it. */
const OPTIONS = {
  config: () =>
    new Option('--config <file>', 'configuration file (default: rebundle.yml)').argParser(value('path', '--config')),
  out: () => new Option('--out <dir>', 'folder for results (default: out)').argParser(value('path', '--out')),
  to: () =>
    new Option('--to <place>', 'where bundles are written: oci-layout:DIR or a host').argParser(value('place', '--to')),
  registry: () =>
    new Option('--registry <host=place>', 'where images of a host are read (repeatable)').argParser(registryPair),
  app: () => new Option('--app <glob>', 'only apps whose names match (repeatable)').argParser(list('text', '--app')),
  platform: () =>
    new Option('--platform <p>', 'platform that counts (repeatable; default: all)').argParser(
      list('platform', '--platform'),
    ),
  tag: () => new Option('--tag <tag>', 'release tag of the factory images').argParser(value('tag', '--tag')),
  targetVersion: () =>
    new Option('--target-version <n>', 'version of the new targets').argParser(
      value('targetVersion', '--target-version'),
    ),
  interpolation: () =>
    new Option('--interpolation <mode>', 'how often $ is read: twice as on devices, or once').choices([
      'device',
      'single',
    ]),
  serviceConfigs: () =>
    new Option(
      '--service-configs <mode>',
      'what becomes of the configs of services, which docker-compose 1.x ignores',
    ).choices(SERVICE_CONFIGS),
  semantics: () =>
    new Option(
      '--semantics <line>',
      'read packages as this line of docker-app did, and refuse what it refused',
    ).choices(SEMANTICS),
  parametersFile: () =>
    new Option('--parameters-file <file>', 'parameter values for all apps (repeatable)').argParser(
      list('path', '--parameters-file'),
    ),
  set: () =>
    new Option('--set <name=value>', 'one parameter value, wins over files (repeatable)').argParser(parameterPair),
  fleet: () =>
    new Option('--fleet <group=file>', 'docker_app_params file of a group of devices (repeatable)').argParser(
      fleetPair,
    ),
  ignore: () =>
    new Option('--ignore <id[@path]>', 'a warning or note that is known (repeatable)').argParser(ignorePair),
  repin: () =>
    new Option('--repin [glob]', 'take new digests of moved tags, of all or of matching references (repeatable)')
      .argParser(list('text', '--repin'))
      .preset('**'),
  allowPartial: () => new Option('--allow-partial', 'write targets although an app failed; it keeps its old entries'),
  removeApp: () =>
    new Option('--remove-app <name>', 'confirm that an app leaves the targets (repeatable)').argParser(
      list('app', '--remove-app'),
    ),
  failFast: () => new Option('--fail-fast', 'stop at the first app that fails, and publish nothing after it'),
  maxFailures: () =>
    new Option('--max-failures <n>', 'stop once n apps failed; the rest counts as not tried')
      .argParser(value('count', '--max-failures'))
      .conflicts('failFast'),
  errorOn: () =>
    new Option('--error-on <severity>', 'exit 3 on findings this severe')
      .choices(['error', 'warning', 'note'])
      .default('error'),
  report: () =>
    new Option('--report <format=path>', 'write a report: html, json, md, junit or metrics (repeatable)').argParser(
      reportPair,
    ),
  reporter: () =>
    new Option('--reporter <kind>', 'progress on stderr (default: live on a terminal, else lines)').choices([
      'live',
      'lines',
      'ndjson',
      'silent',
    ]),
  quiet: () => new Option('--quiet', 'only errors on stderr').conflicts('verbose'),
  verbose: () => new Option('--verbose', 'every step on stderr'),
  inPlace: () => new Option('--in-place', 'write a folder APP/ beside each package').conflicts('out'),
  json: () => new Option('--json', 'print the result as JSON'),
  ref: () =>
    new Option('--ref <ref>', 'branch, tag or commit to read of every repository, without a checkout').argParser(
      value('ref', '--ref'),
    ),
  repositories: () =>
    new Option('--repositories <file>', 'list of repositories, one a line; - for standard input').argParser(
      value('path', '--repositories'),
    ),
  frozen: () =>
    new Option('--frozen <plan>', 'resolve no tag: take every digest from this plan file')
      .argParser(value('path', '--frozen'))
      .conflicts('repin'),
  offline: () =>
    new Option('--offline', 'no network: copies of repositories, images by out/plan.json and layouts').conflicts(
      'repin',
    ),
  onlyFailed: () => new Option('--only-failed', 'only what the last run left: failed, held or not reached'),
} as const satisfies Record<keyof RawOptions, () => Option>;

export type OptionName = keyof typeof OPTIONS;

/** A new commander option, as each command needs its own. */
export function createOption(name: OptionName): Option {
  return OPTIONS[name]();
}

/** Gives the values that commander parsed their types. */
export function readFlags(raw: RawOptions): Flags {
  return {
    ...(raw.config === undefined ? {} : { config: raw.config }),
    ...(raw.out === undefined ? {} : { out: raw.out }),
    ...(raw.to === undefined ? {} : { to: raw.to }),
    ...(raw.tag === undefined ? {} : { tag: raw.tag }),
    ...(raw.targetVersion === undefined ? {} : { targetVersion: raw.targetVersion }),
    ...(raw.interpolation === undefined ? {} : { interpolation: raw.interpolation }),
    ...(raw.semantics === undefined ? {} : { semantics: raw.semantics }),
    ...(raw.serviceConfigs === undefined ? {} : { serviceConfigs: raw.serviceConfigs }),
    ...(raw.reporter === undefined ? {} : { reporter: raw.reporter }),
    ...(raw.ref === undefined ? {} : { ref: raw.ref }),
    ...(raw.repositories === undefined ? {} : { repositories: raw.repositories }),
    ...(raw.frozen === undefined ? {} : { frozen: raw.frozen }),
    offline: raw.offline ?? false,
    onlyFailed: raw.onlyFailed ?? false,
    registries: raw.registry ?? new Map(),
    apps: raw.app ?? [],
    platforms: raw.platform ?? [],
    parameterFiles: raw.parametersFile ?? [],
    set: raw.set ?? new Map(),
    repin: raw.repin ?? [],
    ...(raw.fleet === undefined ? {} : { fleet: raw.fleet }),
    ...(raw.ignore === undefined ? {} : { ignore: raw.ignore }),
    allowPartial: raw.allowPartial ?? false,
    removeApps: raw.removeApp ?? [],
    ...(raw.failFast === true ? { maxFailures: 1 } : {}),
    ...(raw.maxFailures === undefined ? {} : { maxFailures: raw.maxFailures }),
    errorOn: raw.errorOn ?? 'error',
    reports: raw.report ?? [],
    verbosity: raw.quiet ? 'quiet' : raw.verbose ? 'verbose' : 'normal',
    inPlace: raw.inPlace ?? false,
    json: raw.json ?? false,
  };
}
