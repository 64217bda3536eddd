import { expect, it } from 'vitest';
import { ERRORS, RebundleError } from '../../src/errors.ts';
import { capFindings, errorFinding, finding } from '../../src/lib/finding.ts';

const location = { path: 'a', line: 1, column: 2 };

it('takes severity from the table of findings', () => {
  expect(finding('param.unused', 'x')).toEqual({ code: 'param.unused', severity: 'note', message: 'x' });
  expect(finding('param.fixed', 'x', { location, hint: 'do' })).toEqual({
    code: 'param.fixed',
    severity: 'warning',
    message: 'x',
    hint: 'do',
    location,
  });
});

it('makes an error of every error code, with its help as hint', () => {
  expect(finding('YAML_INVALID', 'x')).toEqual({
    code: 'YAML_INVALID',
    severity: 'error',
    message: 'x',
    hint: ERRORS.YAML_INVALID.help,
  });
});

it('cuts a message that nobody can read', () => {
  const { message } = finding('param.unused', `${'x'.repeat(1999)}\u{1d11e}${'y'.repeat(500_000)}`);
  expect(message).toBe(`${'x'.repeat(1999)}...`);
});

it('keeps what an error says', () => {
  expect(errorFinding(new RebundleError('APP_SPLIT', 'x', { location, hint: 'do' }))).toEqual({
    code: 'APP_SPLIT',
    severity: 'error',
    message: 'x',
    hint: 'do',
    location,
  });
  expect(errorFinding(new RebundleError('APP_SPLIT', 'x')).hint).toBe(ERRORS.APP_SPLIT.help);
});

it('shows a thousand findings of a code, and how many more there are', () => {
  const errors = Array.from({ length: 1003 }, (_, i) =>
    finding('COMPOSE_INVALID', `e${i}`, { location: { ...location, line: i + 1 } }),
  );
  const note = finding('param.unused', 'x');
  const capped = capFindings([...errors.slice(0, 1001), note, ...errors.slice(1001)]);
  expect(capped).toHaveLength(1002);
  expect(capped.slice(999)).toEqual([errors[999], { ...errors[1000], message: 'and 3 more, from here on' }, note]);
  expect(capFindings(errors.slice(0, 1000))).toEqual(errors.slice(0, 1000));
});
