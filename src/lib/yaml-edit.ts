import type { TextEdit } from '../model/app.ts';
import { contentEnd, type YamlMap, type YamlNode, type YamlPair, type YamlSeq } from './yaml.ts';

/**
 * The edit that takes a member out of a map: its lines and the comment lines right above it; in a flow map its text and a comma. Undefined where
 * that cannot be done in place (the only member of a block map that begins on the line of something else).
 */
export function removePair(text: string, map: YamlMap, pair: YamlPair): TextEdit | undefined {
  const index = map.pairs.indexOf(pair);
  const spans = map.pairs.map((each) => ({ start: each.start, end: Math.max(each.key.end, contentEnd(each.value)) }));
  return removeSpan(text, spans, index, map.flow);
}

/** The edit that takes an item out of a list, in the same way. */
export function removeItem(text: string, list: YamlSeq, item: YamlNode): TextEdit | undefined {
  const index = list.items.indexOf(item);
  const spans = list.items.map((each) => ({
    start: list.flow ? each.start : dashBefore(text, each.start),
    end: contentEnd(each),
  }));
  return removeSpan(text, spans, index, list.flow);
}

function removeSpan(
  text: string,
  spans: readonly { start: number; end: number }[],
  index: number,
  flow: boolean,
): TextEdit | undefined {
  const span = spans[index];
  const next = spans[index + 1];
  if (span === undefined) return undefined;
  if (flow) {
    const previous = spans[index - 1];
    if (next !== undefined) return { start: span.start, end: next.start, text: '' };
    return { start: previous?.end ?? span.start, end: span.end, text: '' };
  }
  const lineStart = text.lastIndexOf('\n', span.start - 1) + 1;
  if (text.slice(lineStart, span.start).trim() !== '') {
    return next === undefined ? undefined : { start: span.start, end: next.start, text: '' };
  }
  return { start: commentStart(text, lineStart), end: afterLine(text, span.end), text: '' };
}

/** The start of the comment lines that stand right above a line. */
function commentStart(text: string, lineStart: number): number {
  let start = lineStart;
  while (start > 0) {
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

function dashBefore(text: string, start: number): number {
  return text.lastIndexOf('-', start - 1);
}
