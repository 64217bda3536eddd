import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MigrationOutcome } from '../../src/pipeline/run.ts';
import { compareReports } from '../../src/report/compare-reports.ts';
import { renderHtml } from '../../src/report/html.ts';
import { renderJson } from '../../src/report/json.ts';
import { renderJunit } from '../../src/report/junit.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { renderMetrics } from '../../src/report/metrics.ts';
import { buildRunReport } from '../../src/report/run-report.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { planOf, statusesOf, TestFactory } from './factory.ts';
import { pushImage } from './images.ts';

const jsonOf = (report: Parameters<typeof renderJson>[0]): string => [...renderJson(report)].join('');

const SECRET = 'hunter2-is-secret';
const ALLOWED = 'secrets: { allow: [{ name: db.password, reason: a test }, { name: api-token, reason: a test }] }\n';
let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.withApps();
  await pushImage(factory.images, 'quay.io/acme/web:v1');
});
afterEach(async () => {
  await factory.close();
});

/** Places of a secret in all that leaves a run: the plan file, the events, the findings and the reports. */
function leaksOf(outcome: MigrationOutcome, secret = SECRET): string[] {
  const { plan, results } = outcome;
  const report = buildRunReport({
    plan,
    results,
    command: 'run',
    status: 0,
    sources: outcome.scanned.map(({ source, packages }) => ({ repository: source.origin.repository, packages })),
    bytesSent: outcome.bytesSent,
    timing: { totalMs: 1 },
    outputs: {},
  });
  const texts = [JSON.stringify(plan), JSON.stringify(factory.saved), JSON.stringify(factory.events)];
  texts.push(JSON.stringify(results), jsonOf(report), renderMarkdown(report));
  texts.push(renderSummary(report, { width: 200, color: true }));
  texts.push([...renderHtml(report)].join(''), [...renderJunit(report)].join(''), [...renderMetrics(report)].join(''));
  texts.push(JSON.stringify(compareReports(report, { ...report, apps: [], findings: [] })));
  return texts.flatMap((text) => text.match(new RegExp(`.{0,60}${secret}.{0,20}`, 'g')) ?? []);
}

const packageOf = (compose: string, parameters: string): string =>
  `version: 1.0.0\nname: vault\n---\nversion: '3.2'\nservices:\n  main:\n    image: quay.io/acme/web:v1\n${compose}---\n${parameters}\n`;

test('a secret parameter that is used in many ways is in the bundle and nowhere else', async () => {
  const compose = [
    '    environment:',
    '      DB: "postgres://app:${db.password}@db/app"',
    '      DB_PASSWORD: ${db.password}',
    '      HALF: "$${x}${db.password}"',
    '    command: ["--password", "${db.password}", "--token=${api-token}"]',
    '    labels:',
    '      - "note=$$$${db.password}"',
    '',
  ].join('\n');
  await factory.write(
    'repo/vault.dockerapp',
    packageOf(compose, `db:\n  password: ${SECRET}\napi-token: "${SECRET}$$x"`),
  );
  const outcome = await factory.run({ config: `interpolation: single\n${ALLOWED}` });
  expect(statusesOf(outcome)).toEqual({ vault: 'migrated' });
  expect(leaksOf(outcome)).toEqual([]);
  expect(planOf(outcome, 'vault').variables.map(({ parameter, value }) => [parameter, value])).toContainEqual([
    'db.password',
    '(masked)',
  ]);
});

test.each([
  ['as a value with a wrong type', '    read_only: ${db.password}\n', `db: { password: ${SECRET} }`],
  ['in a port', '    ports: ["${db.password}:80"]\n', `db: { password: ${SECRET} }`],
  ['as a bind mount', '    volumes: ["../../${db.password}:/x"]\n', `db: { password: ${SECRET} }`],
  ['as an env_file', '    env_file: ["./${db.password}"]\n', `db: { password: ${SECRET} }`],
  ['with an open expression', '    command: "$${x${db.password}"\n', `db: { password: ${SECRET} }`],
  ['that holds an expression', '    command: "${db.password}"\n', `db: { password: "\${${SECRET}" }`],
  ['in the switch of a service', '    x-enabled: ${db.password}\n', `db: { password: ${SECRET} }`],
  ['in broken parameters', '', `db: { password: ${SECRET}`],
  [
    'as a tag of a factory image',
    '  second: { image: "hub.example.com/acme/x:${db.password}" }\n',
    `db: { password: ${SECRET} }`,
  ],
  ['as an image name', '  second: { image: "${db.password}:V:x" }\n', `db: { password: ${SECRET} }`],
  [
    'as an image that is not there',
    '  second: { image: "quay.io/x/y:${db.password}" }\n',
    `db: { password: ${SECRET} }`,
  ],
])('a secret %s is not printed where the package fails', async (_what, compose, parameters) => {
  await factory.write('repo/vault.dockerapp', packageOf(compose, parameters));
  const outcome = await factory.run({ config: '' });
  expect(statusesOf(outcome)).toEqual({ vault: 'failed' });
  expect(leaksOf(outcome)).toEqual([]);
});

test('a value of --set is not printed either', async () => {
  const compose = '    environment: { DB_PASSWORD: "${db.password}" }\n';
  await factory.write('repo/vault.dockerapp', packageOf(compose, 'db: { password: old-password-x }'));
  const outcome = await factory.run({ config: `parameters: { set: { db.password: ${SECRET} } }\n${ALLOWED}` });
  expect(statusesOf(outcome)).toEqual({ vault: 'migrated' });
  expect([...leaksOf(outcome), ...leaksOf(outcome, 'old-password-x')]).toEqual([]);
});
