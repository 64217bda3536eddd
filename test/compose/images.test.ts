import { expect, test } from 'vitest';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { listServiceImages } from '../../src/compose/images.ts';

test('listServiceImages finds the scalar behind aliases and merge keys', () => {
  const text = `version: '3.7'
x-image: &img shared:1
x-base: &base {image: merged, build: .}
services:
  plain:
    image: 'nginx:\${TAG}'
  alias: {image: *img}
  merge:
    <<: *base
  whole: *base
  built: {build: .}
`;
  const file = readComposeFile({ text, path: 'c.yml', line: 1 });
  const rows = listServiceImages(file);
  expect(
    rows.map(({ service, image, build, location }) => [service, image, build, location.line, location.column]),
  ).toEqual([
    ['plain', 'nginx:${TAG}', false, 6, 12],
    ['alias', 'shared:1', false, 2, 15],
    ['merge', 'merged', true, 3, 23],
    ['whole', 'merged', true, 3, 23],
    ['built', undefined, true, 11, 3],
  ]);
  expect(rows.map(({ node }) => node && text.slice(node.start, node.end))).toEqual([
    "'nginx:${TAG}'",
    'shared:1',
    'merged',
    'merged',
    undefined,
  ]);
  expect(rows[2]?.node).toBe(rows[3]?.node);
});
