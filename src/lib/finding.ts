import { ERRORS, type ErrorCode, type RebundleError, type SourceLocation } from '../errors.ts';
import type { Diagnostic } from '../model/app.ts';
import { FINDINGS, type FindingCode } from '../model/findings.ts';

/** UTF-16 units of a message: what it quotes may be as long as the package. */
const MAX_MESSAGE = 2000;

/**
 * Makes a diagnostic with the severity that its code has; an error code is always an error, its hint defaults to the code's help. A message that is
 * too long to be read is cut.
 */
export function finding(
  code: FindingCode | ErrorCode,
  message: string,
  details: { readonly hint?: string; readonly location?: SourceLocation } = {},
): Diagnostic {
  const severity = code in FINDINGS ? FINDINGS[code as FindingCode].severity : 'error';
  const hint = details.hint ?? (code in ERRORS ? ERRORS[code as ErrorCode].help : undefined);
  return {
    code,
    severity,
    message: shorten(message),
    ...(hint === undefined ? {} : { hint }),
    ...(details.location === undefined ? {} : { location: details.location }),
  };
}

/** Findings of one code that one app shows. */
const MAX_OF_CODE = 1000;

/** The first findings of each code, and one for all others of it, which says how many they are: more of them help nobody. */
export function capFindings(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const counts = new Map<string, number>();
  for (const { code } of diagnostics) counts.set(code, (counts.get(code) ?? 0) + 1);
  const seen = new Map<string, number>();
  return diagnostics.flatMap((diagnostic) => {
    const place = (seen.get(diagnostic.code) ?? 0) + 1;
    seen.set(diagnostic.code, place);
    if (place <= MAX_OF_CODE) return [diagnostic];
    if (place > MAX_OF_CODE + 1) return [];
    const more = (counts.get(diagnostic.code) ?? 0) - MAX_OF_CODE;
    return [{ ...diagnostic, message: `and ${more} more, from here on` }];
  });
}

function shorten(message: string): string {
  if (message.length <= MAX_MESSAGE) return message;
  return `${message.slice(0, MAX_MESSAGE).replace(/[\ud800-\udbff]$/, '')}...`;
}

/** The finding that stands for an error which ended the work on an app. */
export function errorFinding(error: RebundleError): Diagnostic {
  return finding(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.location === undefined ? {} : { location: error.location }),
  });
}
