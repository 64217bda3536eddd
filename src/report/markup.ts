import { escapeTerminal } from '../lib/escape-text.ts';

const text = Symbol('markup');

/** HTML that was made by `html`, and by nothing else: the key is private to this file. */
export interface Markup {
  readonly [text]: string;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Printable ASCII without those. */
const PLAIN = /^[ !#-%(-;=?-~]*$/;

function escapeHtml(value: string): string {
  if (PLAIN.test(value)) return value;
  return escapeTerminal(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

function toHtml(value: string | number | Markup | readonly Markup[] | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  if (!Array.isArray(value)) return (value as Markup)[text];
  let result = '';
  for (const item of value as readonly Markup[]) result += item[text];
  return result;
}

/**
 * A template whose every interpolation is escaped, for element content and for quoted attribute values, unless it was made by
 * this template. Control and bidi characters become visible escapes. Not for names of tags or attributes, URLs, style or script.
 */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Markup | readonly Markup[] | undefined)[]
): Markup {
  let result = parts[0] ?? '';
  for (let i = 0; i < values.length; i++) result += toHtml(values[i]) + (parts[i + 1] ?? '');
  return { [text]: result };
}

export function renderMarkup(markup: Markup): string {
  return markup[text];
}
