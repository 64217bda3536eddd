import { expect, it } from 'vitest';
import { type Converted, convertTexts } from './convert-package.ts';

const HEAD = "version: '3.7'\nservices:\n";

function parametersOf(count: number): string {
  return Array.from({ length: count }, (_, i) => `p${i}: v${i}\n`).join('');
}

/** Services of a hundred variables each. */
function composeOf(count: number): string {
  let text = HEAD;
  for (let i = 0; i < count; i++) {
    if (i % 100 === 0) text += `  s${i / 100}:\n    image: busybox\n    environment:\n`;
    text += `      V${i}: \${p${i}}\n`;
  }
  return text;
}

it('a package of 10,000 parameters is converted and proved with overrides in groups', async () => {
  const { app, proof, failed, diagnostics } = await convertTexts(composeOf(10_000), parametersOf(10_000));
  expect({ failed, errors: diagnostics.filter(({ severity }) => severity === 'error') }).toEqual({
    failed: false,
    errors: [],
  });
  expect(app?.composeText).toContain('V9999: ${p9999-v9999}\n');
  expect(proof).toMatchObject({ sampled: true, differences: [] });
  // Work is capped: fields times overrides, whatever the number of parameters.
  expect((proof?.fields ?? 0) * (proof?.overrides ?? 0)).toBeLessThan(300_000);
  expect(proof?.overrides).toBeGreaterThanOrEqual(3);
}, 60_000);

it('a package of a megabyte is converted and proved', async () => {
  const long = 'x'.repeat(1000);
  let text = `${HEAD}`;
  for (let i = 0; i < 10; i++) {
    text += `  s${i}:\n    image: busybox:\${tag}\n    environment:\n`;
    for (let j = 0; j < 100; j++) text += `      V${j}: "${long} \${a.b} $$HOME"\n`;
  }
  const { proof, failed } = await convertTexts(text, 'tag: "1"\na: {b: c}\n');
  expect(failed).toBe(false);
  expect(proof).toMatchObject({ fields: 1010, sampled: false, differences: [] });
}, 60_000);

it('a bomb of aliases is a finding', async () => {
  let text = `${HEAD}  a:\n    image: busybox\nx-0: &x0 [a, a, a, a, a, a, a, a, a, a]\n`;
  for (let i = 1; i < 12; i++)
    text += `x-${i}: &x${i} [${Array.from({ length: 10 }, () => `*x${i - 1}`).join(', ')}]\n`;
  const { diagnostics } = await convertTexts(text, '');
  expect(diagnostics.map(({ code }) => code)).toEqual(['YAML_LIMIT']);
});

it('a bomb of parameters is a finding', async () => {
  let text = 'p0: &p0 {a: v, b: v, c: v, d: v, e: v, f: v, g: v, h: v, i: v, j: v}\n';
  for (let i = 1; i < 12; i++) {
    text += `p${i}: &p${i} {${[...'abcdefghij'].map((key) => `${key}: *p${i - 1}`).join(', ')}}\n`;
  }
  const { diagnostics } = await convertTexts(`${HEAD}  a:\n    image: busybox\n`, text);
  expect(diagnostics.map(({ code }) => code)).toEqual(['YAML_LIMIT']);
});

it('values that grow beyond all bounds are a finding', async () => {
  const value = 'v'.repeat(100_000);
  const uses = Array.from({ length: 1000 }, (_, i) => `      V${i}: "${'${p}'.repeat(10)}"\n`).join('');
  const { diagnostics } = await convertTexts(
    `${HEAD}  a:\n    image: busybox\n    environment:\n${uses}`,
    `p: ${value}\n`,
  );
  expect(diagnostics.filter(({ severity }) => severity === 'error').map(({ code }) => code)).toEqual(['YAML_LIMIT']);
}, 60_000);

it('one text with very many references, or very many dollars, is converted', async () => {
  const references = await convertTexts(
    `${HEAD}  a:\n    image: busybox\n    command: '${'$a'.repeat(200_000)}'\n`,
    'a: x\n',
  );
  expect(references.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  const dollars = await convertTexts(`${HEAD}  a:\n    image: busybox\n    command: '${'$$'.repeat(400_000)}'\n`, '');
  expect(dollars.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
}, 60_000);

it('ranges of ports stay as they are written, and too many of them are a finding', async () => {
  const ports = (list: string): Promise<Converted> =>
    convertTexts(`${HEAD}  a:\n    image: busybox\n    ports: [${list}]\n`, '');
  const wide = await ports('"10000-30000:10000-30000/udp"');
  expect(wide.diagnostics).toEqual([]);
  expect(wide.app?.composeText).toContain('"10000-30000:10000-30000/udp"');
  const many = await ports(
    Array.from({ length: 500 }, (_, i) => `"${i + 1}-${i + 60_000}:${i + 1}-${i + 60_000}"`).join(', '),
  );
  expect(many.diagnostics.map(({ code }) => code)).toContain('COMPOSE_INVALID');
}, 60_000);

it('a large package that docker-app refuses is refused with its reason', async () => {
  const items = await convertTexts(`${HEAD}  a:\n    image: busybox\n    command:\n${'    - \n'.repeat(50_000)}`, '');
  expect(items.diagnostics[0]).toMatchObject({
    code: 'COMPOSE_INVALID',
    message: 'services.a.command.0 must be a string',
    location: { line: 6, column: 7 },
  });
  expect(items.app?.edits).toEqual([]);
});

it('very many wrong references are a finding of each of the first', async () => {
  const lines = Array.from({ length: 5000 }, (_, i) => `      V${i}: $$1\n`).join('');
  const text = `${HEAD}  a:\n    image: busybox\n    environment:\n${lines}`;
  const { diagnostics, failed } = await convertTexts(text, '');
  expect(failed).toBe(true);
  expect(diagnostics.filter(({ code }) => code === 'INTERPOLATION_NEVER_RAN')).toHaveLength(1000);
  expect((await convertTexts(text, '', { interpolation: 'single' })).app?.composeText).toBe(text);
});
