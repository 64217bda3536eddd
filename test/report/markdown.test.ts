import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { codeCell, escapeMarkdown, fencedBlock } from '../../src/report/markdown-escape.ts';
import type { ReportApp } from '../../src/report/report-apps.ts';
import { buildRunReport, type RunReport, type RunReportInput } from '../../src/report/run-report.ts';
import { hostileText, poison } from './hostile.ts';
import { sampleInput, sampleReport } from './sample-report.ts';

/** The sample with many more notes than fit into a small budget. */
function longReport(): RunReport {
  const report = sampleReport();
  const note = report.findings.find((finding) => finding.severity === 'note');
  if (note === undefined) throw new Error('the sample has no note');
  const notes = Array.from({ length: 1_000 }, (_, i) => ({ ...note, line: i + 1, column: 1 }));
  return { ...report, findings: [...report.findings.filter((finding) => finding.severity !== 'note'), ...notes] };
}

/** Diffs stand in blocks, where a line may look like that of a table. */
function withoutDiff(app: ReportApp): ReportApp {
  const { diff: _, ...details } = app.details();
  return { ...app, details: () => details };
}

/** Cells of a table row as GitHub splits them: at every `|` that no backslash precedes. */
function cellsOf(row: string): number {
  return row.split(/(?<!\\)\|/).length - 2;
}

describe('escapeMarkdown', () => {
  it.each([
    ['<b>&', '&lt;b&gt;&amp;'],
    ['a|b`c*d_e', 'a\\|b\\`c\\*d\\_e'],
    ['[x](http://evil)', '\\[x\\](http:\\/\\/evil)'],
    ['www.evil.example', 'www\\.evil.example'],
    ['@all #1 ~~x~~ ![y]', '\\@all \\#1 \\~\\~x\\~\\~ \\!\\[y\\]'],
    ['a\nb\u202e', 'a\\\\nb\\\\u202e'],
  ])('%j becomes %j', (text, escaped) => expect(escapeMarkdown(text)).toBe(escaped));

  it('shortens very long text', () => expect(escapeMarkdown('x'.repeat(10_000))).toHaveLength(400));
});

describe('codeCell', () => {
  it.each([
    ['plain', '`plain`'],
    ['a`b', '``a`b``'],
    ['`', '`` ` ``'],
    ['a|b', '`a\\|b`'],
    ['', ''],
  ])('%j becomes %j', (text, cell) => expect(codeCell(text)).toBe(cell));
});

describe('fencedBlock', () => {
  it('has a fence that its content cannot close', () => {
    expect(fencedBlock('diff', ['+a', '````'])).toBe('`````diff\n+a\n````\n`````\n');
  });
});

describe('renderMarkdown', () => {
  it('gives the sample as it was reviewed', async () => {
    await expect(renderMarkdown(sampleReport())).toMatchFileSnapshot('./golden/sample.md');
  });

  it('keeps the budget, totals first, and says how much is left out', () => {
    const report = longReport();
    const whole = renderMarkdown(report);
    expect(whole).not.toContain(' more ');
    for (const budget of [0, 10, 1_000, 4_000, 20_000, 60_000]) {
      const text = renderMarkdown(report, budget);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(budget);
    }
    const text = renderMarkdown(report, 20_000);
    expect(text).toContain('| apps failed | 1 |');
    expect(text).toContain('IMAGE_UNRESOLVED');
    const shown = text.match(/file\.beside-package|targets\.new-app|yaml\.scalar-quoted/g)?.length ?? 0;
    expect(text).toContain(`\n${1_000 - shown} more findings in \`out/report.html\`.\n`);
    expect(text).toContain('\n7 more apps in `out/report.html`.\n');
  });

  it('keeps its tables whole, whatever foreign text says', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const report = buildRunReport(poison(sampleInput(), text) as RunReportInput);
        const lines = renderMarkdown({ ...report, apps: report.apps.map(withoutDiff) }).split('\n');
        let columns = 0;
        for (const [i, line] of lines.entries()) {
          if (/^\|(?: -+:? \|)+$/.test(line)) columns = cellsOf(lines[i - 1] ?? '');
          if (!line.startsWith('|')) columns = 0;
          if (columns > 0) expect([line, cellsOf(line)]).toEqual([line, columns]);
          expect(line).toMatch(/^(?:$|\||#{1,3} |- |\d+ |No )/);
        }
      }),
      { numRuns: 60 },
    );
  });
});
