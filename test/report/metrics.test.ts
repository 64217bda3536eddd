import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderMetrics } from '../../src/report/metrics.ts';
import { buildRunReport, type RunReportInput } from '../../src/report/run-report.ts';
import { hostileText, poison } from './hostile.ts';
import { sampleInput, sampleReport } from './sample-report.ts';

const metricsOf = (report: Parameters<typeof renderMetrics>[0], former?: string): string =>
  [...renderMetrics(report, former)].join('');

const SAMPLE = /^rebundle_[a-z_]+\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z]+="(?:[^"\\\n]|\\["\\n])*")*\} [0-9.e+]+$/;
const COMMENT = /^# (?:HELP rebundle_[a-z_]+ \S.*|TYPE rebundle_[a-z_]+ gauge)$/;

function checkFormat(text: string): void {
  expect(text.endsWith('\n')).toBe(true);
  const typed = new Set<string>();
  for (const line of text.trimEnd().split('\n')) {
    const type = /^# TYPE (\S+)/.exec(line)?.[1];
    if (type !== undefined) {
      expect(typed).not.toContain(type);
      typed.add(type);
    }
    expect(COMMENT.test(line) || SAMPLE.test(line), line).toBe(true);
    if (!line.startsWith('#')) expect(typed).toContain(/^[a-z_]+/.exec(line)?.[0]);
  }
}

describe('metrics', () => {
  it('gives the sample as it was reviewed', async () => {
    const stages = { split: 10, rewrite: 20, pin: 1_500, bundle: 30, publish: 0 };
    const text = metricsOf({ ...sampleReport(), timing: { totalMs: 2_000, stages } });
    checkFormat(text);
    await expect(text).toMatchFileSnapshot('golden/sample.prom');
  });

  it('keeps its form whatever foreign text says', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const report = buildRunReport(poison(sampleInput(), text) as RunReportInput);
        checkFormat(metricsOf(report));
      }),
      { numRuns: 60 },
    );
  });

  it('keeps the time of the last success over a run that failed', () => {
    const line = /^rebundle_last_success_timestamp_seconds\{.*\} (\d+)$/m;
    const done = metricsOf({ ...sampleReport(), status: 0 });
    expect(line.exec(done)?.[1]).toBe(String(Date.parse('2026-03-02T06:30:00Z') / 1000));
    const later = { ...sampleReport(), createdAt: '2026-03-03T06:30:00Z' };
    expect(line.exec(metricsOf(later, done))?.[1]).toBe(line.exec(done)?.[1]);
    expect(metricsOf(later)).not.toMatch(line);
    expect(metricsOf(later, 'no metrics')).not.toMatch(line);
    const partial = { ...later, status: 0, failure: { code: 'CANCELLED', message: 'interrupted' } as const };
    expect(line.exec(metricsOf(partial, done))?.[1]).toBe(line.exec(done)?.[1]);
  });
});
