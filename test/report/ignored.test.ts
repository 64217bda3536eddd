import { describe, expect, it } from 'vitest';
import { finding } from '../../src/lib/finding.ts';
import type { IgnoredFinding } from '../../src/model/plan.ts';
import { renderHtml } from '../../src/report/html.ts';
import { renderJson } from '../../src/report/json.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { buildRunReport, type RunReport } from '../../src/report/run-report.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { sampleInput } from './sample-report.ts';

function ignored(app: string, code: 'param.unused' | 'param.fixed', reason: string): IgnoredFinding {
  return { app, path: `${app}.dockerapp`, diagnostic: finding(code, 'a thing nobody need see'), reason };
}

function reportWith(...list: readonly IgnoredFinding[]): RunReport {
  const input = sampleInput();
  const diagnostics = [...input.plan.diagnostics, finding('ignore.expired', 'an entry is past its date')];
  const plan = { ...input.plan, diagnostics, ...(list.length === 0 ? {} : { ignored: list }) };
  return buildRunReport({ ...input, plan });
}

const report = reportWith(
  ignored('b', 'param.unused', 'ours'),
  ignored('a', 'param.unused', 'ours'),
  ignored('a', 'param.unused', '<i>later</i>'),
  ignored('a', 'param.fixed', 'ours'),
);

describe('ignored findings', () => {
  it('are counted by code and reason, in an order that does not depend on theirs', () => {
    expect(report.ignored).toEqual([
      { code: 'param.fixed', reason: 'ours', count: 1 },
      { code: 'param.unused', reason: '<i>later</i>', count: 1 },
      { code: 'param.unused', reason: 'ours', count: 2 },
    ]);
    expect(report.counts.findings).toEqual(reportWith().counts.findings);
    expect(reportWith()).not.toHaveProperty('ignored');
  });

  it('are told in every format, escaped, and none of them is shown', () => {
    const html = [...renderHtml(report)].join('');
    expect(html).toContain('Ignored: <span data-count="ignored">4</span>');
    expect(html).toContain('&lt;i&gt;later&lt;/i&gt;');
    const markdown = renderMarkdown(report);
    expect(markdown).toContain('Ignored: 4');
    expect(markdown).not.toContain('<i>');
    const json = [...renderJson(report)].join('');
    expect(JSON.parse(json).ignored).toEqual(report.ignored);
    const summary = renderSummary(report, { width: 100, color: false });
    expect(summary).toMatch(/findings .* notes?, 4 ignored\n/);
    for (const text of [html, markdown, json, summary]) expect(text).not.toContain('nobody need see');
  });

  it('what is told about the entries is at home in the configuration', () => {
    expect(report.findings.find(({ code }) => code === 'ignore.expired')).toMatchObject({
      severity: 'warning',
      repository: 'configuration',
    });
  });
});
