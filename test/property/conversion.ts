import * as fc from 'fast-check';
import { expect } from 'vitest';
import type { ComposeGeneration } from '../../src/compose/interpolation.ts';
import { readParameters } from '../../src/dockerapp/parameters.ts';
import { parseYaml, resolveAlias, type YamlNode, type YamlScalar } from '../../src/lib/yaml.ts';
import { printGo, readScalar, type YamlReader } from '../../src/lib/yaml-scalars.ts';
import { type Converted, convertFiles } from '../convert/convert-package.ts';
import { interpolateBy, type Outcome, renderByPattern } from './docker-app-oracle.ts';
import { type GeneratedPackage, generatedPackage } from './package-arbitrary.ts';

const GENERATIONS: readonly (readonly [ComposeGeneration, YamlReader])[] = [
  ['1.29', 'python'],
  ['v2', 'go-v3'],
];
/** Without `$`: what docker-app read twice, an environment variable is not. */
const OVERRIDES = ['Zq7', '', 'a b:-c}'];

/** The conversion means what docker-app and compose meant, by default and under each override, and touches nothing else. */
export const conversionKeepsMeaning = fc.asyncProperty(generatedPackage, async (generated) => {
  const converted = await convertFiles(encodeFiles(generated.files), { interpolation: generated.interpolation });
  const { pkg } = converted;
  if (pkg === undefined) throw new Error('the package must split');
  const parsed = tryParse(pkg.compose.text);
  if (parsed === undefined) {
    expect(converted.diagnostics.map(({ code }) => code)).toEqual(['YAML_INVALID']);
    return;
  }
  const { parameters } = readParameters({ own: pkg.parameters, files: [], metadata: pkg.metadata, settings: [] });
  const values = (name: string): string | undefined => parameters.get(name)?.value;
  const sites = listScalars(parsed);
  const wanted = sites.map(([path, node]) =>
    GENERATIONS.map(([generation]) => meaning(node, path, values, generated, generation)),
  );
  if (wanted.flat().some((outcome) => 'error' in outcome)) {
    expect(converted.failed).toBe(true);
    return;
  }
  expect(converted.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  const text = converted.app?.composeText ?? '';
  const results = new Map(listScalars(tryParse(text)));
  expect([...results.keys()]).toEqual(sites.map(([path]) => path));
  for (const [path, node] of sites) expectSame(path, node, results, values, () => undefined, generated);
  for (const { parameter, variable, fixed } of converted.app?.variables ?? []) {
    if (variable === undefined || fixed !== undefined) continue;
    for (const override of OVERRIDES) {
      const overridden = (name: string): string | undefined => (name === parameter ? override : values(name));
      const environment = (name: string): string | undefined => (name === variable ? override : undefined);
      for (const [path, node] of sites) expectSame(path, node, results, overridden, environment, generated);
    }
  }
  expectUntouched(pkg.compose.text, sites, text, results);
  expectComments(pkg.compose.text, text);
  expectLineEnds(converted);
});

function encodeFiles(files: ReadonlyMap<string, string>): Map<string, Buffer> {
  return new Map([...files].map(([path, text]) => [path, Buffer.from(text)]));
}

function tryParse(text: string): YamlNode | undefined {
  try {
    return parseYaml({ text, path: '', line: 1 }).root;
  } catch {
    return undefined;
  }
}

function listScalars(node: YamlNode | undefined, path = ''): [string, YamlScalar][] {
  if (node === undefined) return [];
  const value = resolveAlias(node);
  if (value.kind === 'scalar') return [[path, value]];
  const below = (name: string): string => (path === '' ? name : `${path}/${name}`);
  if (value.kind === 'seq') return value.items.flatMap((item, i) => listScalars(item, below(String(i))));
  return value.pairs.flatMap((pair) => listScalars(pair.value, below(pair.name)));
}

/** What a device had at a place. */
function meaning(
  node: YamlScalar,
  path: string,
  lookup: (name: string) => string | undefined,
  { interpolation }: GeneratedPackage,
  generation: ComposeGeneration,
): Outcome {
  const value = readScalar(node, 'go-v2');
  if (value.type !== 'string') return { text: printGo(value) };
  if (!path.includes('/') && path === 'version') return { text: value.value };
  const rendered = renderByPattern(value.value, lookup);
  if ('error' in rendered || interpolation === 'single' || !path.startsWith('services/')) return rendered;
  return interpolateBy(rendered.text, () => undefined, generation);
}

function expectSame(
  path: string,
  node: YamlScalar,
  results: ReadonlyMap<string, YamlScalar>,
  lookup: (name: string) => string | undefined,
  environment: (name: string) => string | undefined,
  generated: GeneratedPackage,
): void {
  const result = results.get(path);
  if (result === undefined) throw new Error(`${path} is gone`);
  for (const [generation, reader] of GENERATIONS) {
    const read = readScalar(result, reader);
    const isText = read.type === 'string';
    // docker-compose 1.29 leaves extensions as they are, and nothing reads them.
    if (path.startsWith('x-') && generation === '1.29') continue;
    const actual =
      isText && path !== 'version' ? interpolateBy(read.value, environment, generation) : { text: printGo(read) };
    expect({ path, generation, ...actual }).toEqual({
      path,
      generation,
      ...meaning(node, path, lookup, generated, generation),
    });
    expect(isText || readScalar(node, 'go-v2').type !== 'string').toBe(true);
  }
}

/** Scalars without `$` that every reader reads alike keep their bytes. */
function expectUntouched(
  source: string,
  sites: readonly (readonly [string, YamlScalar])[],
  text: string,
  results: ReadonlyMap<string, YamlScalar>,
): void {
  for (const [path, node] of sites) {
    const isLast = node === sites.at(-1)?.[1];
    if (isLast || node.value.includes('$')) continue;
    const [first, ...others] = (['go-v2', 'python', 'go-v3'] as const).map((reader) => readScalar(node, reader));
    if (first?.type !== 'string' || others.some((other) => other.type !== 'string')) continue;
    const result = results.get(path);
    expect(text.slice(result?.start, result?.end)).toBe(source.slice(node.start, node.end));
  }
}

function expectComments(source: string, text: string): void {
  const count = (each: string): number => each.split(/ note\r?(?:\n|$)/).length;
  expect(count(text)).toBe(count(source));
}

function expectLineEnds({ pkg, app }: Converted): void {
  const text = app?.composeText ?? '';
  if (pkg?.compose.text.includes('\r\n') === true) expect(text).not.toMatch(/[^\r]\n/);
  else expect(text).not.toContain('\r');
  expect(text.endsWith('\n')).toBe(true);
}
