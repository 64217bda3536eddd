import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProgramFolder } from '../support/program.ts';

const packageOf = (name: string): string => `name: ${name}
version: 1.0.0
---
version: '3.7'
services:
  main:
    image: nginx:\${tag}
    ports: ["\${port}:80"]
    environment: {GREETING: "\${greeting}"}
---
port: 8080
greeting: hello
tag: "1.2"
`;

let folder: ProgramFolder;

beforeEach(async () => {
  folder = await ProgramFolder.create();
  await folder.write('shop/web.dockerapp', packageOf('web'));
  await folder.write('shop/api.dockerapp', packageOf('api').replace('"${greeting}"', 'x'));
  await folder.write('fleet/press.yml', 'port: 9090\ngreeting: good morning\n');
  await folder.write('fleet/lab.yml', 'greeting: hi\n');
  await folder.write(
    'rebundle.yml',
    'repositories: [shop]\nfleet: { parameters: { press: fleet/press.yml, lab: fleet/lab.yml } }\n',
  );
});
afterEach(async () => {
  await folder.close();
});

describe('fleet.parameters', () => {
  it('leaves one file for each group and app that it sets something of', async () => {
    expect((await folder.run('convert')).status).toBe(0);
    expect(await folder.list('out/env')).toEqual(['lab/web.env', 'press/api.env', 'press/web.env']);
    expect(await folder.read('out/env/press/web.env')).toBe('greeting=good morning\nport=9090\n');
    expect(await folder.read('out/env/press/api.env')).toBe('port=9090\n');
    expect(await folder.list('out/apps/web')).toEqual(['docker-compose.yml']);
  });

  it('takes away what is not due any more, and leaves apps alone that were not looked at', async () => {
    await folder.run('convert');
    await folder.write('fleet/press.yml', 'greeting: hi\n');
    await folder.run('convert', '--app', 'api');
    expect(await folder.list('out/env')).toEqual(['lab/web.env', 'press/web.env']);
    expect(await folder.read('out/env/press/web.env')).toContain('port=9090');
    await folder.write('rebundle.yml', 'repositories: [shop]\nfleet: { parameters: { press: fleet/press.yml } }\n');
    await folder.run('convert');
    expect(await folder.list('out/env')).toEqual(['press/web.env']);
    expect(await folder.read('out/env/press/web.env')).toBe('greeting=hi\n');
  });

  it('tells of names that no app has, where every app was looked at', async () => {
    await folder.write('fleet/lab.yml', 'greetign: hi\nnothing: null\n');
    const { stderr } = await folder.run('convert', '--verbose');
    expect(stderr.split('\n').filter((line) => line.includes('fleet.'))).toEqual([
      "note      fleet.unknown-name: no app has the parameter 'greetign' that the devices of lab set (fleet/lab.yml:1:11)",
    ]);
    expect((await folder.run('convert', '--verbose', '--app', 'web')).stderr).not.toContain('fleet.');
    expect((await folder.run('convert', '--verbose', '--ignore', 'fleet.unknown-name')).stderr).not.toContain('fleet.');
  });

  it('can be given on the command line, over the configuration', async () => {
    const { status } = await folder.run('convert', 'shop', '--fleet', 'press=fleet/lab.yml');
    expect(status).toBe(0);
    expect(await folder.read('out/env/press/web.env')).toBe('greeting=hi\n');
  });

  it('an app fails where a group has another value of what is fixed; it has no file then', async () => {
    await folder.write('fleet/lab.yml', 'greeting: hi\ntag: "1.3"\n');
    const { status, stderr } = await folder.run('convert', '--reporter', 'lines');
    expect(status).toBe(1);
    expect(stderr).toContain(
      "FLEET_FIXED web shop/web.dockerapp:13:6: 'tag' has another value for the devices of lab (fleet/lab.yml:2:6)",
    );
    expect(await folder.list('out/env')).toEqual([]);
  });

  it('plan and run leave the files too, and no bundle has them', async () => {
    await cp(join(import.meta.dirname, '../../samples'), join(folder.root, 'samples'), { recursive: true });
    await folder.write('fleet/north.yml', 'datum: 97.25\n');
    const args = ['--config', 'samples/rebundle.yml', '--fleet', 'north=fleet/north.yml'];
    expect((await folder.run('plan', ...args)).status).toBe(2);
    expect(await folder.list('out/env')).toEqual(['north/river-gauge.env']);
    const planned = await folder.read('out/plan.json');
    await folder.run('plan', '--config', 'samples/rebundle.yml');
    expect(await folder.list('out/env')).toEqual([]);
    expect(await folder.read('out/plan.json')).toBe(planned);
    expect((await folder.run('run', ...args)).status).toBe(0);
    expect(await folder.read('out/env/north/river-gauge.env')).toBe('datum=97.25\n');
    expect(JSON.stringify(JSON.parse(planned).apps)).not.toContain('.env"');
  });

  it('refuses a file that is no parameters file, with the place', async () => {
    await folder.write('fleet/lab.yml', 'a: 1\n- b\n');
    expect((await folder.run('convert')).error).toMatch(/^YAML_INVALID: /);
    await folder.write('fleet/lab.yml', '- b\n');
    expect((await folder.run('convert')).error).toMatch(/^PARAM_INVALID: /);
    expect((await folder.run('convert', '--fleet', 'lab=gone.yml')).error).toContain('no such parameters file');
    expect((await folder.run('convert', '--fleet', '../x=a.yml')).error).toContain('expected a name');
    expect((await folder.run('convert', '--fleet', 'a=b.yml', '--fleet', 'a=c.yml')).error).toContain('given twice');
  });
});
