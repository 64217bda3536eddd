import { describe, expect, it } from 'vitest';
import { type ParameterSet, readParameters } from '../../src/dockerapp/parameters.ts';
import { formatLocation, RebundleError } from '../../src/errors.ts';

interface Given {
  readonly own?: string;
  readonly files?: readonly string[];
  readonly metadata?: string;
  readonly set?: Readonly<Record<string, string>>;
}

function read({ own = '', files = [], metadata = 'name: web\n', set = {} }: Given): ParameterSet {
  const source = (text: string, path: string) => ({ text, path, line: 1 });
  return readParameters({
    own: source(own, 'parameters.yml'),
    files: files.map((text, i) => source(text, `extra-${i}.yml`)),
    metadata: source(metadata, 'metadata.yml'),
    settings: Object.entries(set).map(([name, value]) => ({ name, value })),
  });
}

/** The flat parameters but `app.*`; null for what counts as missing. */
function values(given: Given): Record<string, string | null> {
  const named = [...read(given).parameters.values()].filter(({ name }) => !name.startsWith('app.'));
  return Object.fromEntries(named.map(({ name, value }) => [name, value ?? null]));
}

function failure(given: Given): string {
  try {
    read(given);
  } catch (thrown) {
    if (!(thrown instanceof RebundleError)) throw thrown;
    const place = thrown.location === undefined ? '-' : formatLocation(thrown.location);
    return `${thrown.code} ${place} ${thrown.message}`;
  }
  throw new Error('expected an error');
}

describe('flattening', () => {
  it.each<[string, Record<string, string | null>]>([
    ['', {}],
    ['# nothing\n', {}],
    ['{}\n', {}],
    ['null\n', {}],
    ['---\na: 1\n', { a: '1' }],
    ['{"a": {"b": [1, "x"]}}', { 'a.b.0': '1', 'a.b.1': 'x' }],
    ['a:\n  b: 1\n  c:\n    d: x\n', { 'a.b': '1', 'a.c.d': 'x' }],
    ['a.b: x\n', { 'a.b': 'x' }],
    ['a: {}\nb: []\n', {}],
    [
      'a: [x, [p, yes, ~], {k: 1, j: [2, ~]}, ~]\n',
      { 'a.0': 'x', 'a.1': '[p true <nil>]', 'a.2': 'map[j:[2 <nil>] k:1]', 'a.3': '<nil>' },
    ],
    ['a: ~\nb:\nc: ""\n', { a: null, b: null, c: '' }],
    ['a: 1\na: 2\n', { a: '2' }],
    ['a: {b: 1}\na: {c: 2}\n', { 'a.c': '2' }],
    [
      'x: &x {a: 1, b: 2}\nw:\n  <<: *x\n  b: 3\nz: *x\n',
      { 'x.a': '1', 'x.b': '2', 'w.b': '3', 'w.a': '1', 'z.a': '1', 'z.b': '2' },
    ],
    ['a: |\n  two\n  lines\n', { a: 'two\nlines\n' }],
    ['constructor: 1\ntoString: 2\n__proto__: 3\n', { constructor: '1', toString: '2', ['__proto__']: '3' }],
    ['"1": a\n"yes": b\n', { 1: 'a', yes: 'b' }],
    ['a b: 1\nä: 2\n', { 'a b': '1', ä: '2' }],
    ['a: 1\n---\nb: 2\n', { a: '1' }],
  ])('%j', (own, expected) => {
    expect(Object.entries(values({ own })).sort()).toEqual(Object.entries(expected).sort());
  });

  it('prints values as Go did and keeps what was written', () => {
    const parameter = read({ own: 'a: 1.10\nb: [1]\n' }).parameters;
    expect(parameter.get('a')).toMatchObject({
      value: '1.1',
      written: '1.10',
      location: { path: 'parameters.yml', line: 1, column: 4 },
    });
    expect(parameter.get('b.0')).toMatchObject({ value: '1', written: '1' });
  });

  it('warns of a name that is written twice', () => {
    const { diagnostics } = read({ own: 'a: 1\nb: {c: 1, c: 2}\na: 2\n' });
    expect(diagnostics.map(({ code, message, location }) => [code, message, location?.line])).toEqual([
      ['yaml.duplicate-key', "'b.c' is written twice; this one, the last, counts", 2],
      ['yaml.duplicate-key', "'a' is written twice; this one, the last, counts", 3],
    ]);
  });

  it.each([
    [
      'hello\n',
      'PARAM_INVALID parameters.yml:1:1 failed to read parameters: the document is a single value, not a mapping',
    ],
    ['\n- a\n', 'PARAM_INVALID parameters.yml:2:1 failed to read parameters: the document is a list, not a mapping'],
    ['a: 1\n1: a\n', 'PARAM_INVALID parameters.yml:2:1 Non-string key at top level: 1'],
    ['yes: a\n', 'PARAM_INVALID parameters.yml:1:1 Non-string key at top level: true'],
    ['n: a\n', 'PARAM_INVALID parameters.yml:1:1 Non-string key at top level: false'],
    ['a:\n  b:\n    1.50: x\n', 'PARAM_INVALID parameters.yml:3:5 Non-string key in a.b: 1.5'],
    ['a: [{2: x}]\n', 'PARAM_INVALID parameters.yml:1:6 Non-string key in a.0: 2'],
    ['? [a]\n: 1\n', 'PARAM_INVALID parameters.yml:1:1 Non-string key at top level: (a seq)'],
    ['~: 1\n', 'PARAM_INVALID parameters.yml:1:1 Non-string key at top level: <nil>'],
    [
      'a: {b: 1}\na.b: 2\n',
      "PARAM_CONFLICT parameters.yml:2:6 parameter 'a.b' is there twice, as a nested and as a dotted name",
    ],
    [
      'a: [1]\na.0: 2\n',
      "PARAM_CONFLICT parameters.yml:2:6 parameter 'a.0' is there twice, as a nested and as a dotted name",
    ],
  ])('refuses %j', (own, expected) => expect(failure({ own })).toBe(expected));

  it('names the place of a YAML error', () =>
    expect(failure({ own: 'a: [\n' })).toMatch(/^YAML_INVALID parameters\.yml:/));
});

it('refuses a value that is not of its tag', () => {
  expect(failure({ own: 'a: 1\nb: !!int x\n' })).toBe('PARAM_INVALID parameters.yml:2:10 cannot decode "x" as !!int');
});

describe('further files', () => {
  it.each<[string, readonly string[], Record<string, string | null>]>([
    ['a: 1\nb: 1\n', ['a: 2\n', 'a: 3\n'], { a: '3', b: '1' }],
    ['a: {b: 1, c: 1}\n', ['a: {b: 2, d: 2}\n'], { 'a.b': '2', 'a.c': '1', 'a.d': '2' }],
    ['a: 1\n', ['a: ~\n'], { a: '1' }],
    ['a: 1\n', ['a: ""\n'], { a: '' }],
    ['a: 1\n', ['a: 0\n'], { a: '0' }],
    ['a: true\n', ['a: no\n'], { a: 'false' }],
    ['a: 1\n', ['a: {b: 2}\n'], { a: '1' }],
    ['a: ~\n', ['a: {b: 2}\n'], { 'a.b': '2' }],
    ['a: {b: 1}\n', ['a: 2\n'], { a: '2' }],
    ['a: [1, 2]\n', ['a: [3]\n'], { 'a.0': '3' }],
    ['a.b: 1\n', ['a: {b: 2}\n'], { 'a.b': '2' }],
    ['a: {b: 1}\n', ['a.b: 2\n'], { 'a.b': '2' }],
    ['a: 1\n', ['', '# none\n'], { a: '1' }],
  ])('%j and %j', (own, files, expected) => {
    expect(Object.entries(values({ own, files })).sort()).toEqual(Object.entries(expected).sort());
  });

  it('are named in errors', () => {
    expect(failure({ files: ['a: 1\n', '- x\n'] })).toMatch(/^PARAM_INVALID extra-1\.yml:1:1 /);
  });
});

describe('app.*', () => {
  const app = (given: Given) =>
    Object.fromEntries([...read(given).parameters.values()].map(({ name, value }) => [name, value]));

  it('comes from the metadata, flat as other parameters', () => {
    const metadata = 'name: web\nversion: 1.10\nmaintainers:\n  - name: me\n    email: me@example.org\n';
    expect(app({ metadata })).toEqual({
      'app.name': 'web',
      'app.version': '1.1',
      'app.maintainers.0': 'map[email:me@example.org name:me]',
    });
  });

  it('wins over files and loses to --set', () => {
    const given = { own: 'app: {name: mine, port: 80}\n', files: ['app: {name: other}\n'] };
    expect(app(given)).toEqual({ 'app.name': 'web', 'app.port': '80' });
    expect(app({ ...given, set: { 'app.name': 'set' } })).toEqual({ 'app.name': 'set', 'app.port': '80' });
  });

  it('refuses metadata with a key that is no text', () => {
    expect(failure({ metadata: 'name: x\n1: y\n' })).toBe(
      'METADATA_INVALID metadata.yml:2:1 Non-string key at top level: 1',
    );
  });
});

describe('--set', () => {
  it.each<[string, Record<string, string>, Record<string, string | null>]>([
    ['a: 1\n', { a: '3' }, { a: '3' }],
    ['a: 1\n', { a: '0755' }, { a: '493' }],
    ['a: 1\n', { a: 'false' }, { a: 'false' }],
    ['a: 1\n', { a: '"0755"' }, { a: '0755' }],
    ['a: x\n', { a: 'x=y z' }, { a: 'x=y z' }],
    ['a: 1\n', { a: '' }, { a: '1' }],
    ['a: 1\n', { a: '""' }, { a: '' }],
    ['a: 1\n', { a: '~' }, { a: '1' }],
    ['a: ~\n', { 'a.b': '1' }, { 'a.b': '1' }],
    ['a: {b: 1, c: 2}\n', { 'a.b': '9' }, { 'a.b': '9', 'a.c': '2' }],
    ['a.b: 1\n', { 'a.b': '9' }, { 'a.b': '9' }],
    ['a:\n  b.c: 1\n', { 'a.b.c': '9' }, { 'a.b.c': '9' }],
    ['', { 'x.y.z': '1' }, { 'x.y.z': '1' }],
    ['', { 'x.y': '1', 'x.z': '2' }, { 'x.y': '1', 'x.z': '2' }],
    ['a: 5\n', { a: '{b: 1}' }, { a: '5' }],
    ['', { a: '{b: 1, c: {d: 2}}' }, { 'a.b': '1', 'a.c.d': '2' }],
    ['a: [x, z]\n', { 'a.1': '9' }, { 'a.0': '<nil>', 'a.1': '9' }],
    ['a: [x, z]\n', { 'a.0': '9' }, { 'a.0': '9' }],
    ['', { constructor: '1', ['__proto__']: '2' }, { constructor: '1', ['__proto__']: '2' }],
  ])('%j with %j', (own, set, expected) => {
    expect(Object.entries(values({ own, set })).sort()).toEqual(Object.entries(expected).sort());
  });

  it.each<[string, Record<string, string>, string]>([
    ['a: x\n', { 'a.b': '1' }, 'PARAM_CONFLICT - --set a.b: a part of the name is already present and not a map'],
    ['a: [x]\n', { 'a.b': '1' }, 'PARAM_CONFLICT - --set a.b: a part of the name is a list'],
    ['', { a: '[1]' }, 'PARAM_INVALID --set a:1:1 --set a: a list is not a value'],
    ['', { a: '{1: x}' }, 'PARAM_INVALID --set a:1:2 Non-string key in a: 1'],
  ])('%j refuses %j', (own, set, expected) => expect(failure({ own, set })).toBe(expected));

  it.each(['0.2', '0.4-0.8', '0.9'] as const)('wins over a dotted name where %s was chosen', (semantics) => {
    const source = (text: string, path: string) => ({ text, path, line: 1 });
    const { parameters } = readParameters({
      own: source('a.b: 1\n', 'parameters.yml'),
      files: [source('a: {b: 2}\n', 'extra.yml')],
      metadata: source('name: web\n', 'metadata.yml'),
      settings: [{ name: 'a.b', value: '3' }],
      semantics,
      strict: true,
    });
    expect(parameters.get('a.b')?.value).toBe('3');
  });

  it('says so where the value is no YAML', () =>
    expect(failure({ set: { a: '"x' } })).toMatch(/^YAML_INVALID --set a:/));
});
