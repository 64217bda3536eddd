import { compareText } from '../lib/bytes.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import type { PlannedTarget, TargetChange } from '../model/plan.ts';
import type { ParentSelection, TargetLine, VersionedTarget } from './select-parents.ts';
import { isRecord } from './target-fields.ts';
import { type TargetsFile, targetInvalid } from './targets-file.ts';

type AppMap = ReadonlyMap<string, unknown>;

/** `docker_apps` and `docker_compose_apps` of a target. Entries are as they are written, whatever that is. */
export interface AppMaps {
  readonly dockerApps: AppMap;
  readonly composeApps: AppMap;
}

export const NO_APPS: AppMaps = { dockerApps: new Map(), composeApps: new Map() };

/** What a run changes in the maps, the same for every target. */
export interface AppChanges {
  /** New `uri` per app. */
  readonly composeUris: ReadonlyMap<string, string>;
  /** New `filename` per app, given the one that the app has now. */
  readonly fileNames: ReadonlyMap<string, (current: string | undefined) => string>;
  readonly removed: ReadonlySet<string>;
  /** `docker_apps` goes as a whole, with the entries of others. */
  readonly dropDockerApps: boolean;
}

/** The maps of one target, a missing one empty; undefined where it has neither. Throws TARGETS_INVALID for a map that is none. */
export function readAppMaps(
  file: TargetsFile,
  { name, target }: Pick<VersionedTarget, 'name' | 'target'>,
): AppMaps | undefined {
  const maps = (['docker_apps', 'docker_compose_apps'] as const).map((key) => {
    const map: unknown = target.custom?.[key];
    if (map !== undefined && !isRecord(map)) throw targetInvalid(file, name, `custom.${key} is not an object`);
    return map;
  });
  if (maps.every((map) => map === undefined)) return undefined;
  const [dockerApps = {}, composeApps = {}] = maps;
  return { dockerApps: new Map(Object.entries(dockerApps)), composeApps: new Map(Object.entries(composeApps)) };
}

/**
 * The apps that a new target starts from: those of the newest target of its tag or, for a tag that never had apps, of the parent.
 * With several hardware ids, the entries of the first one that has the app.
 */
export function readBaseApps(file: TargetsFile, selection: ParentSelection): AppMaps {
  const bases = selection.ownLines.flatMap((own, index) => {
    const base = readLineApps(file, own) ?? readLineApps(file, selection.parentLines[index] ?? []);
    return base === undefined ? [] : [base];
  });
  const dockerApps = new Map<string, unknown>();
  const composeApps = new Map<string, unknown>();
  const seen = new Set<string>();
  for (const base of bases) {
    // Both entries of an app come from one target, since they run the same images.
    const isNew = ([app]: readonly [string, unknown]): boolean => !seen.has(app);
    const newDockerApps = [...base.dockerApps].filter(isNew);
    const newComposeApps = [...base.composeApps].filter(isNew);
    for (const [app, entry] of newDockerApps) dockerApps.set(app, entry);
    for (const [app, entry] of newComposeApps) composeApps.set(app, entry);
    for (const [app] of [...newDockerApps, ...newComposeApps]) seen.add(app);
  }
  return { dockerApps, composeApps };
}

/**
 * The maps of the newest target that has any; undefined where none has. A target without maps is an operating system build that
 * knows no apps, so an earlier one answers for it, unless it has the commit of that one: then its apps were removed on purpose.
 */
function readLineApps(file: TargetsFile, line: TargetLine): AppMaps | undefined {
  for (const [index, item] of line.entries()) {
    const maps = readAppMaps(file, item);
    if (maps === undefined) continue;
    const next = line[index - 1];
    const isRemoval = next?.target.hashes !== undefined && isSameCommit(next, item);
    return isRemoval ? NO_APPS : maps;
  }
  return undefined;
}

export function isSameCommit(a: VersionedTarget, b: VersionedTarget): boolean {
  return canonicalJson(a.target.hashes ?? null) === canonicalJson(b.target.hashes ?? null);
}

/** Applies the changes of a run. All other entries, and members of entries that are not ours, stay as they are. */
export function changeApps(base: AppMaps, changes: AppChanges): AppMaps {
  const dockerApps = new Map(base.dockerApps);
  const composeApps = new Map(base.composeApps);
  for (const [app, choose] of changes.fileNames) {
    const entry = dockerApps.get(app);
    const current = isRecord(entry) && typeof entry.filename === 'string' ? entry.filename : undefined;
    dockerApps.set(app, { ...(isRecord(entry) ? entry : {}), filename: choose(current) });
  }
  for (const [app, uri] of changes.composeUris) {
    const entry = composeApps.get(app);
    composeApps.set(app, { ...(isRecord(entry) ? entry : {}), uri });
  }
  for (const app of changes.removed) {
    dockerApps.delete(app);
    composeApps.delete(app);
  }
  return { dockerApps: changes.dropDockerApps ? NO_APPS.dockerApps : dockerApps, composeApps };
}

export function hasApps(maps: AppMaps): boolean {
  return maps.dockerApps.size + maps.composeApps.size > 0;
}

function isSameMap(a: AppMap, b: AppMap): boolean {
  return (
    a.size === b.size &&
    [...a].every(([app, entry]) => b.has(app) && canonicalJson(b.get(app)) === canonicalJson(entry))
  );
}

/** True where both maps hold equal entries, in whatever order. */
export function isSameApps(a: AppMaps, b: AppMaps): boolean {
  return isSameMap(a.dockerApps, b.dockerApps) && isSameMap(a.composeApps, b.composeApps);
}

function changeOf(app: string, before: AppMap, after: AppMap): TargetChange | 'none' {
  if (!before.has(app)) return after.has(app) ? 'added' : 'none';
  if (!after.has(app)) return 'removed';
  return canonicalJson(before.get(app)) === canonicalJson(after.get(app)) ? 'unchanged' : 'replaced';
}

/** Every app of either side, by name, with what happened to its two entries. */
export function compareApps(before: AppMaps, after: AppMaps): PlannedTarget['apps'] {
  const apps = new Set([before, after].flatMap((maps) => [...maps.dockerApps.keys(), ...maps.composeApps.keys()]));
  return [...apps].sort(compareText).map((app) => ({
    app,
    dockerApp: changeOf(app, before.dockerApps, after.dockerApps),
    composeApp: changeOf(app, before.composeApps, after.composeApps),
  }));
}
