import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { pinCompose } from '../../src/compose/pin.ts';
import { HASH_LABEL, hashService } from '../../src/compose/service-hash.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { effectivePairs, parseYaml, resolveAlias, type YamlNode } from '../../src/lib/yaml.ts';
import { readScalar } from '../../src/lib/yaml-scalars.ts';

type Value = string | Value[] | { [name: string]: Value };

const PINS = ['a', 'b'].map((name) => `registry.example.com/f/${name}@${digestOf(name)}`);
const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

/** The meaning of a document: aliases and merge keys expanded, scalars as text with the type that yaml.v2 gives them. */
function mean(node: YamlNode): Value {
  const value = resolveAlias(node);
  if (value.kind === 'scalar') {
    const { type } = readScalar(value, 'go-v2');
    return type === 'null' ? type : `${type} ${value.value}`;
  }
  if (value.kind === 'seq') return value.items.map(mean);
  return Object.fromEntries([...effectivePairs(value)].map(([name, pair]) => [name, mean(pair.value)]));
}

const scalarStyle = (text: string, flow: boolean): fc.Arbitrary<string> =>
  pick(
    text,
    `'${text}'`,
    `"${text}"`,
    `!!str ${text}`,
    ...(flow ? [] : [`>-\n        ${text}`, `|-\n        ${text}`]),
  );

/** The texts of members of one service, for block (`flow` false) or flow style; `anchors` may be referred to. */
function membersOf(anchors: readonly string[], flow: boolean): fc.Arbitrary<string[]> {
  const use = (kind: string): string[] => anchors.filter((name) => name.startsWith(kind)).map((name) => `*${name}`);
  const image = fc.oneof(scalarStyle('nginx:1', flow), pick('nginx', ...use('img')));
  const blockLabels = [
    '\n        a: b\n        # c\n        d: 1',
    '\n      - a=b\n      # c\n      - d=e',
    `\n        ${HASH_LABEL}: old`,
  ];
  const flowLabels = [
    '{}',
    '[]',
    '{a: b}',
    '[a=b, c=d]',
    `{a: b, ${HASH_LABEL}: "1"}`,
    `[${HASH_LABEL}=1, x=z]`,
    '{a: , b: null}',
  ];
  const labels = pick(...flowLabels, ...use('lab'), ...(flow ? [] : [...blockLabels, '', ' # none']));
  const build = pick(
    '.',
    '{context: ., args: [a=b]}',
    ...(flow ? [] : ['\n        context: .\n        # in\n        args:\n          - x']),
  );
  const environment = pick('{A: *img0}', '{A: 1, B: "x y"}', '[A=1, B]').filter(
    (text) => !text.includes('*') || anchors.includes('img0'),
  );
  const comment = pick('', ' # note');
  const member = (name: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc
      .tuple(value, flow ? fc.constant('') : comment)
      .map(([text, note]) => `${name}: ${text}${text.includes('\n') ? '' : note}`);
  const option = (text: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
    fc.option(text).map((found) => (found === null ? [] : [found]));
  const merge = anchors.some((name) => name.startsWith('map'))
    ? option(pick(...use('map')).map((text) => `<<: ${text}`))
    : fc.constant([]);
  return fc
    .tuple(
      member('image', image),
      option(member('labels', labels)),
      option(member('build', build)),
      option(member('environment', environment)),
      option(fc.constant(flow ? 'command: [a, b]' : 'command: >\n        a\n        b')),
      merge,
    )
    .chain(([first, ...rest]) => fc.shuffledSubarray([first, ...rest.flat()], { minLength: 1 + rest.flat().length }));
}

/** A compose text in some mixture of styles, and the pin of each service. */
const composeText: fc.Arbitrary<{ text: string; pins: string[] }> = fc
  .record({ images: fc.nat(1), labels: fc.nat(1), maps: fc.nat(2), services: fc.integer({ min: 1, max: 4 }) })
  .chain(({ images, labels, maps, services }) => {
    const leaves = [
      ...Array.from({ length: images }, (_, i) => `img${i}`),
      ...Array.from({ length: labels }, (_, i) => `lab${i}`),
    ];
    const head = leaves
      .map((name) => `x-${name}: &${name} ${name.startsWith('img') ? 'nginx:1' : '{a: b, k: 1}'}\n`)
      .join('');
    const names = Array.from({ length: maps }, (_, i) => `map${i}`);
    const template = (i: number): fc.Arbitrary<string> =>
      membersOf(leaves, false).map(
        (members) => `x-map${i}: &map${i}\n${members.map((text) => `      ${text}\n`).join('')}`,
      );
    const service = (i: number): fc.Arbitrary<string> => {
      const anchors = [...leaves, ...names];
      const block = membersOf(anchors, false).map(
        (members) => `  s${i}: # service\n    # first\n${members.map((text) => `      ${text}\n`).join('\n')}`,
      );
      const flow = membersOf(anchors, true).map((members) => `  s${i}: {${members.join(', ')}}\n`);
      const spread = membersOf(anchors, true).map(
        (members) => `  s${i}: {\n    ${members.join(', # c\n    ')}, # end\n  }\n`,
      );
      const whole = names.length === 0 ? block : pick(...names).map((name) => `  s${i}: *${name}\n`);
      return fc.oneof(block, flow, spread, whole);
    };
    return fc
      .tuple(
        fc.tuple(...names.map((_, i) => template(i))),
        fc.tuple(...Array.from({ length: services }, (_, i) => service(i))),
        fc.array(pick(...PINS), { minLength: services, maxLength: services }),
        fc.boolean(),
        pick('\n', '\r\n'),
      )
      .map(([templates, bodies, pins, sameImage, eol]) => {
        const text = `version: '3.7'\n${head}${templates.join('')}services:\n${bodies.join('')}volumes: {v: {}}\n`;
        return { text: text.replaceAll('\n', eol), pins: sameImage ? pins.map(() => PINS[0] ?? '') : pins };
      });
  });

test('pinning changes images, build and labels of services and nothing else, in every style', () => {
  fc.assert(
    fc.property(composeText, ({ text, pins }) => {
      const file = readComposeFile({ text, path: 'c.yml', line: 1 });
      const images = new Map(file.services.map(({ name }, i) => [name, pins[i] ?? '']));
      const input = {
        images,
        fileDigests: new Map(),
        pins: [{ reference: 'docker.io/library/nginx:1', pinned: PINS[0] ?? '' }],
      };
      const pinned = pinCompose({ file, ...input });
      const after = readComposeFile({ text: pinned.text, path: 'c.yml', line: 1 });
      for (const [i, service] of file.services.entries()) {
        const { build, labels, ...rest } = mean(service.map) as Record<string, Value>;
        const { labels: found = {}, ...others } = mean(after.services[i]?.map ?? service.map) as Record<string, Value>;
        expect(others).toEqual({ ...rest, image: `string ${pins[i]}` });
        const hash = hashService({ service, image: pins[i] ?? '', files: [] });
        expect(entriesOf(found)).toEqual([...entriesOf(labels ?? {}), [HASH_LABEL, `string ${hash}`]].toSorted());
      }
      const root = (body: string): Value => {
        const { services, ...rest } = mean(
          parseYaml({ text: body, path: 'c.yml', line: 1 }).root ?? file.root,
        ) as Record<string, Value>;
        return Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('x-')));
      };
      expect(root(pinned.text)).toEqual(root(text));
      expect(pinned.text.includes('\r')).toBe(text.includes('\r'));
      expect(
        pinned.text
          .split('\n')
          .every((line, i, lines) => i === lines.length - 1 || line.endsWith('\r') === text.includes('\r')),
      ).toBe(true);
      const again = pinCompose({ file: after, ...input });
      expect(again).toEqual({ text: pinned.text, diagnostics: [] });
    }),
    { numRuns: 600 },
  );
});

/** Labels of a map or list without the hash label, sorted. */
function entriesOf(labels: Value): (string | Value)[][] {
  const entries = Array.isArray(labels)
    ? labels.map((item) => {
        const [name = '', ...value] = String(item)
          .replace(/^string /, '')
          .split('=');
        return [name, `string ${value.join('=')}`];
      })
    : typeof labels === 'string'
      ? []
      : Object.entries(labels);
  const isOld = ([name, value]: (string | Value)[]): boolean =>
    name === HASH_LABEL && !/^string [0-9a-f]{64}$/.test(String(value));
  return entries.filter((entry) => !isOld(entry)).toSorted();
}

test('the hash does not depend on comments, order of keys and quoting', () => {
  const members = [
    ['image: nginx', "image: 'nginx'", 'image: nginx # c'],
    [
      'environment: {A: x, B: "2"}',
      "environment:\n      B: 2\n      A: 'x'",
      'environment:\n      # c\n      A: "x"\n      B: 2',
    ],
    ['command: [a, b]', 'command:\n      - a\n      - "b"'],
    ['labels: {k: v}', 'labels:\n      k: v', `labels: {${HASH_LABEL}: x, k: v}`],
    ['tty: true'],
  ];
  const hashOf = (lines: readonly string[]): string => {
    const text = `version: '3.7'\nservices:\n  a:\n${lines.map((line) => `    ${line}\n`).join('')}`;
    const [service] = readComposeFile({ text, path: 'c.yml', line: 1 }).services;
    if (service === undefined) throw new Error('no service');
    return hashService({ service, image: PINS[0] ?? '', files: [] });
  };
  const expected = hashOf(members.map(([first = '']) => first));
  const variant = fc
    .tuple(...members.map((styles) => pick(...styles)))
    .chain((lines) => fc.shuffledSubarray(lines, { minLength: lines.length }));
  fc.assert(
    fc.property(variant, (lines) => {
      expect(hashOf(lines)).toBe(expected);
    }),
  );
});
