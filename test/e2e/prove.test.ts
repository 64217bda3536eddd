import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONFIG, Workspace } from './cli.ts';

describe('convert --prove', () => {
  let workspace: Workspace;
  beforeAll(async () => {
    workspace = await Workspace.create();
  });
  afterAll(() => workspace.close());

  it('says what was compared for each app and writes nothing', async () => {
    const before = (await readdir(workspace.root, { recursive: true })).sort();
    const { status, stdout } = await workspace.run(['convert', '--config', CONFIG, '--prove', '--reporter', 'silent']);
    expect(status).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) {
      expect(line).toMatch(/^[a-z0-9._-]+: equal: [1-9]\d* fields x [1-9]\d* overrides x 2 generations$/);
    }
    expect((await readdir(workspace.root, { recursive: true })).sort()).toEqual(before);
  });

  it('does not go with a place to write to', async () => {
    const { status, stderr } = await workspace.run(['convert', '--config', CONFIG, '--prove', '--in-place']);
    expect(status).toBe(4);
    expect(stderr).toContain('--prove');
  });
});
