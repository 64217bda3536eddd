import { RebundleError } from '../errors.ts';
import type { YamlMap, YamlNode, YamlPair, YamlScalar } from '../lib/yaml.ts';
import type { TextEdit } from '../model/app.ts';

/** Collects the edits of one YAML text. Offsets are those of the text before any edit. */
export interface TextEditor {
  readonly text: string;
  readonly eol: string;
  readonly edits: TextEdit[];
  /** Nodes whose text is replaced, so that nothing else edits them. */
  readonly replaced: Set<YamlNode>;
  readonly removed: { readonly start: number; readonly end: number }[];
}

export function createTextEditor(text: string): TextEditor {
  const newline = text.indexOf('\n');
  const eol = newline > 0 && text[newline - 1] === '\r' ? '\r\n' : '\n';
  return { text, eol, edits: [], replaced: new Set(), removed: [] };
}

/** Replaces a node; its anchor and tag stay. */
export function replaceNode(editor: TextEditor, node: YamlNode, text: string): void {
  if (editor.replaced.has(node)) return;
  editor.replaced.add(node);
  const { start, end } = node;
  if (start === end) {
    const blank = /\s/.test(editor.text[start - 1] ?? ' ') ? '' : ' ';
    const tail = /[^\s,\]}]/.test(editor.text[end] ?? ' ') ? ' ' : '';
    editor.edits.push({ start, end, text: blank + text + tail });
    return;
  }
  // The range of a block ends after its line break.
  const tail = /\r?\n$/.exec(editor.text.slice(start, end))?.[0] ?? '';
  editor.edits.push({ start, end, text: text + tail });
}

/** Gives a member another value, also where it has none yet. Throws COMPOSE_INVALID for a key without a colon in block style. */
export function replaceValue(editor: TextEditor, pair: YamlPair, text: string, flow: boolean): void {
  const { key, value } = pair;
  if (value.start !== value.end || value.start > key.end) {
    replaceNode(editor, value, text);
    return;
  }
  const colon = /^[ \t]*:/.exec(editor.text.slice(key.end, key.end + 1024));
  if (colon === null && !flow) throw new RebundleError('COMPOSE_INVALID', `the key ${pair.name} has no value to edit`);
  const at = key.end + (colon?.[0].length ?? 0);
  editor.replaced.add(value);
  editor.edits.push({ start: at, end: at, text: `${colon === null ? ':' : ''} ${text}` });
}

/** A member to insert: `lines` in block style, further lines relative to the member's column; `flow` for a flow map. */
interface NewMember {
  readonly key: string;
  readonly flow: string;
  /** Lines below the key in block style; where empty, `flow` stands behind the key. */
  readonly lines?: readonly string[];
}

/** Inserts a member: below the line of `after`, where that is possible, else above the first member and the comments on it. */
export function insertMember(editor: TextEditor, map: YamlMap, member: NewMember, after?: YamlPair): void {
  const { text, eol } = editor;
  const kept = map.pairs.filter((pair) => !isRemoved(editor, pair.start));
  const [first] = kept;
  if (map.flow) {
    const at = first?.start ?? map.start + 1;
    editor.edits.push({ start: at, end: at, text: `${member.key}: ${member.flow}${first === undefined ? '' : ', '}` });
    return;
  }
  if (first === undefined) throw new RebundleError('INTERNAL', 'a block mapping without members cannot be added to');
  const indent = ' '.repeat(first.start - lineStart(text, first.start));
  const lines = member.lines === undefined ? [`${member.key}: ${member.flow}`] : [`${member.key}:`, ...member.lines];
  const block = lines.map((line) => indent + line).join(eol);
  const below = after === undefined ? undefined : lineEndBelow(editor, after);
  if (below !== undefined) {
    const atEnd = below === text.length && text[below - 1] !== '\n';
    editor.edits.push({ start: below, end: below, text: atEnd ? eol + block : block + eol });
    return;
  }
  let at = lineStart(text, first.start);
  if (text.slice(at, first.start).trim() !== '') {
    editor.edits.push({ start: first.start, end: first.start, text: `${block.slice(indent.length)}${eol}${indent}` });
    return;
  }
  while (at > 0) {
    const above = lineStart(text, at - 1);
    if (isRemoved(editor, above) || !/^[ \t]*#/.test(text.slice(above, at))) break;
    at = above;
  }
  editor.edits.push({ start: at, end: at, text: block + eol });
}

/** The start of the line after a member of one line; undefined where its value is a block or other text follows it. */
function lineEndBelow(editor: TextEditor, pair: YamlPair): number | undefined {
  const { text } = editor;
  if (text[pair.end - 1] === '\n' || text.slice(lineStart(text, pair.start), pair.start).trim() !== '')
    return undefined;
  const next = lineAfter(text, pair.end);
  return /^[ \t]*(?:#|\r?\n|$)/.test(text.slice(pair.end, next)) ? next : undefined;
}

/** Removes members with the lines that they fill; a map that loses all of them becomes `{}`. */
export function removeMembers(editor: TextEditor, map: YamlMap, pairs: readonly YamlPair[]): void {
  const { text } = editor;
  const remove = (start: number, end: number): void => {
    editor.removed.push({ start, end });
    editor.edits.push({ start, end, text: '' });
  };
  const [first] = map.pairs;
  const last = map.pairs.at(-1);
  if (first === undefined || last === undefined || pairs.length === 0) return;
  if (pairs.length === map.pairs.length) {
    if (map.flow) remove(map.start + 1, map.end - 1);
    else {
      const end = contentEnd(text, last.end);
      // The map itself stays, and its range may be that of its members.
      editor.removed.push({ start: first.key.end, end });
      editor.edits.push({ start: first.start, end, text: '{}' });
    }
    return;
  }
  const gone = new Set(pairs);
  for (const [index, pair] of map.pairs.entries()) {
    if (!gone.has(pair)) continue;
    const next = map.pairs[index + 1];
    const previous = map.pairs[index - 1];
    const start = map.flow ? pair.start : lineStart(text, pair.start);
    if (map.flow && next === undefined) {
      // A comma may stay at the end of a flow map, so what stands between lines is left alone.
      const between = previous === undefined || gone.has(previous) ? '\n' : text.slice(previous.end, pair.start);
      const comma = /^[ \t]*,/.exec(text.slice(pair.end, pair.end + 1024))?.[0].length ?? 0;
      if (previous !== undefined && !between.includes('\n')) remove(previous.end, pair.end);
      else remove(pair.start, pair.end + comma);
    } else if (map.flow || (next !== undefined && text.slice(start, pair.start).trim() !== '')) {
      remove(pair.start, next?.start ?? pair.end);
    } else {
      remove(
        start,
        commentsAfter(text, text[pair.end - 1] === '\n' ? pair.end : lineAfter(text, pair.end), pair.start - start),
      );
    }
  }
}

/** Past the comment lines at `offset` that are indented deeper than `column`: they belong to what stands above. */
function commentsAfter(text: string, offset: number, column: number): number {
  let end = offset;
  for (;;) {
    const [line = '', indent = ''] = /^([ \t]*)#.*(?:\n|$)/.exec(text.slice(end, lineAfter(text, end))) ?? [];
    if (line === '' || indent.length <= column) return end;
    end += line.length;
  }
}

/** True for a place in what is removed; `last` is where it ends. To be asked when all removals are known and in order. */
export function isRemoved(editor: TextEditor, first: number, last = first + 1): boolean {
  const { removed } = editor;
  let low = 0;
  let high = removed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((removed[middle]?.start ?? 0) <= first) low = middle + 1;
    else high = middle;
  }
  const range = removed[low - 1];
  return range !== undefined && last <= range.end;
}

/** True where a scalar is written as a block, whose range ends after its line break. */
export function isBlockScalar(node: YamlScalar): boolean {
  return node.style === 'literal' || node.style === 'folded';
}

function contentEnd(text: string, end: number): number {
  return text.slice(0, end).trimEnd().length;
}

function lineStart(text: string, offset: number): number {
  return offset <= 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
}

/** The start of the next line; the length of the text on the last one. */
function lineAfter(text: string, offset: number): number {
  const newline = text.indexOf('\n', offset);
  return newline < 0 ? text.length : newline + 1;
}
