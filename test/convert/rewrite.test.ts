import { describe, expect, it } from 'vitest';
import { diffCompose } from '../../src/convert/diff.ts';
import { createSourceLocator } from '../../src/convert/source-locator.ts';
import { convertFiles, convertTexts, formatFindings } from './convert-package.ts';

const HEAD = "version: '3.7'\nservices:\n  a:\n    image: busybox\n";

/** The converted text of the lines below `HEAD`; the findings where it fails. */
async function convert(
  lines: string,
  parameters: string,
  interpolation: 'device' | 'single' = 'device',
): Promise<string> {
  const { app, failed, diagnostics } = await convertTexts(HEAD + lines, parameters, { interpolation });
  return failed ? formatFindings(diagnostics) : (app?.composeText ?? '').slice(HEAD.length);
}

describe('one value in every style', () => {
  it.each([
    ['    hostname: ${p}\n', '    hostname: ${p-it\'s "x"}\n'],
    ["    hostname: '${p}'\n", "    hostname: '${p-it''s \"x\"}'\n"],
    ['    hostname: "${p}"\n', '    hostname: "${p-it\'s \\"x\\"}"\n'],
    ['    hostname: "\\x24{p}"\n', '    hostname: "${p-it\'s \\"x\\"}"\n'],
    ['    hostname: |\n      ${p}\n', '    hostname: |\n      ${p-it\'s "x"}\n'],
    ['    hostname: >-\n      ${p}\n      y\n', '    hostname: >-\n      ${p-it\'s "x"}\n      y\n'],
    ['    command: [x, $p]\n', '    command: [x, "${p-it\'s \\"x\\"}"]\n'],
    ['    hostname: &c ${p}\n    domainname: *c\n', '    hostname: &c ${p-it\'s "x"}\n    domainname: *c\n'],
    ['    ? hostname\n    : ${p}\n', '    ? hostname\n    : ${p-it\'s "x"}\n'],
    ['    hostname: !!str ${p}\n', '    hostname: !!str ${p-it\'s "x"}\n'],
  ])('%j', async (source, expected) => expect(await convert(source, 'p: "it\'s \\"x\\""\n')).toBe(expected));
});

describe('a value that has to be put in', () => {
  it.each([
    // The style stays where it can say the text, else double quotes can.
    ['    command: ${p}\n', '"{x}"', '    command: "{x}"\n'],
    ['    command: a ${p}\n', '"{x}"', '    command: a {x}\n'],
    ["    command: '${p}'\n", '"a\\nb"', '    command: "a\\nb"\n'],
    ['    command: "${p}"\n', '"a\\nb"', '    command: "a\\nb"\n'],
    ['    command: |\n      ${p}\n    tty: true\n', '"a\\nb"', '    command: "a\\nb\\n"\n    tty: true\n'],
    ['    command: |\n      ${p} x\n    tty: true\n', '" {}"', '    command: " {} x\\n"\n    tty: true\n'],
    ['    command: |\n      a ${p}\n    tty: true\n', '"# {}"', '    command: |\n      a # {}\n    tty: true\n'],
    ['    command: a ${p}\n', '"# {}"', '    command: "a # {}"\n'],
    ['    command: ["${p}"]\n', '"}"', '    command: ["}"]\n'],
    // Native values where docker-app cast a text.
    ['    privileged: ${p}\n', '"yes"', '    privileged: true\n'],
    ['    privileged: |-\n      ${p}\n    command: x\n', '"off"', '    privileged: false\n    command: x\n'],
    ['    deploy: {replicas: "${p}"}\n', '"007"', '    deploy: {replicas: 7}\n'],
  ])('%j with %s', async (source, value, expected) => expect(await convert(source, `p: ${value}\n`)).toBe(expected));
});

it('knows the place of what a merge key brings', async () => {
  const compose = `version: '3.7'
x-base: &base
  image: nginx:\${v}
  privileged: \${p}
services:
  a:
    <<: *base
    command: \${v}
`;
  const { app } = await convertTexts(compose, 'v: 1\np: "yes"\n');
  expect(app?.composeText).toBe(
    compose.replace('nginx:${v}', 'nginx:1').replace('privileged: ${p}', 'privileged: true').replace('${v}', '${v-1}'),
  );
});

it('escapes for one pass and for two', async () => {
  const source = '    hostname: "$$A $$$$ ${p}"\n';
  expect(await convert(source, 'p: "{$B}"\n', 'device')).toBe('    hostname: "$A $$ {$B}"\n');
  expect(await convert(source, 'p: "{$B}"\n', 'single')).toBe('    hostname: "$$A $$$$ {$$B}"\n');
});

it('a stray $ that docker-app forgot about is gone, with a warning', async () => {
  const { app, diagnostics } = await convertTexts(`${HEAD}    command: "$1 $\{p}"\n`, 'p: v\n');
  expect(app?.composeText).toContain('command: "1 ${p-v}"');
  expect(diagnostics.map(({ code }) => code)).toEqual(['param.lost-reference']);
});

it('keeps a parameter whose name an inlined value reads from the environment', async () => {
  expect(await convert('    command: ["${p}", "${q}"]\n', 'p: $q\nq: x\n', 'device')).toBe(
    '    command: ["$q", "x"]\n',
  );
  expect(await convert('    command: ["${p}", "${q}"]\n', 'p: $q\nq: x\n', 'single')).toBe(
    '    command: ["$$q", "${q-x}"]\n',
  );
  expect(await convert('    command: ["$$q", "${q}"]\n', 'q: x\n', 'single')).toBe('    command: ["$$q", "${q-x}"]\n');
});

it('describes each parameter', async () => {
  const compose = `${HEAD}    command: ["\${a.b}", "\${a.b}", "\${c}", "\${app.name}"]\n    x-enabled: "\${s}"\n`;
  const { app } = await convertTexts(compose, 'a: {b: 1.10}\nc: "{"\ns: true\nu: 1\n');
  expect(app?.variables).toEqual([
    { parameter: 'a.b', variable: 'a_b', value: '1.1', uses: 2 },
    { parameter: 'c', value: '{', uses: 1, fixed: expect.stringContaining('its value holds') },
    { parameter: 's', value: 'true', uses: 1, fixed: "it switches service 'a' (x-enabled)" },
    { parameter: 'u', value: '1', uses: 0 },
    { parameter: 'app.name', value: 'web', uses: 1, fixed: 'it is metadata of the package' },
  ]);
});

it('does not print a secret that was retyped', async () => {
  const { diagnostics } = await convertTexts(`${HEAD}    command: "\${password}"\n`, 'password: 0123456\n');
  const text = formatFindings(diagnostics);
  expect(text).toContain("'password' is written otherwise than docker-app printed it");
  expect(text).not.toMatch(/0123456|42798/);
});

it('refuses a compose part that is no mapping', async () => {
  expect(formatFindings((await convertTexts('- a\n', '')).diagnostics)).toContain('error COMPOSE_INVALID');
  expect(formatFindings((await convertTexts('', '')).diagnostics)).toContain('error COMPOSE_INVALID');
});

describe('hostile packages', () => {
  const service = (i: number) => `  s${i}: {image: i, x-enabled: ${i % 2 === 0}, depends_on: [s0]}\n`;

  it.each([
    [
      'many switched services',
      `version: '3.7'\nservices:\n${Array.from({ length: 10_000 }, (_, i) => service(i)).join('')}`,
      '',
    ],
    ['many duplicates', `${HEAD}    labels: {${'k: v, '.repeat(30_000)}}\n`, ''],
    ['many aliases of a part that stays', `${HEAD}    labels: &l {a: b}\n    x-l: [${'*l, '.repeat(30_000)}]\n`, ''],
    [
      'many quoted values',
      `${HEAD}    environment:\n${Array.from({ length: 5_000 }, (_, i) => `      K${i}: |\n        \${p}\n`).join('')}`,
      'p: " x"\n',
    ],
    [
      'many parameters that would be one variable',
      `${HEAD}    command:\n${Array.from({ length: 2_000 }, (_, i) => `    - "\${${nameOf(i)}}"\n`).join('')}`,
      Array.from({ length: 2_000 }, (_, i) => `"${nameOf(i)}": 1\n`).join(''),
    ],
    ['unclosed references', `${HEAD}    command: "${'${a-'.repeat(100_000)}"\n`, ''],
  ])(
    'with %s end in time',
    async (_, compose, parameters) => {
      const { app, diagnostics } = await convertTexts(compose, parameters);
      expect(app !== undefined || diagnostics.length > 0).toBe(true);
    },
    20_000,
  );
});

/** Names that differ in dots and hyphens only. */
function nameOf(i: number): string {
  return `p${i.toString(2).padStart(11, '0').replaceAll('0', '.x').replaceAll('1', '-x')}`;
}

describe('places in the result', () => {
  it('lead to places in the package', async () => {
    const text =
      'name: web\n---\nversion: \'3.7\'\nservices:\n  a:\n    image: "x:${v}"\n    command: ["${p}", "y"]\n---\nv: 1\np: long\n';
    const { app } = await convertFiles(new Map([['web.dockerapp', Buffer.from(text)]]));
    const toSource = createSourceLocator(app!);
    const placeOf = (needle: string, from: string) => {
      const at = from.indexOf(needle);
      return { line: from.slice(0, at).split('\n').length, column: at - from.lastIndexOf('\n', at) };
    };
    for (const needle of ['version', 'services', 'image', 'command', '"y"']) {
      const place = toSource({ path: 'web.dockerapp', ...placeOf(needle, app!.composeText) });
      expect(place).toEqual({ path: 'web.dockerapp', ...placeOf(needle, text) });
    }
    expect(toSource({ path: 'web.dockerapp', line: 99, column: 1 }).line).toBeLessThanOrEqual(text.split('\n').length);
    expect(app!.services).toEqual([
      { service: 'a', image: 'x:1', build: false, location: { path: 'web.dockerapp', line: 6, column: 12 } },
    ]);
  });
});

describe('diffCompose', () => {
  it('shows the lines that changed, and nothing where none did', async () => {
    const changed = await convertTexts(`${HEAD}    command: "\${p}"\n`, 'p: v\n');
    const lines = diffCompose(changed.app!)
      ?.split('\n')
      .filter((line) => /^[-+]/.test(line));
    expect(lines).toEqual([
      expect.stringMatching(/^--- web\.dockerapp\/docker-compose\.yml/),
      expect.stringMatching(/^\+\+\+ web\/docker-compose\.yml/),
      '-    command: "${p}"',
      '+    command: "${p-v}"',
    ]);
    expect(diffCompose((await convertTexts(HEAD, '')).app!)).toBeUndefined();
  });
});

describe('a value that was given for this run', () => {
  const compose = `${HEAD}    command: \${port} \${db.password} \${same}\n`;
  const overridden = async (options: Parameters<typeof convertTexts>[2]): Promise<string> => {
    const { diagnostics } = await convertTexts(
      compose,
      'port: 80\ndb: {password: hunter2}\nsame: x\nidle: 1\n',
      options,
    );
    return formatFindings(diagnostics.filter(({ code }) => code === 'param.overridden'));
  };

  it('is the new default, and a warning says that devices of the old style do not see it', async () => {
    const settings = [
      { name: 'port', value: '81' },
      { name: 'same', value: 'x' },
      { name: 'idle', value: '2' },
    ];
    expect(await overridden({ settings })).toBe(
      "warning param.overridden web.dockerapp/parameters.yml:1:7 'port' has another value than in the package: 81, not 80; devices of the old style do not see it\n",
    );
  });

  it('is not shown where it is a secret', async () => {
    expect(await overridden({ parameterFiles: ['db: {password: swordfish}\n'] })).toBe(
      "warning param.overridden web.dockerapp/parameters.yml:2:16 'db.password' has another value than in the package; devices of the old style do not see it\n",
    );
  });

  it('is nothing to tell of without one', async () => expect(await overridden({})).toBe(''));
});

describe('a service that is switched off', () => {
  const off = (lines: string): string => `${HEAD}  b:\n    image: busybox\n    x-enabled: false\n${lines}`;

  it.each([
    ['    command: ${missing}\n', 'error PARAM_UNDEFINED web.dockerapp/docker-compose.yml:8:14'],
    ['    command: "$ x"\n', 'error INTERPOLATION_INVALID web.dockerapp/docker-compose.yml:8:14'],
  ])('is refused as docker-app refused it: %j', async (lines, error) => {
    const { diagnostics } = await convertTexts(off(lines), '');
    expect(formatFindings(diagnostics)).toContain(error);
  });

  it.each(['    command: $$1 ${p}\n', ''])('is no hindrance where docker-app could read it: %j', async (lines) => {
    expect((await convertTexts(off(lines), 'p: v\n')).app?.composeText).toBe(HEAD);
  });

  it('may name the release in its image', async () => {
    const compose = `${HEAD}  b:\n    image: busybox:\${TAG}\n    x-enabled: false\n`;
    expect((await convertTexts(compose, '')).app?.composeText).toBe(HEAD);
  });
});

it('puts in the value of what stands in an open brace, which an override could close', async () => {
  const lines = '    command: $${k:-${a}${p}x}\n';
  expect(await convert(lines, "p: ' lead'\na: ${b}\n")).toBe('    command: ${k:-${b} leadx}\n');
});
