import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ComposeGeneration } from '../../src/compose/interpolation.ts';
import { canonicalModel, compareModels, printModel } from '../../src/compose/model.ts';
import { interpolateModel, type ModelValue, readModel } from '../../src/compose/model-value.ts';
import { RebundleError } from '../../src/errors.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import type { Interpolation, Semantics } from '../../src/model/app.ts';
import { type Converted, convertFiles } from './convert-package.ts';

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

const RELEASES: readonly (readonly [release: string, semantics: Semantics])[] = [
  ['v0.2.0', '0.2'],
  ['v0.6.0', '0.4-0.8'],
  ['v0.9.1-beta3', '0.9'],
];
const GENERATIONS: readonly ComposeGeneration[] = ['1.29', 'v2'];
const path = join(import.meta.dirname, '../fixtures/convert/recorded-cases.json');
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: RecordedCase[] };

describe.each(RELEASES)('what docker-app %s did is what --semantics %s does', (release, semantics) => {
  const recorded = cases.flatMap((each, index) => {
    const result = each.results.find(({ versions }) => versions.includes(release));
    return result?.rendered === undefined && result?.error === undefined ? [] : [{ ...each, index, result }];
  });
  const counts = { equal: 0, asWhole: 0, inParts: 0, refused: 0 };
  afterAll(() => console.info(`${semantics}: ${JSON.stringify(counts)} of ${recorded.length}`));

  it('is known for most cases', () => expect(recorded.length).toBeGreaterThan(120));

  it.each(recorded.map((each) => [`${each.index} ${each.name}: ${each.title}`, each] as const))(
    '%s',
    async (_, each) => {
      const converted = await convertCase(each, semantics, 'single');
      const errors = converted.diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message);
      if (each.result.error !== undefined) {
        expect({ failed: converted.failed, hasErrors: errors.length > 0 }).toEqual({ failed: true, hasErrors: true });
        const missing = /"(required variable .* is missing a value)"/s.exec(each.result.error)?.[1];
        if (missing !== undefined) expect(errors.some((message) => message.includes(missing))).toBe(true);
        counts.refused += 1;
        return;
      }
      expect(errors).toEqual([]);
      expect(differences(each.result.rendered ?? '', converted, 'single')).toEqual([]);
      const onDevice = await convertCase(each, semantics, 'device');
      // What compose refuses after docker-app is read once.
      const isOnce = onDevice.diagnostics.some(
        ({ code, message }) => code === 'convert.not-publishable' && message.includes('after docker-app'),
      );
      const reading = isOnce ? 'single' : 'device';
      if (!onDevice.failed) expect(differences(each.result.rendered ?? '', onDevice, reading)).toEqual([]);
      counts.equal += 1;
      const has = (code: string): boolean => converted.diagnostics.some((found) => found.code === code);
      if (has('render.whole-text')) counts.asWhole += 1;
      if (has('render.value-fixed')) counts.inParts += 1;
    },
  );
});

describe('what docker-app v0.6.0 rendered is what auto does', () => {
  const recorded = cases.flatMap((each, index) => {
    const result = each.results.find(({ versions }) => versions.includes('v0.6.0'));
    // Where both parameter files are there and differ, someone has to say which one devices read.
    const isAmbiguous = each.name === 'more/both-settings-yml-and-parameters-yml';
    return result?.rendered === undefined || isAmbiguous ? [] : [{ ...each, index, rendered: result.rendered }];
  });

  it.each(recorded.map((each) => [`${each.index} ${each.name}: ${each.title}`, each] as const))(
    '%s',
    async (_, each) => {
      const converted = await convertCase(each, undefined, 'single');
      expect(converted.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(differences(each.rendered, converted, 'single')).toEqual([]);
    },
  );
});

function convertCase(
  each: RecordedCase,
  semantics: Semantics | undefined,
  interpolation: Interpolation,
): Promise<Converted> {
  return convertFiles(filesOf(each, semantics), {
    ...(semantics === undefined ? {} : { semantics }),
    interpolation,
    deviceSeverity: 'warning',
    parameterFiles: each.parametersFiles ?? [],
    settings: Object.entries(each.set ?? {}).map(([name, value]) => ({ name, value })),
  });
}

function filesOf({ single, files }: RecordedCase, semantics: Semantics | undefined): Map<string, Buffer> {
  if (single !== undefined) return new Map([['web.dockerapp', Buffer.from(single)]]);
  const parameters = semantics === '0.9' ? 'parameters.yml' : 'settings.yml';
  const named = Object.entries(files ?? {}).flatMap(([name, text]) =>
    text === null ? [] : [[`web.dockerapp/${name.replace('<params>', parameters)}`, Buffer.from(text)] as const],
  );
  return new Map(named);
}

/** Places where the converted text means something else than what was printed, for each generation of compose. */
function differences(rendered: string, { app }: Converted, interpolation: Interpolation): string[] {
  const read = (text: string, generation: ComposeGeneration): ModelValue => {
    const { root } = parseYaml({ text, path: '', line: 1 });
    return root === undefined ? new Map() : readModel(root, generation);
  };
  return GENERATIONS.flatMap((generation) => {
    const environment = (): undefined => undefined;
    // docker-app's YAML library read back what it printed as 1.29 does.
    const printed = read(rendered.replaceAll('<APP>/', './'), '1.29');
    try {
      const before = interpolation === 'single' ? printed : interpolateModel(printed, { generation, environment });
      const after = interpolateModel(read(app?.composeText ?? '', generation), { generation, environment });
      return compareModels(canonicalModel(before, generation), canonicalModel(after, generation))
        .filter(({ path: place }) => place.at(-1) !== 'host_ip')
        .map(
          ({ path: place, before: old, after: now }) => `${place.join('.')}: ${printModel(old)} is ${printModel(now)}`,
        );
    } catch (thrown) {
      if (thrown instanceof RebundleError && interpolation === 'device') return [];
      throw thrown;
    }
  });
}
