import { getNodeValue, type Node } from 'jsonc-parser';
import { canonicalJson } from '../lib/canonical-json.ts';
import type { MemberSpan, ObjectSpan } from './json-members.ts';
import { isRecord } from './target-fields.ts';
import type { TargetsFile } from './targets-file.ts';

/** How a text spells its JSON. */
interface JsonStyle {
  /** Line end between members; undefined where all is on one line. */
  readonly newline: string | undefined;
  /** One level of indentation. */
  readonly unit: string;
  /** Between a key and its value. */
  readonly colon: string;
  /** Between members on one line. */
  readonly comma: string;
  readonly inlineLists: boolean;
}

/** A value as it is written somewhere: offsets of `node` are those of `text`. */
export interface JsonSource {
  readonly text: string;
  readonly node: Node;
}

interface JsonPlace {
  /** A value to write like: what is equal keeps its spelling, what differs its surroundings. */
  readonly source: JsonSource | undefined;
  readonly path: readonly string[];
  /** Indentation of the line that the value is on. */
  readonly indent: string;
  readonly style: JsonStyle;
  /** A source for a member that the source of its object does not have. */
  readonly lend: (path: readonly string[], value: unknown) => JsonSource | undefined;
}

function leadOf(text: string, object: ObjectSpan): string {
  const [first] = object.members.values();
  return text.slice(object.start + 1, first?.keyStart ?? object.end - 1);
}

function newlineOf(blank: string): string | undefined {
  return /\r\n|\n|\r/.exec(blank)?.[0];
}

function indentOf(blank: string): string {
  return blank.slice(Math.max(blank.lastIndexOf('\n'), blank.lastIndexOf('\r')) + 1);
}

/** Blank space at the start of an object's text, behind its brace. */
function innerLead(object: string): string {
  return /^\{([ \t\r\n]*)/.exec(object)?.[1] ?? '';
}

/** Text between and around the entries of `targets`, and the style inside an entry. */
interface EntryStyle {
  /** Before an entry: behind the last one, or behind the brace where there is none yet. */
  readonly separator: string;
  readonly indent: string;
  /** Behind the new entries, where there was none before. */
  readonly tail: string;
  readonly style: JsonStyle;
}

/** Finds out how a file is laid out, by its last target or, where it has none, by its outermost object. */
export function detectEntryStyle(file: TargetsFile): EntryStyle {
  const { text, root, entries } = file;
  const rootLead = leadOf(text, root);
  const lead = leadOf(text, entries);
  const members = [...entries.members.values()];
  const last = members.at(-1);
  const sample = last ?? [...root.members.values()][0];
  const colon = sample === undefined ? ': ' : text.slice(sample.keyEnd, sample.start);
  const comma = colon.endsWith(' ') ? ', ' : ',';
  const rootUnit = newlineOf(rootLead) === undefined ? '  ' : indentOf(rootLead);
  if (last === undefined) {
    const newline = newlineOf(rootLead);
    const closing = file.signatures === undefined ? rootUnit : rootUnit + rootUnit;
    const indent = newline === undefined ? '' : closing + rootUnit;
    const tail = newline === undefined || newlineOf(lead) !== undefined ? '' : `${newline}${closing}`;
    const style: JsonStyle = { newline, unit: rootUnit, colon, comma, inlineLists: false };
    return { separator: newline === undefined ? '' : `${newline}${indent}`, indent, tail, style };
  }
  const separator = betweenLast(text, members) ?? (newlineOf(lead) === undefined ? comma : `,${lead}`);
  const indent = newlineOf(lead) === undefined ? '' : indentOf(lead);
  const body = text.slice(last.start, last.end);
  const bodyIndent = indentOf(innerLead(body));
  const style: JsonStyle = {
    newline: newlineOf(innerLead(body)),
    unit:
      bodyIndent.length > indent.length && bodyIndent.startsWith(indent) ? bodyIndent.slice(indent.length) : rootUnit,
    colon,
    comma,
    inlineLists: /\[[^\s\]]/.test(body),
  };
  return { separator, indent, tail: '', style };
}

function betweenLast(text: string, members: readonly MemberSpan[]): string | undefined {
  const [before, last] = members.slice(-2);
  return before === undefined || last === undefined ? undefined : text.slice(before.end, last.keyStart);
}

/**
 * Writes a value as JSON. Next to a source, a value that is equal to it is copied letter by letter, so that numbers and escapes
 * stay as they were written; an object keeps the order, the blanks and the spelling of the members that stay.
 */
export function writeJson(value: unknown, place: JsonPlace): string {
  const { source } = place;
  if (source !== undefined) {
    const { text, node } = source;
    if (canonicalJson(value) === canonicalJson(getNodeValue(node)))
      return text.slice(node.offset, node.offset + node.length);
    if (isRecord(value) && node.type === 'object' && (node.children?.length ?? 0) > 0)
      return writeLikeObject(value, source, place);
    if (Array.isArray(value) && node.type === 'array') return writeList(value, sameLayout(source, place));
  }
  if (Array.isArray(value)) return writeList(value, place);
  return isRecord(value) ? writeObject(value, place) : JSON.stringify(value);
}

function sameLayout({ text, node }: JsonSource, place: JsonPlace): JsonPlace {
  if ((node.children?.length ?? 0) === 0) return place;
  const inlineLists = newlineOf(text.slice(node.offset, node.offset + node.length)) === undefined;
  return { ...place, style: { ...place.style, inlineLists } };
}

function writeList(list: readonly unknown[], place: JsonPlace): string {
  const { style, indent, path } = place;
  const inner = indent + style.unit;
  const oneLine = style.newline === undefined || style.inlineLists;
  const items = list.map((item) =>
    writeJson(item, { ...place, source: undefined, path: [...path, ''], indent: inner }),
  );
  if (items.length === 0) return '[]';
  if (oneLine) return `[${items.join(style.comma)}]`;
  return `[${style.newline}${inner}${items.join(`,${style.newline}${inner}`)}${style.newline}${indent}]`;
}

function writeObject(value: Readonly<Record<string, unknown>>, place: JsonPlace): string {
  const { style, indent } = place;
  const inner = indent + style.unit;
  const members = membersOf(value).map(([key, member]) => writeMember(key, member, { ...place, indent: inner }));
  if (members.length === 0) return '{}';
  if (style.newline === undefined) return `{${members.join(style.comma)}}`;
  return `{${style.newline}${inner}${members.join(`,${style.newline}${inner}`)}${style.newline}${indent}}`;
}

function writeMember(key: string, value: unknown, place: JsonPlace): string {
  const path = [...place.path, key];
  const written = writeJson(value, { ...place, source: place.lend(path, value), path });
  return `${JSON.stringify(key)}${place.style.colon}${written}`;
}

function membersOf(value: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(value).filter(([, member]) => member !== undefined);
}

/** An object after the pattern of one that has members, with the same blanks around and between them. */
function writeLikeObject(
  value: Readonly<Record<string, unknown>>,
  { text, node }: JsonSource,
  place: JsonPlace,
): string {
  const members = new Map(membersOf(value));
  const known = (node.children ?? []).map((child, index, all) => ({
    child,
    before: index === 0 ? undefined : all[index - 1],
  }));
  const endOf = (child: Node): number => child.offset + child.length;
  const first = known[0]?.child ?? node;
  const last = known.at(-1)?.child ?? node;
  const lead = text.slice(node.offset + 1, first.offset);
  const newline = newlineOf(lead);
  const indent = newline === undefined ? place.indent : indentOf(lead);
  const style = newline === undefined ? { ...place.style, newline } : place.style;
  const beforeLast = known.at(-1)?.before;
  const separator =
    beforeLast === undefined
      ? newline === undefined
        ? style.comma
        : `,${lead}`
      : text.slice(endOf(beforeLast), last.offset);

  let written = '';
  for (const { child, before } of known) {
    const [keyNode, valueNode] = child.children ?? [];
    const key = String(keyNode?.value);
    if (valueNode === undefined || !members.has(key)) continue;
    const blank = before === undefined || written === '' ? lead : text.slice(endOf(before), child.offset);
    const source = { text, node: valueNode };
    const body = writeJson(members.get(key), { ...place, source, path: [...place.path, key], indent, style });
    written += `${blank}${text.slice(child.offset, valueNode.offset)}${body}`;
    members.delete(key);
  }
  for (const [key, member] of members) {
    written += `${written === '' ? lead : separator}${writeMember(key, member, { ...place, indent, style })}`;
  }
  return written === '' ? '{}' : `{${written}${text.slice(endOf(last), endOf(node) - 1)}}`;
}
