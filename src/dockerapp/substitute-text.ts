import { compareText } from '../lib/bytes.ts';

/** How docker-app 0.9 put parameters into a compose part: by replacement in the whole text, comments included, before it was read as YAML. */
export interface TextToken {
  readonly kind: 'text' | 'named' | 'braced' | 'escape' | 'refused';
  readonly text: string;
  /** Parameter name of a reference. */
  readonly name?: string;
}

// Go's case folding lets these two letters pass as s and k.
const NAME = /[_a-z\u017f\u212a][_a-z0-9\u017f\u212a]*(?:\.[_a-z0-9\u017f\u212a]+)*/iy;
const OPERATOR = /(?:[_a-z\u017f\u212a][_.a-z0-9\u017f\u212a]*)(:-|-|:\?|\?)/iy;

/** Tokens of the grammar of 0.9; their texts join to the source. A run of `$` is left alone, so is what no name follows. */
export function tokenizeText(text: string): TextToken[] {
  const tokens: TextToken[] = [];
  let from = 0;
  let plain = 0;
  for (let dollar = text.indexOf('$'); dollar >= 0; dollar = text.indexOf('$', from)) {
    const token = readToken(text, dollar);
    from = dollar + (token?.text.length ?? 1);
    if (token === undefined) continue;
    if (dollar > plain) tokens.push({ kind: 'text', text: text.slice(plain, dollar) });
    tokens.push(token);
    plain = from;
  }
  if (plain < text.length) tokens.push({ kind: 'text', text: text.slice(plain) });
  return tokens;
}

function readToken(text: string, dollar: number): TextToken | undefined {
  if (text[dollar + 1] === '$') {
    let end = dollar + 2;
    while (text[end] === '$') end += 1;
    return { kind: 'escape', text: text.slice(dollar, end) };
  }
  const isBraced = text[dollar + 1] === '{';
  const start = dollar + (isBraced ? 2 : 1);
  NAME.lastIndex = start;
  const name = NAME.exec(text)?.[0];
  if (name !== undefined && !isBraced) return { kind: 'named', text: `$${name}`, name };
  if (name !== undefined && text[start + name.length] === '}') return { kind: 'braced', text: `\${${name}}`, name };
  return isBraced ? readRefused(text, dollar) : undefined;
}

/** A default or an error message: up to the last brace of the line, so it can take in more than one reference. */
function readRefused(text: string, dollar: number): TextToken | undefined {
  OPERATOR.lastIndex = dollar + 2;
  const operator = OPERATOR.exec(text);
  if (operator === null) return undefined;
  const newline = text.indexOf('\n', OPERATOR.lastIndex);
  const close = text.lastIndexOf('}', newline < 0 ? text.length : newline);
  if (close < OPERATOR.lastIndex) return undefined;
  return { kind: 'refused', text: text.slice(dollar, close + 1), name: operator[1] ?? '' };
}

/** The text after substitution, or docker-app's error with the offset of the reference. */
export type TextSubstitution =
  | { readonly text: string }
  | { readonly error: string; readonly offset: number; readonly missing: boolean };

const MAX_TEXT = 8 * 1024 * 1024;

/**
 * Replaces references one after the other, each wherever its text stands: `$foo` inside of `$foobar` too, `${foo}` inside of `$${foo}`, and a
 * reference that came in with a value where a later token has the same text. Takes time in proportion to the text, unless references meet so.
 */
export function substituteText(text: string, lookup: (name: string) => string | undefined): TextSubstitution {
  const tokens = tokenizeText(text);
  const values = new Map<string, string>();
  let offset = 0;
  for (const { kind, text: reference, name = '' } of tokens) {
    const value = kind === 'named' || kind === 'braced' ? lookup(name) : undefined;
    if (kind === 'refused') return { error: refusal(reference, name), offset, missing: false };
    if (value === undefined && (kind === 'named' || kind === 'braced')) {
      return { error: `Failed to set value for ${name}. Value not found in parameters.`, offset, missing: true };
    }
    if (value !== undefined) values.set(reference, value);
    offset += reference.length;
  }
  if (!canMeet(tokens, values)) return { text: tokens.map((token) => values.get(token.text) ?? token.text).join('') };
  let result = text;
  for (const token of tokens) {
    const value = token.name === undefined ? undefined : values.get(token.text);
    if (value === undefined) continue;
    result = result.replaceAll(token.text, () => value);
    if (result.length > MAX_TEXT)
      return { error: 'the text is too large after substitution', offset: 0, missing: false };
  }
  return { text: result };
}

function refusal(reference: string, operator: string): string {
  const [what, characters] = operator.endsWith('-')
    ? ['default value', "':' and '-'"]
    : ['custom error message', "':' and '?'"];
  return `The ${what} syntax of Compose files is not supported in Docker App. The characters ${characters} are not allowed in parameter names. Invalid parameter: ${reference}.`;
}

/** True where the text of a reference can stand in something else than its own tokens. */
function canMeet(tokens: readonly TextToken[], values: ReadonlyMap<string, string>): boolean {
  if (tokens.some(({ kind }) => kind === 'escape') || [...values.values()].some((value) => value.includes('$')))
    return true;
  const references = [...values.keys()].sort(compareText);
  return references.some((reference, i) => references[i + 1]?.startsWith(reference) === true);
}
