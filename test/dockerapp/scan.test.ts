import { describe, expect, it } from 'vitest';
import { type ScanRules, scanPackages } from '../../src/dockerapp/scan.ts';
import type { FileEntry } from '../../src/model/app.ts';

const NO_RULES: ScanRules = { include: [], exclude: [], names: [] };

function entries(...paths: readonly string[]): FileEntry[] {
  return paths.map((path) => ({
    path: path.replace(/\/$/, ''),
    mode: path.endsWith('/') ? 'directory' : 'file',
    size: 1,
  }));
}

function scan(paths: readonly string[], rules: Partial<ScanRules> = {}): string[] {
  return scanPackages(entries(...paths), { ...NO_RULES, ...rules }).map(
    ({ name, path, kind, selected, reason }) =>
      `${selected ? '+' : '-'} ${name} ${path} ${kind}${reason === undefined ? '' : ` (${reason})`}`,
  );
}

describe('scanPackages', () => {
  it('finds files and folders, sorted by path, whatever the order of the entries', () => {
    const paths = ['web.dockerapp', 'db.dockerapp/metadata.yml', 'db.dockerapp/x/y.yml', 'readme.md', 'Z.dockerapp'];
    const expected = ['+ Z Z.dockerapp single-file', '+ db db.dockerapp folder', '+ web web.dockerapp single-file'];
    expect(scan(paths)).toEqual(expected);
    expect(scan(paths.toReversed())).toEqual(expected);
  });

  it('takes an empty folder for a package too', () =>
    expect(scan(['a.dockerapp/'])).toEqual(['+ a a.dockerapp folder']));

  it('takes what lies inside a package for a part of it', () => {
    expect(scan(['a.dockerapp/b.dockerapp', 'a.dockerapp/c/d.dockerapp/x'])).toEqual(['+ a a.dockerapp folder']);
  });

  it.each(['a.dockerapps', 'a.DOCKERAPP', 'dockerapp', 'a.dockerapp.bak', 'a.dockerapp~'])(
    'does not take %s',
    (path) => {
      expect(scan([path])).toEqual([]);
    },
  );

  it('lists disabled ones with the reason', () => {
    expect(
      scan(['a.dockerapp.disabled', 'b.dockerapp.disabled/metadata.yml', 'x.disabled/c.dockerapp'], {
        include: ['**'],
      }),
    ).toEqual([
      "- a a.dockerapp.disabled single-file (disabled: 'a.dockerapp.disabled' ends in .disabled)",
      "- b b.dockerapp.disabled folder (disabled: 'b.dockerapp.disabled' ends in .disabled)",
      "- c x.disabled/c.dockerapp single-file (disabled: 'x.disabled' ends in .disabled)",
    ]);
  });

  it('selects what is at the top level, and below it what is included', () => {
    const paths = ['a.dockerapp', 'x/b.dockerapp', 'x/y/c.dockerapp', '.hidden/d.dockerapp'];
    const reason = '(not at the top level of the repository; add it with apps.include)';
    expect(scan(paths, { include: ['x/*'] })).toEqual([
      `- d .hidden/d.dockerapp single-file ${reason}`,
      '+ a a.dockerapp single-file',
      '+ b x/b.dockerapp single-file',
      `- c x/y/c.dockerapp single-file ${reason}`,
    ]);
    expect(scan(paths, { include: ['**'] }).every((line) => line.startsWith('+'))).toBe(true);
  });

  it.each([
    [{ exclude: ['x/b.dockerapp'] }, 'left out by apps.exclude'],
    [{ exclude: ['b'] }, 'left out by apps.exclude'],
    [{ exclude: ['x/**'] }, 'left out by apps.exclude'],
    [{ names: ['a*'] }, 'not chosen by --app'],
    [{ names: ['a*'], exclude: ['b'] }, 'left out by apps.exclude'],
  ])('leaves out by %j', (rules, reason) => {
    expect(scan(['x/b.dockerapp'], { include: ['**'], ...rules })).toEqual([
      `- b x/b.dockerapp single-file (${reason})`,
    ]);
  });

  it('chooses names by glob', () => {
    expect(scan(['web-1.dockerapp', 'db.dockerapp'], { names: ['web-*', 'x'] })).toEqual([
      '- db db.dockerapp single-file (not chosen by --app)',
      '+ web-1 web-1.dockerapp single-file',
    ]);
  });
});
