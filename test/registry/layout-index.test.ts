import { describe, expect, test } from 'vitest';
import { formatIndex, parseIndex } from '../../src/registry/layout-index.ts';

const entry = (name: string | undefined, size: number) => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: `sha256:${'ab'.repeat(32)}`,
  size,
  ...(name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } }),
});

describe('index.json of a layout', () => {
  test.each([
    ['of no file', undefined],
    ['without entries', { schemaVersion: 2, manifests: [] }],
    ['with one', { schemaVersion: 2, manifests: [entry('hub.example/a:1', 7)], annotations: { a: 'b' } }],
    [
      'with members of others',
      { manifests: [entry(undefined, 1), entry('b', 2)], note: '\n  "manifests": [] ü😀', x: {} },
    ],
  ])('%s is the JSON of the whole, with two spaces of indent', (_, document) => {
    const bytes = document === undefined ? undefined : Buffer.from(JSON.stringify(document));
    const index = parseIndex(bytes, 'index.json');
    const whole = { ...index.members, manifests: index.entries };
    const expected = `${JSON.stringify(whole, undefined, 2)}\n`;
    expect([...formatIndex(index)].join('')).toBe(expected);
  });

  test('has entries in the order of their names, those without one first and as they were', () => {
    const entries = [entry('b', 1), entry(undefined, 2), entry('a', 3), entry(undefined, 4)];
    const index = parseIndex(Buffer.from(JSON.stringify({ manifests: entries })), 'index.json');
    const sizes = JSON.parse([...formatIndex(index)].join('')).manifests.map(({ size }: { size: number }) => size);
    expect(sizes).toEqual([2, 4, 3, 1]);
  });
});
