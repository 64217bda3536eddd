import { RebundleError, type SourceLocation } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { finding } from '../lib/finding.ts';
import { applyEdits } from '../lib/text-edit.ts';
import { contentEnd, parseYaml, type YamlMap, type YamlNode, type YamlPair, type YamlScalar } from '../lib/yaml.ts';
import type { AppPackage, Diagnostic, TextEdit } from '../model/app.ts';
import type { Removals } from './disabled-services.ts';
import { chompBlock, editScalar, joinOrigins, quoteScalar, replaceScalar } from './edit-scalar.ts';
import { fixPlainScalar } from './plain-scalars.ts';
import type { RewrittenScalar } from './rewrite-scalar.ts';
import { isVersion, type ScalarSite } from './scalar-sites.ts';

export interface EditInput {
  readonly app: AppPackage;
  readonly root: YamlMap;
  /** Where the first document ends. */
  readonly end: number;
  readonly sites: readonly ScalarSite[];
  readonly results: ReadonlyMap<ScalarSite, RewrittenScalar>;
  readonly removals: Removals;
  /** Members whose value becomes this YAML text. */
  readonly replaced: ReadonlyMap<YamlPair, string>;
  readonly diagnostics: Diagnostic[];
  readonly locate: (offset: number) => SourceLocation;
}

/** All edits, proved: the edited text is parsed again and must hold the intended values, else the scalars that differ are quoted. */
export function makeEdits(input: EditInput): TextEdit[] {
  const { app, root, sites, results, removals, replaced } = input;
  const text = app.compose.text;
  const fixed = new Map<ScalarSite, TextEdit>();
  for (const site of sites) {
    const edit = results.has(site) || site.paths.some(isVersion) ? undefined : fixPlainScalar(site);
    if (edit === undefined) continue;
    fixed.set(site, edit);
    input.diagnostics.push(
      finding(
        'yaml.scalar-quoted',
        `'${site.node.value}' is now ${edit.text}: releases of compose read it differently`,
        {
          location: input.locate(site.node.start),
        },
      ),
    );
  }
  const frame = frameEdits(app, root, input.end);
  const addsLineEnd = frame.some((edit) => edit.text !== '');
  const quoted = new Set<YamlScalar>();
  for (;;) {
    const edits = [...frame, ...replaceMembers(replaced, frame)];
    for (const edit of removals.edits) if (!isInside(edit, replaced)) edits.push(clip(edit, frame));
    const expected = new Map<YamlScalar, string>();
    for (const site of sites) {
      const result = results.get(site);
      const fix = fixed.get(site);
      if (result?.native !== undefined) {
        edits.push({ ...replaceScalar(text, site.node, result.native), origin: joinOrigins(result.origins) });
        expected.set(site.node, result.native);
      } else if (fix !== undefined) {
        edits.push({ ...fix, origin: { rule: 'plain-scalar' } });
        expected.set(site.node, parseScalar(fix.text));
      } else if (quoted.has(site.node)) {
        const origin = result === undefined ? ({ rule: 'plain-scalar' } as const) : joinOrigins(result.origins);
        edits.push({ ...quoteScalar(text, site.node, result?.pieces.join('') ?? site.node.value), origin });
        expected.set(site.node, result?.pieces.join('') ?? site.node.value);
      } else {
        const own = result === undefined ? [] : editScalar(text, site.node, result, site.inFlow);
        const chomped = addsLineEnd && own[0]?.start !== site.node.start ? chompBlock(text, site.node) : undefined;
        if (chomped !== undefined) edits.push({ ...chomped, origin: { rule: 'line-ends' } });
        for (const edit of own) edits.push(edit);
        if (result !== undefined) expected.set(site.node, result.pieces.join(''));
      }
    }
    const merged = mergeRemovals(edits);
    const wrong = findDifferences(root, expected, { ...input, edited: applyEdits(text, merged) });
    if (wrong === undefined) return merged;
    const unquoted = wrong.filter((node) => !quoted.has(node));
    if (unquoted.length === 0) break;
    for (const node of unquoted) quoted.add(node);
  }
  throw new RebundleError('INTERNAL', `${app.name}: the edited compose text does not hold the intended values`, {
    origin: app.origin,
  });
}

function parseScalar(text: string): string {
  const node = parseYaml({ text, path: '', line: 1 }).root;
  return node?.kind === 'scalar' ? node.value : '';
}

/** What surrounds the compose text of a single file: blank lines at both ends and a second document go, one line end stays. */
function frameEdits(app: AppPackage, root: YamlNode, end: number): TextEdit[] {
  const { text } = app.compose;
  const edits: TextEdit[] = [];
  const rest = (start: number, replacement: string): TextEdit => {
    const origin = { rule: end < text.length ? 'second-document' : 'line-ends' } as const;
    return { start, end: text.length, text: replacement, origin };
  };
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  const body = text.slice(0, end);
  if (app.kind !== 'single-file') return end < text.length ? [rest(end, '')] : [];
  const leading = /^(?:[ \t]*\r?\n)+/.exec(body)?.[0].length ?? 0;
  if (leading > 0) edits.push({ start: 0, end: leading, text: '', origin: { rule: 'line-ends' } });
  // Behind a block text that keeps its final line ends they are content.
  const content = Math.min(contentEnd(root), body.length);
  const trailing = Math.max(content, body.trimEnd().length);
  const wanted =
    /^[ \t]*\r?\n/.exec(text.slice(trailing))?.[0] === lineEnd || body[trailing - 1] === '\n' ? '' : lineEnd;
  const keep = wanted === '' && body[trailing - 1] !== '\n' ? lineEnd.length : 0;
  if (trailing + keep < text.length || wanted !== '') edits.push(rest(trailing + keep, wanted));
  return edits;
}

/** The values of members as other texts: all from the key on. */
function replaceMembers(replaced: ReadonlyMap<YamlPair, string>, frame: readonly TextEdit[]): TextEdit[] {
  return [...replaced].map(([pair, text]) => {
    const isBlock = pair.value.kind === 'scalar' && /^(?:literal|folded)$/.test(pair.value.style);
    const end = Math.max(pair.key.end, contentEnd(pair.value));
    const edit = { start: pair.key.end, end, text: `: ${text}${isBlock ? '\n' : ''}` };
    const rule = pair.name === 'command' || pair.name === 'entrypoint' ? 'command' : 'rendered';
    return { ...clip(edit, frame), origin: { rule, detail: pair.name } };
  });
}

function isInside(edit: TextEdit, replaced: ReadonlyMap<YamlPair, string>): boolean {
  return [...replaced.keys()].some(({ key, end }) => edit.start >= key.end && edit.start < end);
}

function clip(edit: TextEdit, frame: readonly TextEdit[]): TextEdit {
  const trailing = frame.find((other) => other.start > edit.start && other.start < edit.end);
  return trailing === undefined ? edit : { ...edit, end: trailing.start };
}

/** What lies in a removal goes with it: the outermost stands. */
function mergeRemovals(edits: readonly TextEdit[]): TextEdit[] {
  const kept: TextEdit[] = [];
  let outer: TextEdit | undefined;
  for (const edit of edits.toSorted((a, b) => a.start - b.start || b.end - a.end || compareText(a.text, b.text))) {
    if (outer !== undefined && edit.end <= outer.end && edit.start < outer.end) continue;
    kept.push(edit);
    if (edit.text === '' && edit.end > edit.start) outer = edit;
  }
  return kept;
}

/**
 * Compares the edited text with the tree that was meant. Gives the scalars that came out otherwise; all edited ones where the text cannot be read
 * any more or has another structure; undefined where all is as meant.
 */
function findDifferences(
  root: YamlNode,
  expected: ReadonlyMap<YamlScalar, string>,
  { removals, replaced, edited }: Pick<EditInput, 'removals' | 'replaced'> & { readonly edited: string },
): YamlScalar[] | undefined {
  const wrong: YamlScalar[] = [];
  const compare = (before: YamlNode, after: YamlNode | undefined): boolean => {
    if (after === undefined) return false;
    if (before.kind === 'scalar') {
      if (after.kind !== 'scalar' || (expected.get(before) ?? before.value) !== after.value) wrong.push(before);
      return true;
    }
    if (before.kind === 'seq' && after.kind === 'seq') {
      const items = before.items.filter((item) => !removals.items.has(item));
      return items.length === after.items.length && items.every((item, i) => compare(item, after.items[i]));
    }
    if (before.kind === 'map' && after.kind === 'map') {
      const pairs = before.pairs.filter((pair: YamlPair) => !removals.pairs.has(pair));
      if (pairs.length !== after.pairs.length) return false;
      return pairs.every(
        (pair, i) =>
          pair.name === after.pairs[i]?.name && (replaced.has(pair) || compare(pair.value, after.pairs[i]?.value)),
      );
    }
    return before.kind === 'alias' && after.kind === 'alias' && before.name === after.name;
  };
  try {
    if (!compare(root, parseYaml({ text: edited, path: '', line: 1 }).root)) return [...expected.keys()];
  } catch {
    return [...expected.keys()];
  }
  return wrong.length === 0 ? undefined : wrong;
}
