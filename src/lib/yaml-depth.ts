import { type CST, Lexer, Parser } from 'yaml';

/** What was read of a text, in tokens; or the offset of the first collection that is nested in more than the limit of others. */
export type ParsedTokens = { readonly tokens: readonly CST.Token[] } | { readonly tooDeep: number };

/**
 * Parses a text up to the first collection that is nested in more than `limit` others, or up to what is enough. To be asked before a text is composed:
 * the composer of the yaml library recurses, and a text of many thousand brackets ends the process there.
 */
export function parseTokens(
  text: string,
  limit: number,
  isEnough: (lexeme: string, parser: Parser) => boolean,
): ParsedTokens {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > limit + 1) {
      const deep = parser.stack.filter((token) => 'items' in token)[limit + 1];
      if (deep !== undefined) return { tooDeep: deep.offset };
    }
    if (isEnough(lexeme, parser)) break;
  }
  for (const token of parser.end()) tokens.push(token);
  return { tokens };
}

/** Offset of the first collection that is nested in more than `limit` others, or undefined. */
export function findTooDeep(text: string, limit: number): number | undefined {
  const parsed = parseTokens(text, limit, () => false);
  return 'tooDeep' in parsed ? parsed.tooDeep : undefined;
}
