import { html, type Markup } from './markup.ts';
import type { ReportAppDetails } from './report-apps.ts';

/** Rows of one diff that the page shows. */
const DIFF_ROWS = 1_500;

type Changes = NonNullable<ReportAppDetails['changes']>;

interface DiffInput {
  readonly caption: string;
  /** Headings of the two sides. */
  readonly before: string;
  readonly after: string;
  /** Unified. */
  readonly diff: string;
  /** Number of the first line of the left side. */
  readonly firstLine?: number;
  /** Why lines differ; without it there is no such column. */
  readonly changes?: Changes;
}

interface DiffRow {
  readonly before?: { readonly line: number; readonly text: string };
  readonly after?: { readonly line: number; readonly text: string };
  readonly isGap?: boolean;
}

/** A unified diff side by side: what is new within a line is marked, and each changed line says where it comes from. */
export function renderDiff({ caption, before, after, diff, firstLine = 1, changes = [] }: DiffInput): Markup {
  const rows = readRows(diff, firstLine);
  const reasons = groupReasons(changes);
  const hasReasons = changes.length > 0;
  const shown = rows.slice(0, DIFF_ROWS).map((row) => renderRow(row, hasReasons ? reasons : undefined));
  const more = rows.length - DIFF_ROWS;
  return html`<table class="diff${hasReasons ? ' why' : ''}">
<caption class="shown">${caption}</caption>
<thead><tr><th scope="col" class="line">Line</th><th scope="col">${before}</th><th scope="col" class="line">Line</th><th scope="col">${after}</th>${hasReasons ? html`<th scope="col">Why</th>` : undefined}</tr></thead>
<tbody>
${shown}</tbody>
</table>
${more > 0 ? html`<p class="soft">${more} more lines; the JSON report has them all.</p>\n` : undefined}`;
}

/** Pairs each run of removed lines with the run of added lines that follows it. */
function readRows(diff: string, firstLine: number): DiffRow[] {
  const rows: DiffRow[] = [];
  let [old, fresh] = [0, 0];
  let removed: { line: number; text: string }[] = [];
  let added: { line: number; text: string }[] = [];
  const flush = (): void => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++) {
      const [before, after] = [removed[i], added[i]];
      rows.push({ ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) });
    }
    removed = [];
    added = [];
  };
  let inHunk = false;
  for (const line of diff.replace(/\n$/, '').split('\n')) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(line);
    if (hunk !== null) {
      flush();
      if (inHunk) rows.push({ isGap: true });
      inHunk = true;
      old = Number(hunk[1]) + firstLine - 1;
      fresh = Number(hunk[2]);
    } else if (!inHunk || line.startsWith('\\')) {
      // The names of the files, and the note on a missing line end.
    } else if (line.startsWith('-')) {
      if (added.length > 0) flush();
      removed.push({ line: old++, text: line.slice(1) });
    } else if (line.startsWith('+')) {
      added.push({ line: fresh++, text: line.slice(1) });
    } else {
      flush();
      rows.push({ before: { line: old++, text: line.slice(1) }, after: { line: fresh++, text: line.slice(1) } });
    }
  }
  flush();
  return rows;
}

interface Reasons {
  readonly byLine: ReadonlyMap<number, readonly Changes[number][]>;
  readonly bySource: ReadonlyMap<number, readonly Changes[number][]>;
}

function groupReasons(changes: Changes): Reasons {
  const byLine = new Map<number, Changes[number][]>();
  const bySource = new Map<number, Changes[number][]>();
  for (const change of changes) {
    const [map, key] = change.line === undefined ? [bySource, change.source] : [byLine, change.line];
    map.set(key, [...(map.get(key) ?? []), change]);
  }
  return { byLine, bySource };
}

function renderRow({ before, after, isGap }: DiffRow, reasons: Reasons | undefined): Markup {
  if (isGap === true) {
    return html`<tr class="gap"><td colspan="${reasons === undefined ? 4 : 5}">…</td></tr>\n`;
  }
  const isSame = before !== undefined && after !== undefined && before.text === after.text;
  const [left, right] = isSame ? [before.text, after.text] : markChange(before?.text, after?.text);
  const why =
    reasons === undefined
      ? undefined
      : html`<td class="reason">${listReasons({ before, after, isSame }, reasons)}</td>`;
  return html`<tr><td class="line">${before?.line}</td><td class="${sideClass(before, isSame, 'old')}">${left}</td><td class="line">${after?.line}</td><td class="${sideClass(after, isSame, 'new')}">${right}</td>${why}</tr>
`;
}

function sideClass(side: DiffRow['before'], isSame: boolean, changed: string): string {
  return side === undefined ? 'none' : isSame ? 'same' : changed;
}

/** The part that differs, between what both lines begin and end with. */
function markChange(before: string | undefined, after: string | undefined): [Markup | string, Markup | string] {
  if (before === undefined) return ['', html`<ins>${after}</ins>`];
  if (after === undefined) return [html`<del>${before}</del>`, ''];
  const least = Math.min(before.length, after.length);
  let head = 0;
  while (head < least && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < least - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  // A pair of surrogates is one character.
  if (head > 0 && /[\ud800-\udbff]/.test(before[head - 1] ?? '')) head -= 1;
  if (tail > 0 && /[\udc00-\udfff]/.test(before.at(-tail) ?? '')) tail -= 1;
  const part = (text: string): [string, string, string] => [
    text.slice(0, head),
    text.slice(head, text.length - tail),
    text.slice(text.length - tail),
  ];
  const [a, b] = [part(before), part(after)];
  return [
    html`${a[0]}${a[1] === '' ? undefined : html`<del>${a[1]}</del>`}${a[2]}`,
    html`${b[0]}${b[1] === '' ? undefined : html`<ins>${b[1]}</ins>`}${b[2]}`,
  ];
}

function listReasons(
  {
    before,
    after,
    isSame,
  }: { readonly [Side in 'before' | 'after']: DiffRow[Side] | undefined } & { readonly isSame: boolean },
  { byLine, bySource }: Reasons,
): Markup[] {
  if (isSame) return [];
  const found = [
    ...(after === undefined ? [] : (byLine.get(after.line) ?? [])),
    ...(before === undefined ? [] : (bySource.get(before.line) ?? [])),
  ];
  return found.map(({ rule, reason }) => html`<span><b>${rule}</b> ${reason}</span>`);
}
