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

/**
 * The edits that do at once what `first` and then `second` do: offsets of `second` are those of `edited`, the text that `first` made. Edits of both that
 * meet become one, with the origin of the later.
 */
export function joinEdits(first: readonly TextEdit[], second: readonly TextEdit[], edited: string): TextEdit[] {
  let shift = 0;
  const earlier = sortEdits(first).map((edit) => {
    const from = edit.start + shift;
    const growth = edit.text.length - (edit.end - edit.start);
    shift += growth;
    return { from, to: from + edit.text.length, edit, growth, isLater: false };
  });
  const later = second.map((edit) => ({ from: edit.start, to: edit.end, edit, growth: 0, isLater: true }));
  const spans = [...earlier, ...later].toSorted((a, b) => a.from - b.from || a.to - b.to);
  const joined: TextEdit[] = [];
  shift = 0;
  for (let i = 0; i < spans.length; ) {
    const { from } = spans[i]!;
    const start = from - shift;
    const first = i;
    let to = from;
    for (let span = spans[i]; span !== undefined && span.from <= to; span = spans[++i]) {
      to = Math.max(to, span.to);
      shift += span.growth;
    }
    const group = spans.slice(first, i);
    const own = group.filter(({ isLater }) => isLater).map(({ edit }) => edit);
    if (own.length === 0) joined.push(...group.map(({ edit }) => edit));
    else {
      const moved = own.map((edit) => ({ ...edit, start: edit.start - from, end: edit.end - from }));
      const { origin } = own.at(-1)!;
      const text = applyEdits(edited.slice(from, to), moved);
      joined.push({ start, end: to - shift, text, ...(origin === undefined ? {} : { origin }) });
    }
  }
  return joined;
}

/** Where offsets of the edited text come from: inside a replacement, the start of what was replaced. `edits` in order. */
export function mapOffsets(edits: readonly TextEdit[]): (offset: number) => number {
  let shift = 0;
  const starts: number[] = [];
  const shifts: number[] = [];
  for (const edit of edits) {
    starts.push(edit.start + shift);
    shift += edit.text.length - (edit.end - edit.start);
    shifts.push(shift);
  }
  return (offset) => {
    const last = countUpTo(starts, offset) - 1;
    const edit = edits[last];
    if (edit === undefined) return offset;
    return offset < starts[last]! + edit.text.length ? edit.start : offset - shifts[last]!;
  };
}

/** How many of the numbers, which are in order, are not above a limit. */
export function countUpTo(sorted: readonly number[], limit: number): number {
  let low = 0;
  for (let high = sorted.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
