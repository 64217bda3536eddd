import type { ConversionExplanation, ExplainedChange, ExplainedLine } from '../convert/explain.ts';
import { escapeTerminal, terminalWidth } from '../lib/escape-text.ts';
import type { Diagnostic, Interpolation, PackageKind, Semantics, SourceOrigin } from '../model/app.ts';
import { countOf, SEVERITIES } from '../report/wording.ts';

/** All that `explain` says of one app. */
export interface AppExplanation extends Partial<ConversionExplanation> {
  readonly app: string;
  readonly origin: SourceOrigin;
  readonly kind: PackageKind;
  /** Absent where the package could not be split. */
  readonly semantics?: Semantics;
  readonly interpolation: Interpolation;
  /** Why a run leaves the package out; absent where it does not. */
  readonly skipped?: string;
  /** How much was compared with docker-app's render, and was equal. */
  readonly proof?: { readonly fields: number; readonly overrides: number; readonly sampled: boolean };
  readonly findings: readonly Diagnostic[];
}

/** Columns of everything but the lines of the files, which are shown whole. */
const WIDTH = 100;
const NUMBER_WIDTH = 5;
const MARGIN = ' '.repeat(2 * NUMBER_WIDTH + 2);
const KINDS: Readonly<Record<PackageKind, string>> = {
  'single-file': 'single file',
  folder: 'folder',
  tar: 'tar archive',
  compose: 'compose folder',
};

/** The explanation for people, at most 100 columns wide but for the lines of the files themselves. */
export function renderExplanation(explained: AppExplanation): string {
  const {
    app,
    origin,
    kind,
    semantics,
    interpolation,
    skipped,
    proof,
    lines = [],
    parameters = [],
    findings,
  } = explained;
  const read = semantics === undefined ? '' : `, read as docker-app ${semantics}`;
  const passes = interpolation === 'device' ? '$ is read twice, as on devices' : '$ is read once';
  const reading = kind === 'compose' ? ', published as it is written' : `${read}; ${passes}`;
  const parts = [
    [
      `${escapeTerminal(app)}  ${escapeTerminal(`${origin.repository}/${origin.path}`)}`,
      `${KINDS[kind]}${reading}`,
      ...(skipped === undefined ? [] : wrap(`a run leaves it out: ${skipped}`, '')),
      ...(proof === undefined ? [] : wrap(describeProof(proof), '')),
    ],
    ...(lines.length === 0
      ? []
      : [['docker-compose.yml: its lines, and those of the package', ...lines.flatMap(renderLine)]]),
    ...(parameters.length === 0 ? [] : [['Parameters', ...renderParameters(parameters)]]),
    [
      findingsTitle(findings),
      ...SEVERITIES.flatMap((severity) => findings.filter((each) => each.severity === severity)).flatMap(renderFinding),
    ],
  ];
  return `${parts.map((part) => part.join('\n')).join('\n\n')}\n`;
}

/** The defaults are counted with the overrides. */
function describeProof({ fields, overrides, sampled }: NonNullable<AppExplanation['proof']>): string {
  const how = sampled ? ' (many parameters: overridden in groups)' : '';
  return `proved equal to docker-app's render: ${countOf(fields, 'field')} x ${countOf(overrides + 1, 'override')} x 2 generations of compose${how}`;
}

function renderLine({ line, source, text, changes }: ExplainedLine): string[] {
  const numbers = [line ?? '-', source].map((number) => String(number).padStart(NUMBER_WIDTH)).join('');
  // That blank lines went is seen; what happened several times on a line is said once.
  const told = changes.filter(({ rule }) => rule !== 'line-ends');
  const once = new Map(told.map((change) => [JSON.stringify(change), change]));
  return [
    `${numbers}  ${escapeTerminal(text)}`.trimEnd(),
    ...[...once.values()].flatMap((change) => renderChange(change, line === undefined)),
  ];
}

function renderChange({ before, after, reason, name }: ExplainedChange, isRemoved: boolean): string[] {
  const why = `${reason} (${name})`;
  if (isRemoved || after === '') return wrap(why, `${MARGIN}^ `);
  const change = escapeTerminal(`${before === '' ? '(nothing)' : before} -> ${after}`);
  return [`${MARGIN}^ ${change}`, ...wrap(why, `${MARGIN}  `)];
}

function renderParameters(parameters: NonNullable<AppExplanation['parameters']>): string[] {
  const head = ['parameter', 'variable', 'uses', 'default'];
  const rows = parameters.map(({ parameter, variable = '-', uses, value }) => [
    escapeTerminal(parameter),
    variable,
    String(uses),
    value === '' ? '(empty)' : escapeTerminal(value),
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => terminalWidth(row[i] ?? ''))));
  const join = (row: readonly string[]): string =>
    `  ${row.map((cell, i) => cell + ' '.repeat(Math.max((widths[i] ?? 0) - terminalWidth(cell), 0))).join('  ')}`.trimEnd();
  return [
    join(head),
    ...rows.flatMap((row, i) => {
      const { fixed } = parameters[i]!;
      return [join(row), ...(fixed === undefined ? [] : wrap(`cannot be overridden: ${fixed}`, '      '))];
    }),
  ];
}

function findingsTitle(findings: readonly Diagnostic[]): string {
  const counts = SEVERITIES.flatMap((severity) => {
    const count = findings.filter((each) => each.severity === severity).length;
    return count === 0 ? [] : [countOf(count, severity)];
  });
  return `Findings: ${counts.length === 0 ? 'none' : counts.join(', ')}`;
}

function renderFinding({ severity, code, message, hint, location }: Diagnostic): string[] {
  const place = location === undefined ? '' : ` ${escapeTerminal(location.path)}:${location.line}:${location.column}`;
  return [
    `  ${severity} ${code}${place}`,
    ...wrap(message, '    '),
    ...(hint === undefined ? [] : wrap(`fix: ${hint}`, '    ')),
  ];
}

/** Foreign text in lines of at most 100 columns, broken at blanks; the first begins with `indent`, the others are as far in. */
function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  const room = WIDTH - indent.length;
  let line = '';
  for (const word of escapeTerminal(text).split(' ')) {
    if (line !== '' && terminalWidth(line) + 1 + terminalWidth(word) > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  const blank = ' '.repeat(indent.length);
  return [...lines, line].map((each, i) => `${i === 0 ? indent : blank}${each}`);
}
