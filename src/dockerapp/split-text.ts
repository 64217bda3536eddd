import { RebundleError } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic, DocumentPart, Semantics } from '../model/app.ts';

const BOM = '\uFEFF';
const EXPECTED = 'malformed single-file application: expected 3 documents';

interface Separator {
  /** Offset of the separator line and of the line after it. */
  readonly start: number;
  readonly next: number;
}

/** Splits a single file as one release line did. Throws APP_SPLIT with its message. */
export function splitStrictly(
  text: string,
  path: string,
  semantics: Semantics,
): [DocumentPart, DocumentPart, DocumentPart] {
  if (semantics === '0.9') {
    throw new RebundleError('APP_FORM', 'cannot load app from tar: unexpected EOF', {
      location: { path, line: 1, column: 1 },
      hint: 'docker-app 0.9 had no single file: split it into a folder, or choose another --semantics.',
    });
  }
  const starts: number[] = [];
  const ends: number[] = [];
  const mark = semantics === '0.2' ? '\n--' : '\n---\n';
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) {
    const lineEnd = text.indexOf('\n', at + 1);
    // The line end before a separator belongs to it, whichever it is.
    ends.push(text[at - 1] === '\r' ? at - 1 : at);
    starts.push(lineEnd < 0 ? text.length : lineEnd + 1);
  }
  if (ends.length !== 2) {
    throw new RebundleError('APP_SPLIT', semantics === '0.2' ? EXPECTED : `${EXPECTED}, got ${ends.length + 1}`, {
      location: { path, line: ends[2] === undefined ? 1 : lineOf(text, ends[2] + 1), column: 1 },
      hint: 'Without --semantics more forms are taken, where it is clear what is meant.',
    });
  }
  const begin = text.startsWith(BOM) ? BOM.length : 0;
  const part = (from: number, to: number): DocumentPart => ({
    text: text.slice(from, Math.max(from, to)),
    path,
    offset: from,
    line: lineOf(text, from),
  });
  const first = leadingSeparator(text, begin);
  return [
    part(first > (ends[0] ?? 0) ? begin : first, ends[0] ?? 0),
    part(starts[0] ?? 0, ends[1] ?? 0),
    part(starts[1] ?? 0, text.length),
  ];
}

/**
 * Splits a single file. What docker-app 0.4 to 0.8 split is split so. Else all that any release accepted, where that is clear: a line `---` (blanks
 * or a comment may follow) separates, a line `--` too where there are too few of the former; one leading separator is ignored; the third document
 * may be absent. Line ends may be of any kind.
 */
export function splitDocuments(text: string, path: string): [DocumentPart, DocumentPart, DocumentPart] {
  const begin = text.startsWith(BOM) ? BOM.length : 0;
  const exact = findSeparators(text, begin, /^---\n$/);
  const modern = findSeparators(text, begin, /^---[ \t]*(?:#.*)?\r?\n?$/);
  let separators = exact.length === 2 ? exact : modern;
  if (separators.length < 2) {
    const all = findSeparators(text, begin, /^(?:--[ \t]*|---[ \t]*(?:#.*)?)\r?\n?$/);
    if (all.length === 2 || (modern.length === 0 && all.length === 1)) separators = all;
  }
  // A `---` that ends the file without a line end opens the third document, and means nothing after it.
  const last = separators.at(-1);
  if (separators.length === 3 && last !== undefined && last.next === text.length && !/[\r\n]$/.test(text))
    separators = separators.slice(0, 2);
  if (separators.length < 1 || separators.length > 2) {
    const third = separators[2];
    throw new RebundleError('APP_SPLIT', `${EXPECTED}, got ${separators.length + 1}`, {
      location: { path, line: third === undefined ? 1 : lineOf(text, third.start), column: 1 },
      hint: 'A package is metadata, compose and parameters, in this order, separated by lines ---.',
    });
  }
  const [first, second] = separators;
  const part = (from: number, to: number): DocumentPart => ({
    text: text.slice(from, to),
    path,
    offset: from,
    line: lineOf(text, from),
  });
  return [
    part(leadingSeparator(text, begin), lineEnd(text, first!.start)),
    part(first!.next, second === undefined ? text.length : lineEnd(text, second.start)),
    part(second?.next ?? text.length, text.length),
  ];
}

/** The first line never separates, nor does a line right after a separator: there it opens the document, as in YAML. */
function findSeparators(text: string, begin: number, pattern: RegExp): Separator[] {
  const separators: Separator[] = [];
  let previousEnd = begin;
  for (const { start, next } of linesOf(text, begin)) {
    if (start === previousEnd || !pattern.test(text.slice(start, next))) continue;
    separators.push({ start, next });
    previousEnd = next;
  }
  return separators;
}

function leadingSeparator(text: string, begin: number): number {
  const match = /^--(?:-[ \t]*(?:#[^\r\n]*)?|[ \t]*)(?:\r\n|\n|$)/.exec(text.slice(begin));
  return begin + (match?.[0].length ?? 0);
}

/** The line end before a separator belongs to the separator. */
function lineEnd(text: string, separator: number): number {
  return text[separator - 2] === '\r' ? separator - 2 : separator - 1;
}

function* linesOf(text: string, begin: number): Generator<{ start: number; next: number }> {
  for (let start = begin; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const next = newline < 0 ? text.length : newline + 1;
    yield { start, next };
    start = next;
  }
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** What docker-app 0.4 to 0.8, the releases of factories, said of separators that only others took, or none. */
export function findSplitRefusal(text: string, path: string): Diagnostic[] {
  try {
    splitStrictly(text, path, '0.4-0.8');
    return [];
  } catch (thrown) {
    if (!(thrown instanceof RebundleError) || thrown.location === undefined) throw thrown;
    const { location, message } = thrown;
    const hint = 'Separate the three documents by lines that are exactly ---, with line ends of one character.';
    return [finding('package.split-refused', `docker-app 0.4 to 0.8 refused this: ${message}`, { location, hint })];
  }
}
