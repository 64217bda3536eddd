/** What libyaml and its ports refuse in a text, wherever it stands. */
export interface TextFault {
  readonly offset: number;
  readonly message: string;
}

const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]/;
const DIRECTIVE = /^%(?:YAML[ \t]+1\.[0-9]+|TAG[ \t]+\S+[ \t]+\S+)[ \t]*(?:#.*)?$/;

/** Control characters, and directives that no reader knows. */
export function findTextFault(text: string): TextFault | undefined {
  const control = text.search(CONTROL);
  if (control >= 0) return { offset: control, message: 'control characters are not allowed' };
  let offset = text.startsWith('\ufeff') ? 1 : 0;
  while (text[offset] === '%' || text[offset] === '#' || text[offset] === '\n') {
    const newline = text.indexOf('\n', offset);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(offset, end).replace(/\r$/, '');
    if (line.startsWith('%') && !DIRECTIVE.test(line)) return { offset, message: 'found unknown directive name' };
    if (newline < 0) break;
    offset = end + 1;
  }
  return undefined;
}

/** Where a plain text is followed by a tab that stands in for indentation; undefined where it is not. */
export function findTabAfter(text: string, end: number, column: number): number | undefined {
  const blank = /[ \t]*(?:\r?\n *)+\t/y;
  blank.lastIndex = end;
  const match = blank.exec(text);
  if (match === null) return undefined;
  const tab = end + match[0].length - 1;
  return tab - (text.lastIndexOf('\n', tab - 1) + 1) <= column ? tab : undefined;
}

/** The parser is stricter here: a comment may follow a value without a blank. */
export function isTolerated(message: string): boolean {
  return message.startsWith('Comments must be separated from other tokens');
}

export function isAnchorName(name: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(name);
}
