import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { interpolateCompose } from '../../src/compose/interpolation.ts';
import { effectivePairs, memberOf, parseYaml, resolveAlias, type YamlNode } from '../../src/lib/yaml.ts';
import { printGo, readScalar } from '../../src/lib/yaml-scalars.ts';
import { convertFiles } from './convert-package.ts';

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

const RELEASE = 'v0.6.0';
const path = join(import.meta.dirname, '../fixtures/convert/recorded-cases.json');
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: RecordedCase[] };
const recorded = cases.flatMap((each, index) => {
  const result = each.results.find(({ versions }) => versions.includes(RELEASE));
  return result?.rendered === undefined && result?.error === undefined ? [] : [{ ...each, index, result }];
});

/** What that release refused and we take, with the reason. */
const TAKEN: Readonly<Record<string, string>> = {
  'split/sep-trailing-space': 'a blank after --- is clear',
  'split/sep-comment': 'a comment after --- is clear',
  'split/CRLF': 'line ends may be of any kind',
  'split/2-docs': 'parameters may be absent',
  'param/metadata-version-numeric': 'a warning: metadata is not needed',
  'more/unit-TestValidateBrokenMetadata': 'a warning: metadata is not needed',
  'more/metadata-name-with-space': 'a warning: metadata is not needed',
  'compose/env_file-missing': 'files are looked for with the bundle',
  'compose/env_file-in-app': 'files are looked for with the bundle',
};

/** What that release took and we refuse. */
const REFUSED: Readonly<Record<string, string>> = {
  'split/line-starting-with-in-compose': 'the YAML library wants quoted text to be indented',
  'compose/links-privileged-etc': 'docker-compose refuses a link to nothing',
  'compose/named-vol-undeclared': 'docker-compose refuses a volume that is not declared',
  'more/undefined-network-ref': 'docker-compose refuses a network that is not declared',
  'compose/build-only': 'there is no image to pin',
  'more/both-settings-yml-and-parameters-yml': 'the two files contradict each other',
};

describe(`what docker-app ${RELEASE} printed`, () => {
  it('is known for most cases', () => expect(recorded.length).toBeGreaterThan(120));

  it.each(recorded.map((each) => [`${each.index} ${each.name}: ${each.title}`, each] as const))(
    '%s',
    async (_, each) => {
      const { app, diagnostics, failed } = await convertFiles(filesOf(each), {
        interpolation: 'single',
        parameterFiles: each.parametersFiles ?? [],
        settings: Object.entries(each.set ?? {}).map(([name, value]) => ({ name, value })),
      });
      const errors = diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message);
      if (each.result.error !== undefined) {
        expect({ failed, errors: errors.length > 0 }).toEqual(
          each.name in TAKEN ? { failed: false, errors: false } : { failed: true, errors: true },
        );
        const missing = /"(required variable .* is missing a value)"/s.exec(each.result.error)?.[1];
        if (missing !== undefined) expect(errors.some((message) => message.endsWith(missing))).toBe(true);
        return;
      }
      if (each.name in REFUSED) {
        expect(failed).toBe(true);
        return;
      }
      expect(errors).toEqual([]);
      expect(project(app?.composeText ?? '', true)).toEqual(project(each.result.rendered ?? '', false));
    },
  );
});

function filesOf({ single, files }: RecordedCase): Map<string, Buffer> {
  if (single !== undefined) return new Map([['web.dockerapp', Buffer.from(single)]]);
  const named = Object.entries(files ?? {}).flatMap(([name, text]) =>
    text === null ? [] : [[`web.dockerapp/${name.replace('<params>', 'settings.yml')}`, Buffer.from(text)] as const],
  );
  return new Map(named);
}

/** Those parts of a model that docker/cli prints as they are read: images, commands and environments. */
function project(text: string, interpolated: boolean): unknown {
  const read = (node: YamlNode): string => {
    const scalar = resolveAlias(node);
    if (scalar.kind !== 'scalar') return `a ${scalar.kind}`;
    const value = readScalar(scalar, 'go-v2');
    if (value.type !== 'string' || !interpolated) return value.type === 'null' ? 'null' : printGo(value);
    const [old, modern] = (['1.29', 'v2'] as const).map((each) =>
      interpolateCompose(value.value, () => undefined, each),
    );
    expect(old).toBe(modern);
    return old ?? '';
  };
  const services = memberOf(parseYaml({ text, path: '', line: 1 }).root, 'services');
  if (services?.kind !== 'map') return undefined;
  const entries = [...effectivePairs(services)].map(([name, pair]) => {
    const service = resolveAlias(pair.value);
    const image = memberOf(service, 'image');
    const command = memberOf(service, 'command');
    const environment = memberOf(service, 'environment');
    return [
      name,
      {
        image: image === undefined ? undefined : read(image),
        // docker/cli splits a command that is one text by words.
        command:
          command?.kind === 'seq'
            ? command.items.map(read)
            : command === undefined
              ? []
              : read(command).trim().split(/\s+/),
        environment:
          environment?.kind === 'map'
            ? Object.fromEntries([...effectivePairs(environment)].map(([key, member]) => [key, read(member.value)]))
            : {},
      },
    ] as const;
  });
  return Object.fromEntries(entries);
}
