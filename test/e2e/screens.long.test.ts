import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { renderHtml } from '../../src/report/html.ts';
import { buildRunReport } from '../../src/report/run-report.ts';
import { sampleInput } from '../report/sample-report.ts';
import { openChromium, type Page } from '../support/chromium.ts';
import { requireProgram } from '../support/programs.ts';

const AXE = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
/** Where the screenshots go that a person looks at; without it none is kept. */
const SHOTS = process.env.REBUNDLE_SCREENSHOTS;

const SCREENS = [
  { name: 'light', width: 1280, scheme: 'light' },
  { name: 'dark', width: 1280, scheme: 'dark' },
  { name: 'narrow', width: 390, scheme: 'light' },
  { name: 'narrow-dark', width: 390, scheme: 'dark' },
] as const;

describe.skipIf(!requireProgram('chromium'))('the HTML report in Chromium (skipped: no chromium)', () => {
  let page: Page;
  let folder: string;
  let url: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rebundle-screens-'));
    const stages = { split: 200, rewrite: 900, pin: 4_000, bundle: 2_100, publish: 0 };
    const report = buildRunReport({ ...sampleInput(), timing: { totalMs: 12_345, stages } });
    const path = join(folder, 'report.html');
    writeFileSync(path, [...renderHtml(report)].join(''));
    url = pathToFileURL(path).href;
    page = await openChromium();
  });
  afterAll(async () => {
    await page.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    await page.send('Emulation.setScriptExecutionDisabled', { value: false });
    await page.send('Page.navigate', { url: 'about:blank' });
  });

  const visibleText = (): Promise<string> => page.evaluate<string>('document.body.innerText');
  const openAll = (): Promise<void> =>
    page.evaluate(
      "document.querySelectorAll('details').forEach((each) => { each.open = true; }); document.querySelectorAll('button.open[aria-expanded=false]').forEach((each) => each.click())",
    );

  test.each(SCREENS)('axe-core finds nothing: $name', async ({ name, width, scheme }) => {
    await page.send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: false });
    await page.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    await page.open(url);
    await openAll();
    const { height } = await page.evaluate<{ height: number; width: number }>(
      '({ height: document.documentElement.scrollHeight, width: document.documentElement.scrollWidth })',
    );
    // Nothing reaches over the side.
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(width);
    if (SHOTS !== undefined) {
      mkdirSync(SHOTS, { recursive: true });
      for (let y = 0; y < height; y += 2_000) {
        const clip = { x: 0, y, width, height: Math.min(2_000, height - y), scale: 0.75 };
        const { data } = await page.send<{ data: string }>('Page.captureScreenshot', {
          captureBeyondViewport: true,
          clip,
        });
        writeFileSync(join(SHOTS, `${name}-${y / 2_000}.png`), Buffer.from(data, 'base64'));
      }
    }
    await page.evaluate(`${AXE};undefined`);
    const violations = await page.evaluate<{ id: string; nodes: string[] }[]>(
      `axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
        .then(({ violations }) => violations.map(({ id, nodes }) => ({ id, nodes: nodes.slice(0, 5).map(({ html }) => html.slice(0, 200)) })))`,
    );
    expect(violations).toEqual([]);
  });

  test('axe-core is at work: it finds an image without a text', async () => {
    await page.open(url);
    await page.evaluate(`${AXE};document.body.append(document.createElement('img'));undefined`);
    expect(
      await page.evaluate<string[]>('axe.run().then(({ violations }) => violations.map(({ id }) => id))'),
    ).toContain('image-alt');
  });

  test('it asks for nothing over a network and breaks no rule of its own policy', async () => {
    await page.open(url);
    await openAll();
    const entries = await page.evaluate<string[]>("performance.getEntriesByType('resource').map(({ name }) => name)");
    expect(entries).toEqual([]);
    // A script that foreign text might bring is not run.
    await page.evaluate(
      "const evil = document.createElement('div'); evil.innerHTML = '<img src=x onerror=\"window.evil = 1\">'; document.body.append(evil); const script = document.createElement('script'); script.textContent = 'window.evil = 2'; document.body.append(script); undefined",
    );
    await page.evaluate('new Promise((done) => setTimeout(done, 100))');
    expect(await page.evaluate<unknown>('window.evil ?? null')).toBeNull();
  });

  test('rows are searched, filtered, opened by the keyboard, and led to by links', async () => {
    await page.open(url);
    const names = (): Promise<string[]> =>
      page.evaluate("[...document.querySelectorAll('#app-list button.open')].map((each) => each.textContent)");
    const fill = (id: string, value: string): Promise<void> =>
      page.evaluate(
        `{ const box = document.getElementById('${id}'); box.value = ${JSON.stringify(value)}; box.dispatchEvent(new Event('input', { bubbles: true })); }`,
      );
    expect(await names()).toEqual(['kiosk', 'gateway-ui', 'pulse', 'shop', 'thermo', 'relay', 'signage']);
    await fill('search', 'IMAGE_UNRESOLVED');
    expect(await names()).toEqual(['kiosk']);
    await fill('search', 'gateway dockerapp');
    expect(await names()).toEqual(['kiosk', 'gateway-ui', 'shop']);
    await fill('status', 'held');
    expect(await names()).toEqual(['gateway-ui']);
    expect(await page.evaluate("document.getElementById('shown').textContent")).toBe('1 of 7 apps');
    await fill('status', '');
    await fill('search', '<nothing>');
    expect(await names()).toEqual([]);
    await fill('search', '');
    await fill('flag', 'drift');
    expect(await names()).toEqual(['relay']);

    await page.evaluate("document.querySelector('#app-list button.open').focus()");
    for (const type of ['keyDown', 'keyUp']) {
      await page.send('Input.dispatchKeyEvent', {
        type,
        key: 'Enter',
        code: 'Enter',
        windowsVirtualKeyCode: 13,
        text: '\r',
      });
    }
    expect(await page.evaluate("document.activeElement.getAttribute('aria-expanded')")).toBe('true');
    expect(await visibleText()).toContain('the tag names other content by now');

    // A link of a finding leads to a row that the filter hides.
    await page.evaluate("document.querySelector('.first .failed a').click()");
    await page.evaluate('new Promise((done) => setTimeout(done, 100))');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('kiosk');
    expect(await visibleText()).toContain('Push the image for commit 4f1d0c7');
  });

  test('without script totals, findings and the table of apps can be read', async () => {
    await page.send('Emulation.setScriptExecutionDisabled', { value: true });
    await page.send('Page.navigate', { url });
    const readRoot = async (): Promise<number> => {
      const { root } = await page.send<{ root: { nodeId: number } }>('DOM.getDocument', { depth: 0 });
      return root.nodeId;
    };
    const countRows = async (): Promise<number> => {
      const query = { nodeId: await readRoot(), selector: 'noscript tbody tr' };
      return (await page.send<{ nodeIds: number[] }>('DOM.querySelectorAll', query)).nodeIds.length;
    };
    // The answer comes before the page is read to its end.
    await expect.poll(countRows, { timeout: 20_000 }).toBe(7);
    const { outerHTML } = await page.send<{ outerHTML: string }>('DOM.getOuterHTML', { nodeId: await readRoot() });
    expect(outerHTML).toContain('Not safe to apply');
    await page.send('Emulation.setScriptExecutionDisabled', { value: false });
  });

  test('it prints every app, each row whole', async () => {
    await page.open(url);
    const { data } = await page.send<{ data: string }>('Page.printToPDF', { preferCSSPageSize: true });
    expect(Buffer.from(data, 'base64').subarray(0, 5).toString()).toBe('%PDF-');
    if (SHOTS !== undefined) writeFileSync(join(SHOTS, 'print.pdf'), Buffer.from(data, 'base64'));
  });
});
