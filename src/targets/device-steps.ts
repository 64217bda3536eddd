import { compareText } from '../lib/bytes.ts';
import type { DeviceStyle } from '../model/plan.ts';
import { type AppMaps, isSameCommit, NO_APPS, readAppMaps } from './app-maps.ts';
import type { ParentSelection, TargetLine } from './select-parents.ts';
import { isRecord } from './target-fields.ts';
import type { TargetsFile } from './targets-file.ts';

/** The step that devices of one tag take with a new target: alike for each of its hardware ids. */
export interface DeviceStep {
  readonly tag: string;
  /** By name. */
  readonly hardwareIds: readonly string[];
  /** True where the new target has another commit than the one that the devices have. */
  readonly changesSystem: boolean;
  /** By app, `docker-app` first. */
  readonly changes: readonly EntryChange[];
}

/** An entry of an app that devices see change: a file name of `docker_apps`, or a uri of `docker_compose_apps`. */
export interface EntryChange {
  readonly app: string;
  readonly style: DeviceStyle;
  /** What it is to be compared with; absent where there is no such entry. */
  readonly before?: string;
  readonly after?: string;
  /** What the target with `before` says of the app in the other style. */
  readonly partner?: string;
  /**
   * `yes`: devices have a build of the operating system that lacks the entry or has another than `before`, that of the last target made for its apps.
   * `maybe`: an earlier target says what the new one says, but nothing shows that it was made for its apps.
   */
  readonly behind: 'no' | 'yes' | 'maybe';
}

const STYLES = [
  { style: 'docker-app', map: 'dockerApps', member: 'filename' },
  { style: 'bundle', map: 'composeApps', member: 'uri' },
] as const;

/** What devices see that go from the newest target of their tag, or from the parent where there is none yet, to one with the apps `after`. */
export function listDeviceSteps(file: TargetsFile, selection: ParentSelection, after: AppMaps): DeviceStep[] {
  const steps = new Map<string, DeviceStep>();
  for (const [i, hardwareId] of selection.hardwareIds.entries()) {
    const own = selection.ownLines[i] ?? [];
    const line = own.length > 0 ? own : (selection.parentLines[i] ?? []);
    const step = compareLine(file, line, selection, after);
    const key = JSON.stringify([step.changesSystem, step.changes]);
    const alike = steps.get(key)?.hardwareIds ?? [];
    steps.set(key, { ...step, hardwareIds: [...alike, hardwareId].sort(compareText) });
  }
  return [...steps.values()];
}

function compareLine(
  file: TargetsFile,
  line: TargetLine,
  { rule, parent }: ParentSelection,
  after: AppMaps,
): Omit<DeviceStep, 'hardwareIds'> {
  const [newest] = line;
  const newestApps = newest === undefined ? undefined : readAppMaps(file, newest);
  const had = newestApps ?? NO_APPS;
  const proven = findProven(line);
  const settled = proven ?? line.slice(1).find((target) => readAppMaps(file, target) !== undefined) ?? newest;
  const base = settled === undefined ? NO_APPS : (readAppMaps(file, settled) ?? NO_APPS);
  const isCertain = proven !== undefined || newestApps === undefined;
  const apps = new Set([had, after].flatMap((maps) => [...maps.dockerApps.keys(), ...maps.composeApps.keys()]));
  const changes = [...apps].sort(compareText).flatMap((app) =>
    STYLES.flatMap(({ style, map, member }): EntryChange[] => {
      const textOf = (maps: AppMaps): string | undefined => readText(maps[map].get(app), member);
      const [is, was, will] = [textOf(had), textOf(base), textOf(after)];
      if (is === will) return [];
      const isOther = was !== undefined && is !== was;
      const isLost = isOther && isCertain;
      const before = isLost ? was : is;
      const other = STYLES.find((each) => each.style !== style);
      const partner = other && readText((isLost ? base : had)[other.map].get(app), other.member);
      return [
        {
          app,
          style,
          ...(before === undefined ? {} : { before }),
          ...(will === undefined ? {} : { after: will }),
          ...(partner === undefined ? {} : { partner }),
          behind: isLost ? 'yes' : isOther && was === will ? 'maybe' : 'no',
        },
      ];
    }),
  );
  return { tag: rule.tag, changesSystem: newest !== undefined && !isSameCommit(newest, parent), changes };
}

/**
 * The newest target of a line that was made for its apps: it has the commit of the one before it, which proves it. One with a commit of its own is a
 * build of the operating system, whose apps are those that the builder knew.
 */
function findProven(line: TargetLine): TargetLine[number] | undefined {
  return line.find((target, i) => {
    const older = line[i + 1];
    return older !== undefined && isSameCommit(target, older);
  });
}

function readText(entry: unknown, member: string): string | undefined {
  const text = isRecord(entry) ? entry[member] : undefined;
  return typeof text === 'string' ? text : undefined;
}
