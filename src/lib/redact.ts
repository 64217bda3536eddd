import type { VariableMapping } from '../model/app.ts';

/** What stands in place of a secret, in every format. */
export const MASK = '(masked)';

const SECRET_WORDS = new Set(
  'pass pwd pw psk passphrase passcode key keys salt cookie bearer authorization creds pat jwt otp totp hmac'.split(
    ' ',
  ),
);
const SECRET_ENDINGS = /(?:password|passwd|passwords|secret|secrets|token|tokens|credential|credentials|key)$/;
const HARMLESS = new Set(['monkey', 'donkey', 'turkey', 'hotkey', 'whiskey', 'hockey', 'pubkey', 'publickey']);

/** What each of those words holds: most names hold none of it, and are not taken apart. */
const SECRET_PARTS = /pass|pw|psk|key|salt|cookie|bearer|authorization|cred|pat|jwt|otp|hmac|secret|token/;

/** True where the name of a parameter or variable says that its value is a secret: `db.password`, `API_KEY`, `authToken`. */
export function looksSecret(name: string): boolean {
  if (!SECRET_PARTS.test(name.toLowerCase())) return false;
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  return words.some(
    (word, i) =>
      (SECRET_WORDS.has(word) || (SECRET_ENDINGS.test(word) && !HARMLESS.has(word))) &&
      !(words[i - 1] === 'public' && word === 'key'),
  );
}

/** Masks the user part of URLs: `https://user:password@host` becomes `https://(masked)@host`. */
export function maskUrlCredentials(text: string): string {
  if (!text.includes('://')) return text;
  return text.replace(/:\/\/([^\s/?#]*)@/g, (whole, user: string) => (user === 'git' ? whole : `://${MASK}@`));
}

/** Values that say nothing, and that would black out unrelated text if they were searched for. */
const TRIVIAL = /^(?:true|false|null|none|yes|no|on|off|default)$/i;
const SHORTEST_SEARCHED = 4;

/** A secret as it can stand in YAML and compose text: as it is, with `$` doubled once and twice, and in both quotings. */
function spellings(value: string): string[] {
  return value.split(/\r?\n/).flatMap((line) => {
    const text = line.trim();
    if (text.length < SHORTEST_SEARCHED || TRIVIAL.test(text)) return [];
    const dollars = [
      text,
      text.replaceAll('$', '$$$$'),
      text.replaceAll('$', '$$$$$$$$'),
      text.replaceAll('$', '\\x24'),
    ];
    return dollars.flatMap((form) => [form, form.replaceAll("'", "''"), form.replace(/["\\]/g, '\\$&')]);
  });
}

/** The end of the `${` expression whose content starts at `from`: the offset of its `}`, or of the line's end. */
function expressionEnd(text: string, from: number): number {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    const character = text[i];
    if (character === '\n') return i;
    if (character === '{') depth += 1;
    if (character === '}') depth -= 1;
    if (depth === 0) return i;
  }
  return text.length;
}

function maskExpressions(text: string, isSecret: (name: string) => boolean): string {
  if (!text.includes('${')) return text;
  const opening = /\$\{([A-Za-z0-9_.]{1,256}):?[-+=?]/g;
  let result = '';
  let from = 0;
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    if (!isSecret(match[1] ?? '')) continue;
    const end = expressionEnd(text, opening.lastIndex);
    if (end > opening.lastIndex) result += text.slice(from, opening.lastIndex) + MASK;
    else result += text.slice(from, end);
    from = end;
    opening.lastIndex = end;
  }
  return result + text.slice(from);
}

/**
 * Makes the function that masks free text about one app: the values of its secret parameters in each spelling, the default in
 * `${secret-default}`, and URL credentials. Values under four characters are masked only where their name stands beside them.
 */
export function createMask(variables: readonly VariableMapping[]): (text: string) => string {
  const secrets = variables.filter(({ parameter, variable }) => looksSecret(parameter) || looksSecret(variable ?? ''));
  const names = new Set(secrets.flatMap(({ parameter, variable }) => [parameter, variable ?? parameter]));
  const values = [...new Set(secrets.flatMap(({ value }) => spellings(value)))].sort((a, b) => b.length - a.length);
  return (text) => {
    const expressions = maskExpressions(text, (name) => names.has(name) || looksSecret(name));
    const masked = values.reduce((result, value) => result.replaceAll(value, MASK), expressions);
    return maskUrlCredentials(masked);
  };
}

const ASSIGNMENT = /([A-Za-z0-9_.-]{1,64})["']?\s*(?::\s|=)\s*/g;
const ONLY_REFERENCES = /^(?:\$\{[^}\n]*\}|\$[A-Za-z_]\w*|\(masked\)|[\s"',}\]])*$/;
const BLOCK_HEADER = /^[|>][-+0-9]*\s*(?:#.*)?$/;

/** Masks what follows a secret name and `:` or `=`. `opensBlock`: the value is a block scalar on the next lines. */
function maskAssignments(line: string): { text: string; opensBlock: boolean } {
  if (!SECRET_PARTS.test(line.toLowerCase())) return { text: line, opensBlock: false };
  for (const match of line.matchAll(ASSIGNMENT)) {
    if (!looksSecret(match[1] ?? '')) continue;
    const start = match.index + match[0].length;
    const value = line.slice(start);
    if (BLOCK_HEADER.test(value)) return { text: line, opensBlock: true };
    if (!ONLY_REFERENCES.test(value)) return { text: line.slice(0, start) + MASK, opensBlock: false };
  }
  return { text: line, opensBlock: false };
}

/** True for the two file lines that may open a unified diff and for the lines that open a hunk. `index` is from 0. */
function isDiffHeader(line: string, index: number): boolean {
  return line.startsWith('@@') || (index < 2 && /^(?:--- |\+\+\+ )/.test(line));
}

/** Masks a unified diff of YAML: all that `mask` finds, and what is assigned to a key with a secret name. */
export function maskDiff(diff: string, mask: (text: string) => string): string {
  // Nothing to mask in the whole is nothing to mask in a line of it.
  if (!SECRET_PARTS.test(diff.toLowerCase()) && mask(diff) === diff) return diff;
  let block: number | undefined;
  return diff
    .split('\n')
    .map((line, i) => {
      if (isDiffHeader(line, i)) {
        block = undefined;
        return mask(line);
      }
      const body = line.slice(1);
      const indent = body.length - body.trimStart().length;
      if (block !== undefined && (indent > block || body.trim() === '')) {
        return body.trim() === '' ? line : line.slice(0, 1 + indent) + MASK;
      }
      const { text, opensBlock } = maskAssignments(mask(body));
      block = opensBlock ? indent : undefined;
      return line.slice(0, 1) + text;
    })
    .join('\n');
}

/** The parameter table with the values of secrets masked. */
export function maskVariables(variables: readonly VariableMapping[]): VariableMapping[] {
  const mask = createMask(variables);
  return variables.map((each) => {
    const secret = looksSecret(each.parameter) || looksSecret(each.variable ?? '');
    return { ...each, value: secret && each.value !== '' ? MASK : mask(each.value) };
  });
}
