import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finding } from '../../src/lib/finding.ts';
import { renderHtml } from '../../src/report/html.ts';
import { renderJson } from '../../src/report/json.ts';
import { renderJunit } from '../../src/report/junit.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { renderMetrics } from '../../src/report/metrics.ts';
import { buildRunReport, type RunReportInput } from '../../src/report/run-report.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { changeApps, SECRET, sampleInput, sampleReport } from './sample-report.ts';

const pageOf = (report: Parameters<typeof renderHtml>[0]): string => [...renderHtml(report)].join('');
const jsonOf = (report: Parameters<typeof renderJson>[0]): string => [...renderJson(report)].join('');

/** The sample with its failure and what hangs on it taken out. */
function fineInput(): RunReportInput {
  const input = sampleInput();
  const fine = ({ status }: { status: string }) => status !== 'failed' && status !== 'held';
  return {
    ...input,
    status: 2,
    plan: { ...input.plan, apps: input.plan.apps.filter(fine) },
    results: input.results.filter(fine),
  };
}

describe('buildRunReport', () => {
  it('counts apps, bundles, bytes, images, targets and findings', () => {
    expect(sampleReport().counts).toEqual({
      migrated: 3,
      unchanged: 2,
      skipped: 2,
      held: 1,
      failed: 1,
      bundles: 6,
      bytesSent: 0,
      bundleBytes: 4_311 + 1_744 + 2_990 + 3 * 2_048,
      images: 7,
      targets: 2,
      fileTargets: 4,
      updated: 2,
      drifted: 1,
      findings: { error: 1, warning: 3, note: 3 },
    });
  });

  it('lists a finding once although plan and result both have it', () => {
    const codes = sampleReport().findings.map((row) => row.code);
    expect(codes.filter((code) => code === 'IMAGE_UNRESOLVED')).toEqual(['IMAGE_UNRESOLVED']);
  });

  it('lists skipped apps and unselected packages together, with their reasons', () => {
    expect(sampleReport().skippedPackages.map(({ name, reason }) => [name, reason])).toEqual([
      ['lobby', 'in a .disabled folder'],
      ['printer', 'excluded by apps.exclude'],
    ]);
  });

  it('does not depend on the order in which things came', () => {
    const input = sampleInput();
    const expected = jsonOf(buildRunReport(input));
    const shuffled = fc.record({
      results: fc.shuffledSubarray([...input.results], { minLength: input.results.length }),
      sources: fc.shuffledSubarray([...input.sources], { minLength: input.sources.length }),
      apps: fc.shuffledSubarray([...input.plan.apps], { minLength: input.plan.apps.length }),
      targets: fc.shuffledSubarray([...input.plan.targets], { minLength: input.plan.targets.length }),
    });
    fc.assert(
      fc.property(shuffled, ({ results, sources, apps, targets }) => {
        const report = buildRunReport({ ...input, results, sources, plan: { ...input.plan, apps, targets } });
        expect(jsonOf(report)).toBe(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps durations under timing alone', () => {
    const { timing, ...rest } = buildRunReport({ ...sampleInput(), timing: { totalMs: 1_234 } });
    expect(timing).toEqual({ totalMs: 1_234 });
    expect(jsonOf(rest)).toBe(jsonOf(sampleReport()));
    const timed = pageOf({ ...rest, ...(timing === undefined ? {} : { timing }) });
    expect(timed).toContain('1.2 s');
    expect(timed.replace(/<section id="timing"[\s\S]*?<\/section>\n/, '')).toBe(pageOf(sampleReport()));
  });

  it('takes an ending from the result and the rest from the plan', () => {
    const input = sampleInput();
    const results = input.results.map((result) =>
      result.app === 'pulse'
        ? {
            ...result,
            status: 'failed' as const,
            diagnostics: [finding('REGISTRY_UNREACHABLE', 'hub.example.com does not answer')],
          }
        : result,
    );
    const pulse = buildRunReport({ ...input, results }).apps.find((app) => app.app === 'pulse');
    expect(pulse?.status).toBe('failed');
    expect(pulse?.details().images).toHaveLength(1);
  });

  it('masks credentials in repository names', () => {
    const input = sampleInput();
    const sources = [
      {
        repository: 'https://me:hunter2@git.example.com/x',
        packages: [],
        error: 'https://me:hunter2@git.example.com/x: denied',
      },
    ];
    expect(jsonOf(buildRunReport({ ...input, sources }))).not.toContain('hunter2');
  });
});

describe('verdict', () => {
  it('is not safe when an app failed or is held, and says which', () => {
    expect(sampleReport().verdict).toEqual({
      safe: false,
      because: ['1 app failed: kiosk', '1 app is held back by that: gateway-ui'],
    });
  });

  it('is safe when all went well, and names what is new on devices', () => {
    expect(buildRunReport(fineInput()).verdict).toEqual({
      safe: true,
      because: [
        'all 5 apps are converted, with every image pinned to its digest',
        'devices will see an update of 2 apps',
        'no app leaves a target',
        '1 app starts on devices for the first time: shop',
      ],
    });
  });

  it('is not safe when an app leaves a target', () => {
    const input = fineInput();
    const targets = input.plan.targets.map((target) => ({
      ...target,
      apps: [...target.apps, { app: 'old', dockerApp: 'removed' as const, composeApp: 'none' as const }],
    }));
    const { verdict } = buildRunReport({ ...input, plan: { ...input.plan, targets } });
    expect(verdict).toEqual({ safe: false, because: ['1 app leaves a target: old'] });
  });

  it('is not safe when a repository was not read', () => {
    const input = fineInput();
    const sources = [...input.sources, { repository: 'lost', packages: [], error: 'permission denied' }];
    const report = buildRunReport({ ...input, sources });
    expect(report.verdict).toEqual({ safe: false, because: ['1 repository could not be read: lost'] });
    expect(report.findings[0]).toMatchObject({ code: 'SOURCE_UNREADABLE', repository: 'lost', severity: 'error' });
  });

  it('is not safe when a finding is an error, or the run ended in one', () => {
    const input = fineInput();
    const [first, ...others] = input.results;
    if (first === undefined) throw new Error('the sample has no app');
    const results = [{ ...first, diagnostics: [finding('TARGETS_SIZE', 'too large')] }, ...others];
    expect(buildRunReport({ ...input, results }).verdict).toEqual({ safe: false, because: ['1 finding is an error'] });
    expect(buildRunReport({ ...input, status: 130 }).verdict.because).toEqual(['the run ended with exit status 130']);
  });

  it('shows five names of many', () => {
    const input = sampleInput();
    const failed = input.plan.apps.find((app) => app.status === 'failed');
    if (failed === undefined) throw new Error('the sample has no failed app');
    const apps = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((app) => ({ ...failed, app }));
    const { verdict } = buildRunReport({ ...input, results: [], plan: { ...input.plan, apps } });
    expect(verdict.because[0]).toBe('7 apps failed: a, b, c, d, e and 2 more');
  });
});

const status = (name: string): string => `apps\\{factory="acme",status="${name}"\\}`;
const METRICS = {
  migrated: status('migrated'),
  unchanged: status('unchanged'),
  held: status('held'),
  failed: status('failed'),
  skipped: 'packages_skipped\\{factory="acme"\\}',
  bundles: 'bundles\\{factory="acme"\\}',
  images: 'images\\{factory="acme"\\}',
  targets: 'targets\\{factory="acme",kind="ostree"\\}',
};

describe('all formats', () => {
  const report = sampleReport();
  const formats = {
    json: jsonOf(report),
    html: pageOf(report),
    markdown: renderMarkdown(report),
    summary: renderSummary(report, { width: 100, color: false }),
    junit: [...renderJunit(report)].join(''),
    metrics: [...renderMetrics(report)].join(''),
  };

  it('give the same counts', () => {
    const keys = ['migrated', 'unchanged', 'held', 'failed', 'skipped', 'bundles', 'images', 'targets'] as const;
    const labels = {
      held: 'apps held',
      failed: 'apps failed',
      migrated: 'apps to migrate',
      unchanged: 'apps unchanged',
      skipped: 'packages skipped',
      bundles: 'bundles',
      images: 'images pinned',
      targets: 'targets',
    };
    const parsed = JSON.parse(formats.json) as typeof report;
    for (const key of keys) {
      const html = new RegExp(`data-count="${key}">(\\d+)<`).exec(formats.html)?.[1];
      const markdown = new RegExp(`^\\| ${labels[key]} \\| (\\d+) \\|$`, 'm').exec(formats.markdown)?.[1];
      const junit = new RegExp(`<property name="${key}" value="(\\d+)"/>`).exec(formats.junit)?.[1];
      const metrics = new RegExp(`^rebundle_${METRICS[key]} (\\d+)$`, 'm').exec(formats.metrics)?.[1];
      const count = parsed.counts[key];
      expect([key, ...[html, markdown, junit, metrics].map(Number)]).toEqual([key, count, count, count, count]);
    }
    for (const [severity, plural] of [
      ['error', 'errors'],
      ['warning', 'warnings'],
      ['note', 'notes'],
    ] as const) {
      const html = new RegExp(`data-count="${severity}">(\\d+)<`).exec(formats.html)?.[1];
      const markdown = new RegExp(`^\\| ${plural} \\| (\\d+) \\|$`, 'm').exec(formats.markdown)?.[1];
      const count = parsed.findings.filter((row) => row.severity === severity).length;
      const junit = new RegExp(`<property name="findings.${severity}" value="(\\d+)"/>`).exec(formats.junit)?.[1];
      const metrics = new RegExp(`^rebundle_findings\\{factory="acme",severity="${severity}"\\} (\\d+)$`, 'm').exec(
        formats.metrics,
      )?.[1];
      expect([severity, ...[html, markdown, junit, metrics].map(Number)]).toEqual([
        severity,
        count,
        count,
        count,
        count,
      ]);
    }
    expect(formats.summary).toContain('3 to migrate, 2 unchanged, 2 skipped, 1 held, 1 failed');
  });

  it.each(Object.entries(formats))('mask secrets: %s', (_format, text) => {
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain(SECRET.slice(0, 8));
  });

  it('show that something was masked', () => {
    expect(formats.html).toContain('${db<ins>_password-(masked)</ins>}');
    expect(formats.markdown).toContain('${db_password-(masked)}');
    expect(formats.json).toContain('${db_password-(masked)}');
  });

  it('mask any secret value, wherever it stands', () => {
    const secret = fc.stringMatching(/^Z[A-Za-z0-9$'"\\]{7,20}Q$/);
    fc.assert(
      fc.property(secret, (value) => {
        const forms = [
          value,
          value.replaceAll('$', '$$$$'),
          value.replaceAll("'", "''"),
          value.replace(/["\\]/g, '\\$&'),
        ];
        const input = changeApps(sampleInput(), (app) => ({
          ...app,
          reason: `because of ${value}`,
          variables: [
            { parameter: 'api.token', variable: 'api_token', value, uses: 1 },
            { parameter: 'url', variable: 'url', value: `x=${value}`, uses: 1, fixed: `was ${value}` },
          ],
          diff: forms.map((form) => `+  X: a${form}b`).join('\n'),
          diagnostics: [finding('param.retyped', `a ${value} b`, { hint: `not ${value}` })],
        }));
        const masked = buildRunReport({ ...input, results: [] });
        const texts = [
          JSON.stringify(masked),
          jsonOf(masked),
          pageOf(masked),
          [...renderJunit(masked)].join(''),
          [...renderMetrics(masked)].join(''),
          renderMarkdown(masked),
          renderSummary(masked, { width: 200, color: false }),
        ];
        for (const text of texts) {
          for (const form of forms) expect(text).not.toContain(form);
          expect(text).not.toMatch(/Z[A-Za-z0-9]{7,20}Q/);
        }
        for (const app of masked.apps) expect(app.details().diff).toBe(Array(4).fill('+  X: a(masked)b').join('\n'));
      }),
    );
  });
});
