import { compareText } from '../lib/bytes.ts';
import type { ReportApp, ReportFinding } from './report-apps.ts';
import type { RunReport } from './run-report.ts';

/** What one run is called in a comparison. */
interface RunName {
  readonly command: string;
  readonly createdAt: string;
  readonly factory: string;
  readonly status: number;
  readonly safe: boolean;
}

interface Change<T> {
  readonly before?: T;
  readonly after?: T;
}

/** An app that is in both runs and not the same. */
export interface AppChange {
  readonly app: string;
  readonly repository: string;
  readonly status?: Change<string>;
  readonly reference?: Change<string>;
  readonly dockerApp?: Change<string>;
  readonly images: readonly (Change<string> & { readonly service: string })[];
  readonly variables: readonly (Change<string> & { readonly parameter: string })[];
  readonly files: readonly { readonly path: string; readonly change: 'added' | 'replaced' | 'removed' }[];
}

type FindingRow = Pick<ReportFinding, 'code' | 'severity' | 'message' | 'app' | 'repository' | 'path'>;

/** What is different between two reports. Clocks and durations alone are no difference. */
export interface ReportDifference {
  readonly schemaVersion: 1;
  readonly old: RunName;
  readonly new: RunName;
  readonly isSame: boolean;
  /** Counts that changed, before and after. */
  readonly counts: Readonly<Record<string, readonly [number, number]>>;
  readonly appsAdded: readonly string[];
  readonly appsRemoved: readonly string[];
  readonly apps: readonly AppChange[];
  readonly findingsAdded: readonly FindingRow[];
  readonly findingsGone: readonly FindingRow[];
  readonly targetsAdded: readonly string[];
  readonly targetsGone: readonly string[];
}

/** Compares two reports of one factory, the older one first. */
export function compareReports(old: RunReport, now: RunReport): ReportDifference {
  const before = new Map(old.apps.map((app) => [keyOf(app), app]));
  const after = new Map(now.apps.map((app) => [keyOf(app), app]));
  const apps = [...after].flatMap(([key, app]) => {
    const former = before.get(key);
    const change = former === undefined ? undefined : compareApp(former, app);
    return change === undefined ? [] : [change];
  });
  const findings = compareLists(old.findings.map(findingRow), now.findings.map(findingRow));
  const targets = compareLists(
    old.targets.map(({ name }) => name),
    now.targets.map(({ name }) => name),
  );
  const parts = {
    counts: compareCounts(old, now),
    appsAdded: namesOf(now.apps.filter((app) => !before.has(keyOf(app)))),
    appsRemoved: namesOf(old.apps.filter((app) => !after.has(keyOf(app)))),
    apps: apps.sort((a, b) => compareText(a.app, b.app) || compareText(a.repository, b.repository)),
    findingsAdded: findings.added,
    findingsGone: findings.gone,
    targetsAdded: targets.added,
    targetsGone: targets.gone,
  };
  const isSame = Object.values(parts).every((part) => Object.keys(part).length === 0) && old.status === now.status;
  return { schemaVersion: 1, old: nameRun(old), new: nameRun(now), isSame, ...parts };
}

function keyOf({ app, origin }: ReportApp): string {
  return JSON.stringify([app, origin.repository, origin.path]);
}

function namesOf(apps: readonly ReportApp[]): string[] {
  return apps.map(({ app }) => app).sort(compareText);
}

function nameRun({ command, createdAt, factory, status, verdict }: RunReport): RunName {
  return { command, createdAt, factory, status, safe: verdict.safe };
}

/** A finding without its line: one that only moved is the same. */
function findingRow({ code, severity, message, app, repository, path }: ReportFinding): FindingRow {
  return { code, severity, message, ...(app === undefined ? {} : { app }), repository, path };
}

/** Lists as bags: what is there twice and was there once is added once. */
function compareLists<T>(old: readonly T[], now: readonly T[]): { readonly added: T[]; readonly gone: T[] } {
  const open = new Map<string, T[]>();
  for (const item of old) {
    const key = JSON.stringify(item);
    const items = open.get(key);
    if (items === undefined) open.set(key, [item]);
    else items.push(item);
  }
  const added = now.filter((item) => open.get(JSON.stringify(item))?.pop() === undefined);
  return { added, gone: [...open.values()].flat() };
}

function compareCounts(old: RunReport, now: RunReport): Record<string, readonly [number, number]> {
  const [before, after] = [flatCounts(old), flatCounts(now)];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return Object.fromEntries(
    keys.flatMap((key) => {
      const pair = [before[key] ?? 0, after[key] ?? 0] as const;
      return pair[0] === pair[1] ? [] : [[key, pair]];
    }),
  );
}

function flatCounts({ counts }: RunReport): Record<string, number> {
  const { findings, ...plain } = counts;
  return { ...plain, errors: findings.error, warnings: findings.warning, notes: findings.note };
}

function compareApp(old: ReportApp, now: ReportApp): AppChange | undefined {
  const [before, after] = [old.details(), now.details()];
  const parts = {
    ...changeOf('status', old.status, now.status),
    ...changeOf('reference', old.reference, now.reference),
    ...changeOf('dockerApp', old.dockerApp?.name, now.dockerApp?.name),
  };
  const images = comparePairs(
    before.images.map(({ service, pinned }) => [service, pinned]),
    after.images.map(({ service, pinned }) => [service, pinned]),
  ).map(({ key, ...change }) => ({ service: key, ...change }));
  const variables = comparePairs(
    before.variables.map(({ parameter, value }) => [parameter, value]),
    after.variables.map(({ parameter, value }) => [parameter, value]),
  ).map(({ key, ...change }) => ({ parameter: key, ...change }));
  const files = comparePairs(
    before.files.map(({ path, digest }) => [path, digest]),
    after.files.map(({ path, digest }) => [path, digest]),
  ).map(({ key, ...pair }) => {
    const change =
      pair.before === undefined
        ? ('added' as const)
        : pair.after === undefined
          ? ('removed' as const)
          : ('replaced' as const);
    return { path: key, change };
  });
  if (Object.keys(parts).length + images.length + variables.length + files.length === 0) return undefined;
  return { app: now.app, repository: now.origin.repository, ...parts, images, variables, files };
}

function changeOf<K extends string>(key: K, before: string | undefined, after: string | undefined) {
  return before === after ? {} : ({ [key]: changed(before, after) } as Record<K, Change<string>>);
}

function changed(before: string | undefined, after: string | undefined): Change<string> {
  return { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

function comparePairs(
  old: readonly (readonly [string, string])[],
  now: readonly (readonly [string, string])[],
): (Change<string> & { readonly key: string })[] {
  const [before, after] = [new Map(old), new Map(now)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.get(key) !== after.get(key))
    .sort(compareText)
    .map((key) => ({ key, ...changed(before.get(key), after.get(key)) }));
}
