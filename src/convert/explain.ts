import { createMask, maskDiff, maskVariables } from '../lib/redact.ts';
import { countUpTo, mapOffsets } from '../lib/text-edit.ts';
import type { ComposeApp, EditRule, TextEdit, VariableMapping } from '../model/app.ts';

/** One change that touches a line. Texts are those of one line, cut where they are long. */
export interface ExplainedChange {
  readonly rule: EditRule;
  /** The rule of conversion, as MIGRATION.md names it. */
  readonly name: string;
  readonly before: string;
  readonly after: string;
  /** What happened and why, in one sentence. */
  readonly reason: string;
  readonly parameter?: string;
  readonly variable?: string;
  /** The value that stands where nothing overrides it; masked where it looks like a secret. */
  readonly default?: string;
}

/** A line of the result, or one of the package that is not in it any more. */
export interface ExplainedLine {
  readonly kind: 'kept' | 'changed' | 'removed';
  /** Line of docker-compose.yml, from 1; absent for a removed line. */
  readonly line?: number;
  /** Line of the package file that it comes from. */
  readonly source: number;
  readonly text: string;
  readonly changes: readonly ExplainedChange[];
}

export interface ConversionExplanation {
  readonly lines: readonly ExplainedLine[];
  /** All parameters of the package in its order, unused ones too. */
  readonly parameters: readonly VariableMapping[];
}

const RULE_NAMES: Readonly<Record<EditRule, string>> = {
  variable: 'R5 overrides',
  value: 'R5 overrides',
  dollar: 'R3 interpolation',
  'plain-scalar': 'R1 plain scalars',
  'x-enabled': 'R7 x-enabled',
  'duplicate-key': 'R12 leftovers',
  'second-document': 'R12 leftovers',
  'line-ends': 'R12 leftovers',
  'config-mount': 'R7 configs',
  command: 'R2 render',
  rendered: 'R2 render',
};
/** UTF-16 units of a text before and after. */
const MAX_SHOWN = 120;

/**
 * Says for every line of a converted file which line of the package it comes from, and what changed on it and why; lines that went stand where they
 * were. Secrets are masked.
 */
export function explainConversion(app: ComposeApp): ConversionExplanation {
  const parameters = maskVariables(app.variables);
  const mask = createMask(app.variables);
  const explain = createExplainer(app, new Map(parameters.map((each) => [each.parameter, each])), mask);
  const rows = [...walkLines(app)];
  // Masked together, as a secret can be the block of lines under its key.
  const shown = maskDiff(rows.map(({ text }) => ` ${text}`).join('\n'), mask).split('\n');
  const lines = rows.map(({ text: _text, edits, ...row }, i): ExplainedLine => {
    const changes = edits.map(explain);
    return { ...row, text: (shown[i] ?? '').slice(1), changes };
  });
  return { lines, parameters };
}

/** The changes alone, without their texts: where each is and why. */
export function* listChanges(
  app: ComposeApp,
): Generator<Pick<ExplainedLine, 'line' | 'source'> & Pick<ExplainedChange, 'name' | 'reason'>> {
  const parameters = new Map(maskVariables(app.variables).map((each) => [each.parameter, each]));
  for (const { line, source, edits } of walkLines(app)) {
    for (const { origin } of edits) {
      const { rule = 'value', parameter, detail } = origin ?? {};
      const known = parameter === undefined ? undefined : parameters.get(parameter);
      const reason = describeReason(rule, { parameter, known, detail });
      yield { ...(line === undefined ? {} : { line }), source, name: RULE_NAMES[rule], reason };
    }
  }
}

interface LineRow {
  readonly kind: ExplainedLine['kind'];
  readonly line?: number;
  readonly source: number;
  readonly text: string;
  readonly edits: readonly TextEdit[];
}

/** The lines of both texts in the order of the result, each edit with the first line that it touches. */
function* walkLines({ source, edits, composeText }: ComposeApp): Generator<LineRow> {
  const before = splitLines(source.text);
  const starts = before.map(({ start }) => start);
  const gone = listRemoved(before, edits);
  const whole = new Set(gone.map(({ edit }) => edit));
  const lastEnd = composeText.length - (composeText.endsWith('\n') ? 1 : 0);
  const sourceOffset = mapOffsets(edits);
  let nextGone = 0;
  let nextEdit = 0;
  let shift = 0;
  for (const [i, { start, end, text }] of splitLines(composeText).entries()) {
    // The last line of a text that ends in a line end is none.
    if (start === composeText.length && i > 0) break;
    const offset = sourceOffset(start);
    const at = countUpTo(starts, offset) - 1;
    for (let row = gone[nextGone]; row !== undefined && row.end <= offset; row = gone[++nextGone])
      yield removedRow(row, source.line);
    const own: TextEdit[] = [];
    for (; nextEdit < edits.length; nextEdit++) {
      const edit = edits[nextEdit]!;
      // What follows the last line, such as blank lines that went, belongs to it.
      if (edit.start + shift > end && end < lastEnd) break;
      shift += edit.text.length - (edit.end - edit.start);
      const isNothing = edit.start === edit.end && edit.text === '';
      if (!whole.has(edit) && !isNothing) own.push(edit);
    }
    const kind = own.length > 0 ? 'changed' : 'kept';
    yield { kind, line: i + 1, source: source.line + at, text, edits: own };
  }
  for (const row of gone.slice(nextGone)) yield removedRow(row, source.line);
}

interface RemovedLine {
  readonly index: number;
  /** Where its line end begins. */
  readonly end: number;
  readonly text: string;
  readonly edit: TextEdit;
  readonly isFirst: boolean;
}

function removedRow({ index, text, edit, isFirst }: RemovedLine, firstLine: number): LineRow {
  return { kind: 'removed', source: firstLine + index, text, edits: isFirst ? [edit] : [] };
}

/** Whole lines that an edit takes out without putting anything in their place. */
function listRemoved(lines: readonly SourceLine[], edits: readonly TextEdit[]): RemovedLine[] {
  const removed: RemovedLine[] = [];
  let from = 0;
  for (const edit of edits) {
    if (edit.text.trim() !== '' || edit.origin?.rule === 'line-ends') continue;
    while (from < lines.length && (lines[from]?.start ?? 0) < edit.start) from += 1;
    let isFirst = true;
    for (let i = from; i < lines.length; i++) {
      const { start, end, text } = lines[i]!;
      if (end > edit.end || start >= edit.end) break;
      removed.push({ index: i, end, text, edit, isFirst });
      isFirst = false;
    }
  }
  return removed;
}

interface SourceLine {
  readonly start: number;
  /** Where its line end begins. */
  readonly end: number;
  readonly text: string;
}

function splitLines(text: string): SourceLine[] {
  const lines: SourceLine[] = [];
  for (let start = 0; ; ) {
    const feed = text.indexOf('\n', start);
    const end = feed < 0 ? text.length : feed;
    lines.push({ start, end, text: text.slice(start, end).replace(/\r$/, '') });
    if (feed < 0) return lines;
    start = feed + 1;
  }
}

function createExplainer(
  { source }: ComposeApp,
  parameters: ReadonlyMap<string, VariableMapping>,
  mask: (text: string) => string,
): (edit: TextEdit) => ExplainedChange {
  const show = (text: string): string => {
    const line = mask(text.replace(/(?<=.)\r?\n$/, '')).replaceAll(/\r?\n/g, '\\n');
    return line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN)}...`;
  };
  return ({ start, end, text, origin }) => {
    const { rule = 'value', parameter, detail } = origin ?? {};
    const known = parameter === undefined ? undefined : parameters.get(parameter);
    const isVariable = rule === 'variable' && known?.variable !== undefined;
    return {
      rule,
      name: RULE_NAMES[rule],
      before: show(source.text.slice(start, end)),
      after: show(text),
      reason: describeReason(rule, { parameter, known, detail }),
      ...(parameter === undefined ? {} : { parameter }),
      ...(isVariable ? { variable: known.variable } : {}),
      ...(known === undefined ? {} : { default: known.value }),
    };
  };
}

interface ReasonInput {
  readonly parameter: string | undefined;
  readonly known: VariableMapping | undefined;
  readonly detail: string | undefined;
}

function describeReason(rule: EditRule, { parameter, known, detail }: ReasonInput): string {
  const name = parameter === undefined ? (detail ?? 'parameters') : `parameter ${parameter}`;
  switch (rule) {
    case 'variable':
      return known?.variable === undefined
        ? `${name} with defaults`
        : `${name}, default ${quote(known.value)}; set ${known.variable} to override it`;
    case 'value': {
      const why = parameter === undefined ? known?.fixed : (detail ?? known?.fixed);
      return `${name} as its value${why === undefined ? '' : `: ${why}`}`;
    }
    case 'dollar':
      return 'compose reads the text once, where devices of the old style read it twice';
    case 'plain-scalar':
      return 'quoted, as releases of compose read it differently without';
    case 'x-enabled':
      return describeSwitch(detail ?? '-');
    case 'duplicate-key':
      return `written twice, and the last one counts${detail === undefined ? '' : `: ${detail}`}`;
    case 'second-document':
      return 'a second document, which docker-app ignored';
    case 'line-ends':
      return 'blank lines and the line end around the compose part';
    case 'config-mount':
      return 'a config of a service became a read-only mount, as docker-compose 1.x ignores configs';
    case 'command':
      return 'docker-app split this command otherwise than compose does';
    case 'rendered':
      return `as docker-app rendered it${detail === undefined ? '' : `: ${detail}`}`;
  }
}

/** `names` are the members that went: services, their switches, and lists with nothing left in them. */
function describeSwitch(names: string): string {
  if (names === '-') return 'names a service that x-enabled switched off';
  if (names === 'x-enabled') return 'worked out already, and compose knows no such key';
  if (/^(?:(?:depends_on|links|x-enabled)(?:, |$))+$/.test(names))
    return 'names only services that x-enabled switched off';
  return `switched off by x-enabled: ${names}`;
}

function quote(value: string): string {
  return value === '' ? 'empty' : value.includes('\n') ? JSON.stringify(value) : value;
}
