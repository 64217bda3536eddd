/**
 * The reference grammar of docker-app up to 0.8: `$$`, `$S`, `${S}` with S = a name and, from 0.4 on read as a part of the name, anything after
 * `-`, `:-`, `?` or `:?` up to a `}` or the end of the text. Texts of the tokens join to the source.
 */
export interface ReferenceToken {
  readonly kind: 'text' | 'escape' | 'named' | 'braced' | 'invalid';
  readonly text: string;
  /** Parameter name of a reference. */
  readonly name?: string;
}

// Go's case folding lets these two letters pass as s and k.
const NAMES = {
  dotted: /[_a-z\u017f\u212a][._a-z0-9\u017f\u212a]*/iy,
  plain: /[_a-z\u017f\u212a][_a-z0-9\u017f\u212a]*/iy,
};
const OPERATOR = /:?[-?]/y;

/** Takes time in proportion to the text, whatever it holds. Names of docker/cli itself are `plain`: a dot ends them. */
export function tokenizeReferences(text: string, names: keyof typeof NAMES = 'dotted'): ReferenceToken[] {
  const tokens: ReferenceToken[] = [];
  const closes = text.lastIndexOf('}');
  let from = 0;
  for (let dollar = text.indexOf('$'); dollar >= 0; dollar = text.indexOf('$', from)) {
    if (dollar > from) tokens.push({ kind: 'text', text: text.slice(from, dollar) });
    const token = readReference(text, dollar, { lastClose: closes, pattern: NAMES[names] });
    tokens.push(token);
    from = dollar + token.text.length;
  }
  if (from < text.length) tokens.push({ kind: 'text', text: text.slice(from) });
  return tokens;
}

function readReference(
  text: string,
  dollar: number,
  { lastClose, pattern }: { readonly lastClose: number; readonly pattern: RegExp },
): ReferenceToken {
  const next = text[dollar + 1];
  if (next === '$') return { kind: 'escape', text: '$$' };
  const start = next === '{' ? dollar + 2 : dollar + 1;
  pattern.lastIndex = start;
  const letters = pattern.exec(text)?.[0].length ?? 0;
  if (letters === 0) return { kind: 'invalid', text: '$' };
  let end = start + letters;
  OPERATOR.lastIndex = end;
  if (OPERATOR.test(text)) end = end <= lastClose ? text.indexOf('}', end) : text.length;
  const name = text.slice(start, end);
  if (next !== '{') return { kind: 'named', text: `$${name}`, name };
  return text[end] === '}' ? { kind: 'braced', text: `\${${name}}`, name } : { kind: 'invalid', text: '$' };
}

export interface Substitution {
  /** The text after docker-app's pass. */
  readonly text: string;
  /** The error that docker-app reported, if it did. */
  readonly error?: { readonly kind: 'undefined' | 'invalid'; readonly name?: string };
  /** Names that were undefined (or a stray `$`) and became nothing without an error, because a defined reference came later. */
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
    else if (token.name === undefined) {
      error = { kind: 'invalid' };
      undefinedNames.push(token.text);
    } else {
      const value = lookup(token.name);
      if (value === undefined) {
        error = { kind: 'undefined', name: token.name };
        undefinedNames.push(token.name);
      } else {
        text += value;
        error = undefined;
        for (const name of undefinedNames) lost.push(name);
        undefinedNames = [];
      }
    }
  }
  return { text, lost, ...(error === undefined ? {} : { error }) };
}

/**
 * The pass of docker-app 0.2: `-` and `:-` give a default, `?` and `:?` an error, looked for anywhere in the reference in the order `:-`, `-`, `:?`,
 * `?`; no error is forgotten, the last one is told. A name without a value is an error, to docker/cli itself (`missing` is `empty`) it is nothing.
 */
export function substituteDefaults(
  tokens: readonly ReferenceToken[],
  lookup: (name: string) => string | undefined,
  missing: 'error' | 'empty' = 'error',
): Substitution {
  let text = '';
  let error: Substitution['error'];
  for (const token of tokens) {
    if (token.kind === 'text') text += token.text;
    else if (token.kind === 'escape') text += '$';
    else if (token.name === undefined) error = { kind: 'invalid' };
    else {
      const operator = [':-', '-', ':?', '?'].find((each) => token.name?.includes(each) === true) ?? '';
      const at = operator === '' ? token.name.length : token.name.indexOf(operator);
      const name = token.name.slice(0, at);
      const found = lookup(name);
      const value = found === '' && operator.startsWith(':') ? undefined : found;
      if (value !== undefined) text += value;
      else if (operator.endsWith('-')) text += token.name.slice(at + operator.length);
      else if (operator !== '' || missing === 'error') error = { kind: 'undefined', name };
    }
  }
  return { text, lost: [], ...(error === undefined ? {} : { error }) };
}
