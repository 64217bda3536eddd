import { isAlias, isMap, isScalar, type Node, parseDocument, type YAMLError } from 'yaml';
import * as z from 'zod';
import { type ErrorCode, formatLocation, RebundleError, type SourceLocation } from '../errors.ts';
import { escapeTerminal } from './escape-text.ts';
import { nearestName } from './nearest.ts';
import { findTooDeep } from './yaml-depth.ts';

const MAX_CHARACTERS = 256 * 1024;
const MAX_DEPTH = 16;
const MAX_NODES = 10_000;
const MAX_PROBLEMS = 20;

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The part of JSON Schema that is looked into for the keys that are allowed at a place. */
interface KeySchema {
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly additionalProperties?: KeySchema | boolean;
  readonly items?: KeySchema;
  readonly anyOf?: readonly KeySchema[];
}

interface Problem {
  /** Offset in the text. */
  readonly offset: number;
  readonly message: string;
}

/** What a document holds and where: offsets of keys and values by path. */
interface ReadDocument {
  readonly value: unknown;
  readonly keys: ReadonlyMap<string, number>;
  readonly values: ReadonlyMap<string, number>;
  readonly problems: readonly Problem[];
}

/**
 * Reads a YAML text by a zod schema whose scalars are all strings: they come as written, so that `1.10` and `0755` stay what they are.
 * Throws an error of `code` with a line `path:line:column: key: problem` for each thing that is wrong, in the order of the text.
 * Limits: 256 Ki characters, depth 16, 10,000 nodes after aliases; duplicate keys are refused.
 */
export function parseValidatedYaml<S extends z.ZodType>(
  schema: S,
  input: { readonly text: string; readonly path: string; readonly code: ErrorCode },
): z.output<S> {
  const { text, path, code } = input;
  const locate = (offset: number): SourceLocation => {
    const before = text.slice(0, offset);
    return { path, line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
  };
  const fail = (problems: readonly Problem[]): RebundleError => {
    const sorted = problems.toSorted((a, b) => a.offset - b.offset);
    const shown = sorted
      .slice(0, MAX_PROBLEMS)
      .map((problem) => `${escapeTerminal(formatLocation(locate(problem.offset)))}: ${problem.message}`);
    if (sorted.length > shown.length) shown.push(`and ${sorted.length - shown.length} more`);
    return new RebundleError(code, shown.join('\n'), { location: locate(sorted[0]?.offset ?? 0) });
  };
  if (text.length > MAX_CHARACTERS)
    throw fail([{ offset: 0, message: `the file is over ${MAX_CHARACTERS} characters` }]);
  const deep = findTooDeep(text, MAX_DEPTH);
  if (deep !== undefined) throw fail([{ offset: deep, message: `is nested deeper than ${MAX_DEPTH}` }]);
  const document = parseDocument(text, {
    schema: 'failsafe',
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false,
  });
  // After a first fault of the syntax the others are mostly its consequences.
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw fail([{ offset: fault.pos[0], message: describeFault(fault) }]);
  if (document.contents === null) throw fail([{ offset: 0, message: 'the file is empty' }]);
  const read = readDocument(document.contents);
  if (read.problems.length > 0) throw fail(read.problems);
  const result = schema.safeParse(read.value, { reportInput: true });
  if (result.success) return result.data;
  const keySchema = z.toJSONSchema(schema, { io: 'input' }) as KeySchema;
  throw fail(result.error.issues.flatMap((issue) => describeIssue(issue, [], read, keySchema)));
}

function describeFault(fault: YAMLError): string {
  if (fault.code === 'MULTIPLE_DOCS') return 'expected one YAML document, found more';
  return fault.code === 'NON_STRING_KEY' ? 'expected a text as key' : escapeTerminal(fault.message);
}

function readDocument(root: Node): ReadDocument {
  const keys = new Map<string, number>();
  const values = new Map<string, number>();
  const problems: Problem[] = [];
  const anchors = new Map<string, Node>();
  let nodes = 0;
  const readNode = (node: Node, path: Path, offset: number): unknown => {
    nodes++;
    if (nodes > MAX_NODES || path.length > MAX_DEPTH) {
      const limit = nodes > MAX_NODES ? `holds more than ${MAX_NODES} values` : `is nested deeper than ${MAX_DEPTH}`;
      if (problems.length === 0) problems.push({ offset, message: `${formatPath(path)}: ${limit}` });
      return undefined;
    }
    values.set(pathKey(path), offset);
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target !== undefined) return readNode(target, path, offset);
      problems.push({ offset, message: `${formatPath(path)}: unknown anchor ${escapeTerminal(node.source)}` });
      return undefined;
    }
    const value = readContent(node, path, offset);
    // Known only from here on, so that nothing holds itself.
    if ('anchor' in node && node.anchor !== undefined) anchors.set(node.anchor, node);
    return value;
  };
  const readContent = (node: Node, path: Path, offset: number): unknown => {
    if (isScalar(node)) return String(node.value ?? '');
    const result: Record<string, unknown> = Object.create(null);
    if (!isMap<Node, Node | null>(node)) {
      const items = 'items' in node ? (node.items as readonly Node[]) : [];
      return items.map((item, index) => readNode(item, [...path, index], item.range?.[0] ?? offset));
    }
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value ?? '') : '';
      const at = key.range?.[0] ?? offset;
      const place = [...path, name];
      if (name in result) problems.push({ offset: at, message: `${formatPath(place)}: is written twice` });
      keys.set(pathKey(place), at);
      if (name === '__proto__') problems.push({ offset: at, message: `${formatPath(place)}: this key is not allowed` });
      const isEmpty = value?.range == null || value.range[0] === value.range[1];
      result[name] = value === null ? '' : readNode(value, place, isEmpty ? at : value.range![0]);
    }
    return result;
  };
  return { value: readNode(root, [], root.range?.[0] ?? 0), keys, values, problems };
}

function describeIssue(issue: Issue, base: Path, read: ReadDocument, schema: KeySchema): Problem[] {
  const path = [...base, ...issue.path];
  const place = placeOf(path, read);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      offset: read.keys.get(pathKey([...path, key])) ?? place.offset,
      message: `${formatPath([...path, key])}: unknown key${suggestKey(key, path, schema)}`,
    }));
  }
  if (issue.code === 'invalid_union') {
    const branch = issue.errors.find(
      (issues) => !issues.some(({ code, path: { length } }) => code === 'invalid_type' && length === 0),
    );
    if (branch !== undefined) return branch.flatMap((inner) => describeIssue(inner, path, read, schema));
  }
  if (!place.exists)
    return [{ offset: place.offset, message: `${formatPath(path)}: is missing, ${expectation(issue)}` }];
  const offset = issue.code === 'invalid_key' ? (read.keys.get(pathKey(path)) ?? place.offset) : place.offset;
  return [{ offset, message: `${formatPath(path)}: ${expectation(issue)}${describeFound(issue)}` }];
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${nameOfType(issue.expected)}`;
    case 'invalid_value':
      return `expected ${issue.values.join(' or ')}`;
    case 'invalid_union': {
      const kinds = issue.errors.flatMap(([first]) =>
        first?.code === 'invalid_type' ? [nameOfType(first.expected)] : [],
      );
      return `expected ${kinds.join(' or ')}`;
    }
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
    default:
      return issue.message;
  }
}

function nameOfType(type: string): string {
  if (type === 'object' || type === 'record') return 'a mapping';
  return type === 'array' ? 'a list' : 'a text';
}

function describeFound(issue: Issue): string {
  const value = issue.input;
  if (value === '') return ', found nothing';
  if (typeof value !== 'string') return Array.isArray(value) ? ', found a list' : ', found a mapping';
  const near = issue.code === 'invalid_value' ? nearestName(value, issue.values.map(String)) : undefined;
  const found = escapeTerminal(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  return `, found "${found}"${near === undefined ? '' : `, did you mean ${near}?`}`;
}

/** The place of a value, or of the nearest thing around it where the text has none. */
function placeOf(path: Path, read: ReadDocument): { offset: number; exists: boolean } {
  for (let length = path.length; length >= 0; length--) {
    const offset = read.values.get(pathKey(path.slice(0, length)));
    if (offset !== undefined) return { offset, exists: length === path.length };
  }
  return { offset: 0, exists: false };
}

function suggestKey(key: string, path: Path, schema: KeySchema): string {
  const siblings = Object.keys(schemaAt(schema, path)?.properties ?? {});
  const near = nearestName(key, siblings);
  if (near !== undefined) return `, did you mean ${formatPath([...path, near])}?`;
  const elsewhere = listKeys(schema, '').find((known) => known.endsWith(`.${key}`));
  if (elsewhere !== undefined) return `, did you mean ${elsewhere}?`;
  return `, expected one of ${siblings.join(', ')}`;
}

function schemaAt(schema: KeySchema, path: Path): KeySchema | undefined {
  let at: KeySchema | undefined = schema;
  for (const segment of path) {
    const rest: KeySchema | boolean | undefined = at?.additionalProperties;
    at =
      typeof segment === 'number'
        ? at?.items
        : (at?.properties?.[String(segment)] ?? (typeof rest === 'object' ? rest : undefined));
    at = at?.anyOf?.find((branch) => branch.properties !== undefined) ?? at;
  }
  return at;
}

function listKeys(schema: KeySchema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => [
    `${prefix}${key}`,
    ...listKeys(value, `${prefix}${key}.`),
  ]);
}

function pathKey(path: Path): string {
  return JSON.stringify(path);
}

function formatPath(path: Path): string {
  if (path.length === 0) return 'the file';
  const text = path.map((segment) => (typeof segment === 'number' ? `[${segment}]` : `.${String(segment)}`)).join('');
  return escapeTerminal(text.replace(/^\./, ''));
}
