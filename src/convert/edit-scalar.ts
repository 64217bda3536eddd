import { tokenizeReferences } from '../dockerapp/references.ts';
import type { YamlScalar } from '../lib/yaml.ts';
import { readPlain } from '../lib/yaml-scalars.ts';
import type { EditOrigin, TextEdit } from '../model/app.ts';

/** What a scalar's `$` tokens become. */
export interface ScalarPieces {
  /** One text for each token of the value, in order. */
  readonly pieces: readonly string[];
  /** Why each of them is other than it was. */
  readonly origins: readonly (EditOrigin | undefined)[];
}

/**
 * Edits that change a scalar's `$` tokens to the pieces in the raw source. Where the raw source is not token for token the value, or the new text
 * does not fit the style, the whole scalar becomes double-quoted. `text` is the source document.
 */
export function editScalar(text: string, node: YamlScalar, change: ScalarPieces, inFlow: boolean): TextEdit[] {
  const { pieces, origins } = change;
  const value = tokenizeReferences(node.value);
  if (pieces.every((piece, i) => piece === value[i]?.text)) return [];
  const whole = (): TextEdit[] => [{ ...quoteScalar(text, node, pieces.join('')), origin: joinOrigins(origins) }];
  const raw = tokenizeReferences(text.slice(node.start, node.end));
  const references = value.flatMap((token, i) =>
    token.kind === 'text' ? [] : [{ text: token.text, piece: pieces[i] ?? '', origin: origins[i] }],
  );
  const rawReferences = raw.filter((token) => token.kind !== 'text');
  const aligned =
    rawReferences.length === references.length && rawReferences.every((token, i) => token.text === references[i]?.text);
  if (!aligned) return whole();
  const edits: TextEdit[] = [];
  let at = node.start;
  let next = 0;
  for (const token of raw) {
    if (token.kind !== 'text') {
      const { piece = '', origin } = references[next++] ?? {};
      const escaped = escapeFor(node.style, piece);
      if (escaped === undefined) return whole();
      if (escaped !== token.text) {
        edits.push({
          start: at,
          end: at + token.text.length,
          text: escaped,
          ...(origin === undefined ? {} : { origin }),
        });
      }
    }
    at += token.text.length;
  }
  if (node.style === 'plain' && !isPlainText(pieces.join(''), inFlow)) return whole();
  return edits;
}

/** The reason for a scalar that is replaced as a whole. */
export function joinOrigins(origins: readonly (EditOrigin | undefined)[]): EditOrigin {
  const found = origins.filter((origin) => origin !== undefined);
  const [first] = found;
  if (first === undefined) return { rule: 'value' };
  const same = found.every(({ rule, parameter }) => rule === first.rule && parameter === first.parameter);
  if (same) return first;
  const rule = found.find((origin) => origin.rule === 'variable')?.rule ?? 'value';
  const names = [...new Set(found.flatMap(({ parameter }) => (parameter === undefined ? [] : [parameter])))];
  return names.length === 1
    ? { rule, parameter: names[0]! }
    : { rule, detail: names.length === 0 ? '' : `parameters ${names.join(', ')}` };
}

/**
 * A block scalar that the end of the text cuts off has no final line end in its value. Once a line end follows, its header must say so; undefined
 * where nothing needs to be said.
 */
export function chompBlock(text: string, node: YamlScalar): TextEdit | undefined {
  if ((node.style !== 'literal' && node.style !== 'folded') || node.end < text.length || text.endsWith('\n'))
    return undefined;
  const header = /^[|>][1-9]?[-+]?[1-9]?/.exec(text.slice(node.start))?.[0] ?? '';
  if (header.includes('-') || header === '') return undefined;
  const chomped = header.includes('+') ? header.replace('+', '-') : `${header}-`;
  return { start: node.start, end: node.start + header.length, text: chomped };
}

/** The scalar as a double-quoted one. */
export function quoteScalar(text: string, node: YamlScalar, value: string): TextEdit {
  return replaceScalar(text, node, quoteDouble(value));
}

/** Other source text in place of a scalar; the line end that belongs to a block scalar stays. */
export function replaceScalar(text: string, node: YamlScalar, replacement: string): TextEdit {
  const isBlock = node.style === 'literal' || node.style === 'folded';
  const lineEnd = isBlock ? (/\r?\n$/.exec(text.slice(node.start, node.end))?.[0] ?? '') : '';
  return { start: node.start, end: node.end, text: replacement + lineEnd };
}

/** A double-quoted YAML scalar on one line: printable text as it is, all else escaped. */
export function quoteDouble(value: string): string {
  return `"${escapeDouble(value)}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
};
const UNPRINTABLE = /[\\"\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ud800-\udfff]/gu;

function escapeDouble(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return ESCAPES[character] ?? (code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`);
  });
}

/** The text inside a scalar of that style; undefined where the style cannot say it. */
function escapeFor(style: YamlScalar['style'], text: string): string | undefined {
  if (style === 'double') return escapeDouble(text);
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/.test(text)) return undefined;
  return style === 'single' ? text.replaceAll("'", "''") : text;
}

/** True where the text, written plain, is one text to every YAML reader. Stricter than YAML: a doubt means quotes. */
function isPlainText(text: string, inFlow: boolean): boolean {
  if (text === '' || text !== text.trim() || /[\r\n]/.test(text)) return false;
  if (/^[!&*|>@`"'%#,[\]{}]/.test(text) || /^[-?:](?:\s|$)/.test(text) || /^(?:---|\.\.\.)/.test(text)) return false;
  if (/:(?:\s|$)|\s#/.test(text)) return false;
  if (inFlow && /[,[\]{}:]/.test(text)) return false;
  return (['go-v2', 'python', 'go-v3'] as const).every((reader) => readPlain(text, reader).type === 'string');
}
