import { escapeTerminal } from '../lib/escape-text.ts';

/** Longest foreign text in one cell or heading, in UTF-16 units. */
const LONGEST = 400;

function shorten(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}

/** Foreign text as plain words of GitHub Markdown, in a paragraph, a heading or a table cell: no markup, HTML, link or mention. */
export function escapeMarkdown(text: string): string {
  return escapeTerminal(shorten(text))
    .replace(/[\\`*_[\]|#~$@!]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/:\/\//g, ':\\/\\/')
    .replace(/www\./gi, (match) => `${match.slice(0, 3)}\\.`)
    .trim();
}

/** Foreign text as a code span for a table cell, where `|` has to be escaped even in code. */
export function codeCell(text: string): string {
  const safe = escapeTerminal(shorten(text)).trim();
  if (safe === '') return '';
  const fence = '`'.repeat(longestRun(safe) + 1);
  const pad = safe.startsWith('`') || safe.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${safe.replaceAll('|', '\\|')}${pad}${fence}`;
}

/** A fenced block that its content cannot close; each line of it is escaped. */
export function fencedBlock(language: string, lines: readonly string[]): string {
  const safe = lines.map(escapeTerminal);
  const fence = '`'.repeat(Math.max(3, longestRun(safe.join('\n')) + 1));
  return `${fence}${language}\n${safe.join('\n')}\n${fence}\n`;
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);
}
