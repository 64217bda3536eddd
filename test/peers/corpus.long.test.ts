import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLimit, mapLimit } from '../../src/lib/limit.ts';
import { convertFiles } from '../convert/convert-package.ts';
import { Workspace } from '../e2e/cli.ts';
import { findComposeV5, requireProgram } from '../support/programs.ts';

const CORPUS = resolve(process.env.REBUNDLE_CORPUS ?? join(import.meta.dirname, '../../../shared/corpus'));
const hasCorpus = existsSync(CORPUS);
const hasCompose = requireProgram('docker-compose');
const composeV5 = findComposeV5();
const canRun = hasCorpus && hasCompose;
const why = hasCorpus ? 'docker-compose is not installed' : 'there is no corpus (REBUNDLE_CORPUS)';

interface Outcome {
  readonly path: string;
  /** `accepted`, `refused CODE`, or what is wrong with the outcome. */
  readonly result: string;
  readonly detail: string;
}

interface ResultEvent {
  readonly type: string;
  readonly result: { readonly app: string; readonly status: string; readonly diagnostics: readonly Finding[] };
}

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
  readonly location?: { readonly path: string; readonly line: number };
}

/** Every package of the corpus: files and folders, but not what lies inside a package. */
async function listPackages(): Promise<string[]> {
  const entries = await readdir(CORPUS, { recursive: true, withFileTypes: true });
  const paths = entries.map((entry) => join(entry.parentPath, entry.name).slice(CORPUS.length + 1));
  return paths.filter((path) => path.endsWith('.dockerapp') && !dirname(path).includes('.dockerapp')).sort();
}

describe.skipIf(!canRun)(
  canRun ? 'every package of the corpus' : `every package of the corpus: SKIPPED, ${why}`,
  () => {
    let workspace: Workspace;
    let outcomes: Outcome[];

    beforeAll(async () => {
      workspace = await Workspace.create({ samples: false });
      const packages = await listPackages();
      outcomes = await mapLimit(packages, createLimit(3), (path) => tryPackage(path));
    }, 240_000);
    afterAll(async () => {
      await workspace.close();
    });

    async function tryPackage(path: string): Promise<Outcome> {
      const place = path.replace(/[^\w.-]+/g, '_');
      // The folder around the package comes along: support files lie in it.
      await cp(join(CORPUS, dirname(path)), workspace.path(`in/${place}`), { recursive: true });
      const { status, stderr } = await workspace.run([
        'convert',
        `in/${place}/${basename(path)}`,
        '--out',
        `out/${place}`,
        '--reporter',
        'ndjson',
      ]);
      await rm(workspace.path(`in/${place}`), { recursive: true });
      const events = stderr
        .trimEnd()
        .split('\n')
        .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as ResultEvent] : []));
      const result = events.find(
        ({ type, result: found }) => type === 'app:result' && found.status !== 'skipped',
      )?.result;
      if (result === undefined) return { path, result: 'no result', detail: `${status} ${stderr.slice(-300)}` };
      if (result.status === 'failed') {
        const [first] = result.diagnostics.filter(({ severity }) => severity === 'error');
        const isNamed =
          status === 1 &&
          first !== undefined &&
          first.message !== '' &&
          (first.location !== undefined || first.message.includes('.dockerapp'));
        const detail = first === undefined ? '' : `${first.location?.path}:${first.location?.line}: ${first.message}`;
        return { path, result: isNamed ? `refused ${first.code}` : 'refused without code, message and place', detail };
      }
      const warned = result.diagnostics.some(({ code }) => /^(?:convert\.not-publishable|spec\.)/.test(code));
      return { path, ...(await checkCompose(workspace.path(`out/${place}/apps/${result.app}`), warned)) };
    }

    /** What convert only warns of is refused by the programs too, and has to be told of as such. */
    async function checkCompose(cwd: string, warned: boolean): Promise<Omit<Outcome, 'path'>> {
      for (const program of composeV5 === undefined ? ['docker-compose'] : ['docker-compose', composeV5]) {
        const stderr = await refusalOf(program, cwd);
        if (stderr === undefined) continue;
        if (warned) return { result: 'converted, with a warning that it cannot be published', detail: stderr };
        return { result: `${basename(program)} refuses the result`, detail: stderr };
      }
      return { result: 'accepted', detail: '' };
    }

    function refusalOf(program: string, cwd: string): Promise<string | undefined> {
      const options = { cwd, env: { PATH: process.env.PATH, HOME: cwd } };
      return new Promise((done) => {
        execFile(program, ['-f', 'docker-compose.yml', 'config', '-q'], options, (error, _stdout, stderr) => {
          done(error === null ? undefined : stderr.trim().slice(-400));
        });
      });
    }

    test('converts to what docker-compose accepts, or is refused with a code, a message and a place', () => {
      const counts = new Map<string, Outcome[]>();
      for (const outcome of outcomes) counts.set(outcome.result, [...(counts.get(outcome.result) ?? []), outcome]);
      const rows = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
      const table = rows.map(([result, found]) => `${String(found.length).padStart(4)}  ${result}`);
      console.info(`corpus: ${outcomes.length} packages\n${table.join('\n')}`);
      const refused = outcomes.filter(({ result }) => result.startsWith('refused '));
      console.info(
        refused.map(({ path, result, detail }) => `${result}: ${path}\n      ${detail.slice(0, 200)}`).join('\n'),
      );
      expect(outcomes.length).toBeGreaterThan(40);
      const expected = /^(?:accepted|converted, with a warning|refused [A-Z])/;
      expect(outcomes.filter(({ result }) => !expected.test(result))).toEqual([]);
    });
  },
);

describe.skipIf(!hasCorpus)(
  hasCorpus ? 'the proof of every package of the corpus' : `the proof: SKIPPED, ${why}`,
  () => {
    test.each(['device', 'single'] as const)('holds, or the package is refused (%s)', async (interpolation) => {
      const counts = new Map<string, number>();
      const unequal: string[] = [];
      for (const path of await listPackages()) {
        const files = await readPackage(join(CORPUS, path));
        const { app, proof, failed, diagnostics } = await convertFiles(files, {
          interpolation,
          deviceSeverity: 'warning',
        });
        const code = diagnostics.find(({ severity }) => severity === 'error')?.code;
        const fixed = app?.diagnostics.some((found) => found.code === 'render.value-fixed') === true;
        const result = failed ? `refused ${code}` : fixed ? 'equal, with parts of the render' : 'equal';
        counts.set(result, (counts.get(result) ?? 0) + 1);
        if (!failed && proof?.differences.length !== 0) unequal.push(path);
        if (code === 'PROOF_UNEQUAL') unequal.push(path);
      }
      console.info(
        [...counts]
          .sort()
          .map(([result, count]) => `${String(count).padStart(4)}  ${result}`)
          .join('\n'),
      );
      expect(unequal).toEqual([]);
    });
  },
);

/** The files of one package, as if it lay at the root of a repository. */
async function readPackage(path: string): Promise<Map<string, Buffer>> {
  const name = basename(path).toLowerCase();
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return new Map([[name, await readFile(path)]]);
  const files = new Map<string, Buffer>();
  for (const entry of entries) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(`${name}${file.slice(path.length)}`, await readFile(file));
  }
  return files;
}
