import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { renderJson } from '../../src/report/json.ts';
import { parseReport, reportJsonSchema } from '../../src/report/report-schema.ts';
import { buildRunReport, type RunReport } from '../../src/report/run-report.ts';
import { sampleInput, sampleReport } from './sample-report.ts';

const jsonOf = (report: RunReport): string => [...renderJson(report)].join('');
const SCHEMA = new URL('../../schemas/report.schema.json', import.meta.url);

describe('the schema of reports', () => {
  it('is the published one', () => {
    expect(JSON.parse(readFileSync(SCHEMA, 'utf8'))).toEqual(JSON.parse(JSON.stringify(reportJsonSchema())));
  });

  it('takes the reports that are written, whole and in part', () => {
    const validate = new Ajv2020({ strict: true, allErrors: true }).compile(reportJsonSchema());
    const timing = { totalMs: 12, stages: { split: 1, rewrite: 2, pin: 3, bundle: 4, publish: 5 } };
    const failure = { code: 'CANCELLED', message: 'interrupted', hint: 'Run again.' } as const;
    const input = sampleInput();
    const plan = { ...input.plan, apps: [], targets: [], images: [], skippedTargets: [] };
    for (const report of [
      sampleReport(),
      buildRunReport({ ...input, timing }),
      buildRunReport({ ...input, plan, results: [], sources: [], failure }),
    ]) {
      validate(JSON.parse(jsonOf(report)));
      expect(validate.errors ?? []).toEqual([]);
    }
  });

  it.each([
    ['another version', { schemaVersion: 2 }],
    ['no apps', { apps: null }],
    ['a negative count', { counts: { ...sampleReport().counts, failed: -1 } }],
    ['a status of its own', { apps: [{ ...sampleReport().apps[0], status: 'fine' }] }],
    ['a finding without place', { findings: [{ code: 'PARAM_INVALID', severity: 'error', message: 'x' }] }],
  ])('refuses %s', (_what, change) => {
    const value = { ...JSON.parse(jsonOf(sampleReport())), ...JSON.parse(JSON.stringify(change)) };
    const validate = new Ajv2020({ strict: true }).compile(reportJsonSchema());
    expect(validate(value)).toBe(false);
    expect(() => parseReport(JSON.stringify(value), 'r.json')).toThrow(/^r\.json is not a report: /);
  });

  it('is read back as it was, with members that a later release adds', () => {
    const text = jsonOf(sampleReport());
    expect(JSON.parse(jsonOf(parseReport(text, 'r.json')))).toEqual(JSON.parse(text));
    const findings = [{ ...sampleReport().findings[0], code: 'later.code' }];
    const later = JSON.stringify({ ...JSON.parse(text), fresh: 1, findings });
    expect(parseReport(later, 'r.json')).toMatchObject({ fresh: 1 });
    expect(() => parseReport('{', 'r.json')).toThrow('r.json is not JSON');
  });
});
