import type { TextEdit } from '../model/app.ts';
import { contentEnd, type YamlMap, type YamlNode, type YamlPair, type YamlSeq } from './yaml.ts';

interface Span {
  readonly start: number;
  readonly end: number;
  readonly removed: boolean;
}

/**
 * The edits that take members out of a map: their lines and the comment lines right above them; in a flow map their text and a comma. Undefined
 * where that cannot be done in place: nothing of a block map would stay, or a map that begins on the line of something else would end with it.
 */
export function removePairs(text: string, map: YamlMap, pairs: ReadonlySet<YamlPair>): TextEdit[] | undefined {
  const spans = map.pairs.map((pair) => ({
    start: pair.start,
    end: Math.max(pair.key.end, contentEnd(pair.value)),
    removed: pairs.has(pair),
  }));
  return removeSpans(text, spans, map.flow);
}

/** The edits that take items out of a list, in the same way. */
export function removeItems(text: string, list: YamlSeq, items: ReadonlySet<YamlNode>): TextEdit[] | undefined {
  const spans: Span[] = [];
  for (const item of list.items) {
    const start = list.flow ? item.start : findDash(text, spans.at(-1)?.end ?? list.start);
    spans.push({ start, end: Math.max(start, contentEnd(item)), removed: items.has(item) });
  }
  return removeSpans(text, spans, list.flow);
}

function removeSpans(text: string, spans: readonly Span[], flow: boolean): TextEdit[] | undefined {
  const edits: TextEdit[] = [];
  for (let first = 0; first < spans.length; first++) {
    if (spans[first]?.removed !== true) continue;
    let last = first;
    while (spans[last + 1]?.removed === true) last++;
    const run = spans.slice(first, last + 1);
    const removed = flow
      ? [removeFlowRun(text, run, spans[first - 1], spans[last + 1])]
      : removeBlockRun(text, run, spans[first - 1], spans[last + 1]);
    if (removed === undefined) return undefined;
    for (const edit of removed) edits.push(edit);
    first = last;
  }
  return edits;
}

function removeFlowRun(
  text: string,
  run: readonly Span[],
  before: Span | undefined,
  after: Span | undefined,
): TextEdit {
  const { start } = run[0]!;
  const { end } = run.at(-1)!;
  if (after !== undefined) return { start, end: after.start, text: '' };
  if (before !== undefined) return { start: before.end, end, text: '' };
  return { start, end: end + (/^\s*,/.exec(text.slice(end))?.[0].length ?? 0), text: '' };
}

function removeBlockRun(
  text: string,
  run: readonly Span[],
  before: Span | undefined,
  after: Span | undefined,
): TextEdit[] | undefined {
  if (before === undefined && after === undefined) return undefined;
  const { start } = run[0]!;
  if (text.slice(text.lastIndexOf('\n', start - 1) + 1, start).trim() !== '') {
    return after === undefined ? undefined : [{ start, end: after.start, text: '' }];
  }
  let floor = before === undefined ? 0 : afterLine(text, before.end);
  return run.map((span) => {
    const lineStart = text.lastIndexOf('\n', span.start - 1) + 1;
    const edit = { start: commentStart(text, lineStart, floor), end: afterLine(text, span.end), text: '' };
    floor = edit.end;
    return edit;
  });
}

/** The start of the comment lines that stand right above a line; above `floor` is content of something else. */
function commentStart(text: string, lineStart: number, floor: number): number {
  let start = lineStart;
  while (start > floor) {
    const above = text.lastIndexOf('\n', start - 2) + 1;
    if (!/^[ \t]*#/.test(text.slice(above, start))) break;
    start = above;
  }
  return start;
}

function afterLine(text: string, end: number): number {
  if (text[end - 1] === '\n') return end;
  const newline = text.indexOf('\n', end);
  return newline < 0 ? text.length : newline + 1;
}

/** The `-` of the next list item: only blanks and comments stand before it. */
function findDash(text: string, from: number): number {
  const blank = /(?:\s|#[^\n]*)*/y;
  blank.lastIndex = from;
  return from + (blank.exec(text)?.[0].length ?? 0);
}
