import { ERRORS } from '../errors.ts';
import type { Diagnostic } from '../model/app.ts';
import { FINDINGS } from '../model/findings.ts';

/** The one text of each code and severity: what is read from a file brings texts of its own. */
const WORDS = new Map<string, string>(
  [...Object.keys(ERRORS), ...Object.keys(FINDINGS), 'error', 'warning', 'note'].map((word) => [word, word]),
);

/** Texts that are looked for among those of other apps: the first ones, as the words of most findings come again and again. */
const MAX_SHARED = 16_384;
const LONGEST_SHARED = 512;

/** Gives findings in as little memory as they can take: nothing of the text that they are about, and once what they have in common. */
export type CompactFindings = (diagnostics: readonly Diagnostic[]) => Diagnostic[];

/** For all apps of a run. */
export function createCompactFindings(): CompactFindings {
  const shared = new Map<string, string>();
  return (diagnostics) => {
    const own = new Map<string, string>();
    const keep = (text: string, isCommon: boolean): string => {
      const known = shared.get(text) ?? own.get(text);
      if (known !== undefined) return known;
      // A part of a text keeps the whole text alive. A copy does not.
      const copy = JSON.parse(JSON.stringify(text)) as string;
      const isShared = isCommon && shared.size < MAX_SHARED && text.length <= LONGEST_SHARED;
      (isShared ? shared : own).set(text, copy);
      return copy;
    };
    return diagnostics.map(({ code, severity, message, hint, location }) => ({
      code: (WORDS.get(code) ?? code) as Diagnostic['code'],
      severity: (WORDS.get(severity) ?? severity) as Diagnostic['severity'],
      message: keep(message, true),
      ...(hint === undefined ? {} : { hint: keep(hint, true) }),
      ...(location === undefined ? {} : { location: { ...location, path: keep(location.path, false) } }),
    }));
  };
}
