import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG, Workspace } from './cli.ts';

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(async () => {
  await workspace.close();
});

describe('scan', () => {
  test('lists every package, each skipped one with its reason', async () => {
    const { status, stdout } = await workspace.run(['scan', '--config', CONFIG]);
    expect(status).toBe(0);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((row) => row.split('\t'));
    expect(rows).toHaveLength(9);
    expect(rows).toContainEqual(['selected', 'mqtt-bridge', 'folder', 'gateway/mqtt-bridge.dockerapp']);
    expect(rows).toContainEqual(['selected', 'metrics', 'single-file', 'monitoring/metrics.dockerapp']);
    const skipped = rows.filter(([state]) => state === 'skipped').map(([, app, , , reason]) => [app, reason]);
    expect(skipped).toEqual([
      ['flow-model', expect.stringContaining('apps.include')],
      ['old-charts', expect.stringContaining('.disabled')],
    ]);
  });

  test('as JSON, and writes nothing', async () => {
    const before = await workspace.listing();
    const { stdout } = await workspace.run(['scan', 'samples/vision', '--json']);
    expect(JSON.parse(stdout)).toEqual([
      {
        repository: 'vision',
        name: 'debris-camera',
        path: 'debris-camera.dockerapp',
        kind: 'single-file',
        selected: true,
      },
      {
        repository: 'vision',
        name: 'frame-archive',
        path: 'frame-archive.dockerapp',
        kind: 'single-file',
        selected: true,
      },
    ]);
    expect(await workspace.listing()).toEqual(before);
  });

  test('a repository that cannot be read: exit 1; none that can: exit 5', async () => {
    expect((await workspace.run(['scan', 'samples/vision', 'nowhere'])).status).toBe(1);
    const none = await workspace.run(['scan', 'nowhere']);
    expect([none.status, none.stdout]).toEqual([5, '']);
    expect(none.stderr).toContain('NOTHING_TO_START');
  });
});

describe('convert', () => {
  test('--out writes the trees that run writes; a second time changes nothing', async () => {
    const { status, stdout } = await workspace.run(['convert', '--config', CONFIG, '--out', 'converted']);
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toContain('converted/apps/metrics/docker-compose.yml');
    const listing = await workspace.listing('converted');
    await workspace.run(['run', '--config', CONFIG]);
    expect(await workspace.listing('out/apps')).toEqual(await workspace.listing('converted/apps'));
    await workspace.run(['convert', '--config', CONFIG, '--out', 'converted']);
    expect(await workspace.listing('converted')).toEqual(listing);
  });

  test('needs no configuration for a repository or a single package', async () => {
    await workspace.run(['convert', 'samples/vision', 'samples/gateway/river-gauge.dockerapp', '--out', 'few']);
    expect([...(await workspace.listing('few')).keys()]).toEqual(
      ['debris-camera', 'frame-archive', 'river-gauge'].map((app) => `apps/${app}/docker-compose.yml`),
    );
  });

  test('keeps images as they are written', async () => {
    const text = await workspace.read('converted/apps/debris-camera/docker-compose.yml');
    expect(text).toContain('image: hub.riverbend.example/riverbend/debris-camera:latest');
  });

  test('--in-place writes a folder beside each package and nothing else; a second time changes nothing', async () => {
    const place = await Workspace.create();
    try {
      const before = await place.listing();
      const first = await place.run(['convert', '--config', CONFIG, '--in-place']);
      expect(first.status).toBe(0);
      const after = await place.listing();
      expect([...after.keys()].filter((path) => !before.has(path))).toEqual([
        'samples/gateway/mqtt-bridge/docker-compose.yml',
        'samples/gateway/river-gauge/docker-compose.yml',
        'samples/gateway/status-page/docker-compose.yml',
        'samples/monitoring/link-probe/docker-compose.yml',
        'samples/monitoring/link-probe/runbook.md',
        'samples/monitoring/link-probe/scripts/probe.sh',
        'samples/monitoring/metrics/docker-compose.yml',
        'samples/vision/debris-camera/docker-compose.yml',
        'samples/vision/frame-archive/docker-compose.yml',
      ]);
      for (const [path, digest] of before) expect(after.get(path)).toBe(digest);
      const again = await place.run(['convert', '--config', CONFIG, '--in-place']);
      expect([again.status, again.stdout]).toEqual([0, first.stdout]);
      expect(await place.listing()).toEqual(after);
      const ran = await place.run(['run', '--config', CONFIG]);
      expect(ran.stdout).toBe((await workspace.run(['run', '--config', CONFIG])).stdout);
    } finally {
      await place.close();
    }
  });

  test('refuses to write over a folder that it did not make, and into a source', async () => {
    await workspace.write('mine/apps/river-gauge/notes.txt', 'mine');
    const refused = await workspace.run(['convert', 'samples/gateway', '--out', 'mine']);
    expect([refused.status, await workspace.read('mine/apps/river-gauge/notes.txt')]).toEqual([4, 'mine']);
    expect(refused.stderr).toContain('OUTPUT_UNSAFE');
    expect((await workspace.run(['convert', 'samples/gateway', '--out', 'samples/gateway'])).status).toBe(4);
  });
});

describe('git diff between the compose part and the converted file', () => {
  /** The compose part of a sample package as it is in the repository. */
  async function composePart(path: string): Promise<string> {
    if (workspace.exists(`${path}/docker-compose.yml`)) return workspace.read(`${path}/docker-compose.yml`);
    return (await workspace.read(path)).split(/^---\n/m)[1] ?? '';
  }

  function diff(a: string, b: string): string[] {
    let text = '';
    try {
      text = execFileSync('git', ['diff', '--no-index', '--no-color', '-U0', a, b], {
        cwd: workspace.root,
        encoding: 'utf8',
      });
    } catch (thrown) {
      // git ends with 1 where there is a difference.
      text = (thrown as { stdout: string }).stdout;
    }
    return text.split('\n').filter((line) => /^[-+](?![-+]{2} )/.test(line));
  }

  test.each([
    'gateway/mqtt-bridge',
    'gateway/river-gauge',
    'gateway/status-page',
    'monitoring/link-probe',
    'monitoring/metrics',
    'vision/debris-camera',
    'vision/frame-archive',
  ])('%s: only lines that had to change', async (place) => {
    const app = place.split('/')[1]!;
    const source = await composePart(`samples/${place}.dockerapp`);
    await workspace.write(`parts/${app}.yml`, source);
    const lines = diff(`parts/${app}.yml`, `out/apps/${app}/docker-compose.yml`);
    expect(lines.length).toBeGreaterThan(0);
    const removed = lines.filter((line) => line.startsWith('-')).map((line) => line.slice(1));
    const added = lines.filter((line) => line.startsWith('+')).map((line) => line.slice(1));
    // An expression, a switch, a reference to what is switched off, and the blank lines at both ends.
    const reasons = [/\$/, /x-enabled/, /- modem-simulator$/, /^\s*$/];
    const disabled = app === 'link-probe' ? disabledLines(source) : new Set<string>();
    for (const line of removed) {
      expect(reasons.some((reason) => reason.test(line)) || disabled.has(line), `${app}: ${line}`).toBe(true);
    }
    // Each new line is an old one in which only expressions were replaced, and quotes where a value needs them.
    const shapes = removed.map((line) => new RegExp(`^${shapeOf(line)}$`));
    for (const line of added)
      expect(
        shapes.some((shape) => shape.test(line.replace(/["']/g, ''))),
        line,
      ).toBe(true);
    expect(added.length).toBeLessThanOrEqual(removed.length);
    const comments = (text: string): string[] => text.match(/#.*$/gm) ?? [];
    const kept = comments(await workspace.read(`out/apps/${app}/docker-compose.yml`));
    for (const comment of comments(source)) if (!disabled.has(comment)) expect(kept).toContain(comment);
  });

  /** A pattern for a line without its quotes, anything in place of its expressions. */
  function shapeOf(line: string): string {
    const fixed = line.replace(/["']/g, '').split(/\$+(?:\{[^}]*\}|\w+(?:\.\w+)*)?/);
    return fixed.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('.*');
  }

  /** The lines of the service of link-probe that is switched off, with its comment. */
  function disabledLines(source: string): Set<string> {
    const lines = source.split('\n');
    const start = lines.findIndex((line) => line.includes('modem-simulator:'));
    const from = lines[start - 1]?.includes('#') === true ? start - 1 : start;
    const rest = lines.slice(start + 1).findIndex((line) => /^\s{0,2}\S/.test(line));
    const all = lines.slice(from, rest < 0 ? undefined : start + 1 + rest);
    return new Set([...all, ...all.map((line) => line.trim())]);
  }
});
