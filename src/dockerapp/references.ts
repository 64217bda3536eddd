/**
 * The reference grammar of docker-app 0.4 to 0.8: `$$`, `$S`, `${S}` with S = a name and, read as a part of the name, anything after `-`, `:-`,
 * `?` or `:?` up to a `}` or the end of the text. Texts of the tokens join to the source.
 */
export interface ReferenceToken {
  readonly kind: 'text' | 'escape' | 'named' | 'braced' | 'invalid';
  readonly text: string;
  /** Parameter name of a reference. */
  readonly name?: string;
}

const NAME = '[_a-z][._a-z0-9]*(?::?[-?][^}]*)?';
const TOKEN = new RegExp(`\\$(?:(\\$)|(${NAME})|\\{(${NAME})\\}|)`, 'gi');

export function tokenizeReferences(text: string): ReferenceToken[] {
  const tokens: ReferenceToken[] = [];
  let from = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > from) tokens.push({ kind: 'text', text: text.slice(from, match.index) });
    const [source, escape, named, braced] = match;
    if (escape !== undefined) tokens.push({ kind: 'escape', text: source });
    else if (named !== undefined) tokens.push({ kind: 'named', text: source, name: named });
    else if (braced !== undefined) tokens.push({ kind: 'braced', text: source, name: braced });
    else tokens.push({ kind: 'invalid', text: source });
    from = match.index + source.length;
  }
  if (from < text.length) tokens.push({ kind: 'text', text: text.slice(from) });
  return tokens;
}

export interface Substitution {
  /** The text after docker-app's pass. */
  readonly text: string;
  /** The error that docker-app reported, if it did. */
  readonly error?: { readonly kind: 'undefined' | 'invalid'; readonly name?: string };
  /** Names that were undefined and became nothing without an error, because a defined reference came later. */
  readonly lost: readonly string[];
}

/** docker-app's pass over one text. Only the outcome of the last reference counted: an error before a good reference was forgotten. */
export function substituteReferences(
  tokens: readonly ReferenceToken[],
  lookup: (name: string) => string | undefined,
): Substitution {
  let text = '';
  let error: Substitution['error'];
  let undefinedNames: string[] = [];
  const lost: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'text') text += token.text;
    else if (token.kind === 'escape') text += '$';
    else if (token.name === undefined) error = { kind: 'invalid' };
    else {
      const value = lookup(token.name);
      if (value === undefined) {
        error = { kind: 'undefined', name: token.name };
        undefinedNames.push(token.name);
      } else {
        text += value;
        error = undefined;
        lost.push(...undefinedNames);
        undefinedNames = [];
      }
    }
  }
  return { text, lost, ...(error === undefined ? {} : { error }) };
}
