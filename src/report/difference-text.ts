import { escapeTerminal } from '../lib/escape-text.ts';
import type { AppChange, ReportDifference } from './compare-reports.ts';
import { createPaint, type Paint } from './paint.ts';
import { countOf } from './wording.ts';

/** Characters of a digest that tell two apart for the eye. */
const DIGEST_SHOWN = 12;
const SIGNS = { added: '+', replaced: '~', removed: '-' } as const;

/** The comparison of two reports for a terminal. */
export function renderDifference(difference: ReportDifference, { color }: { readonly color: boolean }): string {
  const paint = createPaint(color);
  const { old, new: now, isSame } = difference;
  const lines = [
    `${paint('dim', 'old')}  ${describeRun(old)}`,
    `${paint('dim', 'new')}  ${describeRun(now)}`,
    '',
    ...(isSame ? ['No difference.'] : listChanges(difference, paint)),
  ];
  return `${lines.join('\n')}\n`;
}

function describeRun({ command, createdAt, factory, status, safe }: ReportDifference['old']): string {
  return escapeTerminal(`${createdAt} ${command} ${factory}: exit status ${status}, ${safe ? 'safe' : 'not safe'}`);
}

function listChanges(difference: ReportDifference, paint: Paint): string[] {
  const { counts, appsAdded, appsRemoved, apps, findingsAdded, findingsGone, targetsAdded, targetsGone } = difference;
  const section = (title: string, rows: readonly string[]): string[] =>
    rows.length === 0 ? [] : [paint('bold', title), ...rows.map((row) => `  ${row}`), ''];
  const plus = (text: string): string => paint('blue', `+ ${escapeTerminal(text)}`);
  const minus = (text: string): string => paint('yellow', `- ${escapeTerminal(text)}`);
  const finding = ({
    severity,
    code,
    app,
    repository,
    path,
    message,
  }: ReportDifference['findingsAdded'][number]): string =>
    `${severity} ${code} ${app ?? repository} ${path}: ${message}`;
  const lines = [
    ...section(
      'Counts',
      Object.entries(counts).map(([key, [before, after]]) => `${key} ${before} -> ${after}`),
    ),
    ...section('Apps', [
      ...appsAdded.map(plus),
      ...appsRemoved.map(minus),
      ...apps.flatMap((app) => describeApp(app, paint)),
    ]),
    ...section(`Findings: ${findingsAdded.length} new, ${findingsGone.length} gone`, [
      ...findingsAdded.map((row) => plus(finding(row))),
      ...findingsGone.map((row) => minus(finding(row))),
    ]),
    ...section('Targets', [...targetsAdded.map(plus), ...targetsGone.map(minus)]),
  ];
  if (lines.length === 0) return ['The exit status is another one.'];
  return lines.slice(0, -1);
}

function describeApp(app: AppChange, paint: Paint): string[] {
  const row = (label: string, before = 'none', after = 'none'): string =>
    `    ${label}: ${escapeTerminal(shorten(before))} -> ${escapeTerminal(shorten(after))}`;
  const { status, reference, dockerApp, images, variables, files } = app;
  return [
    `${paint('bold', '~')} ${escapeTerminal(app.app)}${files.length === 0 ? '' : ` (${countOf(files.length, 'file')} of the bundle)`}`,
    ...(status === undefined ? [] : [row('status', status.before, status.after)]),
    ...(reference === undefined ? [] : [row('bundle', reference.before, reference.after)]),
    ...(dockerApp === undefined ? [] : [row('.dockerapp', dockerApp.before, dockerApp.after)]),
    ...images.map(({ service, before, after }) => row(`image of ${escapeTerminal(service)}`, before, after)),
    ...variables.map(({ parameter, before, after }) => row(`parameter ${escapeTerminal(parameter)}`, before, after)),
    ...files.map(({ path, change }) => `    ${SIGNS[change]} ${escapeTerminal(path)}`),
  ];
}

/** A digest by its first digits. */
function shorten(text: string): string {
  return text.replace(/(sha256:[0-9a-f]+)/g, (digest) => digest.slice(0, 'sha256:'.length + DIGEST_SHOWN));
}
