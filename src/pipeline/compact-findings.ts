import { ERRORS } from '../errors.ts';
import type { Diagnostic } from '../model/app.ts';
import { FINDINGS } from '../model/findings.ts';

/** The one text of each code and severity: what is read from a file brings texts of its own. */
const WORDS = new Map<string, string>(
  [...Object.keys(ERRORS), ...Object.keys(FINDINGS), 'error', 'warning', 'note'].map((word) => [word, word]),
);

/** The same findings in as little memory as they can take: nothing of the text that they are about, and what they have in common once. */
export function compactFindings(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const texts = new Map<string, string>();
  const share = (text: string): string => {
    // A part of a text keeps the whole text alive. A copy does not.
    const copy = texts.get(text) ?? (JSON.parse(JSON.stringify(text)) as string);
    texts.set(text, copy);
    return copy;
  };
  return diagnostics.map(({ code, severity, message, hint, location }) => ({
    code: (WORDS.get(code) ?? code) as Diagnostic['code'],
    severity: (WORDS.get(severity) ?? severity) as Diagnostic['severity'],
    message: share(message),
    ...(hint === undefined ? {} : { hint: share(hint) }),
    ...(location === undefined ? {} : { location: { ...location, path: share(location.path) } }),
  }));
}
