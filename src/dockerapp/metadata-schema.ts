import { RebundleError } from '../errors.ts';
import { parseYaml, resolveAlias, type YamlSource } from '../lib/yaml.ts';
import type { Semantics } from '../model/app.ts';
import { decodeGo, isList, isMap } from './decode-go.ts';
import { isHostname } from './metadata.ts';
import type { RenderedMap, RenderedValue } from './rendered-value.ts';

type Report = (message: string) => void;

/**
 * Refuses what the schema of a release line refused: v0.1 for 0.4-0.8 (as 0.6 checked it on every load), v0.2 for 0.9; 0.2 looked only at whether
 * it is a mapping at all. Throws METADATA_INVALID with all that is wrong.
 */
export function requireMetadata(source: YamlSource, semantics: Semantics): void {
  const document = parseYaml(source);
  const root = document.root === undefined ? undefined : resolveAlias(document.root);
  const fail = (message: string): RebundleError =>
    new RebundleError('METADATA_INVALID', message, {
      location: document.locate(root?.start ?? 0),
      hint: 'The metadata holds at least name: and version:, both text.',
    });
  if (root === undefined && semantics === '0.2') return;
  if (root?.kind !== 'map') throw fail('failed to parse application metadata: Top-level object must be a mapping');
  const metadata = decodeGo(root, document.locate, semantics);
  if (semantics === '0.2' || !isMap(metadata)) return;
  const problems: string[] = [];
  checkMetadata(metadata, semantics, (message) => problems.push(message));
  if (problems.length > 0)
    throw fail(`failed to validate metadata:\n${problems.map((each) => `- ${each}`).join('\n')}`);
}

function checkMetadata(metadata: RenderedMap, semantics: Semantics, report: Report): void {
  for (const name of ['name', 'version']) if (!metadata.has(name)) report(`${name}: ${name} is required`);
  checkName(metadata.get('name'), 'name', semantics, report);
  checkText(metadata.get('version'), 'version', report);
  const description = metadata.get('description');
  if (description !== null) checkText(description, 'description', report);
  if (semantics !== '0.9') checkText(metadata.get('namespace'), 'namespace', report);
  checkMaintainers(metadata.get('maintainers'), 'maintainers', report);
  const parents = metadata.get('parents');
  if (parents !== undefined && !isList(parents)) report(invalidType('parents', 'array', parents));
  for (const [i, parent] of isList(parents) ? parents.entries() : []) {
    if (!isMap(parent)) continue;
    checkName(parent.get('name'), `parents.${i}.name`, semantics, report);
    if (semantics !== '0.9') checkText(parent.get('namespace'), `parents.${i}.namespace`, report);
    checkText(parent.get('version'), `parents.${i}.version`, report);
    checkMaintainers(parent.get('maintainers'), `parents.${i}.maintainers`, report);
  }
}

function checkName(value: RenderedValue | undefined, place: string, semantics: Semantics, report: Report): void {
  checkText(value, place, report);
  if (semantics !== '0.9' && typeof value === 'string' && !isHostname(value)) {
    report(`${place}: Does not match format 'hostname'`);
  }
}

function checkText(value: RenderedValue | undefined, place: string, report: Report): void {
  if (value !== undefined && typeof value !== 'string') report(invalidType(place, 'string', value));
}

function checkMaintainers(value: RenderedValue | undefined, place: string, report: Report): void {
  if (value === undefined) return;
  if (!isList(value)) report(invalidType(place, 'array', value));
  for (const [i, maintainer] of isList(value) ? value.entries() : []) {
    if (!isMap(maintainer)) {
      report(invalidType(`${place}.${i}`, 'object', maintainer));
      continue;
    }
    checkText(maintainer.get('name'), `${place}.${i}.name`, report);
    const email = maintainer.get('email');
    if (email !== null) checkText(email, `${place}.${i}.email`, report);
    if (typeof email === 'string' && !/^[^\s@]+@[^\s@]+$/.test(email)) {
      report(`${place}.${i}.email: Does not match format 'email'`);
    }
  }
}

/** JSON has one kind of number: 1.0 is an integer. */
function invalidType(place: string, expected: string, value: RenderedValue): string {
  const given =
    value === null
      ? 'null'
      : isMap(value)
        ? 'object'
        : isList(value)
          ? 'array'
          : typeof value === 'boolean'
            ? 'boolean'
            : typeof value === 'string'
              ? 'string'
              : Number.isInteger(Number(value))
                ? 'integer'
                : 'number';
  return `${place}: Invalid type. Expected: ${expected}, given: ${given}`;
}
