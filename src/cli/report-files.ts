import { join, relative, resolve } from 'node:path';
import { renderHtml } from '../report/html.ts';
import { renderJson } from '../report/json.ts';
import { renderMarkdown } from '../report/markdown.ts';
import { buildRunReport, type RunReport, type RunReportInput } from '../report/run-report.ts';
import type { ReportFormat, ReportRequest } from './options.ts';
import { writeOutput } from './output.ts';

const RENDERERS: Readonly<Record<ReportFormat, (report: RunReport) => Iterable<string>>> = {
  html: renderHtml,
  json: renderJson,
  md: (report) => [renderMarkdown(report)],
};

/** Writes `report.html`, `report.json` and `report.md` into `out`, and the reports that were asked for beside them. */
export async function writeReports(
  input: RunReportInput,
  places: { readonly out: string; readonly cwd: string; readonly requests: readonly ReportRequest[] },
): Promise<RunReport> {
  const { out, cwd } = places;
  const fixed = (['html', 'json', 'md'] as const).map((format) => ({ format, path: join(out, `report.${format}`) }));
  const shown = (name: string): string => relative(cwd, join(out, name));
  const report = buildRunReport({
    ...input,
    outputs: { ...input.outputs, html: shown('report.html'), json: shown('report.json'), markdown: shown('report.md') },
  });
  for (const { format, path } of [...fixed, ...places.requests]) {
    await writeOutput(resolve(cwd, path), RENDERERS[format](report));
  }
  return report;
}
