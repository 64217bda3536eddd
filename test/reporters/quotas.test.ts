import { expect, test } from 'vitest';
import { renderHtml } from '../../src/report/html.ts';
import { renderJson } from '../../src/report/json.ts';
import { renderMetrics } from '../../src/report/metrics.ts';
import { parseReport } from '../../src/report/report-schema.ts';
import { buildRunReport, type RunReport } from '../../src/report/run-report.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { createQuotas } from '../../src/reporters/quotas.ts';
import { sampleInput } from '../report/sample-report.ts';

const summaryOf = (report: RunReport): string => renderSummary(report, { width: 100, color: false });

test('the last word of each registry is in the reports, by host', () => {
  const quotas = createQuotas();
  quotas.onEvent({ type: 'registry:quota', host: 'quay.io', remaining: 1 });
  quotas.onEvent({ type: 'registry:quota', host: 'docker.io', remaining: 77, limit: 100, windowSeconds: 21_600 });
  quotas.onEvent({ type: 'run:start', command: 'run', repositories: 1 });
  quotas.onEvent({ type: 'registry:quota', host: 'docker.io', remaining: 76, limit: 100, windowSeconds: 21_600 });
  const report = buildRunReport({ ...sampleInput(), timing: { totalMs: 1, quotas: quotas.read() } });
  expect(report.timing?.quotas).toEqual([
    { host: 'docker.io', remaining: 76, limit: 100, windowSeconds: 21_600 },
    { host: 'quay.io', remaining: 1 },
  ]);
  const words = 'docker.io 76 of 100 requests, quay.io 1 request';
  expect(summaryOf(report)).toMatch(new RegExp(`quota +${words}`));
  expect([...renderHtml(report)].join('')).toContain(words);
  expect([...renderMetrics(report, '')].join('')).toMatch(/registry_requests_remaining\{.*host="docker\.io".*\} 76/);
  expect(parseReport([...renderJson(report)].join(''), 'report.json').timing).toEqual(report.timing);
});

test('nothing is told where no registry names a limit', () => {
  expect(createQuotas().read()).toEqual([]);
  const report = buildRunReport({ ...sampleInput(), timing: { totalMs: 1 } });
  expect(summaryOf(report)).not.toContain('quota');
  expect([...renderHtml(report)].join('')).not.toContain('limits of registries');
});
