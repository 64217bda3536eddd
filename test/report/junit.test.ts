import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { renderJunit } from '../../src/report/junit.ts';
import { buildRunReport, type RunReportInput } from '../../src/report/run-report.ts';
import { checkJunit, readXml, type XmlElement } from '../support/xml.ts';
import { hostileText, poison } from './hostile.ts';
import { sampleInput, sampleReport } from './sample-report.ts';

const junitOf = (report: Parameters<typeof renderJunit>[0]): string => [...renderJunit(report)].join('');

function casesOf(text: string): XmlElement[] {
  return readXml(text).children[0]!.children.filter(({ name }) => name === 'testcase');
}

describe('junit', () => {
  it('gives the sample as it was reviewed', async () => {
    await expect(junitOf(sampleReport())).toMatchFileSnapshot('golden/sample.junit.xml');
  });

  it('is valid against the schema, and the check would find what is not', () => {
    expect(checkJunit(junitOf(sampleReport()))).toEqual([]);
    const broken =
      '<testsuites><testsuite tests="x"><properties/><testcase name="a" colour="red"/><properties/></testsuite></testsuites>';
    expect(checkJunit(broken)).toEqual([
      'tests="x" is no xs:nonNegativeInteger',
      '<testsuite> lacks name',
      '<properties> is out of place in <testsuite>',
      '<testcase> has no attribute colour',
    ]);
  });

  it('has a case per app and per skipped package, and sums that agree with them', () => {
    const text = junitOf(sampleReport());
    const cases = casesOf(text);
    const holding = (name: string): XmlElement[] =>
      cases.filter(({ children }) => children.some((each) => each.name === name));
    expect(cases).toHaveLength(9);
    expect(holding('failure').map(({ attributes }) => attributes.get('name'))).toEqual(['kiosk']);
    expect(holding('skipped').map(({ attributes }) => attributes.get('name'))).toEqual([
      'gateway-ui',
      'lobby',
      'printer',
    ]);
    const { attributes } = readXml(text).children[0]!;
    expect(['tests', 'failures', 'errors', 'skipped'].map((key) => attributes.get(key))).toEqual(['9', '1', '0', '3']);
  });

  it('tells a repository that could not be read, and a run that ended early, as errors', () => {
    const input = sampleInput();
    const text = junitOf(
      buildRunReport({
        ...input,
        sources: [...input.sources, { repository: 'lost', packages: [], error: 'permission denied' }],
        failure: { code: 'CANCELLED', message: 'interrupted' },
      }),
    );
    expect(checkJunit(text)).toEqual([]);
    const errors = casesOf(text).filter(({ children }) => children.some(({ name }) => name === 'error'));
    expect(errors.map(({ attributes }) => attributes.get('name'))).toEqual(['SOURCE_UNREADABLE', 'CANCELLED']);
    expect(readXml(text).children[0]!.attributes.get('errors')).toBe('2');
  });

  it('stays valid whatever foreign text says', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const report = buildRunReport({
          ...(poison(sampleInput(), text) as RunReportInput),
        });
        const junit = junitOf({ ...report, createdAt: '2026-03-02T06:30:00Z' });
        expect(checkJunit(junit)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

test.skipIf(spawnSync('xmllint', ['--version']).error !== undefined)(
  'xmllint takes it too (skipped: no xmllint)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'rebundle-junit-'));
    try {
      const path = join(folder, 'junit.xml');
      writeFileSync(path, junitOf(sampleReport()));
      const schema = join(import.meta.dirname, '../fixtures/report/junit.xsd');
      const { status, stderr } = spawnSync('xmllint', ['--nonet', '--noout', '--schema', schema, path], {
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, `${path} validates\n`]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
