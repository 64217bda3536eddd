import { findNodeAtLocation, parseTree } from 'jsonc-parser';
import { RebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { applyEdits } from '../lib/text-edit.ts';
import type { TextEdit } from '../model/app.ts';
import type { PlannedTarget } from '../model/plan.ts';
import { detectEntryStyle, type JsonSource, writeJson } from './json-text.ts';
import { isRecord } from './target-fields.ts';
import { findNameProblem } from './target-name.ts';
import type { TargetsFile } from './targets-file.ts';

/** The member of an app entry that names the app's content; all others are not ours. */
const OWNED: ReadonlyMap<string, string> = new Map([
  ['docker_apps', 'filename'],
  ['docker_compose_apps', 'uri'],
]);

/**
 * Appends targets to a file, behind the last one and in the file's own style; all bytes outside stay, but for the signatures of an
 * envelope, which do not hold any more and become an empty list. What a target has from its parent is copied as it is written
 * there. A target that is there with equal content is left alone, so that adding twice is adding once. The version of the role
 * stays: signing raises it. Throws TARGETS_NAME for a name that is taken by other content or not allowed, TARGETS_PARENT where the
 * file lacks a parent.
 */
export function addTargets(file: TargetsFile, planned: readonly PlannedTarget[]): Uint8Array {
  const added = new Map<string, PlannedTarget>();
  for (const one of planned) {
    checkName(file, one.name);
    const present = file.targets.get(one.name) ?? added.get(one.name)?.target;
    if (present === undefined) added.set(one.name, one);
    else if (canonicalJson(present) !== canonicalJson(one.target)) {
      throw new RebundleError(
        'TARGETS_NAME',
        `${file.path}: target ${escapeTerminal(one.name)} exists with other content`,
        {
          hint: 'A published target never changes: choose a higher target version.',
        },
      );
    }
  }
  const edits = added.size === 0 ? [] : editFile(file, [...added.values()]);
  return new TextEncoder().encode(applyEdits(file.text, edits));
}

function checkName(file: TargetsFile, name: string): void {
  const problem = findNameProblem(name);
  if (problem === undefined) return;
  throw new RebundleError('TARGETS_NAME', `${file.path}: the target name ${escapeTerminal(name)} ${problem}`);
}

function editFile(file: TargetsFile, added: readonly PlannedTarget[]): TextEdit[] {
  const { separator, indent, tail, style } = detectEntryStyle(file);
  const trees = new Map<string, JsonSource>();
  const sourceOf = (name: string): JsonSource | undefined => {
    const known = trees.get(name);
    if (known !== undefined) return known;
    const span = file.entries.members.get(name);
    const text = span === undefined ? '' : file.text.slice(span.start, span.end);
    const node = parseTree(text);
    if (node === undefined) return undefined;
    trees.set(name, { text, node });
    return { text, node };
  };
  const lend = createLender(file, sourceOf);
  let text = '';
  for (const { name, parent, target } of added) {
    const source = parent === undefined ? undefined : sourceOf(parent);
    if (parent !== undefined && source === undefined) {
      throw new RebundleError(
        'TARGETS_PARENT',
        `${file.path}: no target ${escapeTerminal(parent)}, the parent of ${name}`,
        {
          hint: 'The file is not the one that was planned against: make a new plan.',
        },
      );
    }
    const before = text === '' ? separator : nextSeparator(separator, style.comma);
    text += `${before}${JSON.stringify(name)}${style.colon}${writeJson(target, { source, path: [], indent, style, lend })}`;
  }
  const last = [...file.entries.members.values()].at(-1);
  const at = last === undefined ? file.entries.start + 1 : last.end;
  const edits: TextEdit[] = [{ start: at, end: at, text: text + tail }];
  if (file.signatures !== undefined) edits.push({ start: file.signatures.start, end: file.signatures.end, text: '[]' });
  return edits;
}

/** In a file that had no targets, the first new one follows the brace and the others a comma. */
function nextSeparator(separator: string, comma: string): string {
  if (separator.includes(',')) return separator;
  return separator === '' ? comma : `,${separator}`;
}

interface Holder {
  readonly name: string;
  readonly entry: Readonly<Record<string, unknown>>;
}

/**
 * Where an app entry comes from that the parent does not have: the last target of the file that has this app with equal members,
 * so that those keep their spelling as well.
 */
function createLender(
  file: TargetsFile,
  sourceOf: (name: string) => JsonSource | undefined,
): (path: readonly string[], value: unknown) => JsonSource | undefined {
  let holders: ReadonlyMap<string, readonly Holder[]> | undefined;
  return (path, value) => {
    const [first, map = '', app = ''] = path;
    const owned = OWNED.get(map);
    if (path.length !== 3 || first !== 'custom' || owned === undefined || !isRecord(value)) return undefined;
    holders ??= indexHolders(file);
    const foreign = foreignOf(value, owned);
    const holder = holders
      .get(JSON.stringify([map, app]))
      ?.findLast(({ entry }) => foreignOf(entry, owned) === foreign);
    const source = holder === undefined ? undefined : sourceOf(holder.name);
    const node = source === undefined ? undefined : findNodeAtLocation(source.node, ['custom', map, app]);
    return source === undefined || node === undefined ? undefined : { text: source.text, node };
  };
}

function indexHolders(file: TargetsFile): ReadonlyMap<string, readonly Holder[]> {
  const holders = new Map<string, Holder[]>();
  for (const [name, target] of file.targets) {
    for (const map of OWNED.keys()) {
      const apps: unknown = target.custom?.[map];
      for (const [app, entry] of isRecord(apps) ? Object.entries(apps) : []) {
        if (!isRecord(entry)) continue;
        const key = JSON.stringify([map, app]);
        const known = holders.get(key);
        if (known === undefined) holders.set(key, [{ name, entry }]);
        else known.push({ name, entry });
      }
    }
  }
  return holders;
}

function foreignOf(entry: Readonly<Record<string, unknown>>, owned: string): string {
  return canonicalJson(
    Object.entries(entry)
      .filter(([key]) => key !== owned)
      .sort(([a], [b]) => compareText(a, b)),
  );
}
