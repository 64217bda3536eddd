import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderHtml } from '../../src/report/html.ts';
import { SCRIPT } from '../../src/report/html-script.ts';
import { renderJson } from '../../src/report/json.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { html, renderMarkup } from '../../src/report/markup.ts';
import { buildRunReport, type RunReportInput } from '../../src/report/run-report.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { textOfPage } from '../support/page-text.ts';
import { hostileText, poison } from './hostile.ts';
import { changeApps, sampleInput, sampleReport } from './sample-report.ts';

const pageOf = (report: Parameters<typeof renderHtml>[0]): string => [...renderHtml(report)].join('');
const jsonOf = (report: Parameters<typeof renderJson>[0]): string => [...renderJson(report)].join('');

const TAGS = new Set(
  'html head meta title style body a header main footer p h1 h2 h3 h4 ul li b time section span dl dt dd small svg rect nav div br table caption thead tbody tr th td details summary code wbr ins del figure figcaption form label input select option output noscript script'.split(
    ' ',
  ),
);
const ATTRIBUTES = new Set(
  'lang charset http-equiv content name class href id datetime aria-labelledby aria-hidden aria-label role viewBox preserveAspectRatio x width height height scope colspan type for value hidden autocomplete spellcheck data-status data-flags data-text data-label data-count open'.split(
    ' ',
  ),
);

/** Reads a page strictly: every `<` must open a tag of the lists above with quoted attributes, and every tag must be closed. */
function readTags(page: string): string[] {
  const tags: string[] = [];
  const stack: string[] = [];
  const tag = /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?: [a-zA-Z-]+(?:="[^"<>]*")?)*)>|[<>]/g;
  const body = page
    .replace(/^<!doctype html>\n/, '')
    .replace(/<style>[^<]*<\/style>/, '')
    .replace(`<script>${SCRIPT}</script>`, '');
  for (const [whole, close, name, attributes] of body.matchAll(tag)) {
    if (name === undefined || !TAGS.has(name))
      throw new Error(`not a tag of ours: ${whole} before ${body.slice(0, 200)}`);
    for (const [, attribute] of (attributes ?? '').matchAll(/ ([a-zA-Z-]+)(?:="[^"]*")?/g)) {
      if (!ATTRIBUTES.has(attribute ?? '')) throw new Error(`not an attribute of ours: ${attribute}`);
    }
    tags.push(whole);
    if (['meta', 'br', 'wbr', 'input'].includes(name)) continue;
    if (close === '') stack.push(name);
    else if (stack.pop() !== name) throw new Error(`</${name}> closes nothing`);
  }
  expect(stack).toEqual([]);
  return tags;
}

describe('html', () => {
  it('escapes every interpolation but its own results', () => {
    const inner = html`<b title="${'"><x y='}">${"<script>&'"}</b>`;
    expect(renderMarkup(html`<p>${[inner, inner]}${1}${undefined}</p>`)).toBe(
      `<p>${'<b title="&quot;&gt;&lt;x y=">&lt;script&gt;&amp;&#39;</b>'.repeat(2)}1</p>`,
    );
  });

  it('shows control and bidi characters as escapes', () => {
    expect(renderMarkup(html`${'a\u001b\u202e\u0000'}`)).toBe('a\\x1b\\u202e\\x00');
  });
});

describe('renderHtml', () => {
  const page = pageOf(sampleReport());

  it('allows its one style sheet, its one script and nothing else', () => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1];
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    const scriptHash = createHash('sha256').update(SCRIPT).digest('base64');
    expect(policy).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; script-src 'sha256-${scriptHash}'; base-uri 'none'; form-action 'none'`,
    );
    expect(page).toContain(`<script>${SCRIPT}</script>`);
    expect(page.indexOf('Content-Security-Policy')).toBeLessThan(page.indexOf('<style>'));
    expect(page.match(/<script(?! type="text\/plain" id="data-app-\d+">)/g)).toHaveLength(1);
    expect(page).not.toMatch(/style="|src=|url\(|@import| on[a-z]+="/);
  });

  it('says what was reviewed', async () => {
    await expect(textOfPage(page)).toMatchFileSnapshot('golden/sample.html.txt');
  });

  it('is well formed, with unique ids and links that lead to them', () => {
    readTags(page);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
    expect(new Set(ids).size).toBe(ids.length);
    for (const match of page.matchAll(/ (?:href="#|aria-labelledby=")([^"]+)"/g)) expect(ids).toContain(match[1]);
  });

  it('puts the verdict first, then what is urgent, findings, apps, targets and what was skipped', () => {
    const order = [
      'Not safe to apply</h2>',
      'apps to migrate',
      'NEW ON DEVICES',
      'FAILED',
      'HELD',
      'id="findings"',
      'id="apps"',
      'id="targets"',
      'id="skipped"',
      'id="sources"',
    ];
    const places = order.map((text) => page.indexOf(text));
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it('shows of each app its images, variables, files, diff and of each target both maps', () => {
    for (const text of [
      'nginx/mime.types',
      'postgres:15-alpine',
      'linux/arm/v7',
      'put in as a value',
      '    image: postgres<del>:15-alpine</del>',
      'raspberrypi4-64-lmp-42',
      'docker_compose_apps',
      'raspberrypi3-64-lmp-42',
      'in a .disabled folder',
    ]) {
      expect(page).toContain(text);
    }
    expect(page.match(/<tr id="app-/g)).toHaveLength(7);
    expect(page.match(/<script type="text\/plain" id="data-app-/g)).toHaveLength(7);
  });

  it('gives each table a caption and each heading cell its scope', () => {
    const tables = page.match(/<table>/g) ?? [];
    expect(tables.length).toBeGreaterThan(10);
    expect(page.match(/<table(?: class="[a-z ]+")?>\n<caption/g)).toHaveLength(page.match(/<table/g)?.length ?? 0);
    expect(page).not.toMatch(/<th(?! scope)[ >]/);
  });

  it('cuts a very long diff and says so', () => {
    const input = changeApps(sampleInput(), (app) => ({ ...app, diff: `@@ -1 +1 @@\n${'+x\n'.repeat(2_500)}` }));
    expect(pageOf(buildRunReport(input))).toContain('1000 more lines');
  });

  it('says so where there is nothing', () => {
    const input = sampleInput();
    const plan = { ...input.plan, apps: [], targets: [], skippedTargets: [], images: [], hasChanges: false };
    const empty = pageOf(buildRunReport({ ...input, plan, results: [], sources: [], status: 0 }));
    readTags(empty);
    for (const text of ['Nothing to do', 'No app was selected.', 'No target is added.', 'No package was skipped.']) {
      expect(empty).toContain(text);
    }
  });
});

describe('foreign text', () => {
  const hostileReport = hostileText.map((text) => buildRunReport(poison(sampleInput(), text) as RunReportInput));

  it('never becomes markup, in any field', () => {
    fc.assert(
      fc.property(hostileReport, (report) => {
        const page = pageOf(report);
        readTags(page);
        expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      }),
      { numRuns: 60 },
    );
  });

  it('never reaches a terminal, a log or JSON as control characters', () => {
    fc.assert(
      fc.property(hostileReport, (report) => {
        for (const text of [
          jsonOf(report),
          renderMarkdown(report),
          renderSummary(report, { width: 80, color: false }),
        ]) {
          expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        }
        const apps = report.apps.map(({ details, ...app }) => ({ ...app, ...details() }));
        expect(JSON.parse(jsonOf(report))).toEqual(JSON.parse(JSON.stringify({ ...report, apps })));
      }),
      { numRuns: 60 },
    );
  });
});
