import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProgramFolder } from '../support/program.ts';

const COMPOSE = `# the shop
services:
  web:
    image: nginx:1.2
    volumes:
      - ./web.conf:/etc/web.conf:ro
`;
const CONFIG = 'repositories: [shop]\napps: { compose: true }\n';

let folder: ProgramFolder;

beforeEach(async () => {
  folder = await ProgramFolder.create();
  await folder.write('rebundle.yml', CONFIG);
  await folder.write('shop/web/docker-compose.yml', COMPOSE);
  await folder.write('shop/web/web.conf', 'listen 80\n');
});
afterEach(async () => {
  await folder.close();
});

describe('a compose folder as an app', () => {
  it('is listed by scan with its kind', async () => {
    const { stdout } = await folder.run('scan', '--reporter', 'silent');
    expect(stdout).toBe('selected\tweb\tcompose\tshop/web\n');
  });

  it('is copied by convert, as it is written, and left alone where it lies', async () => {
    const before = await folder.list('shop');
    expect((await folder.run('convert', '--reporter', 'silent')).status).toBe(0);
    expect(await folder.read('out/apps/web/docker-compose.yml')).toBe(COMPOSE);
    expect(await folder.read('out/apps/web/web.conf')).toBe('listen 80\n');
    const { status, stdout } = await folder.run('convert', '--in-place', '--reporter', 'silent');
    expect([status, stdout]).toEqual([0, '']);
    expect(await folder.list('shop')).toEqual(before);
  });

  it('has nothing to explain but its text, its files and its findings', async () => {
    const { status, stdout } = await folder.run('explain', 'web', '--reporter', 'silent');
    expect(status).toBe(0);
    expect(stdout).toContain('web  shop/web\ncompose folder, published as it is written\n');
    expect(stdout).not.toMatch(/docker-app|proved/);
  });

  it('with a wrong text fails at its place', async () => {
    await folder.write('shop/web/docker-compose.yml', 'services:\n  web:\n    image: 5\n');
    const { status, stderr } = await folder.run('convert', '--reporter', 'lines');
    expect(status).toBe(1);
    expect(stderr).toContain('web/docker-compose.yml:3:');
  });
});
