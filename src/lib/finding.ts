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
