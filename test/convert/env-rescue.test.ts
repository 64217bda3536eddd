import { describe, expect, it } from 'vitest';
import { rescueOverrides } from '../../src/convert/env-rescue.ts';
import { convertTexts } from './convert-package.ts';

const HEAD = "version: '3.7'\nservices:\n  web:\n    image: nginx:${tag}\n";
const PARAMETERS = 'tag: "1.2"\nport: 8080\ngreeting: hello\ndb:\n  host: local\n  password: secret1\nunused: 1\n';
const BODY = `${HEAD}    ports: ["\${port}:80"]\n    environment:\n      HELLO: \${greeting}\n      DB: \${db.host}:\${db.password}\n`;

interface Options {
  readonly interpolation?: 'device' | 'single';
  readonly compose?: string;
  readonly parameters?: string;
  readonly set?: readonly { readonly name: string; readonly value: string }[];
}

async function rescue(fleet: string, options: Options = {}): Promise<{ text: string | undefined; found: string[] }> {
  const { interpolation = 'device', compose = BODY, parameters = PARAMETERS, set = [] } = options;
  const { pkg, app, diagnostics } = await convertTexts(compose, parameters, { interpolation, settings: set });
  if (pkg === undefined || app === undefined) throw new Error(JSON.stringify(diagnostics));
  const document = { text: fleet, path: 'fleet/press.yml', offset: 0, line: 1 };
  const result = rescueOverrides({ pkg, app, interpolation, parameterFiles: [], settings: set }, [
    { group: 'press', document },
  ]);
  expect(result.files.map(({ group }) => group)).toEqual(result.files.length === 0 ? [] : ['press']);
  const found = result.diagnostics.map(
    ({ severity, code, message, location }) =>
      `${severity} ${code} ${location?.path}:${location?.line}:${location?.column} ${message}`,
  );
  return { text: result.files[0]?.text, found };
}

describe('the override rescue (R6)', () => {
  it('has the variables of the app that the file sets, by name, and nothing else', async () => {
    const fleet = 'port: 9090\nother: 1\nunused: 3\ndb:\n  host: db.example.com\ngreeting: "hello there"\n';
    expect(await rescue(fleet)).toEqual({
      text: 'db_host=db.example.com\ngreeting=hello there\nport=9090\n',
      found: [],
    });
  });

  it('keeps a value that equals the default: the default may change, the device does not', async () => {
    expect((await rescue('port: 8080\n')).text).toBe('port=8080\n');
  });

  it('is no file where the app has none of the names, or the file overrides nothing', async () => {
    expect(await rescue('other: 1\n')).toEqual({ text: undefined, found: [] });
    expect(await rescue('')).toEqual({ text: undefined, found: [] });
    // docker-app took null as no override, and a mapping never replaced a single value.
    expect(await rescue('port: null\ngreeting: {a: 1}\n')).toEqual({ text: undefined, found: [] });
  });

  it('writes values as docker-app printed them', async () => {
    expect((await rescue('port: 0755\ngreeting: yes\ndb: {host: 1.10}\n')).text).toBe(
      'db_host=1.1\ngreeting=true\nport=493\n',
    );
    expect((await rescue('greeting: ""\n')).text).toBe('greeting=\n');
    expect((await rescue('greeting: "a=b #c? é [x] {y} # z"\n')).text).toBeUndefined();
    expect((await rescue('greeting: "#a=b#c? é [x] {y}, `z`;"\n')).text).toBe('greeting=#a=b#c? é [x] {y}, `z`;\n');
  });

  it('writes the value after the second pass, and refuses what the two passes leave open', async () => {
    expect(await rescue("greeting: '${NONE-there}'\n")).toEqual({
      text: undefined,
      found: [
        "warning fleet.value-refused web.dockerapp/parameters.yml:3:11 'greeting' has another value for the devices of press (fleet/press.yml:1:11), which no environment file can say: it reads NONE from the environment of the device",
      ],
    });
    const twice = await rescue("greeting: 'a$$b'\n");
    expect(twice.text).toBeUndefined();
    expect(twice.found[0]).toContain('it has $');
    expect((await rescue("greeting: 'a$'\n")).found[0]).toContain('compose could not read its $');
    expect((await rescue("greeting: 'a$b'\n", { interpolation: 'single' })).found[0]).toContain('it has $');
  });

  it.each([
    ["it's", "it has '"],
    ['say "x"', 'it has "'],
    ['a\\b', 'it has \\'],
    ['a\nb', 'it has a line end'],
    ['a # b', 'it has a #'],
    [' a', 'it has a blank at an end'],
    ['a\tb', 'it has a character that is not printed'],
    ['a\u00a0', 'it has a blank at an end'],
    ['a\u200bb', 'it has a character that is not printed'],
  ])('refuses %j, and keeps the other names', async (value, why) => {
    const { text, found } = await rescue(`port: 1\ngreeting: ${JSON.stringify(value)}\n`);
    expect(text).toBe('port=1\n');
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${why}, which releases of compose read differently there`);
  });

  it('fails where a value that is fixed in the result is another one on the devices (R5)', async () => {
    expect((await rescue('tag: "1.3"\n')).found).toEqual([
      "error FLEET_FIXED web.dockerapp/parameters.yml:1:6 'tag' has another value for the devices of press (fleet/press.yml:1:6), and cannot be overridden in the result: images are pinned when the bundle is made",
    ]);
    expect(await rescue('tag: "1.2"\n')).toEqual({ text: undefined, found: [] });
  });

  it('never tells a value, as it may be a secret', async () => {
    const { found } = await rescue('db: {password: "hunter 22\\n"}\n');
    expect(found.join()).not.toContain('hunter');
  });

  it('tells of parameters with which docker-app refuses the package', async () => {
    const compose = `${HEAD}    environment: {A: "\${list.1}", B: "\${list.0}"}\n`;
    const { text, found } = await rescue('list: [x]\n', { compose, parameters: 'tag: 1\nlist: [a, b]\n' });
    expect(text).toBeUndefined();
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^warning fleet\.never-ran .*parameters of press: .*list\.1/);
  });

  it('wins over the values of the run, which are the new defaults', async () => {
    const set = [{ name: 'port', value: '7000' }];
    expect(await rescue('greeting: hi\n', { set })).toEqual({ text: 'greeting=hi\n', found: [] });
    expect(await rescue('port: 9090\n', { set })).toEqual({ text: 'port=9090\n', found: [] });
  });

  it('proves what it writes: a value that compose takes apart otherwise is no environment file', async () => {
    const compose = `${HEAD}    deploy: {replicas: "\${port}"}\n`;
    const { text } = await rescue('port: two\n', { compose });
    expect(text).toBeUndefined();
  });
});
