import { expect, it } from 'vitest';
import { buildBundleIndex } from '../../src/bundle/bundle-index.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { bundleFile } from '../support/bundle-file.ts';

it('is compact JSON of path to digest, keys sorted whatever the order of files', () => {
  const paths = ['docker-compose.yml', '10', '9', 'é"x', 'a/b'];
  const files = paths.map((path) => bundleFile(path, path));
  const expected = ['10', '9', 'a/b', 'docker-compose.yml', 'é"x']
    .map((path) => `${JSON.stringify(path)}:"${digestOf(path)}"`)
    .join(',');
  expect(Buffer.from(buildBundleIndex(files)).toString()).toBe(`{${expected}}`);
  expect(buildBundleIndex(files.toReversed())).toEqual(buildBundleIndex(files));
});

it('takes a file that is named like a member of every object', () => {
  const index = JSON.parse(Buffer.from(buildBundleIndex([bundleFile('__proto__', 'x')])).toString());
  expect(Object.getOwnPropertyNames(index)).toEqual(['__proto__']);
});
