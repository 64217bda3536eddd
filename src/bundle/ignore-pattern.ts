/** Whether a path with `/` between its names matches. */
export type PathTest = (path: string) => boolean;

/** What a pattern is made of, one character or wildcard each. */
type Token =
  | { readonly kind: 'text'; readonly char: string }
  /** `*`: any characters of one name. */
  | { readonly kind: 'star' }
  /** `?`: one character of a name. */
  | { readonly kind: 'any' }
  /** Two stars before more: nothing, or any folders. */
  | { readonly kind: 'folders' }
  /** Two stars at the end: anything. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] };

/**
 * Compiles a cleaned pattern as moby/patternmatcher v0.6 does: Go's path/filepath.Match with two stars besides. Undefined for a pattern that
 * filepath.Match calls malformed. Time to match grows with pattern times path, whatever the pattern.
 */
export function compilePattern(pattern: string): PathTest | undefined {
  const tokens = tokenize([...pattern]);
  if (tokens === undefined) return undefined;
  return matcherOf(pattern, tokens);
}

function matcherOf(pattern: string, tokens: readonly Token[]): PathTest {
  const isSuffix = tokens[0]?.kind === 'folders' && tokens.slice(1).every(({ kind }) => kind === 'text');
  // patternmatcher compares by suffix where only the beginning is `**`, so `**x` is also the end of a longer name.
  if (isSuffix && !/[\\\]]/.test(pattern)) {
    const suffix = pattern.slice(2);
    return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
  }
  return (path) => matchTokens(tokens, [...path]);
}

function tokenize(chars: readonly string[]): Token[] | undefined {
  const tokens: Token[] = [];
  for (let i = 0; i < chars.length; ) {
    const char = chars[i] ?? '';
    if (char === '*' && chars[i + 1] === '*') {
      i += chars[i + 2] === '/' ? 3 : 2;
      tokens.push({ kind: i < chars.length ? 'folders' : 'rest' });
    } else if (char === '*') {
      tokens.push({ kind: 'star' });
      i += 1;
    } else if (char === '?') {
      tokens.push({ kind: 'any' });
      i += 1;
    } else if (char === '[') {
      const found = readClass(chars, i + 1);
      if (found === undefined) return undefined;
      tokens.push(found.token);
      i = found.end;
    } else if (char === '\\') {
      const escaped = chars[i + 1];
      if (escaped === undefined) return undefined;
      tokens.push({ kind: 'text', char: escaped });
      i += 2;
    } else {
      tokens.push({ kind: 'text', char });
      i += 1;
    }
  }
  return tokens;
}

/** A class of filepath.Match: `[` [ `^` ] { character or range } `]`; undefined where it is malformed. */
function readClass(
  chars: readonly string[],
  from: number,
): { readonly token: Token; readonly end: number } | undefined {
  const negated = chars[from] === '^';
  const ranges: [number, number][] = [];
  let i = negated ? from + 1 : from;
  const readOne = (): string | undefined => {
    const char = chars[i];
    if (char === undefined || char === '-' || char === ']') return undefined;
    if (char !== '\\') {
      i += 1;
      return char;
    }
    i += 2;
    return chars[i - 1];
  };
  while (chars[i] !== ']' || ranges.length === 0) {
    const low = readOne();
    if (low === undefined || i >= chars.length) return undefined;
    let high: string | undefined = low;
    if (chars[i] === '-') {
      i += 1;
      high = readOne();
    }
    if (high === undefined || i >= chars.length || codeOf(low) > codeOf(high)) return undefined;
    ranges.push([codeOf(low), codeOf(high)]);
  }
  return { token: { kind: 'class', negated, ranges }, end: i + 1 };
}

/** A run over all states at once, so that no pattern takes exponential time. A state is a token; `-token - 1` is inside of two stars. */
function matchTokens(tokens: readonly Token[], path: readonly string[]): boolean {
  let states = stepOver(tokens, new Set([0]));
  for (const char of path) {
    const next = new Set<number>();
    for (const state of states) {
      const at = state < 0 ? -state - 1 : state;
      const token = tokens[at];
      if (token === undefined) continue;
      if (token.kind === 'folders') {
        next.add(-at - 1);
        if (char === '/') next.add(at + 1);
      } else if (token.kind === 'rest' || (token.kind === 'star' && char !== '/')) next.add(at);
      else if (matchesOne(token, char)) next.add(at + 1);
    }
    if (next.size === 0) return false;
    states = stepOver(tokens, next);
  }
  return states.has(tokens.length);
}

/** Adds what follows wildcards that may stand for nothing. */
function stepOver(tokens: readonly Token[], states: Set<number>): Set<number> {
  for (const state of states) {
    const kind = tokens[state]?.kind;
    if (kind === 'star' || kind === 'rest' || kind === 'folders') states.add(state + 1);
  }
  return states;
}

function matchesOne(token: Token, char: string): boolean {
  if (token.kind === 'text') return token.char === char;
  if (token.kind === 'any') return char !== '/';
  if (token.kind !== 'class') return false;
  const code = codeOf(char);
  const inside = token.ranges.some(([low, high]) => low <= code && code <= high);
  return inside !== token.negated;
}

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}
