import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tokenizeReferences } from '../../src/dockerapp/references.ts';
import type { RenderResult } from '../../src/dockerapp/render.ts';
import { memberOf, parseYaml } from '../../src/lib/yaml.ts';
import type { Semantics } from '../../src/model/app.ts';
import { convertFiles, splitFiles } from '../convert/convert-package.ts';
import { expandMustache } from './expand-template.ts';
import { plain, readModel, renderFiles } from './rendered-package.ts';

interface RenderCase {
  readonly app: string;
  readonly parametersFiles?: readonly string[];
  readonly set?: Readonly<Record<string, string>>;
  readonly expected?: string;
  readonly expectedError?: string;
  readonly renderers?: string;
  readonly formatter?: string;
  readonly versions: readonly string[];
}

const corpus = process.env.REBUNDLE_CORPUS ?? join(import.meta.dirname, '../../../shared/corpus');
const list = join(corpus, 'render-cases.json');
const isThere = existsSync(list);
const cases: RenderCase[] = isThere ? JSON.parse(readFileSync(list, 'utf8')) : [];

const LINES: Readonly<Record<string, Semantics>> = {
  '0.1.0': '0.2',
  'v0.2.0': '0.2',
  'v0.3.0': '0.2',
  'v0.4.1': '0.4-0.8',
  'v0.6.0': '0.4-0.8',
  'cnab-dockercon-preview': '0.4-0.8',
  'v0.8.0': '0.4-0.8',
  'v0.9.1-beta3': '0.9',
};
/** Releases of the line 0.4-0.8 that read parameters.yml. */
const LATER = ['cnab-dockercon-preview', 'v0.8.0'];

/** What is not compared, by the engine that a build had, with the reason. */
const SKIPPED: Readonly<Record<string, string>> = {
  gotemplate: 'the text is a Go program, which nothing here runs',
};

const lines = cases.flatMap((each) => each.versions.map((release) => ({ each, release })));
type Line = (typeof lines)[number];

function* nameLines(wanted: (line: Line) => boolean): Generator<[string, Line]> {
  for (const line of lines) {
    const { app, parametersFiles = '', renderers = '', formatter = '' } = line.each;
    if (wanted(line)) yield [`${line.release} ${app} ${parametersFiles} ${renderers}${formatter}`, line];
  }
}

const notice = isThere ? '' : `: SKIPPED, no corpus at ${corpus}`;
describe.skipIf(!isThere)(`what docker-app printed for real packages${notice}`, () => {
  const withEngine = ({ each }: Line): boolean => each.renderers !== undefined;
  const isSkipped = ({ each: { renderers = '' } }: Line): boolean => renderers in SKIPPED;
  const skipped = lines.filter(isSkipped).length;

  it(`is known in ${lines.length} lines, all of a release line, of which ${skipped} are skipped`, () => {
    expect(lines.length).toBeGreaterThan(160);
    expect(lines.filter(({ release }) => LINES[release] === undefined)).toEqual([]);
    expect(skipped).toBeLessThanOrEqual(lines.length * 0.03);
  });

  it.each([...nameLines((line) => !isSkipped(line))])('%s', async (_, line) => {
    const { each, release } = line;
    const rendered = await render(line);
    const banned = rendered.ok && release === 'v0.8.0' ? await listImageVariables(line) : [];
    if (each.expectedError !== undefined) {
      if (rendered.ok) expect(banned.sort()).toEqual(readBan(each.expectedError));
      else expect(rendered.diagnostics.length).toBeGreaterThan(0);
      return;
    }
    expect(banned).toEqual([]);
    const text = readFileSync(join(corpus, each.expected ?? ''), 'utf8');
    expect(rendered.diagnostics).toEqual([]);
    const model = plain(readModel(text.replaceAll('<APP>/', '').replaceAll('<DIR>/', '')));
    const found = rendered.ok ? plain(rendered.value) : undefined;
    // JSON came with the members that are empty or false.
    if (each.formatter === 'json') expect(withoutEmpty(found)).toEqual(withoutEmpty(model));
    else expect(found).toEqual(model);
  });

  // Released builds had no engines: the text is no YAML to them, and the converter says so.
  it.each([...nameLines(withEngine)])('refuses %s', async (_, line) => {
    const untouched = { ...line, each: { ...line.each, renderers: '' } };
    const files = toBytes(expandPackage(untouched));
    const { diagnostics, failed } = await convertFiles(files, { semantics: LINES[line.release]! });
    expect(failed).toBe(true);
    expect(diagnostics.filter(({ severity }) => severity === 'error').map(({ code }) => code)).toEqual([
      'APP_TEMPLATE',
    ]);
    expect((await render(untouched)).ok).toBe(false);
  });
});

function render(line: Line): Promise<RenderResult> {
  return renderFiles({
    files: expandPackage(line),
    semantics: LINES[line.release] ?? 'auto',
    parameterFiles: readParameterFiles(line),
    set: line.each.set ?? {},
  });
}

function readParameterFiles({ each }: Line): string[] {
  return (each.parametersFiles ?? []).map((path) => readFileSync(join(corpus, path), 'utf8'));
}

/** The files of a package. Where a build had mustache, its pass came first. */
function expandPackage(line: Line): Map<string, string> {
  const { each, release } = line;
  const files = readPackage(each.app, LATER.includes(release));
  const path = 'web.dockerapp/docker-compose.yml';
  const compose = files.get(path);
  if (each.renderers !== 'mustache' || compose === undefined) return files;
  const own = files.get('web.dockerapp/settings.yml') ?? '';
  const parameters = { files: [own, ...readParameterFiles(line)], set: each.set ?? {} };
  return files.set(path, expandMustache(compose, parameters));
}

/** The rule that 0.8.0 alone had: no reference in an image. The line 0.4-0.8 is that of 0.6.0, which took them. */
async function listImageVariables(line: Line): Promise<string[]> {
  const { compose } = await splitFiles(toBytes(expandPackage(line)), LINES[line.release]);
  const services = memberOf(parseYaml(compose).root, 'services');
  if (services?.kind !== 'map') return [];
  return services.pairs.flatMap(({ name, value }) => {
    const image = memberOf(value, 'image');
    if (image?.kind !== 'scalar' || tokenizeReferences(image.value).every((token) => token.name === undefined))
      return [];
    return [`${name}: ${image.value}`];
  });
}

/** Services and images that 0.8.0 named. */
function readBan(error: string): string[] {
  const named = error.matchAll(/(\S+): variables are not allowed in the service's image field\. Found: '(.*)'/g);
  return [...named].map(([, service, image]) => `${service}: ${image}`).sort();
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (value === null || typeof value !== 'object') return value === false || value === null ? undefined : value;
  const members = Object.entries(value).map(([name, member]) => [name, withoutEmpty(member)] as const);
  const kept = members.filter(([, member]) => member !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function toBytes(files: ReadonlyMap<string, string>): Map<string, Buffer> {
  return new Map([...files].map(([path, text]) => [path, Buffer.from(text)]));
}

/** The files of a package; where its parameters are in the later file, under the name that 0.6 read. */
function readPackage(app: string, isLater: boolean): Map<string, string> {
  const root = join(corpus, app);
  if (!statSync(root).isDirectory()) return new Map([['web.dockerapp', readFileSync(root, 'utf8')]]);
  const files = new Map<string, string>();
  for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const full = join(root, path);
    if (!statSync(full).isFile()) continue;
    const name = isLater && basename(path) === 'parameters.yml' && path === 'parameters.yml' ? 'settings.yml' : path;
    files.set(`web.dockerapp/${name}`, readFileSync(full, 'utf8'));
  }
  return files;
}
