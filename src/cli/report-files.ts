import { join, relative, resolve } from 'node:path';
import { renderHtml } from '../report/html.ts';
import { renderJson } from '../report/json.ts';
import { renderJunit } from '../report/junit.ts';
import { renderMarkdown } from '../report/markdown.ts';
import { renderMetrics } from '../report/metrics.ts';
import { buildRunReport, type RunReport, type RunReportInput } from '../report/run-report.ts';
import type { ReportFormat, ReportRequest } from './options.ts';
import { readOptional, writeOutput } from './output.ts';

/** `former` is the text that is replaced. */
const RENDERERS: Readonly<Record<ReportFormat, (report: RunReport, former: string) => Iterable<string>>> = {
  html: renderHtml,
  json: renderJson,
  md: (report) => [renderMarkdown(report)],
  junit: renderJunit,
  metrics: renderMetrics,
};

/** The largest file of metrics that is read again. */
const MAX_METRICS = 1024 * 1024;

/** Writes `report.json`, `report.html` and `report.md` into `out`, and the reports that were asked for beside them; JSON first. */
export async function writeReports(
  input: RunReportInput,
  places: {
    readonly out: string;
    readonly cwd: string;
    readonly requests: readonly ReportRequest[];
    /** What goes into `out`. */
    readonly formats?: readonly ('json' | 'html' | 'md')[];
  },
): Promise<RunReport> {
  const { out, cwd, requests, formats = ['json', 'html', 'md'] } = places;
  const fixed = formats.map((format) => ({ format, path: join(out, `report.${format}`) }));
  const shown = (name: string): string => relative(cwd, join(out, name));
  const asked = (format: ReportFormat): string | undefined => requests.find((each) => each.format === format)?.path;
  const [junit, metrics] = [asked('junit'), asked('metrics')];
  const report = buildRunReport({
    ...input,
    outputs: {
      ...input.outputs,
      ...(formats.includes('html') ? { html: shown('report.html') } : {}),
      json: shown('report.json'),
      ...(formats.includes('md') ? { markdown: shown('report.md') } : {}),
      ...(junit === undefined ? {} : { junit }),
      ...(metrics === undefined ? {} : { metrics }),
    },
  });
  for (const { format, path } of [...fixed, ...requests]) {
    const absolute = resolve(cwd, path);
    const former = format === 'metrics' ? await readOptional(absolute) : undefined;
    const text = former === undefined || former.byteLength > MAX_METRICS ? '' : former.toString('utf8');
    await writeOutput(absolute, RENDERERS[format](report, text));
  }
  return report;
}
