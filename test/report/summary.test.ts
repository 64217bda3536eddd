import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { terminalWidth } from '../../src/lib/escape-text.ts';
import { buildRunReport, type RunReport } from '../../src/report/run-report.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { formatBytes } from '../../src/report/wording.ts';
import { sampleInput, sampleReport } from './sample-report.ts';

function linesOf(report: RunReport, width: number): string[] {
  return renderSummary(report, { width, color: false }).trimEnd().split('\n');
}

describe('renderSummary', () => {
  it('tells of a plan with a failure what happened, where, and what to do', () => {
    expect(
      renderSummary({ ...sampleReport(), timing: { totalMs: 2_345 } }, { width: 100, color: false }),
    ).toMatchInlineSnapshot(`
      "Not safe to apply: acme (2.3 s)
        apps      3 to migrate, 2 unchanged, 2 skipped, 1 held, 1 failed
        bundles   6, 14.8 KiB, 0 B sent
        images    7 pinned
        targets   2 targets and 4 file targets planned as version 43
        findings  1 error, 3 warnings, 3 notes
        devices   tag main, hardware ids intel-corei7-64, raspberrypi4-64: 2 apps get an update
                    new, both styles: shop
                    source, docker-app: pulse
                    image and source or option, Compose Bundles: pulse (docker.io/library/redis:6 448cda7…
        NEW ON DEVICES: shop
        IMAGE_UNRESOLVED kiosk repositories/gateway/kiosk.dockerapp:12:12
          hub.example.com/acme/kiosk:4f1d0c7 is not in the registry
          fix: Push the image for commit 4f1d0c7, or name another tag with --tag.
        report    out/report.html
        next      rebundle plan
                  after the errors are corrected
      "
    `);
  });

  it('tells of a good plan how to apply it, with the flags that it needs', () => {
    const input = sampleInput();
    const fine = ({ app }: { app: string }) => app !== 'kiosk' && app !== 'gateway-ui';
    const report = buildRunReport({
      ...input,
      status: 2,
      plan: { ...input.plan, apps: input.plan.apps.filter(fine) },
      results: input.results.filter(fine),
      outputs: { ...input.outputs, plan: "my out/plan's.json" },
    });
    const text = renderSummary(report, {
      width: 80,
      color: false,
      flags: { always: '--config factory.yml', samePlan: '--repin' },
    });
    expect(text).toContain('Safe to apply: acme\n');
    expect(text).toContain("rebundle apply 'my out/plan'\\''s.json' --repin --config factory.yml\n");
  });

  it('tells of a run without changes that there was nothing to do', () => {
    const input = sampleInput();
    const apps = input.plan.apps.filter((app) => app.status === 'unchanged');
    const { targetVersion: _, ...plan } = { ...input.plan, apps, targets: [], updates: [], hasChanges: false };
    const report = buildRunReport({ ...input, command: 'run', status: 0, plan, results: [] });
    expect(linesOf(report, 80)).toEqual([
      'Nothing to do: acme',
      '  apps      0 migrated, 2 unchanged, 1 skipped, 0 held, 0 failed',
      '  bundles   2, 4.0 KiB, 0 B sent',
      '  images    7 pinned',
      '  targets   no target is added',
      '  findings  0 errors, 0 warnings, 0 notes',
      '  devices   no device will see an update',
      '  report    out/report.html',
      '  next      rebundle run',
      '            any time again: an unchanged app causes no update',
    ]);
  });

  it.each([40, 80, 200])('stays within one screen of %d columns with many failures', (width) => {
    const input = sampleInput();
    const failed = input.plan.apps.find((app) => app.status === 'failed');
    if (failed === undefined) throw new Error('the sample has no failed app');
    const apps = Array.from({ length: 50 }, (_, i) => ({ ...failed, app: `app-with-a-rather-long-name-${i}` }));
    const lines = linesOf(buildRunReport({ ...input, results: [], plan: { ...input.plan, apps } }), width);
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(lines).toContain('  47 more failures in the report');
    for (const line of lines) expect(terminalWidth(line)).toBeLessThanOrEqual(width);
  });

  it('colours words without changing them', () => {
    const plain = renderSummary(sampleReport(), { width: 80, color: false });
    const coloured = renderSummary(sampleReport(), { width: 80, color: true });
    expect(coloured).not.toBe(plain);
    expect(stripVTControlCharacters(coloured)).toBe(plain);
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1.0 KiB'],
    [4_311, '4.2 KiB'],
    [1_048_570, '1.0 MiB'],
    [250 * 1024 * 1024, '250 MiB'],
    [5 * 1024 ** 4, '5.0 TiB'],
  ])('%d is %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});
