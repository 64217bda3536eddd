import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { effectivePairs, memberOf, parseYaml, resolveAlias, type YamlNode } from '../../src/lib/yaml.ts';
import { convertFiles, convertTexts } from '../convert/convert-package.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'];
const service = fc.record({
  switch: fc.constantFrom(undefined, 'true', 'false', '"0"', '"${on-word}"', '"! ${on-word}"', "''"),
  switchFirst: fc.boolean(),
  form: fc.constantFrom('block', 'block', 'flow'),
  dependsOn: fc.subarray(NAMES),
  links: fc.subarray(NAMES),
  listForm: fc.constantFrom('block', 'flow', 'flow-lines', 'comments'),
  comments: fc.constantFrom('', '# above\n', '\n', '\n# one\n# two\n', '# far\n\n'),
  text: fc.constantFrom(undefined, '|\n# text\n  # more', '"x\n# quoted"', 'x # trailing'),
});
const services = fc.array(service, { minLength: 1, maxLength: NAMES.length });
type Service = typeof service extends fc.Arbitrary<infer T> ? T : never;

function isOff({ switch: value }: Service): boolean {
  return value !== undefined && ['false', '"0"', '"! ${on-word}"', "''"].includes(value);
}

function writeList(key: string, items: readonly string[], form: string): string[] {
  if (items.length === 0) return [];
  if (form === 'flow') return [`    ${key}: [${items.join(', ')}]`];
  if (form === 'flow-lines') return [`    ${key}: [`, ...items.map((item) => `      ${item},`), '    ]'];
  return [
    `    ${key}:`,
    ...items.flatMap((item) =>
      form === 'comments' ? [`      # about ${item}`, `      - ${item} # here`] : [`      - ${item}`],
    ),
  ];
}

function writeService(name: string, given: Service, all: readonly string[]): string {
  const known = (items: readonly string[]): string[] => items.filter((item) => all.includes(item) && item < name);
  const toggle = given.switch === undefined ? undefined : `x-enabled: ${given.switch}`;
  const above = given.comments.replace(/^(?=#)/gm, '  ');
  if (given.form === 'flow') {
    const lists = [
      ...(known(given.dependsOn).length === 0 ? [] : [`depends_on: [${known(given.dependsOn).join(', ')}]`]),
      ...(known(given.links).length === 0 ? [] : [`links: [${known(given.links).join(', ')}]`]),
    ];
    const members = given.switchFirst ? [toggle, `image: ${name}`, ...lists] : [`image: ${name}`, ...lists, toggle];
    return `${above}  ${name}: {${members.filter((member) => member !== undefined).join(', ')}}\n`;
  }
  const lines = [
    ...(toggle !== undefined && given.switchFirst ? [`    ${toggle} # switch`] : []),
    `    image: ${name} # image`,
    ...(given.text === undefined ? [] : [`    command: ${given.text.replaceAll('\n', '\n      ')}`]),
    ...writeList('depends_on', known(given.dependsOn), given.listForm),
    ...writeList('links', known(given.links), given.listForm),
    ...(toggle !== undefined && !given.switchFirst ? [`    ${toggle}`] : []),
  ];
  return `${above}  ${name}:\n${lines.join('\n')}\n`;
}

function plain(node: YamlNode | undefined): unknown {
  if (node === undefined) return undefined;
  const value = resolveAlias(node);
  if (value.kind === 'scalar') return value.value;
  if (value.kind === 'seq') return value.items.map(plain);
  return Object.fromEntries([...effectivePairs(value)].map(([name, pair]) => [name, plain(pair.value)]));
}

it('what is switched off goes, with all that names it, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(services, async (generated) => {
      const names = NAMES.slice(0, generated.length);
      const text = `version: '3.7'\nservices:\n${generated.map((each, i) => writeService(names[i]!, each, names)).join('')}`;
      const { app, diagnostics, failed } = await convertTexts(text, 'on-word: true\n');
      const off = names.filter((_, i) => isOff(generated[i]!));
      if (off.length === names.length) {
        expect(diagnostics.at(-1)?.message).toBe('every service is switched off by x-enabled');
        return;
      }
      expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(failed).toBe(false);
      const servicesOf = (each: string) =>
        plain(memberOf(parseYaml({ text: each, path: '', line: 1 }).root, 'services')) as Record<
          string,
          Record<string, unknown>
        >;
      const expected = servicesOf(text);
      for (const name of off) delete expected[name];
      for (const each of Object.values(expected)) {
        delete each['x-enabled'];
        for (const key of ['depends_on', 'links']) {
          const kept = (each[key] as string[] | undefined)?.filter((item) => !off.includes(item));
          if (kept !== undefined && kept.length > 0) each[key] = kept;
          else delete each[key];
        }
      }
      const result = app?.composeText ?? '';
      expect(servicesOf(result)).toEqual(expected);
      // What stays, stays as it was: every line of the result is one of the source, or a flow text that lost a member.
      const lines = new Set(text.split('\n'));
      for (const line of result.split('\n')) if (!/[[{]/.test(line)) expect(lines).toContain(line);
    }),
    { numRuns: 1_000 },
  );
});

it('a converted file that needs nothing more is not changed again', async () => {
  const word = fc.constantFrom('x', '$$', ' ', "'", '"', ':', '- ', '# ', '\\', '\n', '  ', 'é', '$$A', '{', '}', '\t');
  const text = fc.array(word, { maxLength: 6 }).map((words) => words.join(''));
  const plainOf = fc.constantFrom(
    '0755',
    '1.10',
    '22:22',
    '2020-01-01',
    '1e6',
    '.inf',
    '0o17',
    'plain text',
    '08',
    '1_000',
    '12:30:45',
    '99999999999999999999',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { maxLength: 4 }),
      fc.array(plainOf, { maxLength: 4 }),
      fc.boolean(),
      async (quoted, plains, single) => {
        const environment = [...quoted.map((each) => JSON.stringify(each)), ...plains].map(
          (each, i) => `      K${i}: ${each} # c\n`,
        );
        const compose = `version: '3.6'\nservices:\n  a:\n    image: a\n${environment.length === 0 ? '' : '    environment:\n'}${environment.join('')}`;
        const first = single
          ? await convertFiles(new Map([['w.dockerapp', Buffer.from(`name: w\n---\n${compose}---\n`)]]), {
              interpolation: 'single',
            })
          : await convertTexts(compose, '', { interpolation: 'single' });
        expect(first.failed).toBe(false);
        const once = first.app?.composeText ?? '';
        const second = await convertTexts(once, '', { interpolation: 'single' });
        expect(second.app?.composeText).toBe(once);
        expect(second.app?.edits).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});
