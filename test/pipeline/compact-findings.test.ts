import { expect, test } from 'vitest';
import { finding } from '../../src/lib/finding.ts';
import { createCompactFindings } from '../../src/pipeline/compact-findings.ts';

const location = { path: 'web.dockerapp', line: 3, column: 5 };

test('findings stay what they are, of however many apps and however many different ones there are', () => {
  const compact = createCompactFindings();
  for (let app = 0; app < 200; app += 1) {
    const given = Array.from({ length: 100 }, (_, i) => ({
      ...finding('param.unused', `nothing refers to parameter 'p${app * i}'`),
      ...(i % 2 === 0 ? { location: { ...location, line: i } } : {}),
      ...(i % 3 === 0 ? { hint: `${'long '.repeat(200)}${i}` } : {}),
    }));
    expect(compact(given)).toEqual(given);
  }
});

test('what is given is not held on to', () => {
  const given = finding('param.unused', 'nothing refers to it', { location });
  const [compacted] = createCompactFindings()([given]);
  expect(compacted).not.toBe(given);
  expect(compacted?.location).not.toBe(location);
});
