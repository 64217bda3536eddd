import fc from 'fast-check';

const ATTACKS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='x",
  '</style></title></pre><h1>',
  '<!--',
  '&lt;b&gt;',
  'javascript:alert(1)',
  '\u001b[2J\u001b]0;title\u0007',
  '\u202egnp.exe\u2066',
  '\u0000\u0085\u009b31m',
  '| cell | cell\n| --- |',
  '```\n# heading\n~~~',
  '[link](http://evil.example) ![image](x) @everyone #1',
  '\\`*_{}$x$',
  '\ud800',
  '@@ -1 +1 @@\n--- a\n+++ b\n-x\n+y',
] as const;

/** Attacks on every format, alone and mixed with arbitrary text. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.constantFrom(...ATTACKS), fc.string({ unit: 'binary', maxLength: 20 })), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join(''));

/** Members whose values are words of ours, checked before they reach a report. */
const OURS = new Set(['status', 'code', 'severity', 'kind', 'state', 'dockerApp', 'composeApp', 'type', 'stage']);

/** A copy in which the text is put into every string that comes from outside. */
export function poison(value: unknown, text: string): unknown {
  if (typeof value === 'string') return `${text}${value}${text}`;
  if (Array.isArray(value)) return value.map((item) => poison(item, text));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      OURS.has(key) && typeof member === 'string' ? member : poison(member, text),
    ]),
  );
}
