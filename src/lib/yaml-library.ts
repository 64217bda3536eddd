import { Composer, type CST, CST as cst, type Document, type Node as RawNode, type YAMLParseError } from 'yaml';
import type { SourceLocation } from '../errors.ts';
import type { ParsedText, YamlDocument } from './yaml.ts';
import { type ParsedTokens, parseTokens } from './yaml-depth.ts';
import { repairIndentation, unrepaired } from './yaml-repair.ts';
import { findTextFault, isTolerated } from './yaml-rules.ts';
import { invalidYaml, TreeBuilder, tooDeep } from './yaml-tree.ts';

interface ParseContext {
  readonly locate: YamlDocument['locate'];
  readonly limits: { readonly depth: number; readonly nodes: number };
}

/** Parses the first YAML document of any text by the yaml library. Throws YAML_INVALID and YAML_LIMIT. */
export function parseWithLibrary(text: string, { locate, limits }: ParseContext): ParsedText {
  const original = text.replace(/\r(?!\n)/g, '\n');
  const fault = findTextFault(original);
  if (fault !== undefined) throw invalidYaml(fault.message, locate(fault.offset));
  const { repaired, documents } = compose(original, { locate, limits });
  const [document] = documents;
  if (document === undefined) return { root: undefined, end: original.length, size: 0 };
  const tree = new TreeBuilder({ locate, text: original, toOriginal: repaired.toOriginal, limits });
  const converted = document.contents === null ? undefined : tree.build(document.contents as RawNode, 0);
  const node = converted?.node;
  const isEmpty = node?.kind === 'scalar' && node.start === node.end && node.tag === undefined;
  const end = documents.length > 1 ? repaired.toOriginal(document.range[2]) : original.length;
  return { root: isEmpty ? undefined : node, end, size: converted?.size ?? 0 };
}

/** Repairs of one text: each is another parse of it, so of a large one there are fewer. */
const MAX_REPAIRS = 20;
const MAX_REPAIRED_LENGTH = 8 * 1024 * 1024;

/** Composes a text, what libyaml takes and the library does not being repaired. */
function compose(original: string, { locate, limits }: ParseContext) {
  let repaired = unrepaired(original);
  for (let tries = 0; ; tries++) {
    const parsed = parseDocuments(repaired.text, { text: original, locate, limits });
    if ('tooDeep' in parsed) throw tooDeep(limits.depth, locate(repaired.toOriginal(parsed.tooDeep)));
    const { tokens, documents, error } = parsed;
    if (error === undefined) return { repaired, documents };
    const location = locate(repaired.toOriginal(error.pos[0]));
    if (error.code === 'RESOURCE_EXHAUSTION') throw tooDeep(limits.depth, location);
    const mayRepair = tries === 0 || (tries < MAX_REPAIRS && tries * original.length < MAX_REPAIRED_LENGTH);
    const next = mayRepair ? repairIndentation(repaired, original, { tokens, offset: error.pos[0] }) : undefined;
    if (next === undefined) throw invalidYaml(error.message, location);
    repaired = next;
  }
}

/** How much of a large text is read first. An error in its first quarter is one of the whole text: it lies before all that the cut can make wrong. */
const PROBE = 64 * 1024;

type ParsedDocuments =
  | {
      readonly tokens: readonly CST.Token[];
      readonly documents: readonly Document.Parsed[];
      readonly error?: YAMLParseError | undefined;
    }
  | Extract<ParsedTokens, { readonly tooDeep: number }>;

/** Parses the first document of a text, with its first error. A large text that is wrong near its beginning is not read to its end. */
function parseDocuments(text: string, original: ParseContext & { readonly text: string }): ParsedDocuments {
  const { depth } = original.limits;
  if (text.length > 4 * PROBE) {
    // Between two lines, unless they are long.
    const line = text.lastIndexOf('\n', PROBE) + 1;
    const probe = parsePart(text, line > PROBE / 2 ? line : PROBE, depth);
    const fault = 'tooDeep' in probe ? probe.tooDeep : probe.error?.pos[0];
    if (fault !== undefined && fault < PROBE / 4) return probe;
    if ('documents' in probe && fault === undefined && text === original.text)
      checkBeginning(probe.documents, original);
  }
  return parsePart(text, text.length, depth);
}

/** Throws what the tree of a text will be refused for, where that shows in its beginning. */
function checkBeginning(
  [document]: readonly Document.Parsed[],
  { text, locate, limits }: ParseContext & { readonly text: string },
): void {
  let found = text.length;
  const locateFault = (offset: number): SourceLocation => {
    found = offset;
    return locate(offset);
  };
  try {
    const tree = new TreeBuilder({ locate: locateFault, text, toOriginal: (offset) => offset, limits });
    if (document?.contents != null) tree.build(document.contents as RawNode, 0);
  } catch (thrown) {
    if (found < PROBE / 4) throw thrown;
  }
}

function parsePart(text: string, end: number, limit: number): ParsedDocuments {
  const parsed = parseFirst(text, end, limit);
  if ('tooDeep' in parsed) return parsed;
  const documents = composeTokens(parsed.tokens);
  const error = documents[0]?.errors.find(({ message }) => !isTolerated(message));
  return { ...parsed, documents, error };
}

/**
 * The tokens of the first document, an empty one for what is behind it. They end at a quoted text or a flow collection that a line leaves open by its
 * indentation, and behind the first item of a flow collection that nothing closes: the first error is there or before, and all that follows would be read as
 * something that it is not.
 */
function parseFirst(text: string, end: number, limit: number): ParsedTokens {
  const lastClose = new Map([
    ['[', findLastClose(text, ']')],
    ['{', findLastClose(text, '}')],
  ]);
  let isScalar = false;
  let isUnclosed = false;
  let first: CST.Token | undefined;
  return parseTokens(text.slice(0, end), limit, (lexeme, { offset, stack: [outermost] }) => {
    if (!isScalar) isUnclosed ||= (lastClose.get(lexeme) ?? offset) < offset - 1;
    const isOpen = lexeme === cst.FLOW_END || (!isScalar && (isOpenQuote(lexeme) || (isUnclosed && lexeme === ',')));
    isScalar = lexeme === cst.SCALAR;
    if (outermost?.type === 'document') first ??= outermost;
    return isOpen || (outermost?.type === 'document' && outermost !== first);
  });
}

/** Offset of the last bracket that can close a flow collection, or -1: one in a comment cannot. */
function findLastClose(text: string, bracket: string): number {
  for (let at = text.lastIndexOf(bracket); at >= 0; ) {
    const start = text.lastIndexOf('\n', at) + 1;
    const before = text.slice(start, at);
    const comment = /["']/.test(before) ? -1 : before.search(/(?<!\S)#/);
    if (comment < 0) return at;
    at = start + comment === 0 ? -1 : text.lastIndexOf(bracket, start + comment - 1);
  }
  return -1;
}

function isOpenQuote(lexeme: string): boolean {
  const quote = lexeme[0];
  return (quote === '"' || quote === "'") && (lexeme.length === 1 || !lexeme.endsWith(quote));
}

function composeTokens(tokens: readonly CST.Token[]): Document.Parsed[] {
  const composer = new Composer({
    schema: 'failsafe',
    uniqueKeys: false,
    keepSourceTokens: true,
    logLevel: 'silent',
  });
  // A text can have an error on every line, of which the first is told: the time is in their stacks.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return [...composer.compose(tokens)];
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
