import { describe, expect, it } from 'vitest';
import { createKeep } from '../../src/lib/keep.ts';
import { packRow, unpackRow } from '../../src/pipeline/state.ts';
import { compareReports } from '../../src/report/compare-reports.ts';
import { renderDifference } from '../../src/report/difference-text.ts';
import { buildRunReport, type RunReport } from '../../src/report/run-report.ts';
import { SECRET, sampleInput, sampleReport } from './sample-report.ts';

/** The sample a week later: kiosk is repaired, thermo has another image, pulse is gone, door is new. */
function later(): RunReport {
  const input = sampleInput();
  const apps = input.plan.apps
    .map(unpackRow)
    .filter(({ app }) => app !== 'pulse')
    .map((app) => {
      if (app.app === 'kiosk') return { ...app, status: 'unchanged' as const, diagnostics: [] };
      if (app.app !== 'thermo') return app;
      const images = app.images.map((image) => ({
        ...image,
        pinned: image.pinned.replace(/sha256:..../, 'sha256:0000'),
      }));
      const [first, ...files] = app.files;
      return { ...app, images, files: [...files, { ...first!, path: 'new.conf' }] };
    });
  const [any] = apps;
  const door = { ...any!, app: 'door', origin: { ...any!.origin, path: 'door.dockerapp' }, diagnostics: [] };
  const moved = apps.map((app) => ({
    ...app,
    diagnostics: app.diagnostics.map((each) =>
      each.location === undefined ? each : { ...each, location: { ...each.location, line: each.location.line + 1 } },
    ),
  }));
  const plan = {
    ...input.plan,
    apps: [...moved, door].map((app) => packRow(app, createKeep())),
    createdAt: '2026-03-09T06:30:00Z',
  };
  return buildRunReport({ ...input, plan, results: [], status: 2 });
}

describe('compareReports', () => {
  it('finds no difference between a report and itself, nor in clocks and times', () => {
    const other = { ...sampleReport(), createdAt: '2027-01-01T00:00:00Z', timing: { totalMs: 5 } };
    const difference = compareReports(sampleReport(), other);
    expect(difference.isSame).toBe(true);
    expect(renderDifference(difference, { color: false })).toContain('No difference.');
  });

  it('tells apps, counts, images, files and findings that changed, but not places that moved', () => {
    const difference = compareReports(sampleReport(), later());
    expect(difference).toMatchObject({
      isSame: false,
      appsAdded: ['door'],
      appsRemoved: ['pulse'],
      counts: { failed: [1, 0], errors: [1, 0] },
      findingsAdded: [],
    });
    expect(difference.findingsGone.map(({ code }) => code)).toEqual(['IMAGE_UNRESOLVED', 'image.platform-missing']);
    expect(difference.apps.map(({ app, status }) => [app, status])).toEqual([
      ['kiosk', { before: 'failed', after: 'unchanged' }],
      ['thermo', undefined],
    ]);
    expect(difference.apps[1]?.files).toEqual([
      { path: 'docker-compose.yml', change: 'removed' },
      { path: 'new.conf', change: 'added' },
    ]);
    expect(difference.apps[1]?.images).toHaveLength(1);
  });

  it('is its own reverse', () => {
    const [there, back] = [compareReports(sampleReport(), later()), compareReports(later(), sampleReport())];
    expect(back.appsAdded).toEqual(there.appsRemoved);
    expect(back.findingsAdded).toEqual(there.findingsGone);
    expect(back.apps.map(({ app }) => app)).toEqual(there.apps.map(({ app }) => app));
  });

  it('reads well on a terminal, shows no secret and escapes foreign text', async () => {
    const text = renderDifference(compareReports(sampleReport(), later()), { color: false });
    await expect(text).toMatchFileSnapshot('golden/sample.difference.txt');
    expect(text).not.toContain(SECRET);
    const evil = {
      ...later(),
      newOnDevices: [],
      apps: later().apps.map((app) => ({ ...app, app: `${app.app}\u001b[2J` })),
    };
    expect(renderDifference(compareReports(sampleReport(), evil), { color: false })).not.toContain('\u001b');
    expect(renderDifference(compareReports(sampleReport(), later()), { color: true })).toContain('\u001b[');
  });
});
