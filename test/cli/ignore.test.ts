import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProgramFolder } from '../support/program.ts';

const PACKAGE = `name: web
version: 1.0.0
---
version: '3.7'
services:
  main:
    image: nginx
---
unused: 1
`;

let folder: ProgramFolder;

beforeEach(async () => {
  folder = await ProgramFolder.create();
  await folder.write('shop/web.dockerapp', PACKAGE);
});
afterEach(async () => {
  await folder.close();
});

describe('--ignore', () => {
  it('takes a finding from what --error-on looks at', async () => {
    expect((await folder.run('convert', 'shop', '--error-on', 'note')).status).toBe(3);
    const ignored = await folder.run('convert', 'shop', '--error-on', 'note', '--ignore', 'param.unused', '--verbose');
    expect(ignored.status).toBe(0);
    expect(ignored.stderr).not.toContain('param.unused');
  });

  it('can be for some packages, and is repeatable', async () => {
    const run = (...ignores: string[]) =>
      folder.run('convert', 'shop', '--error-on', 'note', ...ignores.flatMap((each) => ['--ignore', each]));
    expect((await run('param.unused@web.*')).status).toBe(0);
    expect((await run('param.unused@other.*')).status).toBe(3);
    expect((await run('metadata.name-differs@none', 'param.unused@{a,web}.dockerapp')).status).toBe(3);
  });

  it('tells of an entry that fits nothing, but not of one for a later stage', async () => {
    const { stderr } = await folder.run(
      'convert',
      'shop',
      '--ignore',
      'file.reserved',
      '--ignore',
      'image.platform-missing',
      '--verbose',
    );
    expect(stderr).toContain('ignore.unused: file.reserved is to be ignored (given on the command line)');
    expect(stderr).not.toContain('image.platform-missing');
  });

  it('an expired entry of the configuration is a warning, by the clock of the run', async () => {
    const config = (day: string) =>
      `repositories: [shop]\nfindings:\n  ignore:\n    - { id: param.unused, reason: soon, expires: ${day} }\n`;
    await folder.write('rebundle.yml', config('2020-09-13'));
    expect((await folder.run('convert', '--error-on', 'note')).status).toBe(0);
    await folder.write('rebundle.yml', config('2020-09-12'));
    const { status, stderr } = await folder.run('convert', '--error-on', 'warning');
    expect(status).toBe(3);
    expect(stderr).toContain('ignore.expired');
  });

  it.each([
    ['IMAGE_MISSING', 'an error is never ignored'],
    ['unknown', 'expected the id of a warning or note'],
    ['param.unused@', 'expected a text'],
  ])('refuses %s', async (text, expected) => {
    const { error } = await folder.run('convert', 'shop', '--ignore', text);
    expect(error).toMatch(/^USAGE: --ignore: /);
    expect(error).toContain(expected);
  });
});
