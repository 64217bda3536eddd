import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProgramFolder } from '../support/program.ts';

const PACKAGE = `name: web
version: 1.0.0
---
version: '3.7'
services:
  web:
    image: nginx:1.2
    ports: ["\${port}:80"]
---
port: 8080
`;

let folder: ProgramFolder;

beforeEach(async () => {
  folder = await ProgramFolder.create();
  await folder.write('shop/web.dockerapp', PACKAGE);
  await folder.write('shop/deep/old.dockerapp', PACKAGE.replace('name: web', 'name: old'));
  await folder.write('shop/broken.dockerapp', PACKAGE.replace('${port}', '${prot}').replace('web\n', 'broken\n'));
});
afterEach(async () => {
  await folder.close();
});

describe('explain', () => {
  it('says where the lines of an app come from, and writes nothing', async () => {
    const before = await folder.list('.');
    const result = await folder.run('explain', 'web', 'shop', '--reporter', 'silent');
    expect({ ...result, stdout: result.stdout.replace(/\d+ fields? x \d+ overrides?/, 'F x O') }).toEqual({
      status: 0,
      stderr: '',
      stdout: `web  shop/web.dockerapp
single file, read as docker-app 0.4-0.8; $ is read twice, as on devices
proved equal to docker-app's render: F x O x 2 generations of compose

docker-compose.yml: its lines, and those of the package
    1    4  version: '3.7'
    2    5  services:
    3    6    web:
    4    7      image: nginx:1.2
    5    8      ports: ["\${port-8080}:80"]
            ^ \${port} -> \${port-8080}
              parameter port, default 8080; set port to override it (R5 overrides)

Parameters
  parameter  variable  uses  default
  port       port      1     8080

Findings: none
`,
    });
    expect(await folder.list('.')).toEqual(before);
  });

  it('takes the path of a package instead, and the configuration where nothing is named', async () => {
    const byName = await folder.run('explain', 'web', 'shop');
    expect((await folder.run('explain', 'shop/web.dockerapp')).stdout).toBe(byName.stdout);
    await folder.write('rebundle.yml', 'repositories: [shop]\ninterpolation: single\n');
    expect((await folder.run('explain', 'web')).stdout).toContain('$ is read once');
  });

  it('as JSON', async () => {
    const { status, stdout } = await folder.run('explain', 'web', 'shop', '--json', '--set', 'port=90');
    expect(status).toBe(0);
    const [explained, ...more] = JSON.parse(stdout);
    expect(more).toEqual([]);
    expect(Object.keys(explained)).toEqual([
      'app',
      'origin',
      'kind',
      'semantics',
      'interpolation',
      'lines',
      'parameters',
      'proof',
      'findings',
    ]);
    expect(explained.lines[4]).toMatchObject({
      line: 5,
      source: 8,
      changes: [
        { rule: 'variable', default: '90' },
        { rule: 'line-ends', before: '', after: '\\n' },
      ],
    });
    expect(explained.findings).toMatchObject([{ code: 'param.overridden', severity: 'warning' }]);
  });

  it('also of a package that a run leaves out', async () => {
    const { status, stdout } = await folder.run('explain', 'old', 'shop');
    expect(status).toBe(0);
    expect(stdout).toContain('a run leaves it out: not at the top level of the repository');
    expect(stdout).toContain('${port-8080}');
  });

  it('of an app that fails has the reason, and exit status 1', async () => {
    const { status, stdout } = await folder.run('explain', 'broken', 'shop');
    expect(status).toBe(1);
    expect(stdout).toContain('error PARAM_UNDEFINED broken.dockerapp:8:13');
    expect(stdout).toContain('fix: ');
  });

  it('shows as a warning what today refuses, as convert does', async () => {
    await folder.write(
      'shop/two.dockerapp',
      PACKAGE.replace('ports:', 'container_name: web\n    deploy: {replicas: 2}\n    ports:'),
    );
    const { status, stdout } = await folder.run('explain', 'two', 'shop');
    expect(status).toBe(0);
    expect(stdout).toContain('warning spec.conflict two.dockerapp:8:21');
    const converted = await folder.run('convert', 'shop/two.dockerapp', '--reporter', 'lines');
    expect([converted.status, converted.stdout]).toEqual([0, 'out/apps/two/docker-compose.yml\n']);
    expect(converted.stderr).toContain('spec.conflict two shop/two.dockerapp:8:21: Docker Compose of today refuses');
  });

  it('says which name was meant', async () => {
    expect(await folder.run('explain', 'wep', 'shop')).toMatchObject({
      error: 'USAGE: there is no package of the app wep (Did you mean web?)',
    });
    expect((await folder.run('explain', 'shop/web.dockerapp', 'shop')).error).toContain('needs no further paths');
    expect((await folder.run('explain', 'shop/none.dockerapp')).error).toContain('no such package');
  });
});
