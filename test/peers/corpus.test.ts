import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLimit, mapLimit } from '../../src/lib/limit.ts';
import { Workspace } from '../e2e/cli.ts';
import { requireProgram } from '../support/programs.ts';

const CORPUS = resolve(process.env.REBUNDLE_CORPUS ?? join(import.meta.dirname, '../../../shared/corpus'));
const hasCorpus = existsSync(CORPUS);
const hasCompose = requireProgram('docker-compose');
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
      return { path, ...(await checkCompose(workspace.path(`out/${place}/apps/${result.app}`))) };
    }

    function checkCompose(cwd: string): Promise<Omit<Outcome, 'path'>> {
      return new Promise((done) => {
        execFile(
          'docker-compose',
          ['-f', 'docker-compose.yml', 'config', '-q'],
          { cwd, env: { PATH: process.env.PATH } },
          (error, _stdout, stderr) => {
            done(
              error === null
                ? { result: 'accepted', detail: '' }
                : { result: 'docker-compose refuses the result', detail: stderr.trim().slice(0, 400) },
            );
          },
        );
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
      expect(outcomes.filter(({ result }) => result !== 'accepted' && !/^refused [A-Z]/.test(result))).toEqual([]);
    });
  },
);
