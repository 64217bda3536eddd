import { type CST, Parser } from 'yaml';

/**
 * Offset of a collection that is nested in more than `limit` others, or undefined. To be asked before a text is composed: the composer of the
 * yaml library recurses, and a text of many thousand brackets ends the process there.
 */
export function findTooDeep(text: string, limit: number): number | undefined {
  return findTooDeepToken(new Parser().parse(text), limit);
}

/** The same for a text that is parsed already. */
export function findTooDeepToken(tokens: Iterable<CST.Token>, limit: number): number | undefined {
  for (const root of tokens) {
    const pending: { token: CST.Token | null | undefined; depth: number }[] = [{ token: root, depth: 0 }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { token, depth } = next;
      if (token == null) continue;
      if (token.type === 'document') pending.push({ token: token.value, depth });
      if (!('items' in token)) continue;
      if (depth > limit) return token.offset;
      for (const item of token.items) {
        pending.push({ token: item.key, depth: depth + 1 }, { token: item.value, depth: depth + 1 });
      }
    }
  }
  return undefined;
}
