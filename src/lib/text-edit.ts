import type { TextEdit } from '../model/app.ts';

/** Puts edits into order. Throws a RangeError where two of them overlap; an insertion may touch its neighbours. */
export function sortEdits(edits: readonly TextEdit[]): TextEdit[] {
  const sorted = edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
  for (const [i, edit] of sorted.entries()) {
    const next = sorted[i + 1];
    if (edit.end < edit.start || (next !== undefined && next.start < edit.end)) {
      throw new RangeError(`edits overlap at ${edit.start}`);
    }
  }
  return sorted;
}

/** Applies all edits at once; offsets are those of `text` before any edit. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = '';
  let from = 0;
  for (const edit of sortEdits(edits)) {
    result += text.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return result + text.slice(from);
}

/** Where an offset of the edited text comes from: inside a replacement, the start of what was replaced. `edits` in order. */
export function sourceOffset(edits: readonly TextEdit[], offset: number): number {
  let shift = 0;
  for (const edit of edits) {
    const start = edit.start + shift;
    if (offset < start) break;
    if (offset < start + edit.text.length) return edit.start;
    shift += edit.text.length - (edit.end - edit.start);
  }
  return offset - shift;
}
