import { describe, expect, it } from 'vitest';
import { findUnusedFiles } from '../../src/bundle/unused-files.ts';
import type { FileReference } from '../../src/model/app.ts';

const file = (path: string, size = 10) => ({ path, size });
const reference = (path: string): FileReference => ({
  kind: 'bind',
  services: ['web'],
  path,
  required: false,
  location: { path: 'web.dockerapp', line: 1, column: 1 },
});

describe('findUnusedFiles', () => {
  it('tells what nothing mounts or reads, with its size', () => {
    const files = [file('README.md', 5), file('conf/a'), file('conf.d/b', 7), file('run.sh')];
    expect(findUnusedFiles(files, [reference('./conf'), reference('run.sh')])).toMatchObject([
      {
        code: 'bundle.unused-file',
        severity: 'warning',
        message: 'the bundle holds 2 files (12 bytes) that no service mounts or reads: "README.md", "conf.d/b"',
      },
    ]);
  });

  it('names a few of many', () => {
    const files = Array.from({ length: 7 }, (_, i) => file(`f${i}`));
    expect(findUnusedFiles(files, [])[0]?.message).toMatch(/^the bundle holds 7 files .*"f4" and 2 more$/);
  });

  it('is content where all is used, also by a mount of the whole folder', () => {
    expect(findUnusedFiles([file('a/b/c')], [reference('a/')])).toEqual([]);
    expect(findUnusedFiles([file('a')], [reference('.')])).toEqual([]);
    expect(findUnusedFiles([file('a')], [reference('./')])).toEqual([]);
    expect(findUnusedFiles([], [])).toEqual([]);
  });
});
