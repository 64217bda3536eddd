import { encodeJson } from '../lib/escape-text.ts';
import { jsonChunks } from '../lib/json-chunks.ts';
import type { RunReport } from './run-report.ts';

/** The report as JSON, in pieces: two spaces, a final newline, control and bidi characters as `\u` escapes. */
export function renderJson(report: RunReport): Iterable<string> {
  return jsonChunks({ ...report, apps: listApps(report) }, encodeJson);
}

function* listApps({ apps }: RunReport): Generator<object> {
  for (const { details, ...app } of apps) yield { ...app, ...details() };
}
