import type { YamlAlias, YamlMap, YamlNode, YamlPair, YamlScalar, YamlSeq, YamlValue } from './yaml.ts';
import { isAnchorName } from './yaml-rules.ts';

/** Thrown where a text is none of the common ones: the parser of the library reads it. */
export const UNCOMMON = new Error('not common YAML');

/** A node and the number of nodes that it is after its aliases are expanded. */
export interface SizedNode<T extends YamlNode = YamlNode> {
  readonly node: T;
  readonly size: number;
}

type Anchors = ReadonlyMap<string, SizedNode<YamlValue>>;

/** Characters that begin something else than a plain text, outside of flow collections. */
const INDICATORS = ',[]{}#&*!|>\'"%@`';
const [SPACE, NEWLINE, COLON, HASH] = [0x20, 0x0a, 0x3a, 0x23];
const MAX_KEY = 1000;
const MAX_FLOW_DEPTH = 20;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', '"': '"', '\\': '\\', '/': '/' };

/** What stands on the rest of a line behind a value: blanks and a comment. Gives the offset of its line end. */
export function skipLineEnd(text: string, at: number): number {
  const i = skipBlanks(text, at);
  if (i === text.length || text[i] === '\n') return i;
  if (text[i] !== '#' || i === at) throw UNCOMMON;
  return lineEnd(text, i);
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

/** The start of the line behind the one that an offset is on. */
export function afterLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end + 1;
}

export function skipBlanks(text: string, at: number): number {
  let i = at;
  while (text.charCodeAt(i) === SPACE) i++;
  return i;
}

/** The implicit key at an offset, on one line; undefined where none is there. Its `:` stands right behind it. */
export function readKey(text: string, at: number): YamlScalar | undefined {
  const first = text[at];
  if (first === '"' || first === "'") {
    const key = readQuoted(text, at);
    return isColon(text, key.end) ? key : undefined;
  }
  if (!startsPlain(text, at)) return undefined;
  const end = findPlainEnd(text, at);
  if (!isColon(text, end)) return undefined;
  if (end - at > MAX_KEY || text[end - 1] === ' ') throw UNCOMMON;
  return plain(text, at, end);
}

function isColon(text: string, at: number): boolean {
  return text[at] === ':' && isBlank(text[at + 1]);
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\n' || character === undefined;
}

function startsPlain(text: string, at: number): boolean {
  const first = text[at];
  if (isBlank(first) || INDICATORS.includes(first ?? '')) return false;
  return !((first === '-' || first === '?' || first === ':') && isBlank(text[at + 1]));
}

/** Where a plain text ends at `: `, a comment or the line end; blanks before those are part of it still. */
function findPlainEnd(text: string, at: number): number {
  let i = at;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === NEWLINE) break;
    if (code === COLON && isBlank(text[i + 1])) break;
    if (code === HASH && text.charCodeAt(i - 1) === SPACE) break;
  }
  return i;
}

/** The end of a text without the blanks at its end. */
function trimEnd(text: string, end: number): number {
  let i = end;
  while (text[i - 1] === ' ') i--;
  return i;
}

function plain(text: string, start: number, end: number, anchor?: string): YamlScalar {
  const value = text.slice(start, end);
  return { kind: 'scalar', value, style: 'plain', ...(anchor === undefined ? {} : { anchor }), start, end };
}

/** What a value is read in: the anchors up to it, its own one, and the column of the collection around it. */
interface InlineContext {
  readonly anchors: Anchors;
  readonly anchor?: string | undefined;
  readonly indent: number;
}

/** A value of a block collection that is no block itself: on one line, or a flow collection. */
export function readInline(text: string, at: number, { anchors, anchor, indent }: InlineContext): SizedNode {
  const first = text[at];
  if (first === '[' || first === '{') return readFlow(text, at, { anchors, anchor, indent, depth: 0 });
  if (first === '*') {
    if (anchor !== undefined) throw UNCOMMON;
    return readAlias(text, at, anchors);
  }
  const isQuoted = first === '"' || first === "'";
  return { node: isQuoted ? readQuoted(text, at, anchor) : readPlain(text, at, anchor), size: 1 };
}

function readPlain(text: string, at: number, anchor?: string): YamlScalar {
  if (!startsPlain(text, at)) throw UNCOMMON;
  const end = findPlainEnd(text, at);
  if (text[end] === ':') throw UNCOMMON;
  return plain(text, at, trimEnd(text, end), anchor);
}

/** A text in quotes, on one line. */
function readQuoted(text: string, at: number, anchor?: string): YamlScalar {
  const isDouble = text[at] === '"';
  let close = at + 1;
  for (; ; close++) {
    const character = text[close];
    if (character === undefined || character === '\n') throw UNCOMMON;
    if (isDouble && character === '\\') close++;
    else if (!isDouble && character === "'" && text[close + 1] === "'") close++;
    else if (character === text[at]) break;
  }
  const source = text.slice(at + 1, close);
  return {
    kind: 'scalar',
    value: isDouble ? resolveEscapes(source) : source.replaceAll("''", "'"),
    style: isDouble ? 'double' : 'single',
    ...(anchor === undefined ? {} : { anchor }),
    start: at,
    end: close + 1,
  };
}

function resolveEscapes(source: string): string {
  if (!source.includes('\\')) return source;
  return source.replace(/\\(.)/gs, (_, character: string) => {
    const meant = ESCAPES[character];
    if (meant === undefined) throw UNCOMMON;
    return meant;
  });
}

/** The name behind `&` or `*`. */
export function readAnchorName(text: string, at: number): string {
  let end = at + 1;
  while (!isBlank(text[end]) && !',[]{}'.includes(text[end] ?? '')) end++;
  const name = text.slice(at + 1, end);
  if (!isAnchorName(name)) throw UNCOMMON;
  return name;
}

function readAlias(text: string, at: number, anchors: Anchors): SizedNode<YamlAlias> {
  const name = readAnchorName(text, at);
  const anchored = anchors.get(name);
  if (anchored === undefined) throw UNCOMMON;
  const node: YamlAlias = { kind: 'alias', name, target: anchored.node, start: at, end: at + 1 + name.length };
  return { node, size: anchored.size };
}

interface FlowContext extends InlineContext {
  readonly depth: number;
}

/** A flow collection, its items scalars on one line, aliases and such collections. */
function readFlow(text: string, at: number, context: FlowContext): SizedNode<YamlMap | YamlSeq> {
  const { anchor, indent, depth } = context;
  if (depth > MAX_FLOW_DEPTH) throw UNCOMMON;
  const isMap = text[at] === '{';
  const close = isMap ? '}' : ']';
  const inner = { anchors: context.anchors, indent, depth: depth + 1 };
  const pairs: YamlPair[] = [];
  const items: YamlNode[] = [];
  let size = 1;
  let i = skipFlowBlanks(text, at + 1, context);
  while (text[i] !== close) {
    const item = readFlowItem(text, i, inner);
    i = item.node.end;
    if (isMap || isColon(text, i)) {
      const key = item.node;
      const isLong = !isMap && key.end - key.start > MAX_KEY;
      if (key.kind === 'alias' || isLong || !isColon(text, i)) throw UNCOMMON;
      const value = readFlowItem(text, skipFlowBlanks(text, i + 1, inner), inner);
      i = value.node.end;
      const name = key.kind === 'scalar' ? key.value : '';
      const pair: YamlPair = { key, name, value: value.node, start: key.start, end: i };
      size += item.size + value.size;
      if (isMap) pairs.push(pair);
      else {
        // A pair in a list is a map of one.
        items.push({ kind: 'map', flow: true, pairs: [pair], start: key.start, end: i });
        size += 1;
      }
    } else {
      items.push(item.node);
      size += item.size;
    }
    i = skipFlowBlanks(text, i, context);
    if (text[i] === close) break;
    if (text[i] !== ',') throw UNCOMMON;
    i = skipFlowBlanks(text, i + 1, context);
  }
  const own = anchor === undefined ? {} : { anchor };
  const node: YamlMap | YamlSeq = isMap
    ? { kind: 'map', flow: true, pairs, ...own, start: at, end: i + 1 }
    : { kind: 'seq', flow: true, items, ...own, start: at, end: i + 1 };
  return { node, size };
}

/** Blanks and line ends. What is behind them is indented more than the collection around, but the last bracket, which may stand right below it. */
function skipFlowBlanks(text: string, at: number, { indent, depth }: FlowContext): number {
  let i = skipBlanks(text, at);
  if (text[i] !== '\n') return i;
  let line = i;
  while (text[i] === '\n') {
    line = i + 1;
    i = skipBlanks(text, line);
  }
  const isLast = depth === 0 && (text[i] === ']' || text[i] === '}');
  if (i - line < (isLast ? indent : indent + 1)) throw UNCOMMON;
  return i;
}

function readFlowItem(text: string, at: number, context: FlowContext): SizedNode {
  const first = text[at];
  if (first === '[' || first === '{') return readFlow(text, at, context);
  if (first === '*') return readAlias(text, at, context.anchors);
  if (first === '"' || first === "'") return { node: readQuoted(text, at), size: 1 };
  if (!startsPlain(text, at) || ('-?:'.includes(first ?? '') && ',[]{}'.includes(text[at + 1] ?? ''))) throw UNCOMMON;
  let end = at;
  for (; ; end++) {
    const character = text[end];
    if (character === undefined || character === '#') throw UNCOMMON;
    if (',[]{}'.includes(character)) break;
    if (character === '\n') {
      // A text goes on there, unless it is the last of its item.
      if (!',[]{}'.includes(text[skipFlowBlanks(text, end, context)] ?? 'a')) throw UNCOMMON;
      break;
    }
    if (character !== ':') continue;
    if (isBlank(text[end + 1])) break;
    if (',[]{}'.includes(text[end + 1] ?? '')) throw UNCOMMON;
  }
  return { node: plain(text, at, trimEnd(text, end)), size: 1 };
}

/** A literal text without an indentation of its own in its header; its lines are indented by `least` or more. Blank lines at its end are not part of it. */
export function readLiteral(text: string, at: number, least: number, anchor: string | undefined): YamlScalar {
  const strips = text[at + 1] === '-';
  const header = at + (strips ? 2 : 1);
  if (text[header] !== '\n') throw UNCOMMON;
  const lines: string[] = [];
  let indent = -1;
  let end = header + 1;
  let filled = 0;
  for (let start = end; start < text.length; start = afterLine(text, start)) {
    const first = skipBlanks(text, start);
    if (text[first] === '\n') {
      // Blanks on an empty line can be content.
      if (first !== start) throw UNCOMMON;
      lines.push('');
      continue;
    }
    if (indent < 0) indent = first - start;
    if (indent < least || first - start < indent) break;
    end = afterLine(text, first);
    if (text[end - 1] !== '\n') throw UNCOMMON;
    filled = lines.push(text.slice(start + indent, end - 1));
  }
  if (filled === 0) throw UNCOMMON;
  const value = lines.slice(0, filled).join('\n') + (strips ? '' : '\n');
  return { kind: 'scalar', value, style: 'literal', ...(anchor === undefined ? {} : { anchor }), start: at, end };
}
