import { RebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic, FileTarget } from '../model/app.ts';
import type { PlannedTarget, SkippedTarget } from '../model/plan.ts';
import {
  type AppChanges,
  type AppMaps,
  changeApps,
  hasApps,
  isSameApps,
  isSameCommit,
  NO_APPS,
  readAppMaps,
  readBaseApps,
} from './app-maps.ts';
import { type DeviceStep, listDeviceSteps } from './device-steps.ts';
import { type FileContent, findFileTarget, hasContent, indexFileTargets, planFileTarget } from './file-targets.ts';
import { checkSize, findDroppedSignatures, findMixedVersions } from './plan-findings.ts';
import { planSuccessor } from './plan-successor.ts';
import { type ParentSelection, selectParents } from './select-parents.ts';
import type { TagRule } from './tag-rules.ts';
import { MAX_VERSION, readVersion } from './target-fields.ts';
import type { TargetsFile } from './targets-file.ts';

/** A selected app as targets see it. An app with `state` ok has its `composeUri`. */
export interface TargetApp {
  readonly name: string;
  /** `failed`: the entries that the app has stay, and no target is made unless a part is allowed. */
  readonly state: 'ok' | 'failed';
  /** `host/factory/app@sha256:...` */
  readonly composeUri?: string;
  /** The published `.dockerapp`; `keep-parent`: the entry that there is stays as it is. */
  readonly dockerApp?: FileContent | 'keep-parent';
  /** The app has no form for devices of the old style: an entry that there is stays, none is added. */
  readonly newStyleOnly: boolean;
}

export interface TargetsInput {
  readonly file: TargetsFile | undefined;
  readonly tagRules: readonly TagRule[];
  readonly machines?: readonly string[];
  readonly platforms?: readonly string[];
  readonly apps: readonly TargetApp[];
  /** Apps that are gone from the sources and whose removal was confirmed. */
  readonly removed: readonly string[];
  /** No device of the old style is left: new targets have no `docker_apps` at all. */
  readonly dropDockerApps?: boolean;
  readonly version?: string;
  /** UTC, `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly createdAt: string;
  readonly containersSha?: string;
  readonly uri?: string;
  readonly allowPartial: boolean;
  /** The new file gets signatures; without, those of an envelope are dropped with a finding. */
  readonly willSign?: boolean;
}

export interface TargetsPlan {
  /** Version of all new targets; absent where there are none. */
  readonly version?: string;
  /** File targets by app, then OSTREE targets by tag rule and hardware id. */
  readonly targets: readonly PlannedTarget[];
  /** What devices see of them. */
  readonly steps: readonly DeviceStep[];
  readonly skipped: readonly SkippedTarget[];
  /** Apps that no target to build upon has: new on devices. By name. */
  readonly newApps: readonly string[];
  /** Per app the file target with its bytes: the newest that exists already (`reused`) or the one that is added. */
  readonly fileTargets: ReadonlyMap<string, FileTarget & { readonly reused: boolean }>;
  /** Failed apps because of which targets that are due were not planned. By name. */
  readonly heldBy: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** A target to build upon and the app maps before and after. */
interface Desired {
  readonly selection: ParentSelection;
  readonly before: AppMaps;
  readonly after: AppMaps;
  readonly differs: boolean;
}

/**
 * Decides which targets a run adds. A tag gets new targets for all its hardware ids where for one of them the apps, or the commit
 * of the parent, are not those of its newest target; otherwise for none, so that a second run has nothing to do. Names are
 * `<custom.name>-<version>`, with `-<tag>` where there are several tag rules. Throws TARGETS_PARENT where there is nothing to
 * build upon, TARGETS_VERSION, TARGETS_NAME and TARGETS_SIZE for what the new targets would break, TARGETS_INVALID for app maps
 * that cannot be read and for values that are not printable ASCII, USAGE for a removal of an app that is selected.
 */
export function planTargets(input: TargetsInput): TargetsPlan {
  const { file } = input;
  if (file === undefined) {
    throw new RebundleError('TARGETS_PARENT', 'there is no targets file to build upon', {
      hint: 'Name a targets file with the operating system targets of the factory in targets.seed.',
    });
  }
  checkInput(input);
  const choice = selectParents({ ...input, file });
  const candidate = input.version ?? String(greatestVersion(file) + 1);
  const apps = input.apps.toSorted((a, b) => compareText(a.name, b.name));
  const fileTargets = resolveFileTargets(file, apps, candidate);
  const changes = {
    ...collectChanges({ file, apps, fileTargets, removed: input.removed }),
    dropDockerApps: input.dropDockerApps === true,
  };
  const desired = choice.selections.map((selection) => compareSelection(file, selection, changes));
  const due = findDue(desired);

  const failed = apps.filter((app) => app.state === 'failed').map((app) => app.name);
  const heldBy = due.length > 0 && !input.allowPartial ? failed : [];
  const targets =
    due.length === 0 || heldBy.length > 0 ? [] : planAll({ ...input, file }, due, { fileTargets, candidate });
  const newApps = apps
    .filter((app) => app.state === 'ok' && !desired.some(({ before }) => hasApp(before, app.name)))
    .map((app) => app.name);
  return {
    ...(targets.length === 0 ? {} : { version: candidate }),
    targets,
    steps: targets.length === 0 ? [] : due.flatMap(({ selection, after }) => listDeviceSteps(file, selection, after)),
    skipped: choice.skipped,
    newApps,
    fileTargets: new Map([...fileTargets].filter(([, target]) => target.reused || targets.length > 0)),
    heldBy,
    diagnostics: [
      ...newApps.map((app) =>
        finding('targets.new-app', `${app}: no target has this app yet, devices will install it`),
      ),
      ...choice.diagnostics,
      ...findMixedVersions(choice.selections),
      ...(targets.length === 0 || input.willSign === true ? [] : findDroppedSignatures(file)),
      ...checkSize(file, targets),
    ],
  };
}

function hasApp(maps: AppMaps, app: string): boolean {
  return maps.dockerApps.has(app) || maps.composeApps.has(app);
}

function checkInput(input: TargetsInput): void {
  if (input.version !== undefined && readVersion(input.version) === undefined) {
    throw new RebundleError(
      'TARGETS_VERSION',
      `the target version ${escapeTerminal(input.version)} is not one for devices`,
      {
        hint: 'Give a decimal integer without leading zero, below 2147483648.',
      },
    );
  }
  const names = new Set(input.apps.map((app) => app.name));
  for (const name of input.removed) {
    if (!names.has(name)) continue;
    throw new RebundleError(
      'USAGE',
      `${escapeTerminal(name)} is to be removed from the targets but is still a selected app`,
      {
        hint: 'Take the package away or exclude it with apps.exclude first.',
      },
    );
  }
  for (const app of input.apps) {
    // A failed app is never written, whatever its name.
    if (app.state === 'failed' || (/^[!-.0-~]+$/.test(app.name) && app.name !== '__proto__')) continue;
    throw new RebundleError('APP_NAME_INVALID', `${escapeTerminal(app.name)} cannot be the key of an app in targets`);
  }
  const values = { createdAt: input.createdAt, 'containers-sha': input.containersSha, uri: input.uri };
  const uris = input.apps.map((app): [string, string | undefined] => [`the uri of ${app.name}`, app.composeUri]);
  for (const [what, value] of [...Object.entries(values), ...uris]) {
    if (value === undefined || /^[ -~]+$/.test(value)) continue;
    throw new RebundleError('TARGETS_INVALID', `${what} is not printable ASCII: ${escapeTerminal(value)}`, {
      hint: 'Devices and signing tools differ on how they write other characters.',
    });
  }
}

function greatestVersion(file: TargetsFile): number {
  let greatest = 0;
  for (const target of file.targets.values()) {
    greatest = Math.max(greatest, readVersion(target.custom?.version) ?? 0);
  }
  return greatest;
}

function resolveFileTargets(
  file: TargetsFile,
  apps: readonly TargetApp[],
  version: string,
): Map<string, FileTarget & { reused: boolean }> {
  const index = indexFileTargets(file);
  const found = new Map<string, FileTarget & { reused: boolean }>();
  for (const app of apps) {
    if (app.state !== 'ok' || app.newStyleOnly || app.dockerApp === undefined || app.dockerApp === 'keep-parent')
      continue;
    const { length, sha256 } = app.dockerApp;
    const existing = findFileTarget(index, app.name, app.dockerApp);
    const name = existing ?? `${app.name}.dockerapp-${version}`;
    found.set(app.name, { name, length, sha256, reused: existing !== undefined });
  }
  return found;
}

function collectChanges(run: {
  readonly file: TargetsFile;
  readonly apps: readonly TargetApp[];
  readonly fileTargets: ReadonlyMap<string, FileTarget>;
  readonly removed: readonly string[];
}): Omit<AppChanges, 'dropDockerApps'> {
  const composeUris = new Map<string, string>();
  const fileNames = new Map<string, (current: string | undefined) => string>();
  for (const app of run.apps) {
    if (app.state === 'failed') continue;
    if (app.composeUri === undefined)
      throw new RebundleError('INTERNAL', `${app.name} has no bundle reference for targets`);
    composeUris.set(app.name, app.composeUri);
    const wanted = run.fileTargets.get(app.name);
    if (wanted === undefined) continue;
    fileNames.set(app.name, (current) => {
      const isCurrent = current !== undefined && hasContent(run.file.targets.get(current), wanted);
      return isCurrent ? current : wanted.name;
    });
  }
  return { composeUris, fileNames, removed: new Set(run.removed) };
}

function compareSelection(file: TargetsFile, selection: ParentSelection, changes: AppChanges): Desired {
  const before = readBaseApps(file, selection);
  const after = changeApps(before, changes);
  const differs = selection.ownLines.some((line) => {
    const [newest] = line;
    if (newest === undefined) return hasApps(after);
    const isSame = isSameApps(readAppMaps(file, newest) ?? NO_APPS, after);
    return !isSame || !isSameCommit(newest, selection.parent);
  });
  return { selection, before, after, differs };
}

/** All of a tag where one differs, but never a target without apps for devices that never had one. */
function findDue(desired: readonly Desired[]): Desired[] {
  const tags = new Set(desired.filter((one) => one.differs).map((one) => one.selection.rule.tag));
  return desired.filter((one) => tags.has(one.selection.rule.tag) && (hasApps(one.before) || hasApps(one.after)));
}

function planAll(
  input: TargetsInput & { readonly file: TargetsFile },
  due: readonly Desired[],
  names: {
    readonly fileTargets: ReadonlyMap<string, FileTarget & { readonly reused: boolean }>;
    readonly candidate: string;
  },
): PlannedTarget[] {
  const { file, createdAt } = input;
  const version = names.candidate;
  const greatest = greatestVersion(file);
  if (Number(version) <= greatest || Number(version) > MAX_VERSION) {
    const problem =
      Number(version) > MAX_VERSION ? 'no higher version is left' : `${version} is not above the greatest version`;
    throw new RebundleError('TARGETS_VERSION', `${file.path}: ${problem}, ${greatest}`, {
      hint: 'Leave the version out, to take the next one, or prune targets with a wrong one.',
    });
  }
  const planned = [
    ...[...names.fileTargets]
      .filter(([, target]) => !target.reused)
      .map(([app, target]) => planFileTarget(app, target, { version, createdAt })),
    ...due.map(({ selection, after }) => planSuccessor({ ...input, version, selection, after })),
  ];
  const parents = new Map<string, string | undefined>();
  for (const { name, parent } of planned) {
    if (file.targets.has(name)) {
      throw new RebundleError('TARGETS_NAME', `${file.path}: a target ${escapeTerminal(name)} exists already`, {
        hint: 'Give a higher version with --target-version.',
      });
    }
    if (parents.has(name)) {
      const both = [parents.get(name) ?? '', parent ?? ''].map(escapeTerminal).join(' and ');
      throw new RebundleError(
        'TARGETS_NAME',
        `${file.path}: ${both} would both be followed by ${escapeTerminal(name)}`,
        {
          hint: 'Their custom.name is the same: let each hardware id have its own.',
        },
      );
    }
    parents.set(name, parent);
  }
  return planned;
}
