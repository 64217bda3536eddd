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

function escapeHtml(value: string): string {
  return escapeTerminal(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

function toHtml(value: string | number | Markup | readonly Markup[] | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  return Array.isArray(value) ? value.map((item: Markup) => item[text]).join('') : (value as Markup)[text];
}

/**
 * A template whose every interpolation is escaped, for element content and for quoted attribute values, unless it was made by
 * this template. Control and bidi characters become visible escapes. Not for names of tags or attributes, URLs, style or script.
 */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Markup | readonly Markup[] | undefined)[]
): Markup {
  return { [text]: parts.reduce((result, part, i) => result + toHtml(values[i - 1]) + part) };
}

export function renderMarkup(markup: Markup): string {
  return markup[text];
}
