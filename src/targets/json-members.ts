import { createScanner, type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { RebundleError, type SourceLocation } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';

/** Deepest nesting of objects and arrays that is read. */
const MAX_DEPTH = 64;

/** Where a member of an object is: its key with quotes is `[keyStart, keyEnd)`, its value `[start, end)`, in UTF-16 units. */
export interface MemberSpan {
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly start: number;
  readonly end: number;
}

/** An object and its members in the order of the text; `start` is at its brace, `end` behind the other one. */
export interface ObjectSpan {
  readonly start: number;
  readonly end: number;
  readonly members: ReadonlyMap<string, MemberSpan>;
}

/** The objects of a targets file whose members can be found by place. */
export type ObjectName = 'root' | 'signed' | 'targets' | 'signed.targets';

interface Frame {
  readonly name: ObjectName | undefined;
  readonly start: number;
  readonly members: Map<string, MemberSpan>;
  /** Undefined in an array. */
  readonly keys: Set<string> | undefined;
  key: { readonly text: string; readonly start: number; readonly end: number } | undefined;
  valueStart: number;
}

/** Line and column of an offset, both from 1; a column counts UTF-16 units. */
export function locateOffset(text: string, offset: number, path: string): SourceLocation {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line++;
    lineStart = at + 1;
  }
  return { path, line, column: offset - lineStart + 1 };
}

function tooDeep(text: string, offset: number, path: string): RebundleError {
  return new RebundleError('TARGETS_INVALID', `${path}: nested deeper than ${MAX_DEPTH} levels`, {
    location: locateOffset(text, offset, path),
  });
}

/** The error for a text that JSON.parse refused. Its wording and place do not depend on the version of Node. */
export function explainJsonError(text: string, path: string): RebundleError {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan()) {
    const token = text[scanner.getTokenOffset()];
    if (token === '{' || token === '[') depth++;
    if (token === '}' || token === ']') depth--;
    // jsonc-parser calls itself for each level, so it must not see more of them.
    if (depth > MAX_DEPTH) return tooDeep(text, scanner.getTokenOffset(), path);
  }
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true });
  const first = errors[0];
  const problem =
    first === undefined
      ? 'unexpected text'
      : printParseErrorCode(first.error)
          .replace(/(?!^)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
          .toLowerCase();
  return new RebundleError('TARGETS_INVALID', `${path}: not valid JSON: ${problem}`, {
    location: locateOffset(text, first?.offset ?? 0, path),
  });
}

function nameOf(parent: Frame | undefined): ObjectName | undefined {
  if (parent === undefined) return 'root';
  const key = parent.key?.text;
  if (parent.name === 'root') return key === 'signed' || key === 'targets' ? key : undefined;
  return parent.name === 'signed' && key === 'targets' ? 'signed.targets' : undefined;
}

/**
 * Finds the members of the objects that make up a targets file. `text` is JSON that JSON.parse took. Throws TARGETS_INVALID where
 * it is nested too deep or where any object has a member twice: readers differ on which of the two counts.
 */
export function scanObjects(text: string, path: string): ReadonlyMap<ObjectName, ObjectSpan> {
  const found = new Map<ObjectName, ObjectSpan>();
  const frames: Frame[] = [];
  const scanner = createScanner(text, true);
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan()) {
    const start = scanner.getTokenOffset();
    const end = start + scanner.getTokenLength();
    const token = text[start];
    const frame = frames.at(-1);
    if (token === ',' || token === ':') continue;
    if (token === '{' || token === '[') {
      if (frames.length === MAX_DEPTH) throw tooDeep(text, start, path);
      if (frame !== undefined) frame.valueStart = start;
      const keys = token === '{' ? new Set<string>() : undefined;
      const name = keys === undefined ? undefined : nameOf(frame);
      frames.push({ name, start, members: new Map(), keys, key: undefined, valueStart: start });
    } else if (token === '}' || token === ']') {
      const closed = frames.pop();
      if (closed?.name !== undefined) found.set(closed.name, { start: closed.start, end, members: closed.members });
      endValue(frames.at(-1), end);
    } else if (frame?.keys !== undefined && frame.key === undefined) {
      const key = scanner.getTokenValue();
      if (frame.keys.has(key)) throw duplicateMember({ text, path, key, frame, offset: start });
      frame.keys.add(key);
      frame.key = { text: key, start, end };
    } else if (frame !== undefined) {
      frame.valueStart = start;
      endValue(frame, end);
    }
  }
  return found;
}

function endValue(frame: Frame | undefined, end: number): void {
  if (frame?.key === undefined) return;
  if (frame.name !== undefined) {
    const { key } = frame;
    frame.members.set(key.text, { keyStart: key.start, keyEnd: key.end, start: frame.valueStart, end });
  }
  frame.key = undefined;
}

function duplicateMember(at: {
  readonly text: string;
  readonly path: string;
  readonly key: string;
  readonly frame: Frame;
  readonly offset: number;
}): RebundleError {
  const isTarget = at.frame.name === 'targets' || at.frame.name === 'signed.targets';
  const what = isTarget ? 'two targets have the name' : 'an object has twice the member';
  return new RebundleError('TARGETS_INVALID', `${at.path}: ${what} ${escapeTerminal(at.key)}`, {
    location: locateOffset(at.text, at.offset, at.path),
  });
}
