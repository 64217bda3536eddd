/** One way of authentication that a server offers. */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By lower-case name; of one that is given twice the first counts. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly token68?: string;
}

const MAX_HEADER = 16 * 1024;
const MAX_CHALLENGES = 16;
const MAX_PARAMETERS = 32;

const BLANKS = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const PARAMETER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
/** Some servers write URLs without quotes; a blank or comma ends them. */
const UNQUOTED = /[^\s,"]*/y;
const REST = /(?:"(?:[^"\\]|\\.)*"|[^,"])*(?:"[^"]*$)?/y;

/**
 * Reads `WWW-Authenticate` headers (RFC 9110, section 11.6.1): several challenges in one header or in several, quoted strings, token68.
 * What cannot be read is passed over up to the next comma.
 */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  return headers.flatMap((header) => parseHeader(header.slice(0, MAX_HEADER))).slice(0, MAX_CHALLENGES);
}

function parseHeader(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = position;
    const match = pattern.exec(header) ?? undefined;
    if (match !== undefined) position = pattern.lastIndex;
    return match;
  };
  while (challenges.length < MAX_CHALLENGES) {
    take(SEPARATORS);
    if (position >= header.length) return challenges;
    const scheme = take(TOKEN)?.[0];
    if (scheme === undefined) {
      if ((take(REST)?.[0] ?? '') === '') position += 1;
      continue;
    }
    take(BLANKS);
    const token68 = take(TOKEN68)?.[0];
    const parameters = token68 === undefined ? takeParameters(take) : new Map<string, string>();
    challenges.push({
      scheme: scheme.toLowerCase(),
      parameters,
      ...(token68 === undefined ? {} : { token68 }),
    });
  }
  return challenges;
}

function takeParameters(take: (pattern: RegExp) => RegExpExecArray | undefined): Map<string, string> {
  const parameters = new Map<string, string>();
  for (let count = 0; count < MAX_PARAMETERS; count += 1) {
    const name = take(PARAMETER)?.[1]?.toLowerCase();
    if (name === undefined) return parameters;
    const quoted = take(QUOTED)?.[1]?.replace(/\\(.)/g, '$1');
    const value = quoted ?? take(UNQUOTED)?.[0] ?? '';
    // An unfinished quoted string ends the challenge.
    if (!parameters.has(name)) parameters.set(name, value);
    take(SEPARATORS);
  }
  return parameters;
}
