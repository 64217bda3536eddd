import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reportJsonSchema } from '../../src/report/report-schema.ts';
import { textOfPage } from '../support/page-text.ts';
import { checkJunit } from '../support/xml.ts';
import { writeBigFactory } from './big-factory.ts';
import { BROKEN, CONFIG, Workspace } from './cli.ts';

const FORMATS = ['html', 'json', 'md', 'junit', 'metrics'] as const;
const ASKED = FORMATS.flatMap((format) => ['--report', `${format}=reports/report.${format}`]);
const validate = new Ajv2020({ strict: true, allErrors: true }).compile(reportJsonSchema());

interface Counts {
  readonly counts: Readonly<Record<string, number>>;
}

async function expectValid(workspace: Workspace, path: string): Promise<void> {
  validate(await workspace.readJson(path));
  expect(validate.errors ?? []).toEqual([]);
}

describe('all reports of one run', () => {
  let workspace: Workspace;
  beforeAll(async () => {
    workspace = await Workspace.create();
  });
  afterAll(async () => {
    await workspace.close();
  });

  test('of the samples are as they were reviewed, valid, and agree on the counts', async () => {
    expect((await workspace.run(['plan', '--config', CONFIG, '--reporter', 'silent', ...ASKED])).status).toBe(2);
    await expectValid(workspace, 'reports/report.json');
    const page = (await workspace.read('reports/report.html')).replace(/<section id="timing"[\s\S]*?<\/section>\n/, '');
    await expect(textOfPage(page)).toMatchFileSnapshot('golden/samples-report.txt');
    const junit = await workspace.read('reports/report.junit');
    expect(checkJunit(junit)).toEqual([]);
    const { counts } = await workspace.readJson<Counts>('reports/report.json');
    const metrics = await workspace.read('reports/report.metrics');
    for (const status of ['migrated', 'unchanged', 'held', 'failed']) {
      expect(page).toContain(`data-count="${status}">${counts[status]}<`);
      expect(junit).toContain(`<property name="${status}" value="${counts[status]}"/>`);
      expect(metrics).toContain(`rebundle_apps{factory="riverbend",status="${status}"} ${counts[status]}\n`);
    }
  });

  test('of a factory with failures are valid too', async () => {
    const args = [
      'plan',
      '--config',
      BROKEN,
      '--out',
      'out/broken',
      '--reporter',
      'silent',
      '--report',
      'junit=broken.xml',
    ];
    expect((await workspace.run(args)).status).toBe(1);
    expect(checkJunit(await workspace.read('broken.xml'))).toEqual([]);
    await expectValid(workspace, 'out/broken/report.json');
  });
});

describe('report diff', () => {
  let workspace: Workspace;
  beforeAll(async () => {
    workspace = await Workspace.create();
    for (const name of ['first', 'second'])
      await workspace.run(['run', '--config', CONFIG, '--reporter', 'silent', '--report', `json=${name}.json`]);
  });
  afterAll(async () => {
    await workspace.close();
  });

  test('tells what became of the apps, in words and as JSON', async () => {
    const text = await workspace.run(['report', 'diff', 'first.json', 'second.json']);
    expect([text.status, text.stderr]).toEqual([0, '']);
    expect(text.stdout).toContain('status: migrated -> unchanged');
    const { stdout } = await workspace.run(['report', 'diff', 'first.json', 'second.json', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, isSame: false, appsAdded: [], appsRemoved: [] });
    expect((await workspace.run(['report', 'diff', 'first.json', 'first.json'])).stdout).toContain('No difference.');
  });

  test('refuses what is no report', async () => {
    const plan = await workspace.run(['report', 'diff', 'first.json', 'out/plan.json']);
    expect([plan.status, plan.stdout]).toEqual([4, '']);
    expect(plan.stderr).toContain('REPORT_INVALID');
    expect((await workspace.run(['report', 'diff', 'first.json', 'nowhere.json'])).status).toBe(4);
  });
});

describe('a run that ends early leaves a report of what was known', () => {
  let workspace: Workspace;
  beforeEach(async () => {
    workspace = await Workspace.create();
    await writeBigFactory(workspace, 40);
  });
  afterEach(async () => {
    await workspace.close();
  });

  test.each([
    ['while it converts', '"stage":"bundle"'],
    ['while it publishes', '"type":"blob:sent"'],
  ])('interrupted %s', async (_when, at) => {
    const args = ['run', '--config', 'big.yml', '--reporter', 'ndjson', ...ASKED];
    const { status } = await workspace.run(args, { interrupt: { at, signal: 'SIGINT' } });
    expect(status).toBe(130);
    await expectValid(workspace, 'out/report.json');
    const report = await workspace.readJson<Record<string, unknown> & Counts>('out/report.json');
    expect(report).toMatchObject({ status: 130, failure: { code: 'CANCELLED' }, verdict: { safe: false } });
    // Nothing is said to be done that is not known to be.
    expect([report.counts.migrated, report.counts.unchanged]).toEqual([0, 0]);
    expect(report.counts.held).toBeGreaterThan(0);
    expect(await workspace.read('reports/report.html')).toContain('The run ended early');
    expect(checkJunit(await workspace.read('reports/report.junit'))).toEqual([]);
    expect(await workspace.read('reports/report.metrics')).toContain('rebundle_exit_status{factory="riverbend"} 130');
  });

  test('stopped by a targets file that cannot be read', async () => {
    await workspace.write('out/targets.json', '{ broken');
    const { status } = await workspace.run(['run', '--config', 'big.yml', '--reporter', 'silent']);
    expect(status).toBe(1);
    await expectValid(workspace, 'out/report.json');
    expect(await workspace.readJson('out/report.json')).toMatchObject({
      status: 1,
      failure: { code: 'TARGETS_INVALID' },
    });
  });
});
