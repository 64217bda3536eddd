import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderExplanation } from '../../src/cli/explain-text.ts';
import { type ConversionExplanation, explainConversion } from '../../src/convert/explain.ts';
import { type Converted, convertFiles, convertTexts } from './convert-package.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/convert');
const CONVERTED = readdirSync(FIXTURES)
  .filter((name) => existsSync(join(FIXTURES, name, 'expected/docker-compose.yml')))
  .sort();

function convertFixture(name: string): Promise<Converted> {
  const root = join(FIXTURES, name, 'input');
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => relative(root, join(entry.parentPath, entry.name)));
  return convertFiles(new Map(paths.map((path) => [path, readFileSync(join(root, path))])));
}

async function explain(compose: string, parameters: string): Promise<ConversionExplanation> {
  const { app, failed } = await convertTexts(compose, parameters);
  if (app === undefined || failed) throw new Error(JSON.stringify(app?.diagnostics));
  return explainConversion(app);
}

const HEAD = "version: '3.7'\nservices:\n  web:\n    image: nginx\n";

describe('the explanation of a conversion', () => {
  it.each(CONVERTED)('%s: has every line of the result in order, and every line of the package once', async (name) => {
    const { app } = await convertFixture(name);
    const { lines } = explainConversion(app!);
    const result = lines.filter(({ kind }) => kind !== 'removed');
    const texts = app!.composeText.replace(/\n$/, '').split('\n');
    expect(result.map(({ line }) => line)).toEqual(texts.map((_, i) => i + 1));
    const masked = new Set(lines.filter(({ text }) => text.includes('(masked)')));
    for (const row of result) if (!masked.has(row)) expect(row.text).toBe(texts[row.line! - 1]?.replace(/\r$/, ''));
    const own = app!.source.text.split('\n').map((text) => text.replace(/\r$/, ''));
    for (const row of lines) {
      const { kind, source, text } = row;
      if (kind === 'changed' || masked.has(row)) continue;
      expect([source, text]).toEqual([source, own[source - app!.source.line]]);
    }
    const sources = lines.map(({ source }) => source);
    expect(sources).toEqual(sources.toSorted((a, b) => a - b));
    const changes = lines.flatMap((line) => line.changes);
    expect(changes).toHaveLength(app!.edits.filter(({ start, end, text }) => start < end || text !== '').length);
  });

  it('names the parameter, its default, the variable and the rule', async () => {
    const { lines, parameters } = await explain(`${HEAD}    ports: ["\${port}:80"]\n`, 'port: 0755\n');
    expect(lines[4]).toEqual({
      kind: 'changed',
      line: 5,
      source: 5,
      text: '    ports: ["${port-493}:80"]',
      changes: [
        {
          rule: 'variable',
          name: 'R5 overrides',
          before: '${port}',
          after: '${port-493}',
          reason: 'parameter port, default 493; set port to override it',
          parameter: 'port',
          variable: 'port',
          default: '493',
        },
      ],
    });
    expect(parameters).toEqual([{ parameter: 'port', variable: 'port', value: '493', uses: 1 }]);
  });

  it('shows removed lines where they were, with one reason', async () => {
    const compose = `${HEAD}  debug:\n    image: x\n    x-enabled: false\n  tail: {image: z}\n`;
    const { lines } = await explain(compose, '');
    expect(lines.map(({ kind, line, source }) => [kind, line, source])).toEqual([
      ['kept', 1, 1],
      ['kept', 2, 2],
      ['kept', 3, 3],
      ['kept', 4, 4],
      ['removed', undefined, 5],
      ['removed', undefined, 6],
      ['removed', undefined, 7],
      ['kept', 5, 8],
    ]);
    expect(lines.flatMap(({ changes }) => changes).map(({ reason }) => reason)).toEqual([
      'switched off by x-enabled: debug',
    ]);
  });

  it('masks secrets in lines, changes and parameters', async () => {
    const compose = `${HEAD}    environment:\n      DB_PASSWORD: \${db.password}\n      API_TOKEN: plain-secret\n`;
    const explained = await explain(compose, 'db: {password: hunter22}\n');
    const text = JSON.stringify(explained);
    expect(text).not.toContain('hunter22');
    expect(text).not.toContain('plain-secret');
    expect(text).toContain('(masked)');
  });

  it('takes time in proportion to the package', async () => {
    const count = 5000;
    const uses = Array.from({ length: count }, (_, i) => `      K${i}: \${p${i}}\n`).join('');
    const values = Array.from({ length: count }, (_, i) => `p${i}: ${i}\n`).join('');
    const { lines } = await explain(`${HEAD}    environment:\n${uses}`, values);
    expect(lines.filter(({ kind }) => kind === 'changed')).toHaveLength(count);
  }, 60_000);
});

describe('the explanation for people', () => {
  it.each([
    'r7-disabled-services',
    '81-2-names-valid',
    'r1-plain-scalars',
    'r12-second-document-single',
    'r3-two-passes',
  ])('%s', async (name) => {
    const { app, pkg, diagnostics } = await convertFixture(name);
    const text = renderExplanation({
      app: 'web',
      origin: { repository: 'factory', path: 'web.dockerapp' },
      kind: pkg!.kind,
      semantics: pkg!.semantics,
      interpolation: 'device',
      ...explainConversion(app!),
      findings: diagnostics,
    });
    for (const line of text.split('\n'))
      if (!/^ {2,}(?:-|\d+) +\d+ {2}/.test(line)) expect(line.length).toBeLessThan(101);
    await expect(text).toMatchFileSnapshot(`golden/explain-${name}.txt`);
  });

  it('of a package that cannot be read has its findings', () => {
    const text = renderExplanation({
      app: 'web',
      origin: { repository: 'factory', path: 'old/web.dockerapp' },
      kind: 'single-file',
      interpolation: 'single',
      skipped: 'not at the top level of the repository; add it with apps.include',
      findings: [
        {
          code: 'APP_SPLIT',
          severity: 'error',
          message: 'hostile \u001b[31m text',
          hint: 'Write it otherwise.',
          location: { path: 'old/web.dockerapp', line: 2, column: 1 },
        },
      ],
    });
    expect(text).toBe(`web  factory/old/web.dockerapp
single file; $ is read once
a run leaves it out: not at the top level of the repository; add it with apps.include

Findings: 1 error
  error APP_SPLIT old/web.dockerapp:2:1
    hostile \\x1b[31m text
    fix: Write it otherwise.
`);
  });
});
