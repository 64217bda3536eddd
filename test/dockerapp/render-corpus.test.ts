import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Semantics } from '../../src/model/app.ts';
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

const corpus = process.env['REBUNDLE_CORPUS'] ?? join(import.meta.dirname, '../../../shared/corpus');
const list = join(corpus, 'render-cases.json');
const isThere = existsSync(list);
const cases: RenderCase[] = isThere ? JSON.parse(readFileSync(list, 'utf8')) : [];

const LINES: Readonly<Record<string, Semantics>> = {
  'v0.2.0': '0.2',
  'v0.3.0': '0.2',
  'v0.4.1': '0.4-0.8',
  'v0.6.0': '0.4-0.8',
  'cnab-dockercon-preview': '0.4-0.8',
  'v0.8.0': '0.4-0.8',
  'v0.9.1-beta3': '0.9',
};
/** Releases of the line 0.4-0.8 that read parameters.yml, and one that refuses variables in an image: that is not what 0.6 did. */
const LATER = ['cnab-dockercon-preview', 'v0.8.0'];

const lines = cases.flatMap((each) => each.versions.map((release) => ({ each, release })));

function reasonToSkip({ each, release }: (typeof lines)[number]): string | undefined {
  if (each.renderers !== undefined) return 'a template engine of experimental builds';
  if (each.formatter !== undefined) return 'printed as JSON, with the names of the structures';
  if (LINES[release] === undefined) return 'a release before 0.2';
  if (each.expectedError?.includes('variables are not allowed') === true)
    return 'only 0.8 refuses variables in an image';
  return undefined;
}

describe.skipIf(!isThere)('what docker-app printed for real packages', () => {
  const compared = lines.filter((line) => reasonToSkip(line) === undefined);

  it(`is known in ${lines.length} lines, of which ${lines.length - compared.length} are skipped`, () => {
    expect(compared.length).toBeGreaterThan(120);
  });

  it.each(
    compared.map((line) => [`${line.release} ${line.each.app} ${line.each.parametersFiles ?? ''}`, line] as const),
  )('%s', async (_, { each, release }) => {
    const rendered = await renderFiles({
      files: readPackage(each.app, LATER.includes(release)),
      semantics: LINES[release] ?? 'auto',
      parameterFiles: (each.parametersFiles ?? []).map((path) => readFileSync(join(corpus, path), 'utf8')),
      set: each.set ?? {},
    });
    if (each.expectedError !== undefined) {
      expect(rendered.ok).toBe(false);
      return;
    }
    const text = readFileSync(join(corpus, each.expected ?? ''), 'utf8');
    expect(rendered.diagnostics).toEqual([]);
    const model = plain(readModel(text.replaceAll('<APP>/', '').replaceAll('<DIR>/', '')));
    expect(rendered.ok ? plain(rendered.value) : undefined).toEqual(model);
  });
});

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

it.runIf(!isThere)(`SKIPPED: no corpus at ${corpus}`, () => expect(isThere).toBe(false));
