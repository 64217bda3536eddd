import { compareText } from '../lib/bytes.ts';

const PIN_LINE = /^# pinned (\S+) (\S+@sha256:[0-9a-f]{64})$/;

/** A reference and what it is pinned to, as a pinned file records them for the next run. */
export interface Pin {
  readonly reference: string;
  readonly pinned: string;
}

/** The pins that the last lines of a published compose text record, by reference. */
export function readPinComments(text: string): Map<string, string> {
  const pins = new Map<string, string>();
  for (const line of text.slice(findPinComments(text)).split('\n')) {
    const [, reference, pinned] = PIN_LINE.exec(line.replace(/\r$/, '')) ?? [];
    if (reference !== undefined && pinned !== undefined) pins.set(reference, pinned);
  }
  return pins;
}

/** Where the comment lines of pins at the end of a text begin; the length of the text where there are none. */
export function findPinComments(text: string): number {
  let start = text.length;
  while (start > 0) {
    const above = text.lastIndexOf('\n', start - 2) + 1;
    if (!PIN_LINE.test(text.slice(above, start).replace(/\r?\n$/, ''))) break;
    start = above;
  }
  return start;
}

/** One line per distinct reference, sorted. */
export function writePinComments(pins: readonly Pin[], eol: string): string {
  const lines = new Map(pins.map(({ reference, pinned }) => [reference, `# pinned ${reference} ${pinned}${eol}`]));
  return [...lines]
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([, line]) => line)
    .join('');
}
