import { compareText } from '../lib/bytes.ts';
import { isSameCommit } from './app-maps.ts';
import { customOf, type LintCollector, show } from './lint-context.ts';
import type { TargetLine, VersionedTarget } from './select-parents.ts';
import { isOstree, isRecord, readTexts, readVersion } from './target-fields.ts';
import type { TargetsFile } from './targets-file.ts';

/** Who the app sets are judged for. */
export interface LineOptions {
  /** Apps that this factory's sources produce. */
  readonly own?: ReadonlySet<string>;
  /** Apps whose removal is wanted. */
  readonly removed?: ReadonlySet<string>;
}

/** The targets of one hardware id and tag that devices choose from, newest first. */
interface Line {
  readonly tag: string;
  readonly hardwareId: string;
  readonly targets: TargetLine;
}

const STYLES = [
  { map: 'docker_apps', style: 'devices of the old style' },
  { map: 'docker_compose_apps', style: 'compose devices' },
] as const;

/** What only the targets of one hardware id and tag together show: versions, lost apps, styles that differ. */
export function lintLines(collector: LintCollector, options: LineOptions = {}): void {
  const lines = readLines(collector.file);
  const judged = new Set<string>();
  for (const line of lines) {
    lintVersions(collector, line);
    const [newest, before] = line.targets;
    if (newest === undefined) continue;
    // A target of several hardware ids or tags is one; its predecessors may differ.
    const key = JSON.stringify([newest.name, before?.name]);
    if (judged.has(key)) continue;
    if (!judged.has(newest.name)) lintStyles(collector, newest, options);
    judged.add(key).add(newest.name);
    if (before !== undefined) lintSuccession(collector, { line, newest, before, options });
  }
  lintNewest(collector, lines);
}

/** Lines by tag and hardware id; targets without tags are a line of their own. */
function readLines(file: TargetsFile): Line[] {
  const lines = new Map<string, { readonly tag: string; readonly hardwareId: string; targets: VersionedTarget[] }>();
  for (const [name, target] of file.targets) {
    const version = readVersion(customOf(target, 'version'));
    if (!isOstree(target) || version === undefined) continue;
    const tags = readTexts(customOf(target, 'tags'));
    for (const tag of tags.length === 0 ? [''] : tags) {
      for (const hardwareId of readTexts(customOf(target, 'hardwareIds'))) {
        const key = JSON.stringify([tag, hardwareId]);
        const line = lines.get(key) ?? { tag, hardwareId, targets: [] };
        line.targets.push({ name, version, target });
        lines.set(key, line);
      }
    }
  }
  for (const { targets } of lines.values())
    targets.sort((a, b) => b.version - a.version || compareText(a.name, b.name));
  return [...lines.values()].sort((a, b) => compareText(a.tag, b.tag) || compareText(a.hardwareId, b.hardwareId));
}

function lintVersions({ report }: LintCollector, { tag, hardwareId, targets }: Line): void {
  for (const [index, { name, version }] of targets.entries()) {
    const first = targets[index - 1];
    if (first?.version !== version) continue;
    const problem = `it has the version ${version} of ${show(first.name)} for ${show(hardwareId)} and the tag ${show(tag)}`;
    report({ code: 'lint.version-twice', problem, target: name, path: ['custom', 'version'] });
  }
}

/** Hardware ids of one tag whose newest versions differ: a run that broke off, or a build that was not for all. */
function lintNewest({ report }: LintCollector, lines: readonly Line[]): void {
  const byTag = new Map<string, Line[]>();
  for (const line of lines) byTag.set(line.tag, [...(byTag.get(line.tag) ?? []), line]);
  for (const [tag, ofTag] of byTag) {
    const versions = new Set(ofTag.map(({ targets }) => targets[0]?.version));
    if (tag === '' || versions.size < 2) continue;
    const listed = ofTag.map(({ hardwareId, targets }) => `${show(hardwareId)} ${targets[0]?.version}`).join(', ');
    report({ code: 'lint.mixed-versions', problem: `the tag ${show(tag)} has different newest versions: ${listed}` });
  }
}

function appsOf({ target }: VersionedTarget, map: (typeof STYLES)[number]['map']): string[] | undefined {
  const apps = customOf(target, map);
  return isRecord(apps) ? Object.keys(apps) : undefined;
}

/** Both styles have to name the same apps where a fleet has devices of both. */
function lintStyles({ report }: LintCollector, newest: VersionedTarget, { own }: LineOptions): void {
  const [old = [], compose = []] = STYLES.map(({ map }) => appsOf(newest, map));
  const oldOnly = old.filter((app) => !compose.includes(app));
  const groups = [
    ['lint.own-docker-style-only', 'docker_apps', oldOnly.filter((app) => own?.has(app) === true)],
    ['lint.docker-style-only', 'docker_apps', oldOnly.filter((app) => own?.has(app) !== true)],
    ['lint.compose-style-only', 'docker_compose_apps', compose.filter((app) => !old.includes(app))],
  ] as const;
  for (const [code, map, apps] of groups) {
    if (apps.length === 0) continue;
    const problem = `only ${map} has ${apps.map(show).sort(compareText).join(', ')}`;
    report({ code, problem, target: newest.name, path: ['custom', map] });
  }
}

interface Succession {
  readonly line: Line;
  readonly newest: VersionedTarget;
  readonly before: VersionedTarget;
  readonly options: LineOptions;
}

function lintSuccession({ report }: LintCollector, { line, newest, before, options }: Succession): void {
  const name = show(before.name);
  const dropped = STYLES.filter(({ map }) => appsOf(before, map) !== undefined && appsOf(newest, map) === undefined);
  const droppedAll = STYLES.every(({ map }) => appsOf(newest, map) === undefined);
  for (const { map, style } of STYLES) {
    const had = appsOf(before, map) ?? [];
    const has = appsOf(newest, map) ?? [];
    const other = STYLES.flatMap((one) => (one.map === map ? [] : (appsOf(newest, one.map) ?? [])));
    const isDropped = !droppedAll && dropped.some((one) => one.map === map);
    const gone = had.filter((app) => !has.includes(app) && options.removed?.has(app) !== true);
    if (isDropped && had.length > 0) {
      const problem = `it has no ${map}, which ${name} had: ${style} remove their apps`;
      report({ code: 'lint.style-dropped', problem, target: newest.name, path: ['custom'] });
    }
    const lost = isDropped ? gone.filter((app) => !other.includes(app)) : gone;
    if (lost.length === 0) continue;
    const problem = `${map} lacks ${lost.map(show).sort(compareText).join(', ')} of ${name}: ${style} remove it`;
    report({
      code: 'lint.app-lost',
      problem,
      target: newest.name,
      path: ['custom', map],
      hint: 'Where that is wanted, confirm it with --remove-app.',
    });
  }
  const earlier = line.targets.find((one) => one.version < before.version && isSameCommit(one, newest));
  if (earlier !== undefined && !isSameCommit(newest, before)) {
    const problem = `its commit is that of ${show(earlier.name)}, but ${name} came between`;
    report({ code: 'lint.commit-went-back', problem, target: newest.name, path: ['hashes'] });
  }
}
