// Writes src/compose/spec-validator.ts, the validator of schemas/compose-spec.json: to compile it at run time would take longer than all else of a
// small run.
// node scripts/compile-schema.mjs [--check]   with --check nothing is written; exit 1 says that the module is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { argv, exit, stderr } from 'node:process';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';

const SCHEMA = new URL('../schemas/compose-spec.json', import.meta.url);
const MODULE = new URL('../src/compose/spec-validator.ts', import.meta.url);
/** What says nothing about validity. */
const PROSE = ['$schema', 'title', 'description', 'deprecated', 'default'];

/**
 * The text of the module.
 * @param {string} schema
 */
export function compileSchema(schema) {
  const code = { source: true, esm: true };
  // Formats of the schema are only named where compose-go reads durations, which the rules of 2020 look at already.
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, inlineRefs: false, code });
  // Lists with equal items pass: compose-go drops the copies before it looks. Ajv would compare each item with each other one.
  ajv.removeKeyword('uniqueItems');
  const compiled = ajv.compile(withoutProse(JSON.parse(schema), false));
  return `// @ts-nocheck: generated code has no types; a test compares it with its schema
/** Validates by schemas/compose-spec.json; made by scripts/compile-schema.mjs with ajv. NOTICE names the schema's origin. */
${standalone.default(ajv, compiled).replace('"use strict";', '')}
`;
}

/**
 * Names below `properties` and `definitions` are names, whatever they say.
 * @param {unknown} value
 * @param {boolean} isNames
 * @returns {unknown}
 */
export function withoutProse(value, isNames) {
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
  const text = compileSchema(readFileSync(SCHEMA, 'utf8'));
  if (!argv.includes('--check')) writeFileSync(MODULE, text);
  else if (readFileSync(MODULE, 'utf8') !== text) {
    stderr.write('src/compose/spec-validator.ts is stale: run node scripts/compile-schema.mjs\n');
    exit(1);
  }
}
