import type { Severity } from '../model/findings.ts';
import { html, type Markup } from './markup.ts';
import type { ReportApp, ReportFinding } from './report-apps.ts';
import { countOf, placeOf } from './wording.ts';

/** Each status and severity has a sign and a word besides its colour, so that colour alone says nothing. */
const SIGNS: Readonly<Record<ReportApp['status'] | Severity | 'new', string>> = {
  failed: '✕',
  held: '‖',
  migrated: '✓',
  unchanged: '=',
  error: '✕',
  warning: '!',
  note: '•',
  new: '★',
};

export function badge(kind: keyof typeof SIGNS, label: string): Markup {
  return html`<span class="badge ${kind}"><span aria-hidden="true">${SIGNS[kind]}</span> ${label}</span>`;
}

export function code(text: string): Markup {
  return html`<code>${text}</code>`;
}

/** A long reference with its digest set apart, so that it can break there. */
export function reference(text: string): Markup {
  const at = text.lastIndexOf('@sha256:');
  return at < 0
    ? html`<code class="reference">${text}</code>`
    : html`<code class="reference">${text.slice(0, at)}<wbr><span class="digest">${text.slice(at)}</span></code>`;
}

export function place(finding: Pick<ReportFinding, 'repository' | 'path' | 'line' | 'column'>): Markup {
  return html`<code class="place">${placeOf(finding)}</code>`;
}

interface TableInput {
  readonly caption: string;
  /** Headings. The first column names its row. `number` columns are set to the right. */
  readonly columns: readonly (string | { readonly number: string })[];
  readonly rows: readonly (readonly (Markup | string)[])[];
  /** The caption is read aloud only, where the text above the table says the same to the eye. */
  readonly quiet?: boolean;
}

/** A table that becomes a list of cards on narrow screens, each cell then under its heading. */
export function table({ caption, columns, rows, quiet = false }: TableInput): Markup {
  const heads = columns.map((column) =>
    typeof column === 'string' ? { label: column, kind: 'text' } : { label: column.number, kind: 'number' },
  );
  const head = heads.map(({ label, kind }) => html`<th scope="col" class="${kind}">${label}</th>`);
  const body = rows.map((row) => {
    const cells = row.map((cell, i) => {
      const { label = '', kind = 'text' } = heads[i] ?? {};
      return i === 0
        ? html`<th scope="row" data-label="${label}">${cell}</th>`
        : html`<td data-label="${label}" class="${kind}">${cell}</td>`;
    });
    return html`<tr>${cells}</tr>\n`;
  });
  return html`<table>
<caption class="${quiet ? 'quiet' : 'shown'}">${caption}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody>
</table>
`;
}

/** A table of at most `rows` rows that says how many more there are. */
export function limitedTable(
  input: TableInput,
  { rows, noun }: { readonly rows: number; readonly noun: string },
): Markup {
  const more = input.rows.length - rows;
  return html`${table({ ...input, rows: input.rows.slice(0, rows) })}${more > 0 ? html`<p class="soft">${countOf(more, `more ${noun}`)} in the JSON report.</p>\n` : undefined}`;
}
