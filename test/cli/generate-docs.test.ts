import { expect, test } from 'vitest';
import { loadCommands } from '../../src/cli/command-list.ts';
import { EXIT_STATUSES } from '../../src/cli/exit-status.ts';
import { createProgram } from '../../src/cli/program.ts';
import { configJsonSchema } from '../../src/config.ts';
import { ERRORS } from '../../src/errors.ts';
import { FINDINGS } from '../../src/model/findings.ts';

interface Generator {
  fillRegions(text: string, regions: Readonly<Record<string, string>>): string;
  renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string;
  renderRegions(data: unknown): Record<string, string>;
}

const script = new URL('../../scripts/generate-docs.mjs', import.meta.url).href;
const { fillRegions, renderTable, renderRegions } = (await import(script)) as Generator;

test('regions are filled, the rest stays, and filling again changes nothing', () => {
  const text = '# A\n<!-- generated:a -->old\n<!-- /generated -->\nB $& $1\n<!-- generated:b --><!-- /generated -->\n';
  const filled = fillRegions(text, { a: 'one $& $1', b: 'two' });
  expect(filled).toBe(
    '# A\n<!-- generated:a -->\n\none $& $1\n\n<!-- /generated -->\nB $& $1\n<!-- generated:b -->\n\ntwo\n\n<!-- /generated -->\n',
  );
  expect(fillRegions(filled, { a: 'one $& $1', b: 'two' })).toBe(filled);
});

test.each([
  ['nothing', 'it lacks the regions a'],
  ['<!-- generated:a -->', 'it lacks the regions a'],
  ['<!-- generated:a --><!-- generated:b --><!-- /generated -->', 'the region a has no end'],
  ['<!-- generated:a --><!-- /generated --><!-- generated:a --><!-- /generated -->', 'the region a is there twice'],
  [
    '<!-- generated:a --><!-- /generated --><!-- generated:z --><!-- /generated -->',
    'nothing is generated for the region z',
  ],
])('%s is refused', (text, message) => {
  expect(() => fillRegions(text, { a: '' })).toThrow(message);
});

test('a cell cannot break its row', () => {
  expect(renderTable(['h'], [['a|b\nc']])).toBe('| h |\n| --- |\n| a\\|b c |');
});

test('every key, command, option, status, error and finding has its row', async () => {
  const commands = await loadCommands();
  const program = createProgram({ commands, version: '1' });
  const regions = renderRegions({
    schema: configJsonSchema(),
    program,
    statuses: EXIT_STATUSES,
    errors: ERRORS,
    findings: FINDINGS,
  });
  const firstCells = (name: string): string[] =>
    [...(regions[name] ?? '').matchAll(/^\| `?([^`|]+?)`? \|/gm)].map(([, cell]) => cell!);
  expect(firstCells('errors')).toEqual(['code', '---', ...Object.keys(ERRORS)]);
  expect(firstCells('findings')).toEqual(['finding', '---', ...Object.keys(FINDINGS)]);
  expect(firstCells('exit-statuses')).toEqual(['status', '---', ...EXIT_STATUSES.map(({ status }) => `${status}`)]);
  expect(firstCells('config')).toContain('targets.composeOnly');
  expect(regions.config).toContain('| `publish.concurrency` | number, 1 to 99 | `16` |');
  for (const { name } of commands) expect(regions.commands).toContain(`| \`rebundle ${name} `);
  for (const command of program.commands) {
    for (const { flags } of command.options) expect(firstCells('commands')).toContain(flags);
  }
  expect(regions.commands).toContain('| `--in-place` | convert |');
});
