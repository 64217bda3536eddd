import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG, Workspace } from './cli.ts';

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(async () => {
  await workspace.close();
});

const plan = (...more: string[]) => workspace.run(['plan', '--config', CONFIG, ...more]);

describe('--reporter', () => {
  test('ndjson: every line of standard error is an event', async () => {
    const { status, stdout, stderr } = await plan('--reporter', 'ndjson');
    expect(status).toBe(2);
    const events = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(events[0]).toMatchObject({ type: 'run:start', command: 'plan', repositories: 3 });
    expect(events.at(-1)).toMatchObject({ type: 'run:end', status: 2, counts: { migrated: 7, skipped: 2 } });
    expect(events.filter(({ type }) => type === 'app:result')).toHaveLength(9);
    expect(stdout.trimEnd().split('\n')).toHaveLength(7);
  });

  test('silent: nothing on standard error, the data as ever', async () => {
    const { stdout, stderr } = await plan('--reporter', 'silent');
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toHaveLength(7);
  });

  test('silent: what stops the run is still said', async () => {
    const { status, stderr } = await workspace.run(['plan', 'nowhere', '--config', CONFIG, '--reporter', 'silent']);
    expect(status).toBe(5);
    expect(stderr).toContain('NOTHING_TO_START');
  });

  test('lines where standard error is no terminal: no control characters', async () => {
    const { stderr } = await plan();
    expect(stderr).toMatch(/^start {5}plan, 3 repositories$/m);
    expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  test('--quiet: errors only', async () => {
    expect((await plan('--quiet')).stderr).toBe('');
    const broken = await workspace.run(['plan', '--config', 'samples/broken/rebundle.yml', '--quiet']);
    expect(broken.status).toBe(1);
    expect(broken.stderr).toContain('PARAM_UNDEFINED siren');
    expect(broken.stderr).not.toContain('scanned');
  });
});

describe('--report', () => {
  test('writes more reports where it is told', async () => {
    const { status } = await plan(
      '--report',
      'html=review/page.html',
      '--report',
      'json=review/page.json',
      '--report',
      'md=page.md',
    );
    expect(status).toBe(2);
    for (const [copy, original] of [
      ['review/page.html', 'out/report.html'],
      ['review/page.json', 'out/report.json'],
      ['page.md', 'out/report.md'],
    ]) {
      expect(await workspace.read(copy!)).toBe(await workspace.read(original!));
    }
  });
});

describe('--error-on', () => {
  test.each([
    ['warning', 3],
    ['note', 3],
    ['error', 2],
  ])('%s: exit %i', async (severity, status) => {
    expect((await plan('--error-on', severity, '--quiet')).status).toBe(status);
  });
});

test('the next command in the summary has the flags that it needs', async () => {
  const { stderr } = await plan('--tag', '2c9f1eb', '--out', 'elsewhere');
  const next = `rebundle apply elsewhere/plan.json --config ${CONFIG} --out elsewhere --tag 2c9f1eb`;
  expect(stderr).toContain(next);
  expect((await workspace.run(next.split(' ').slice(1))).status).toBe(0);
});
