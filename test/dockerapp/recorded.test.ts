import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Semantics } from '../../src/model/app.ts';
import { plain, readModel, renderFiles } from './rendered-package.ts';

interface RecordedCase {
  readonly name: string;
  readonly title: string;
  readonly single?: string;
  readonly files?: Readonly<Record<string, string | null>>;
  readonly parametersFiles?: readonly string[];
  readonly set?: Readonly<Record<string, string>>;
  readonly results: readonly {
    readonly versions: readonly string[];
    readonly rendered?: string;
    readonly error?: string;
  }[];
}

const path = join(import.meta.dirname, '../fixtures/convert/recorded-cases.json');
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: RecordedCase[] };

/** The releases of the record, and the release line that each is read as. */
const RELEASES: Readonly<Record<string, Semantics>> = {
  'v0.2.0': '0.2',
  'v0.4.1': '0.4-0.8',
  'v0.6.0': '0.4-0.8',
  'v0.8.0': '0.4-0.8',
  'v0.9.1-beta3': '0.9',
};

/** What is not compared, `release index`, with the reason. */
const OTHER_RELEASE = '0.4-0.8 is read as 0.6.0, which ';
const SKIPPED: Readonly<Record<string, string>> = {
  'v0.4.1 74': `${OTHER_RELEASE}checks metadata`,
  'v0.4.1 136': `${OTHER_RELEASE}checks metadata`,
  'v0.4.1 137': `${OTHER_RELEASE}checks metadata`,
  'v0.4.1 79': `${OTHER_RELEASE}takes a bool for x-enabled`,
  'v0.4.1 85': `${OTHER_RELEASE}refuses other words for x-enabled`,
  'v0.4.1 86': `${OTHER_RELEASE}takes a bool for x-enabled`,
  'v0.8.0 127': `${OTHER_RELEASE}takes variables in an image`,
  'v0.8.0 129': `${OTHER_RELEASE}takes variables in an image`,
  'v0.8.0 137': `${OTHER_RELEASE}wants a hostname as name`,
  'v0.8.0 140': `${OTHER_RELEASE}reads settings.yml`,
};

const lines = cases.flatMap((each, index) =>
  each.results.flatMap((result) =>
    result.versions
      .filter(() => result.rendered !== undefined || result.error !== undefined)
      .map((release) => ({ each, result, release, id: `${release} ${index}` })),
  ),
);

describe('what docker-app printed', () => {
  const compared = lines.filter(({ id }) => !(id in SKIPPED));

  it(`is known in ${lines.length} lines, of which ${lines.length - compared.length} are skipped`, () => {
    expect(lines.length).toBeGreaterThan(700);
    expect(lines.length - compared.length).toBeLessThanOrEqual(lines.length * 0.03);
  });

  it.each(compared.map((line) => [`${line.id} ${line.each.name}: ${line.each.title}`, line] as const))(
    '%s',
    async (_, { each, result, release }) => {
      const rendered = await renderFiles({
        files: filesOf(each, release),
        semantics: RELEASES[release] ?? 'auto',
        parameterFiles: each.parametersFiles ?? [],
        set: each.set ?? {},
      });
      if (result.error !== undefined) {
        expect(rendered.ok).toBe(false);
        const messages = rendered.diagnostics.map(({ message }) => message).join('\n');
        const missing = /"(required variable .* is missing a value)"/s.exec(result.error)?.[1];
        if (missing !== undefined) expect(messages).toContain(missing);
        return;
      }
      expect(rendered.diagnostics).toEqual([]);
      const model = plain(readModel((result.rendered ?? '').replaceAll('<APP>/', '')));
      expect(rendered.ok ? plain(rendered.value) : undefined).toEqual(model);
    },
  );
});

function filesOf({ single, files }: RecordedCase, release: string): Map<string, string> {
  if (single !== undefined) return new Map([['web.dockerapp', single]]);
  // The parameters are in the file that the line is read from; 0.8 had another name for it.
  const parameters = release === 'v0.9.1-beta3' ? 'parameters.yml' : 'settings.yml';
  return new Map(
    Object.entries(files ?? {}).flatMap(([name, text]) =>
      text === null ? [] : [[`web.dockerapp/${name.replace('<params>', parameters)}`, text] as const],
    ),
  );
}
