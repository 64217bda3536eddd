/** C0, DEL and C1 controls, and what hides or reorders text: soft hyphen, zero widths, bidi controls, separators, tags, lone surrogates. */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}\ud800-\udfff]/gu;

/** Nothing but printable ASCII: nearly every text, and told far sooner. */
const PLAIN = /^[ -~]*$/;
const PLAIN_LINES = /^[\n -~]*$/;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0xff) return SHORT[character] ?? `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}

/** Makes foreign text safe to show on one line anywhere: control, bidi and invisible characters become visible escapes. */
export function escapeTerminal(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNSAFE, escapeCharacter);
}

/** JSON in which the characters of `escapeTerminal` are `\u` escapes: the same value, but safe to look at. */
export function encodeJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent);
  if (PLAIN_LINES.test(text)) return text;
  // Line feeds can only be those of the indent: JSON.stringify escapes the ones inside strings.
  return text.replace(UNSAFE, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, i) => {
          return `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
        }).join(''),
  );
}

const ZERO_WIDTH = /[\p{Mn}\p{Me}]/u;
const DOUBLE_WIDTH =
  /[\u1100-\u115e\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

function widthOf(character: string): number {
  if (character <= '\u02ff') return 1;
  return ZERO_WIDTH.test(character) ? 0 : DOUBLE_WIDTH.test(character) ? 2 : 1;
}

/** Columns that an escaped text without colours takes on a terminal. */
export function terminalWidth(text: string): number {
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** Cuts an escaped text without colours to at most `width` columns; a cut text ends in `…`. */
export function fitTerminal(text: string, width: number): string {
  if (terminalWidth(text) <= width) return text;
  if (width < 1) return '';
  let result = '';
  let used = 0;
  for (const character of text) {
    used += widthOf(character);
    if (used > width - 1) break;
    result += character;
  }
  return `${result}…`;
}
