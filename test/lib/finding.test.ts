import { expect, it } from 'vitest';
import { ERRORS, RebundleError } from '../../src/errors.ts';
import { errorFinding, finding } from '../../src/lib/finding.ts';

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
