import { expect, test } from 'vitest';
import { renderHtml } from '../../src/report/html.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import type { RunReport } from '../../src/report/run-report.ts';
import { sampleReport } from './sample-report.ts';

function withDownloads(): RunReport {
  const [first, ...rest] = sampleReport().apps;
  const downloads = [
    { platform: 'linux/amd64', from: 'nothing', bytes: 5_000_000 },
    { platform: 'linux/amd64', from: 'docker-app', bytes: 2048, unknownImages: 1 },
    { platform: 'linux/arm64', from: 'nothing', bytes: 0 },
    { platform: 'linux/arm64', from: 'bundle', bytes: 12 },
  ] as const;
  return { ...sampleReport(), apps: [{ ...first!, downloads }, ...rest] };
}

test('reports say per platform what a device downloads', () => {
  const [app] = withDownloads().apps;
  const markdown = renderMarkdown(withDownloads());
  expect(markdown).toContain('| App | Platform | From the former bundle | From the .dockerapp | From nothing |');
  expect(markdown).toContain(`| \`${app?.app}\` | \`linux/amd64\` |  | at most 2.0 KiB | 4.8 MiB |`);
  expect(markdown).toContain(`| \`${app?.app}\` | \`linux/arm64\` | 12 B |  | 0 B |`);
  expect([...renderHtml(withDownloads())].join('')).toMatch(/What a device downloads[\s\S]*at most 2\.0 KiB/);
});

test('a report without a forecast says nothing of it', () => {
  const apps = sampleReport().apps.map(({ downloads: _none, ...app }) => app);
  const report = { ...sampleReport(), apps };
  expect(renderMarkdown(report)).not.toContain('devices download');
  expect([...renderHtml(report)].join('')).not.toContain('device downloads');
});
