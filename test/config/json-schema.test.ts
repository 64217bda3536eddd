import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configJsonSchema, parseConfig } from '../../src/config.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly description?: string;
  readonly additionalProperties?: unknown;
  readonly pattern?: string;
}

/** Every key of the schema with its node, nested ones as paths. */
function membersOf(schema: Schema, prefix = ''): [string, Schema][] {
  const nested = [schema, schema.items, ...(schema.items?.anyOf ?? [])].filter((node) => node !== undefined);
  return nested.flatMap((node) =>
    Object.entries(node.properties ?? {}).flatMap(([key, value]): [string, Schema][] => [
      [`${prefix}${key}`, value],
      ...membersOf(value, `${prefix}${key}.`),
    ]),
  );
}

const schema = configJsonSchema() as unknown as Schema;

test('the published schema is the one that is made from the configuration', () => {
  const published = readFileSync(new URL('../../schemas/rebundle.schema.json', import.meta.url), 'utf8');
  expect(published).toBe(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
});

test('it is draft 2020-12, without an address of its own', () => {
  expect(schema).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'rebundle.yml' });
  expect(schema).not.toHaveProperty('$id');
});

test('its keys', () => {
  expect(membersOf(schema).map(([key]) => key)).toMatchInlineSnapshot(`
    [
      "factory",
      "registry",
      "registries",
      "hosts",
      "http",
      "http.connectTimeout",
      "http.headersTimeout",
      "http.idleTimeout",
      "http.totalTimeout",
      "http.attempts",
      "http.longestWait",
      "repositories",
      "repositories.path",
      "repositories.url",
      "repositories.ref",
      "repositories.name",
      "repositories.git",
      "repositories.submodules",
      "repositories.include",
      "repositories.exclude",
      "git",
      "git.fileUrls",
      "git.cache",
      "apps",
      "apps.include",
      "apps.exclude",
      "apps.interpolation",
      "apps.semantics",
      "apps.serviceConfigs",
      "apps.compose",
      "interpolation",
      "semantics",
      "serviceConfigs",
      "images",
      "images.tag",
      "images.platforms",
      "images.exempt",
      "pin",
      "pin.refresh",
      "parameters",
      "parameters.files",
      "parameters.set",
      "bundle",
      "bundle.files",
      "bundle.dockerCompose",
      "fleet",
      "fleet.parameters",
      "findings",
      "findings.ignore",
      "findings.ignore.id",
      "findings.ignore.path",
      "findings.ignore.reason",
      "findings.ignore.expires",
      "secrets",
      "secrets.allow",
      "secrets.allow.name",
      "secrets.allow.app",
      "secrets.allow.reason",
      "secrets.allow.expires",
      "publish",
      "publish.to",
      "publish.tag",
      "publish.concurrency",
      "report",
      "report.downloads",
      "targets",
      "targets.repo",
      "targets.tokenHeader",
      "targets.tokenFile",
      "targets.signing",
      "targets.signing.keys",
      "targets.signing.expires",
      "targets.signing.form",
      "targets.signing.keyId",
      "targets.signing.root",
      "targets.seed",
      "targets.tags",
      "targets.machines",
      "targets.platforms",
      "targets.composeOnly",
      "targets.version",
      "targets.containersSha",
      "targets.uri",
    ]
  `);
});

test('every key is described', () => {
  expect(membersOf(schema).filter(([, node]) => !node.description)).toEqual([]);
});

test('every mapping of fixed keys refuses others, as parsing does', () => {
  const open = [['', schema] as const, ...membersOf(schema)].filter(
    ([, node]) => node.properties !== undefined && node.additionalProperties !== false,
  );
  expect(open).toEqual([]);
  for (const [key, node] of membersOf(schema).filter(([, { properties }]) => properties !== undefined)) {
    expect(() => parseConfig(`${key}: {no-such-key: 1}\n`, 'x'), `${key} ${node.description}`).toThrow(/unknown key/);
  }
});

test('its patterns are legal where a validator compiles them as Unicode', () => {
  const patterns = JSON.stringify(schema).match(/"pattern":"(?:[^"\\]|\\.)*"/g) ?? [];
  expect(patterns.length).toBeGreaterThan(10);
  for (const pattern of patterns) {
    const { pattern: source } = JSON.parse(`{${pattern}}`) as { pattern: string };
    expect(() => new RegExp(source, 'u'), source).not.toThrow();
  }
});
