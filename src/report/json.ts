import { encodeJson } from '../lib/escape-text.ts';
import type { RunReport } from './run-report.ts';

/** The report as JSON: two spaces, a final newline, control and bidi characters as `\u` escapes. */
export function renderJson(report: RunReport): string {
  return `${encodeJson(report, 2)}\n`;
}
