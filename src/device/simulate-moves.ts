import { RebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { Target } from '../model/target.ts';
import type { TagRule } from '../targets/tag-rules.ts';
import { isOstree, readTexts, readVersion } from '../targets/target-fields.ts';
import type { TargetsFile } from '../targets/targets-file.ts';

export interface NamedTarget {
  readonly name: string;
  readonly target: Target;
  readonly version: number;
}

/** A device of one hardware id and tag that can go between two targets, both ways; a new one comes from nothing. */
export interface Pair {
  readonly from?: NamedTarget;
  readonly to: NamedTarget;
  readonly hardwareId: string;
  readonly tag: string;
  /** Targets of the line that are older than `to`. */
  readonly before: readonly NamedTarget[];
}

export interface MoveQuery {
  readonly file: TargetsFile;
  /** A copy from before: what it lacks is new. Without it the newest target of each line is. */
  readonly older?: TargetsFile;
  readonly tagRules: readonly TagRule[];
  /** Names or versions: only these pairs. */
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** Targets before a new one that devices may still run. */
const FORMER = 3;

/** Targets of one hardware id and tag, newest first; of two with one version the first by name counts as newer, as on devices. */
type Line = readonly NamedTarget[];

/**
 * The pairs of targets that devices go between: per hardware id and tag each new target with the three before it and with the newest one of the tag that
 * it was built upon; or those that are named. Throws USAGE for a name that is in no operating system target, and for two that no device has in common.
 */
export function choosePairs(query: MoveQuery): Pair[] {
  const lines = sortLines(query.file);
  const chosen = query.from.length + query.to.length > 0 ? chooseNamed(query, lines) : chooseNew(query, lines);
  return chosen.toSorted(
    (a, b) =>
      compareText(a.to.name, b.to.name) ||
      compareText(a.from?.name ?? '', b.from?.name ?? '') ||
      compareText(a.tag, b.tag) ||
      compareText(a.hardwareId, b.hardwareId),
  );
}

function sortLines(file: TargetsFile): ReadonlyMap<string, ReadonlyMap<string, Line>> {
  const lines = new Map<string, Map<string, NamedTarget[]>>();
  for (const [name, target] of file.targets) {
    const version = isOstree(target) ? readVersion(target.custom?.version) : undefined;
    if (version === undefined) continue;
    const tags = readTexts(target.custom?.tags);
    for (const tag of tags.length === 0 ? [''] : tags) {
      const ofTag = lines.get(tag) ?? new Map<string, NamedTarget[]>();
      lines.set(tag, ofTag);
      for (const id of readTexts(target.custom?.hardwareIds)) {
        const line = ofTag.get(id) ?? [];
        ofTag.set(id, line);
        line.push({ name, target, version });
      }
    }
  }
  for (const ofTag of lines.values()) for (const line of ofTag.values()) line.sort(compareNewest);
  return lines;
}

function compareNewest(a: NamedTarget, b: NamedTarget): number {
  return b.version - a.version || compareText(a.name, b.name);
}

function chooseNew({ older, tagRules }: MoveQuery, lines: ReadonlyMap<string, ReadonlyMap<string, Line>>): Pair[] {
  return [...lines].flatMap(([tag, ofTag]) =>
    [...ofTag].flatMap(([hardwareId, line]) => {
      const isNew = ({ name }: NamedTarget, index: number): boolean =>
        older === undefined ? index === 0 : !older.targets.has(name);
      return line.flatMap((to, index) => {
        if (!isNew(to, index)) return [];
        const before = line.slice(index + 1);
        const parents = tagRules
          .filter((rule) => rule.tag === tag && rule.parent !== tag)
          .flatMap(
            ({ parent }) =>
              lines
                .get(parent)
                ?.get(hardwareId)
                ?.find(({ version }) => version < to.version) ?? [],
          );
        const former = new Map([...before.slice(0, FORMER), ...parents].map((one) => [one.name, one]));
        const pair = { to, hardwareId, tag, before };
        return former.size === 0 ? [pair] : [...former.values()].map((from) => ({ ...pair, from }));
      });
    }),
  );
}

function chooseNamed({ file, from, to }: MoveQuery, lines: ReadonlyMap<string, ReadonlyMap<string, Line>>): Pair[] {
  if (from.length === 0 || to.length === 0) throw new RebundleError('USAGE', '--from and --to belong together');
  const [froms, tos] = [from, to].map((names) => new Set(names.flatMap((name) => findTargets(file, name))));
  const all = [...lines].flatMap(([tag, ofTag]) => [...ofTag].map(([hardwareId, line]) => ({ tag, hardwareId, line })));
  // A device may get another tag, so only the hardware id has to be the same.
  const pairs = all.flatMap(({ tag, hardwareId, line }) =>
    line
      .filter(({ name }) => tos?.has(name))
      .flatMap((target) => {
        const before = line.filter((one) => compareNewest(target, one) < 0);
        const ofId = new Map(
          all
            .filter((other) => other.hardwareId === hardwareId)
            .flatMap((other) => other.line.map((one) => [one.name, one])),
        );
        return [...ofId.values()]
          .filter(({ name }) => froms?.has(name) && name !== target.name)
          .map((one) => ({ from: one, to: target, hardwareId, tag, before }));
      }),
  );
  if (pairs.length > 0) return pairs;
  throw new RebundleError('USAGE', 'no device can go between the targets of --from and --to', {
    hint: 'Name two targets with a hardware id in common.',
  });
}

/** A name counts before a version. */
function findTargets(file: TargetsFile, named: string): string[] {
  const target = file.targets.get(named);
  if (target !== undefined && isOstree(target)) return [named];
  const version = readVersion(named);
  const found = [...file.targets].filter(
    ([, one]) => version !== undefined && isOstree(one) && readVersion(one.custom?.version) === version,
  );
  if (found.length > 0) return found.map(([name]) => name);
  throw new RebundleError(
    'USAGE',
    `${file.path}: no operating system target is named ${escapeTerminal(named)} or has it as version`,
  );
}
