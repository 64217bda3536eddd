// Writes src/compose/spec-schema.ts from schemas/compose-spec.json, so that no file is read at run time.
// node scripts/embed-schema.mjs [--check]   with --check nothing is written; exit 1 says that the module is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { argv, exit, stderr } from 'node:process';
import { fileURLToPath } from 'node:url';

const SCHEMA = new URL('../schemas/compose-spec.json', import.meta.url);
const MODULE = new URL('../src/compose/spec-schema.ts', import.meta.url);
/** What says nothing about validity. */
const PROSE = ['$schema', 'title', 'description', 'deprecated', 'default'];

/**
 * The text of the module: the schema without prose, as one JSON text.
 * @param {string} schema
 */
export function embedSchema(schema) {
  const json = JSON.stringify(withoutProse(JSON.parse(schema), false));
  const literal = json.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  return `/** schemas/compose-spec.json without its prose, made by scripts/embed-schema.mjs; NOTICE names its origin. */
export const COMPOSE_SPEC_SCHEMA =
  '${literal}';
`;
}

/**
 * Names below `properties` and `definitions` are names, whatever they say.
 * @param {unknown} value
 * @param {boolean} isNames
 * @returns {unknown}
 */
function withoutProse(value, isNames) {
  if (Array.isArray(value)) return value.map((item) => withoutProse(item, false));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => isNames || !PROSE.includes(key));
  return Object.fromEntries(
    kept.map(([key, member]) => [
      key,
      withoutProse(member, !isNames && ['properties', 'patternProperties', 'definitions'].includes(key)),
    ]),
  );
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const text = embedSchema(readFileSync(SCHEMA, 'utf8'));
  if (!argv.includes('--check')) writeFileSync(MODULE, text);
  else if (readFileSync(MODULE, 'utf8') !== text) {
    stderr.write('src/compose/spec-schema.ts is stale: run node scripts/embed-schema.mjs\n');
    exit(1);
  }
}
