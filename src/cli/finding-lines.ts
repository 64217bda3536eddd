import { formatLocation } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { Diagnostic } from '../model/app.ts';

/** A finding as one line, `path:line:column: severity code: message`, and its hint on a second one. */
export function formatFinding({ code, severity, message, hint, location }: Diagnostic): string {
  const place = location === undefined ? '' : `${escapeTerminal(formatLocation(location))}: `;
  const advice = hint === undefined ? '' : `  fix: ${escapeTerminal(hint)}\n`;
  return `${place}${severity} ${code}: ${escapeTerminal(message)}\n${advice}`;
}
