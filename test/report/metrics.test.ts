import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { renderMetrics } from '../../src/report/metrics.ts';
import { buildRunReport, type RunReport, type RunReportInput } from '../../src/report/run-report.ts';
import { parseMetrics, readMetric } from '../support/prometheus.ts';
import { hostileText, poison } from './hostile.ts';
import { sampleInput, sampleReport } from './sample-report.ts';

const metricsOf = (report: RunReport, former?: string): string => [...renderMetrics(report, former)].join('');

const LAST_RUN = 'rebundle_last_run_timestamp_seconds';
const LAST_SUCCESS = 'rebundle_last_success_timestamp_seconds';
const secondsOf = (time: string): number => Date.parse(time) / 1000;

describe('metrics', () => {
  it('gives the sample as it was reviewed', async () => {
    const stages = { split: 10, rewrite: 20, pin: 1_500, bundle: 30, publish: 0 };
    const timing = { endedAt: '2026-03-02T06:30:02Z', totalMs: 2_000, stages };
    const text = metricsOf({ ...sampleReport(), timing });
    parseMetrics(text);
    await expect(text).toMatchFileSnapshot('golden/sample.prom');
  });

  it('keeps its form whatever foreign text says', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const report = buildRunReport({
          ...(poison(sampleInput(), text) as RunReportInput),
          timing: { totalMs: 1, quotas: [{ host: `a${text}`, remaining: 1 }] },
        });
        expect(parseMetrics(metricsOf(report)).length).toBeGreaterThan(10);
      }),
      { numRuns: 60 },
    );
  });

  it('counts as the report does', () => {
    const report = sampleReport();
    const samples = parseMetrics(metricsOf(report));
    const sumOf = (name: string): number =>
      samples.filter((sample) => sample.name === name).reduce((sum, { value }) => sum + value, 0);
    expect(sumOf('rebundle_apps')).toBe(report.apps.length);
    expect(sumOf('rebundle_findings')).toBe(report.findings.length);
    expect(sumOf('rebundle_targets')).toBe(report.targets.length);
    expect(sumOf('rebundle_images_drifted')).toBe(report.counts.drifted);
  });

  it('keeps the time of the last success over a run that failed', () => {
    const done = metricsOf({ ...sampleReport(), status: 0 });
    const first = secondsOf('2026-03-02T06:30:00Z');
    expect(readMetric(done, LAST_SUCCESS)).toBe(first);
    const later = { ...sampleReport(), createdAt: '2026-03-03T06:30:00Z' };
    const failed = metricsOf(later, done);
    expect([readMetric(failed, LAST_RUN), readMetric(failed, LAST_SUCCESS)]).toEqual([first + 86_400, first]);
    expect(readMetric(metricsOf(later, failed), LAST_SUCCESS)).toBe(first);
    expect(readMetric(metricsOf(later), LAST_SUCCESS)).toBeUndefined();
    expect(readMetric(metricsOf(later, 'no metrics'), LAST_SUCCESS)).toBeUndefined();
    const partial = { ...later, status: 0, failure: { code: 'CANCELLED', message: 'interrupted' } as const };
    expect(readMetric(metricsOf(partial, done), LAST_SUCCESS)).toBe(first);
    expect(readMetric(metricsOf({ ...later, factory: 'other' }, done), LAST_SUCCESS)).toBeUndefined();
  });

  it('tells when a run ended, not the clock of the plan that it continued', () => {
    const endedAt = '2026-04-01T00:00:00Z';
    const text = metricsOf({ ...sampleReport(), status: 0, timing: { endedAt, totalMs: 1 } });
    expect([readMetric(text, LAST_RUN), readMetric(text, LAST_SUCCESS)]).toEqual([
      secondsOf(endedAt),
      secondsOf(endedAt),
    ]);
  });
});

test.each([
  ['# HELP a A.\n# TYPE a gauge\na{f="x"} 1', 'no end'],
  ['# HELP a A.\n# TYPE a gauge\na{f="x"} 1\na{f="x"} 2\n', 'a series is there twice'],
  ['# HELP a A.\n# TYPE a gauge\na{f="x"} 1\n# HELP a A.\n', 'a family is there twice'],
  ['# TYPE a gauge\na{f="x"} 1\n', 'no HELP'],
  ['a{f="x"} 1\n', 'outside of its family'],
  ['# HELP a A.\n# TYPE a gauge\na{f="x"} 1 1600000000\n', 'no line'],
  ['# HELP a A.\n# TYPE a gauge\na{f="x"y"} 1\n', 'no line'],
  ['# HELP a A.\n# TYPE a gauge\na{f="\\x"} 1\n', 'no line'],
  ['# HELP a_total A.\n# TYPE a_total gauge\n', 'another type'],
  ['# HELP a_ms A.\n# TYPE a_ms gauge\n', 'not as Prometheus'],
])('(the reader of metrics refuses %j)', (text, problem) => {
  expect(() => parseMetrics(text)).toThrow(problem);
});
