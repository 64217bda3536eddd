import { findNodeAtLocation, parseTree } from 'jsonc-parser';
import type { SourceLocation } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic } from '../model/app.ts';
import type { FindingCode } from '../model/findings.ts';
import type { Target } from '../model/target.ts';
import type { TargetsFile } from './targets-file.ts';

/** A finding on a targets file, with the target and the member that it is about, so that two files can be compared. */
export interface LintFinding {
  readonly diagnostic: Diagnostic;
  /** Absent for the file as a whole. */
  readonly target?: string;
  /** Names of members within the target or the role. */
  readonly path: readonly string[];
}

/** What a rule says, and where. */
export interface LintReport {
  readonly code: FindingCode;
  readonly problem: string;
  readonly target?: string;
  readonly path?: readonly (string | number)[];
  /** The place in the text, where the caller knows it. */
  readonly offset?: number;
  readonly hint?: string;
}

/** Takes the findings of the rules and gives them their places. */
export interface LintCollector {
  readonly file: TargetsFile;
  readonly report: (found: LintReport) => void;
}

/** Findings with one code that are listed one by one; the rest are counted. */
const MAX_PER_CODE = 50;

/** Runs rules over a file. The findings are in the order of their places; of many of one kind the first are listed and the rest counted. */
export function collectFindings(
  file: TargetsFile,
  rules: readonly ((collector: LintCollector) => void)[],
): LintFinding[] {
  const places = createPlaces(file);
  const found: (LintFinding & { readonly offset: number })[] = [];
  const more = new Map<FindingCode, number>();
  const counts = new Map<FindingCode, number>();
  const report = ({ code, problem, target, path = [], hint, ...at }: LintReport): void => {
    const count = (counts.get(code) ?? 0) + 1;
    counts.set(code, count);
    if (count > MAX_PER_CODE) {
      more.set(code, count - MAX_PER_CODE);
      return;
    }
    const offset = at.offset ?? places.offsetOf(target, path);
    const subject = target === undefined ? file.path : `target ${escapeTerminal(target)}`;
    const details = { location: places.locate(offset), ...(hint === undefined ? {} : { hint }) };
    found.push({
      diagnostic: finding(code, `${subject}: ${problem}`, details),
      ...(target === undefined ? {} : { target }),
      path: path.map(String),
      offset,
    });
  };
  for (const rule of rules) rule({ file, report });
  found.sort((a, b) => a.offset - b.offset);
  const counted = [...more].map(([code, count]) => ({
    diagnostic: finding(code, `${file.path}: ${count} more like those that are listed`),
    path: [],
  }));
  return [...found.map(({ offset: _, ...rest }) => rest), ...counted];
}

interface Places {
  readonly offsetOf: (target: string | undefined, path: readonly (string | number)[]) => number;
  readonly locate: (offset: number) => SourceLocation;
}

function createPlaces(file: TargetsFile): Places {
  let lines: number[] | undefined;
  const locate = (offset: number): SourceLocation => {
    lines ??= findLineStarts(file.text);
    let low = 0;
    let high = lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((lines[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { path: file.path, line: low + 1, column: offset - (lines[low] ?? 0) + 1 };
  };
  let last: { readonly target: string; readonly tree: ReturnType<typeof parseTree> } | undefined;
  const offsetOf = (target: string | undefined, path: readonly (string | number)[]): number => {
    if (target === undefined) {
      const member = path[0] === 'signatures' ? file.signatures : file.role.members.get(String(path[0] ?? ''));
      return member?.start ?? file.role.start;
    }
    const span = file.entries.members.get(target);
    if (span === undefined) return file.entries.start;
    if (path.length === 0) return span.keyStart;
    if (last?.target !== target) last = { target, tree: parseTree(file.text.slice(span.start, span.end)) };
    // A member that is missing is shown at the object that lacks it.
    for (let length = path.length; last.tree !== undefined && length > 0; length -= 1) {
      const node = findNodeAtLocation(last.tree, path.slice(0, length));
      if (node !== undefined) return span.start + node.offset;
    }
    return span.keyStart;
  };
  return { locate, offsetOf };
}

function findLineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** Foreign text in a message: escaped, and not endless. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  return escapeTerminal(text.length > 120 ? `${text.slice(0, 120)}...` : text);
}

/** The value of a member of `custom`, which may be anything. */
export function customOf(target: Target, member: string): unknown {
  const custom: Readonly<Record<string, unknown>> = target.custom ?? {};
  return Object.hasOwn(custom, member) ? custom[member] : undefined;
}
