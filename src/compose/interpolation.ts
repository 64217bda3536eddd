import { RebundleError } from '../errors.ts';

/** The two grammars of `$` that devices have: docker-compose 1.29 and Docker Compose v2 with compose-go v2.x. */
export type ComposeGeneration = '1.29' | 'v2';

type ComposeOperator = '-' | ':-' | '?' | ':?' | '+' | ':+';

/** A piece of a text; the `text` of all pieces joined is the source. */
type ComposeToken =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'escape'; readonly text: string }
  | { readonly kind: 'named'; readonly text: string; readonly name: string }
  | {
      readonly kind: 'braced';
      readonly text: string;
      readonly name: string;
      readonly operator?: ComposeOperator;
      /** What stands after the operator, as written: a default, a message or an alternative. */
      readonly operand?: string;
    }
  | { readonly kind: 'invalid'; readonly text: string; readonly reason: string };

// Python's and Go's case folding let these four letters pass as i, i, s and k.
const FOLDED = { '1.29': '\u0130\u0131\u017f\u212a', v2: '\u017f\u212a' } as const;
const NAME = { '1.29': nameExpression('1.29'), v2: nameExpression('v2') } as const;
const OPERATOR = { '1.29': /:?[-?]/y, v2: /:?[-?+]/y } as const;
const MAX_NESTING = 50;

function nameExpression(generation: ComposeGeneration): RegExp {
  const letters = `_a-zA-Z${FOLDED[generation]}`;
  return new RegExp(`[${letters}][${letters}0-9]*`, 'y');
}

/** A text that is split, with what each `$` asks about the braces behind it. */
interface Source {
  readonly text: string;
  readonly generation: ComposeGeneration;
  readonly lastClose: number;
  /** For v2: each opening brace and the one that closes it. */
  closing?: ReadonlyMap<number, number>;
}

/** Splits a text by the grammar of one generation. Total: what that generation refuses comes as an `invalid` token. */
export function tokenizeCompose(text: string, generation: ComposeGeneration): ComposeToken[] {
  const source: Source = { text, generation, lastClose: text.lastIndexOf('}') };
  const tokens: ComposeToken[] = [];
  let literal = 0;
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0) break;
    const token = readToken(source, dollar);
    at = dollar + Math.max(token?.text.length ?? 0, 1);
    if (token === undefined) continue;
    if (dollar > literal) tokens.push({ kind: 'literal', text: text.slice(literal, dollar) });
    tokens.push(token);
    literal = at;
  }
  if (literal < text.length) tokens.push({ kind: 'literal', text: text.slice(literal) });
  return tokens;
}

/** The token at a `$`; undefined where the `$` is ordinary text. */
function readToken(source: Source, dollar: number): ComposeToken | undefined {
  const { text, generation } = source;
  const next = text[dollar + 1];
  if (next === '$') return { kind: 'escape', text: '$$' };
  if (next === '{') return readBraced(source, dollar);
  const name = matchAt(NAME[generation], text, dollar + 1);
  if (name !== undefined) return { kind: 'named', text: `$${name}`, name };
  if (generation === 'v2') return undefined;
  return { kind: 'invalid', text: '$', reason: "a '$' must be followed by a name, a '{' or another '$'" };
}

function readBraced(source: Source, dollar: number): ComposeToken {
  const { text, generation } = source;
  const invalid = (reason: string): ComposeToken => {
    const close = findClose(source, dollar);
    return { kind: 'invalid', text: close < 0 ? '${' : text.slice(dollar, close + 1), reason };
  };
  const name = matchAt(NAME[generation], text, dollar + 2);
  if (name === undefined) return invalid("a name must follow '${'");
  const afterName = dollar + 2 + name.length;
  if (text[afterName] === '}') return { kind: 'braced', text: text.slice(dollar, afterName + 1), name };
  const operator = matchAt(OPERATOR[generation], text, afterName) as ComposeOperator | undefined;
  if (operator === undefined) return invalid(`'${name}' is not followed by '}' or an operator`);
  const start = afterName + operator.length;
  const close = generation === 'v2' ? findMatching(source, dollar + 1) : findClose(source, start);
  if (close < 0) return invalid("a '{' is not closed as all releases expect it");
  const operand = text.slice(start, close);
  if (generation === 'v2' && operand.includes('\n')) return invalid('a default holds a line break');
  return { kind: 'braced', text: text.slice(dollar, close + 1), name, operator, operand };
}

/** The next closing brace; asks once whether there is one, so that many open ones stay cheap. */
function findClose(source: Source, from: number): number {
  return from > source.lastClose ? -1 : source.text.indexOf('}', from);
}

/** The brace that closes an opening one, as compose-go counts them: -1 where braces do not balance. */
function findMatching(source: Source, open: number): number {
  source.closing ??= matchBraces(source.text);
  return source.closing.get(open) ?? -1;
}

function matchBraces(text: string): Map<number, number> {
  const open: number[] = [];
  const closing = new Map<number, number>();
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{') open.push(i);
    const start = text[i] === '}' ? open.pop() : undefined;
    if (start !== undefined) closing.set(start, i);
  }
  return closing;
}

function matchAt(expression: RegExp, text: string, at: number): string | undefined {
  expression.lastIndex = at;
  return expression.exec(text)?.[0];
}

/**
 * The text as compose sees it; an unset name without a default is empty. Under `1.29` a default is plain text (`$$` stays), under `v2` it is
 * interpolated itself. Throws INTERPOLATION_INVALID for what the generation refuses and for a `?` whose variable has no value.
 */
export function interpolateCompose(
  text: string,
  environment: (name: string) => string | undefined,
  generation: ComposeGeneration,
): string {
  return interpolateNested(text, environment, generation, 0);
}

function interpolateNested(
  text: string,
  environment: (name: string) => string | undefined,
  generation: ComposeGeneration,
  depth: number,
): string {
  if (depth > MAX_NESTING) throw refused(text, `defaults are nested more than ${MAX_NESTING} deep`);
  const operandOf = (operand: string): string =>
    generation === 'v2' ? interpolateNested(operand, environment, generation, depth + 1) : operand;
  let result = '';
  for (const token of tokenizeCompose(text, generation)) {
    if (token.kind === 'invalid') throw refused(text, token.reason);
    if (token.kind === 'literal') result += token.text;
    else if (token.kind === 'escape') result += '$';
    else if (token.kind === 'named') result += environment(token.name) ?? '';
    else result += applyOperator(text, token, environment(token.name), operandOf);
  }
  return result;
}

function applyOperator(
  text: string,
  token: ComposeToken & { kind: 'braced' },
  value: string | undefined,
  operandOf: (operand: string) => string,
): string {
  const { operator, operand: raw = '' } = token;
  if (operator === undefined) return value ?? '';
  // compose-go reads the operand first, so a fault in it counts even where it is not used.
  const operand = operandOf(raw);
  const given = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
  if (operator.endsWith('+')) return given ? operand : '';
  if (given) return value ?? '';
  if (operator.endsWith('-')) return operand;
  throw refused(text, `the variable ${token.name} must have a value${operand === '' ? '' : `: ${operand}`}`);
}

function refused(text: string, reason: string): RebundleError {
  return new RebundleError('INTERPOLATION_INVALID', `compose cannot interpolate ${JSON.stringify(text)}: ${reason}`, {
    hint: "Write '$$' where a literal '$' is meant.",
  });
}
