import { RebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic } from '../model/app.ts';
import type { SkippedTarget } from '../model/plan.ts';
import type { Target } from '../model/target.ts';
import type { TagRule } from './tag-rules.ts';
import { isOstree, readTexts, readVersion } from './target-fields.ts';
import type { TargetsFile } from './targets-file.ts';

export interface VersionedTarget {
  readonly name: string;
  readonly version: number;
  readonly target: Target;
}

/** OSTREE targets of one tag and one hardware id, newest first. */
export type TargetLine = readonly VersionedTarget[];

/** A target to build upon, for one tag rule and all hardware ids that it names. */
export interface ParentSelection {
  readonly rule: TagRule;
  readonly parent: VersionedTarget;
  /** By name, the first one is how plans call the selection. */
  readonly hardwareIds: readonly string[];
  /** Per hardware id: the targets of the tag that is made. Empty while there are none. */
  readonly ownLines: readonly TargetLine[];
  /** Per hardware id: the targets of the parent tag, `parent` first. */
  readonly parentLines: readonly TargetLine[];
}

interface ParentChoice {
  /** In the order of the tag rules, then of the first hardware id. */
  readonly selections: readonly ParentSelection[];
  readonly skipped: readonly SkippedTarget[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface ParentQuery {
  readonly file: TargetsFile;
  readonly tagRules: readonly TagRule[];
  /** Hardware ids to make targets for; none or undefined = all. */
  readonly machines?: readonly string[];
  /** Architectures that apps are built for, as `custom.arch` or as `[os/]architecture[/variant]`; none or undefined = all. */
  readonly platforms?: readonly string[];
}

/** Container architectures that run on a `custom.arch` of another name. */
const ARCHITECTURES: ReadonlyMap<string, readonly string[]> = new Map([
  ['aarch64', ['arm64', 'arm']],
  ['x86_64', ['amd64', '386']],
  ['armv7l', ['arm']],
  ['i586', ['386']],
  ['i686', ['386']],
]);

type Lines = ReadonlyMap<string, ReadonlyMap<string, TargetLine>>;

/**
 * Finds, for each tag rule and each hardware id of the file, the newest OSTREE target of the parent tag. Of two with one version
 * the first by name counts, as on devices. A target is taken whole, so it counts only where it is the newest for every hardware id
 * it names: elsewhere a successor would carry devices back to an older commit. Hardware ids whose newest versions differ are all
 * selected, since a tag gets its new version for all of them or for none. Throws TARGETS_PARENT where nothing at all is selected.
 */
export function selectParents(query: ParentQuery): ParentChoice {
  const skipped = new Map<string, SkippedTarget>();
  const skip = (name: string, reason: string): void => {
    skipped.set(JSON.stringify([name, reason]), { name, reason });
  };
  const lines = sortLines(query, skip);
  const selections: ParentSelection[] = [];
  const notes: Diagnostic[] = [];
  for (const rule of query.tagRules) {
    const chosen = chooseForRule(rule, lines, query, skip);
    selections.push(...chosen);
    for (const missing of findMissing(rule, chosen, query)) notes.push(finding('targets.skipped', missing));
  }
  const rows = [...skipped.values()].sort((a, b) => compareText(a.name, b.name) || compareText(a.reason, b.reason));
  if (selections.length === 0) throw noParent(query, rows);
  const reasons = rows.map((row) => finding('targets.skipped', `${escapeTerminal(row.name)}: ${row.reason}`));
  return { selections, skipped: rows, diagnostics: [...reasons, ...notes] };
}

function sortLines(query: ParentQuery, skip: (name: string, reason: string) => void): Lines {
  const wanted = new Set(query.tagRules.flatMap((rule) => [rule.tag, rule.parent]));
  const lines = new Map<string, Map<string, VersionedTarget[]>>();
  for (const [name, target] of query.file.targets) {
    if (!isOstree(target)) continue;
    const tags = readTexts(target.custom?.tags).filter((tag) => wanted.has(tag));
    if (tags.length === 0) continue;
    const hardwareIds = readTexts(target.custom?.hardwareIds);
    const version = readVersion(target.custom?.version);
    if (version === undefined) {
      skip(name, 'its version is not a decimal integer without leading zero below 2147483648');
    } else if (hardwareIds.length === 0) {
      skip(name, 'it names no hardware id');
    } else {
      for (const tag of tags) {
        const ofTag = lines.get(tag) ?? new Map<string, VersionedTarget[]>();
        lines.set(tag, ofTag);
        for (const id of hardwareIds) {
          const line = ofTag.get(id);
          if (line === undefined) ofTag.set(id, [{ name, version, target }]);
          else line.push({ name, version, target });
        }
      }
    }
  }
  for (const ofTag of lines.values()) {
    for (const line of ofTag.values()) line.sort((a, b) => b.version - a.version || compareText(a.name, b.name));
  }
  return lines;
}

function chooseForRule(
  rule: TagRule,
  lines: Lines,
  query: ParentQuery,
  skip: (name: string, reason: string) => void,
): ParentSelection[] {
  const parents = lines.get(rule.parent) ?? new Map<string, TargetLine>();
  const chosen = new Map<string, ParentSelection>();
  for (const id of [...parents.keys()].sort(compareText)) {
    const parent = parents.get(id)?.[0];
    if (parent === undefined || chosen.has(parent.name)) continue;
    const hardwareIds = readTexts(parent.target.custom?.hardwareIds).sort(compareText);
    const reason = findReason(parent, hardwareIds, parents, query);
    if (reason !== undefined) {
      skip(parent.name, reason);
      continue;
    }
    chosen.set(parent.name, {
      rule,
      parent,
      hardwareIds,
      ownLines: hardwareIds.map((each) => lines.get(rule.tag)?.get(each) ?? []),
      parentLines: hardwareIds.map((each) => parents.get(each) ?? []),
    });
  }
  return [...chosen.values()];
}

/** Why a newest target is not built upon, if so. */
function findReason(
  parent: VersionedTarget,
  hardwareIds: readonly string[],
  parents: ReadonlyMap<string, TargetLine>,
  query: ParentQuery,
): string | undefined {
  const { machines = [], platforms = [] } = query;
  if (machines.length > 0 && !hardwareIds.some((id) => machines.includes(id))) {
    return `none of its hardware ids is among the machines ${machines.join(', ')}`;
  }
  const arch: unknown = parent.target.custom?.arch;
  if (platforms.length > 0 && typeof arch === 'string' && !runsOn(arch, platforms)) {
    return `its architecture ${escapeTerminal(arch)} runs none of the platforms ${platforms.join(', ')}`;
  }
  for (const id of hardwareIds) {
    const newest = parents.get(id)?.[0];
    if (newest !== undefined && newest.name !== parent.name) {
      return `it is also for ${escapeTerminal(id)}, for which ${escapeTerminal(newest.name)} is newer`;
    }
  }
  return undefined;
}

/** True where one of the platforms, `[os/]architecture[/variant]`, is for a `custom.arch`. */
export function runsOn(arch: string, platforms: readonly string[]): boolean {
  const names = [arch, ...(ARCHITECTURES.get(arch) ?? [])];
  return platforms.some((platform) => names.includes(platform.split('/')[1] ?? platform));
}

function findMissing(rule: TagRule, chosen: readonly ParentSelection[], query: ParentQuery): string[] {
  if (chosen.length === 0) return [`tag ${rule.tag}: no target of the tag ${rule.parent} to build upon`];
  const ids = new Set(chosen.flatMap((selection) => selection.hardwareIds));
  return (query.machines ?? [])
    .filter((machine) => !ids.has(machine))
    .map((machine) => `tag ${rule.tag}: no target of the tag ${rule.parent} for the machine ${machine} to build upon`);
}

function noParent(query: ParentQuery, skipped: readonly SkippedTarget[]): RebundleError {
  const tags = [...new Set(query.tagRules.map((rule) => rule.parent))].join(', ');
  const machines = query.machines?.length ? query.machines.join(', ') : 'any machine';
  const [first] = skipped;
  return new RebundleError('TARGETS_PARENT', `${query.file.path}: no OSTREE target with tag ${tags} for ${machines}`, {
    hint:
      first === undefined
        ? 'Check targets.tags and targets.machines, or let an OS build make a first target with that tag.'
        : `${skipped.length} skipped, the first is ${escapeTerminal(first.name)}: ${first.reason}.`,
  });
}
