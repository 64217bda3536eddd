import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProgramFolder } from '../support/program.ts';

const PACKAGE = `name: web
version: 1.0.0
---
version: '3.7'
services:
  web:
    image: nginx:1.2
    volumes: ["./conf:/etc/nginx:ro", "./data:/data"]
---
{}
`;

let folder: ProgramFolder;

beforeEach(async () => {
  folder = await ProgramFolder.create();
  await folder.write('shop/web.dockerapp', PACKAGE);
  await folder.write('shop/web/conf/nginx.conf', 'events {}\n');
  await folder.write('shop/web/conf/nginx.conf.bak', 'old\n');
  await folder.write('shop/web/notes.md', 'n\n');
  await folder.write('shop/web/.composeappignores', '# editors\n**/*.bak\n');
});
afterEach(async () => {
  await folder.close();
});

describe('ls-bundle', () => {
  it('lists what is kept and what is left out, each with its reason, and writes nothing', async () => {
    const before = await folder.list('.');
    const { status, stdout } = await folder.run('ls-bundle', 'web', 'shop', '--reporter', 'silent');
    expect(status).toBe(0);
    expect(stdout).toBe(
      [
        'kept\t107\tdocker-compose.yml\tthe converted compose file, before images are pinned (web.dockerapp)',
        'kept\t10\tconf/nginx.conf\tbind "conf" of service "web" (web/conf/nginx.conf)',
        'left out\t4\tconf/nginx.conf.bak\trule "**/*.bak" of web/.composeappignores:2 (web/conf/nginx.conf.bak)',
        'left out\t19\t.composeappignores\tthe ignore rules themselves (web/.composeappignores)',
        'left out\t2\tnotes.md\tnothing refers to it; bundle.files: all would take it (web/notes.md)',
        '',
      ].join('\n'),
    );
    expect(await folder.list('.')).toEqual(before);
  });

  it('gives the same as JSON, and takes the path of a package', async () => {
    const { stdout } = await folder.run('ls-bundle', 'shop/web.dockerapp', '--json');
    expect(JSON.parse(stdout)).toHaveLength(5);
    expect(JSON.parse(stdout)[1]).toEqual({
      kept: true,
      path: 'conf/nginx.conf',
      source: 'web/conf/nginx.conf',
      executable: false,
      size: 10,
      reason: 'bind "conf" of service "web"',
    });
  });

  it('takes all of the folder where the configuration says so', async () => {
    await folder.write('rebundle.yml', 'repositories: [shop]\nbundle: { files: all }\n');
    const { stdout } = await folder.run('ls-bundle', 'web');
    expect(stdout).toContain('kept\t2\tnotes.md\tbundle.files is all (web/notes.md)\n');
  });

  it('tells what is wrong, with the rows that there are', async () => {
    await folder.write('shop/web.dockerapp', PACKAGE.replace('./data:/data', '../data:/data'));
    const { status, stdout, stderr } = await folder.run('ls-bundle', 'web', 'shop');
    expect(status).toBe(1);
    expect(stdout).toContain('kept\t10\tconf/nginx.conf');
    expect(stderr).toContain('BUNDLE_PATH');
  });

  it('suggests a name', async () => {
    expect(await folder.run('ls-bundle', 'wob', 'shop')).toMatchObject({
      error: expect.stringMatching(/^USAGE: there is no package of the app wob .*Did you mean web\?/),
    });
  });
});
