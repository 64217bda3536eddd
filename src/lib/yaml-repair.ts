import type { CST } from 'yaml';

/** A text with blanks put in at the beginning of lines, and the way back to the offsets of the text as it was. */
export interface RepairedText {
  readonly text: string;
  /** Offsets in the original text at which blanks were put in, and how many. */
  readonly insertions: ReadonlyMap<number, number>;
  readonly toOriginal: (offset: number) => number;
}

const MAX_COLUMN = 200;

/** A text that nothing was done to. */
export function unrepaired(text: string): RepairedText {
  return { text, insertions: new Map(), toOriginal: (offset) => offset };
}

/**
 * libyaml and its ports take the lines of a quoted text or of a flow collection at any indentation, and tabs there; the parser here does not. Gives
 * the text with the lines of the one that an error stands in moved to the right, which changes no value; undefined where that is not the reason.
 */
export function repairIndentation(
  repaired: RepairedText,
  original: string,
  error: { readonly tokens: readonly CST.Token[]; readonly offset: number },
): RepairedText | undefined {
  const start = findStart(error.tokens, error.offset);
  if (start === undefined) return undefined;
  const from = repaired.toOriginal(start);
  const to = findEnd(original, from);
  if (to === undefined) return undefined;
  const column = from - (original.lastIndexOf('\n', from - 1) + 1) + 1;
  if (column > MAX_COLUMN) return undefined;
  // A line that begins or ends a document does so inside of quotes, too.
  if (/^(?:---|\.\.\.)(?:[ \t\r\n]|$)/m.test(original.slice(from, to))) return undefined;
  const insertions = new Map(repaired.insertions);
  for (let at = original.indexOf('\n', from); at >= 0 && at < to; at = original.indexOf('\n', at + 1)) {
    if (!/^[ \t]*\r?$/.test(lineAt(original, at + 1))) insertions.set(at + 1, column);
  }
  return insertions.size === repaired.insertions.size ? undefined : insert(original, insertions);
}

function lineAt(text: string, start: number): string {
  const end = text.indexOf('\n', start);
  return text.slice(start, end < 0 ? text.length : end);
}

function insert(original: string, insertions: ReadonlyMap<number, number>): RepairedText {
  const places = [...insertions].sort(([a], [b]) => a - b);
  const parts: string[] = [];
  /** Offset in the new text behind the blanks of a place, and how many were put in up to there. */
  const marks: { readonly after: number; readonly total: number; readonly at: number }[] = [];
  let from = 0;
  let total = 0;
  for (const [at, count] of places) {
    parts.push(original.slice(from, at), ' '.repeat(count));
    from = at;
    total += count;
    marks.push({ after: at + total, total, at });
  }
  parts.push(original.slice(from));
  const toOriginal = (offset: number): number => {
    let low = 0;
    for (let high = marks.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((marks[middle]?.after ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    const next = marks[low];
    const shifted = offset - (marks[low - 1]?.total ?? 0);
    return next === undefined ? shifted : Math.min(shifted, next.at);
  };
  return { text: parts.join(''), insertions, toOriginal };
}

/** Where the last quoted text or outermost flow collection begins that does not lie behind an offset. */
function findStart(tokens: readonly CST.Token[], offset: number): number | undefined {
  let found: number | undefined;
  const pending: (CST.Token | null | undefined)[] = [...tokens];
  for (let token = pending.pop(); pending.length > 0 || token !== undefined; token = pending.pop()) {
    if (token == null || token.offset > offset) continue;
    const isFlow =
      token.type === 'flow-collection' ||
      token.type === 'single-quoted-scalar' ||
      token.type === 'double-quoted-scalar';
    if (isFlow) found = Math.max(found ?? 0, token.offset);
    else if (token.type === 'document') pending.push(token.value);
    else if ('items' in token) for (const item of token.items) pending.push(item.key, item.value);
  }
  return found;
}

/** The end of what begins at an offset with a quote or a bracket; undefined where it has none. */
function findEnd(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if ((character === '"' || character === "'") && (depth === 0 || startsToken(text, at))) {
      const end = findQuote(text, at);
      if (end === undefined || depth === 0) return end;
      at = end - 1;
    } else if (character === '#' && /\s/.test(text[at - 1] ?? ' ')) {
      const end = text.indexOf('\n', at);
      if (end < 0) return undefined;
      at = end;
    } else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

function startsToken(text: string, at: number): boolean {
  let before = at - 1;
  while (/\s/.test(text[before] ?? '')) before -= 1;
  return /[[{,:?]/.test(text[before] ?? '[');
}

function findQuote(text: string, start: number): number | undefined {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (quote === '"' && text[at] === '\\') at += 1;
    else if (text[at] === quote) {
      if (quote === "'" && text[at + 1] === "'") at += 1;
      else return at + 1;
    }
  }
  return undefined;
}
