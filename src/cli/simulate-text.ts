import { RUNNING_CLIENTS } from '../device/clients.ts';
import type { RunningApp } from '../device/list-running.ts';
import type { Move, SimulationRow } from '../device/simulation-rows.ts';
import { escapeTerminal, terminalWidth } from '../lib/escape-text.ts';
import { escapeMarkdown } from '../report/markdown-escape.ts';
import { countOf } from '../report/wording.ts';
import { readVersion } from '../targets/target-fields.ts';
import type { TargetsFile } from '../targets/targets-file.ts';

/** All that `simulate` found; its JSON form. */
export interface Simulation {
  readonly path: string;
  readonly clients: readonly string[];
  /** Pairs of targets that were played. */
  readonly ways: number;
  /** Rows that are losses. */
  readonly losses: number;
  readonly rows: readonly SimulationRow[];
  readonly running: readonly RunningApp[];
  /** Packages and bundles that could not be had. */
  readonly unread: readonly string[];
}

/** Columns of the report, on any terminal. */
const WIDTH = 100;
const INDENT = 24;
/** Lines about contents that were not read. */
const SHOWN_UNREAD = 5;

interface Section {
  readonly title: string;
  readonly rows: readonly SimulationRow[];
}

/** The forms of a simulation for people; targets are told by their versions where they have one. */
export function createTexts(file: TargetsFile, simulation: Simulation) {
  const sections = groupRows(file, simulation.rows);
  return {
    /** At most 100 columns. */
    table: (): string =>
      [
        ...sections.map(({ title, rows }) => [...wrap(title, '', '  '), ...rows.flatMap(formatRow)]),
        ...formatRunning(simulation.running),
      ]
        .map((lines) => `${lines.join('\n')}\n`)
        .join('\n'),
    markdown: (): string => formatMarkdown(simulation, sections),
    summary: (): string => summarize(simulation),
  };
}

function groupRows(file: TargetsFile, rows: readonly SimulationRow[]): Section[] {
  const sections = new Map<string, SimulationRow[]>();
  for (const row of rows) {
    const title = titleOf(file, row);
    const section = sections.get(title);
    if (section === undefined) sections.set(title, [row]);
    else section.push(row);
  }
  return [...sections].map(([title, own]) => ({ title, rows: own }));
}

const TITLES: Readonly<Record<Move, (to: string, from: string) => string>> = {
  to: (to, from) => (from === '' ? `To ${to}, on a device that has no target yet` : `To ${to}, from ${from}`),
  back: (to, from) => `Back to ${to}, from ${from}`,
  switch: (to) => `Type switched to compose apps, on ${to}`,
  'switch back': (to) => `Type switched back to docker-app, on ${to}`,
  'both styles': (to) => `Images of both styles, in ${to}`,
  edited: (to) => `Edited after it was out: ${to}`,
};

function titleOf(file: TargetsFile, { move, from, to, tags, hardwareIds }: SimulationRow): string {
  const lines = [...tags.map((tag) => `tag ${tag}`), ...hardwareIds].join(', ');
  const title = TITLES[move](nameTargets(file, to), nameTargets(file, from));
  return escapeTerminal(lines === '' ? title : `${title} (${lines})`);
}

/** `version 38, 39`, or names where there is no version. */
function nameTargets(file: TargetsFile, names: readonly string[]): string {
  const versions = names.map((name) => readVersion(file.targets.get(name)?.custom?.version));
  if (names.length === 0 || versions.includes(undefined)) return names.join(', ');
  return `version ${[...new Set(versions)].sort((a, b) => (a ?? 0) - (b ?? 0)).join(', ')}`;
}

function formatRow(row: SimulationRow): string[] {
  const head = `  ${row.loss ? 'LOSS' : '    '} ${row.outcome.padEnd(INDENT - 8)} `;
  const indent = ' '.repeat(INDENT);
  const names = nameClients(row);
  return [
    ...wrap(nameApps(row), head, indent),
    ...(names === '' ? [] : wrap(names, indent, indent)),
    ...(row.detail === undefined ? [] : wrap(shorten(row.detail), indent, indent)),
  ];
}

function nameApps({ apps }: SimulationRow): string {
  return apps.length === 0 ? 'the device' : escapeTerminal(apps.join(', '));
}

/** Clients by their common name, where they are all of a kind. */
function nameClients({ clients }: Pick<SimulationRow, 'clients'>): string {
  const of = (style: string): string[] =>
    RUNNING_CLIENTS.filter((client) => client.style === style).map(({ id }) => id);
  const known = [
    { name: 'all clients', ids: RUNNING_CLIENTS.map(({ id }) => id) },
    { name: 'all docker-app clients', ids: of('docker-app') },
    { name: 'all compose clients', ids: of('compose') },
  ];
  const names: string[] = [];
  let left = clients;
  for (const { name, ids } of known) {
    if (!ids.every((id) => left.includes(id))) continue;
    names.push(name);
    left = left.filter((id) => !ids.includes(id));
  }
  return [...names, ...left].join(', ');
}

/** What the apps run and keep, one section; none where no contents are known. */
function formatRunning(running: readonly RunningApp[]): string[][] {
  if (running.length === 0) return [];
  const lines = running.flatMap(({ app, styles, images, volumes, paths, networks }, i) => {
    const facts: readonly (readonly [string, string])[] = [
      ['style', styles.length > 1 ? 'both styles' : `as ${styles.join('')}`],
      ...images.map(({ service, image }) => ['image', `${service}: ${image}`] as const),
      ...volumes.map((name) => ['volume', name] as const),
      ...paths.map((path) => ['path', path] as const),
      ...networks.map((name) => ['network', name] as const),
    ];
    const title = running[i - 1]?.app === app ? [] : [`  ${escapeTerminal(app)}`];
    return [...title, ...facts.flatMap(([kind, text]) => wrap(shorten(text), `    ${kind.padEnd(9)}`, ' '.repeat(15)))];
  });
  return [['What the targets run and keep', ...lines]];
}

function formatMarkdown({ losses, rows, unread }: Simulation, sections: readonly Section[]): string {
  const parts = sections.map(({ title, rows: own }) =>
    [
      `## ${escapeMarkdown(title)}`,
      '',
      '| | what | apps | clients | |',
      '| --- | --- | --- | --- | --- |',
      ...own.map((row) => {
        const texts = [row.outcome, nameApps(row), nameClients(row), row.detail ?? ''].map(escapeMarkdown);
        return `| ${[row.loss ? '**LOSS**' : '', ...texts].join(' | ')} |`;
      }),
    ].join('\n'),
  );
  const verdict = losses === 0 ? 'Nothing is lost.' : `**${losses} of ${countOf(rows.length, 'outcome')} are losses.**`;
  const limits =
    unread.length === 0
      ? []
      : [
          `Judged by name only, ${countOf(unread.length, 'content')}:`,
          unread.map((text) => `- ${escapeMarkdown(text)}`).join('\n'),
        ];
  return `${['# What devices do with these targets', verdict, ...parts, ...limits].join('\n\n')}\n`;
}

function summarize({ path, ways, losses, clients, rows, unread }: Simulation): string {
  const removed = new Set(
    rows.filter(({ move, outcome }) => move === 'back' && outcome === 'removed').flatMap(({ apps }) => apps),
  );
  const verdict = losses === 0 ? 'nothing is lost' : losses === 1 ? '1 loss' : `${losses} losses`;
  const back =
    removed.size === 0 ? '' : `; going back removes ${countOf(removed.size, 'app')} that older targets do not have`;
  const shown = unread.slice(0, SHOWN_UNREAD).map((text) => `  judged by name only: ${text}`);
  const more = unread.length > SHOWN_UNREAD ? [`  judged by name only: ${unread.length - SHOWN_UNREAD} more`] : [];
  const head = `${path}: ${countOf(ways, 'way')} between targets, ${countOf(clients.length, 'client')}: ${verdict}${back}`;
  return [head, ...shown, ...more].map((line) => `${escapeTerminal(line)}\n`).join('');
}

/** Digests by their first 12 digits, which is as much as people compare. */
function shorten(text: string): string {
  return escapeTerminal(text.replaceAll(/(@sha256:[0-9a-f]{12})[0-9a-f]{52}/g, '$1'));
}

/** Lines of at most `WIDTH` columns, broken at blanks; the first one begins with `head`, the others with `indent`. */
export function wrap(text: string, head: string, indent: string): string[] {
  const lines: string[] = [];
  let line = head;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && terminalWidth(line) + 1 + terminalWidth(word) > WIDTH) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
