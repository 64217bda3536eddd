/**
 * Splits a command as mattn/go-shellwords does (docker-app, Docker Compose v2): words end at `;`, `&`, `|`, `<` and `>` outside quotes, and what
 * follows is dropped; a backslash takes the next character anywhere but in single quotes. Undefined where it refuses the text.
 */
export function splitGoWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word = '';
  let state: 'none' | 'bare' | 'quoted' = 'none';
  let escaped = false;
  let quote: '' | '"' | "'" | '`' | '(' = '';
  for (const character of text) {
    if (escaped) {
      word += character;
      escaped = false;
      state = 'bare';
    } else if (character === '\\' && quote !== "'") escaped = true;
    else if (/[ \t\r\n]/.test(character) && quote === '') {
      if (state !== 'none') words.push(word);
      word = '';
      state = 'none';
    } else if ((character === '"' || character === "'") && (quote === '' || quote === character || quote === '`')) {
      // Inside backticks a quote opens nothing here that a command could use: the text ends up refused or as it is.
      if (quote === '`') word += character;
      else {
        if (quote === character) state = 'quoted';
        quote = quote === '' ? character : '';
      }
    } else if (character === '`' && (quote === '' || quote === '`')) {
      quote = quote === '' ? '`' : '';
      word += character;
      state = 'bare';
    } else if (character === '(' && (quote === '' || quote === '(')) {
      if (quote === '(' || !word.endsWith('$')) return undefined;
      quote = '(';
      word += character;
    } else if (character === ')' && (quote === '' || quote === '(')) {
      quote = quote === '' ? '(' : '';
      word += character;
      state = 'bare';
    } else if (quote === '' && /[;&|<>]/.test(character)) {
      if (character === '>' && /^[0-9]/.test(word)) state = 'none';
      break;
    } else {
      word += character;
      state = 'bare';
    }
  }
  if (escaped || quote !== '') return undefined;
  if (state !== 'none') words.push(word);
  return words;
}

/** Splits a command as Python's `shlex.split` does (docker-compose 1.x). Undefined where it refuses the text. */
export function splitPythonWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    const next = text[i + 1];
    if (quote === "'" || quote === '"') {
      if (character === quote) quote = '';
      else if (character === '\\' && quote === '"') {
        if (next === undefined) return undefined;
        word += next === '"' || next === '\\' ? next : character + next;
        i++;
      } else word += character;
    } else if (/[ \t\r\n]/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= '';
    } else if (character === '\\') {
      if (next === undefined) return undefined;
      word = (word ?? '') + next;
      i++;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
