import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { compareModels, printModel } from '../../src/compose/model.ts';
import { convertFiles } from '../convert/convert-package.ts';
import { isKnown, isLostInPrint, PEERS, readWithPeer } from '../support/peer-models.ts';
import { requireProgram } from '../support/programs.ts';

interface RecordedCase {
  readonly name: string;
  readonly single?: string;
  readonly files?: Readonly<Record<string, string | null>>;
  readonly parametersFiles?: readonly string[];
  readonly set?: Readonly<Record<string, string>>;
  readonly results: readonly { readonly versions: readonly string[]; readonly rendered?: string }[];
}

const path = join(import.meta.dirname, '../fixtures/convert/recorded-cases.json');
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: RecordedCase[] };
const rendered = cases.flatMap((each) => {
  const text = each.results.find(({ versions }) => versions.includes('v0.6.0'))?.rendered;
  return text === undefined ? [] : [{ ...each, text: text.replaceAll('<APP>/', './') }];
});
const hasOld = requireProgram('docker-compose');
const isMissing = !hasOld || PEERS.some(({ program }) => program === undefined);
const skipped = isMissing ? ': SKIPPED, a program is not installed' : '';

describe.skipIf(isMissing)(`what docker-app 0.6 itself printed, loaded by docker-compose 1.29${skipped}`, () => {
  const cwd = mkdtempSync(join(tmpdir(), 'rebundle-recorded-'));
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  test('is the converted file, loaded by each program', async () => {
    const found: string[] = [];
    const compared = new Map<string, number>();
    for (const each of rendered) {
      const { app, failed, diagnostics } = await convertFiles(filesOf(each), {
        semantics: '0.4-0.8',
        interpolation: 'device',
        deviceSeverity: 'warning',
        parameterFiles: each.parametersFiles ?? [],
        settings: Object.entries(each.set ?? {}).map(([name, value]) => ({ name, value })),
      });
      const old = { program: 'docker-compose', generation: '1.29', cwd, environment: {} } as const;
      const before = await readWithPeer({ ...old, text: each.text });
      // What devices could not run either is no model to compare.
      if ('error' in before) continue;
      if (failed || app === undefined) {
        found.push(`${each.name}: devices ran it, and it is refused`);
        continue;
      }
      for (const { name, generation, program = '' } of PEERS) {
        const after = await readWithPeer({ program, generation, cwd, environment: {}, text: app.composeText });
        if ('error' in after) {
          // The converter says it of what compose 1.29 finds out at `up` only.
          if (!diagnostics.some(({ code }) => code === 'convert.not-publishable'))
            found.push(`${each.name}: ${name} refuses it: ${after.error}`);
          continue;
        }
        compared.set(name, (compared.get(name) ?? 0) + 1);
        for (const { path: place, before: was, after: is } of compareModels(before.model, after.model)) {
          if (isLostInPrint(place, was, is) || isKnown(generation, place, is, was)) continue;
          found.push(`${each.name}: ${name}: ${place.join('.')}: ${printModel(was)} is ${printModel(is)}`);
        }
      }
    }
    expect(found).toEqual([]);
    for (const { name } of PEERS) expect(compared.get(name) ?? 0).toBeGreaterThan(80);
    console.info(`compared of ${rendered.length}: ${JSON.stringify([...compared])}`);
  }, 900_000);
});

function filesOf({ single, files }: RecordedCase): Map<string, Buffer> {
  if (single !== undefined) return new Map([['web.dockerapp', Buffer.from(single)]]);
  const named = Object.entries(files ?? {}).flatMap(([name, text]) =>
    text === null ? [] : [[`web.dockerapp/${name.replace('<params>', 'settings.yml')}`, Buffer.from(text)] as const],
  );
  return new Map(named);
}
