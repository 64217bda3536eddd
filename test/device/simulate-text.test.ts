import { expect, test } from 'vitest';
import { createTexts, type Simulation } from '../../src/cli/simulate-text.ts';
import { RUNNING_CLIENTS } from '../../src/device/clients.ts';
import type { SimulationRow } from '../../src/device/simulation-rows.ts';
import { fileOf, ostree } from '../targets/samples.ts';

const FILE = fileOf({
  'arm-9': ostree('arm', 9),
  'arm-10': ostree('arm', 10),
  odd: ostree('arm', 1, { version: 'x' }),
});
const ALL = RUNNING_CLIENTS.map(({ id }) => id);

function rowOf(row: Partial<SimulationRow>): SimulationRow {
  const place = { move: 'to', from: ['arm-9'], to: ['arm-10'], hardwareIds: ['arm'], tags: ['main'] } as const;
  return { ...place, clients: ALL, apps: ['web'], outcome: 'removed', loss: true, ...row };
}

function textsOf(rows: readonly SimulationRow[], more: Partial<Simulation> = {}) {
  const losses = rows.filter(({ loss }) => loss).length;
  return createTexts(FILE, { path: 't.json', clients: ALL, ways: 1, losses, rows, running: [], unread: [], ...more });
}

test('a row under its way: a loss is marked, clients have their common name', () => {
  const olds = ALL.filter((id) => id.includes('docker-app'));
  const texts = textsOf([
    rowOf({ detail: 'it is gone' }),
    rowOf({ outcome: 'replaced', loss: false, clients: [...olds, '2020-10'] }),
    rowOf({ outcome: 'not-taken', loss: false, apps: [], clients: ['newest'] }),
  ]);
  expect(texts.table()).toBe(`To version 10, from version 9 (tag main, arm)
  LOSS removed          web
                        all clients
                        it is gone
       replaced         web
                        all docker-app clients, 2020-10
       not-taken        the device
                        newest
`);
  expect(texts.summary()).toBe('t.json: 1 way between targets, 7 clients: 1 loss\n');
  expect(texts.markdown()).toContain('**1 of 3 outcomes are losses.**');
  expect(texts.markdown()).toContain('| **LOSS** | removed | web | all clients | it is gone |');
});

test('targets without a version are told by their names', () => {
  const [title] = textsOf([rowOf({ from: ['odd'], hardwareIds: [], tags: [] })])
    .table()
    .split('\n');
  expect(title).toBe('To version 10, from odd');
});

test('what could not be read is said, five of it', () => {
  const unread = Array.from({ length: 7 }, (_, i) => `x${i}: not there`);
  const lines = textsOf([], { unread }).summary().trimEnd().split('\n');
  expect(lines).toHaveLength(7);
  expect(lines.at(-1)).toBe('  judged by name only: 2 more');
});

test('foreign text is shown escaped, in at most 100 columns, digests by 12 digits', () => {
  const evil = `a\u001b[31m\u202e${' long'.repeat(40)}`;
  const running = [
    {
      app: evil,
      styles: ['compose', 'docker-app'] as const,
      targets: ['arm-10'],
      images: [{ service: 'web', image: `hub.example.io/acme/web@sha256:${'a'.repeat(64)}` }],
      volumes: ['web_data'],
      paths: [],
      networks: ['web_default'],
    },
  ];
  const texts = textsOf([rowOf({ apps: ['x|y\u001b'], detail: evil })], { running });
  const table = texts.table();
  expect(table).not.toMatch(/[\u001b\u202e]/);
  expect(table).toContain('x|y\\x1b');
  expect(table).toContain('    image    web: hub.example.io/acme/web@sha256:aaaaaaaaaaaa\n');
  expect(table).toContain('    style    both styles\n');
  expect(texts.markdown()).not.toMatch(/[\u001b\u202e]/);
  expect(texts.markdown()).toContain('x\\|y');
  for (const line of table.split('\n').filter((text) => !text.startsWith('  a'))) expect(line.length).toBeLessThan(101);
});
