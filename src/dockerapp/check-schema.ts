import type { MapRule, Rule, ScalarType } from '../lib/schema-rule.ts';
import { isList, isMap, printValue } from './decode-go.ts';
import type { RenderedMap, RenderedValue } from './rendered-value.ts';

/** A violation: `path` leads to the value, or to the member that is not allowed. */
export interface SchemaFault {
  readonly path: readonly string[];
  readonly message: string;
}

/** More faults of one file help nobody. */
const MAX_FAULTS = 20;

/**
 * Checks a file against docker/cli's JSON schema of version `3.<minor>`. Formats are looked at where the values are read. `valid` keeps the parts without
 * a fault, for files of that version which share some, each at its place.
 */
export function checkSchema(
  root: RenderedMap,
  rule: MapRule,
  minor: number,
  valid: Set<RenderedValue> = new Set(),
): readonly SchemaFault[] {
  const faults: SchemaFault[] = [];
  const report = (path: readonly string[], message: string): void => {
    if (faults.length < MAX_FAULTS) faults.push({ path, message });
  };
  const isKnown = (since: number | 'compose' | undefined): boolean =>
    since === undefined || (since !== 'compose' && minor >= since);

  const check = (value: RenderedValue, expected: Rule, path: readonly string[]): void => {
    if (valid.has(value)) return;
    const count = faults.length;
    checkValue(value, expected, path);
    const hasParts = isMap(value) || isList(value);
    if (hasParts && faults.length === count && count < MAX_FAULTS) valid.add(value);
  };

  const checkValue = (value: RenderedValue, expected: Rule, path: readonly string[]): void => {
    const isScalar = !isMap(value) && !isList(value);
    if (isMap(value) && expected.map !== undefined && isKnown(expected.map.since)) checkMap(value, expected.map, path);
    else if (isList(value) && expected.list !== undefined) checkList(value, expected.list, path);
    else if (!isScalar || !typesOf(value).some((type) => expected.scalar?.includes(type) === true)) {
      report(path, `${formatPath(path)} must be ${describe(expected)}`);
    } else if (expected.words !== undefined && !expected.words.includes(String(value))) {
      report(path, `${formatPath(path)} must be one of the following: ${expected.words.join(', ')}`);
    }
  };

  const checkList = (
    items: readonly RenderedValue[],
    { item, unique }: NonNullable<Rule['list']>,
    path: readonly string[],
  ): void => {
    const seen = new Set<string>();
    for (const [i, value] of items.entries()) {
      check(value, item, [...path, String(i)]);
      if (!unique) continue;
      const key = `${typeof value} ${isMap(value) || isList(value) ? printValue(value) : String(value)}`;
      if (seen.has(key)) report(path, `${formatPath(path)} contains non unique items`);
      seen.add(key);
    }
  };

  const checkMap = (map: RenderedMap, expected: MapRule, path: readonly string[]): void => {
    for (const [name, value] of map) {
      const own = expected.members?.get(name);
      const isExtension = name.startsWith('x-') && expected.extensions !== undefined && isKnown(expected.extensions);
      if (own !== undefined && isKnown(own.since)) check(value, own, [...path, name]);
      else if (expected.names?.test(name) === true && expected.value !== undefined) {
        check(value, expected.value, [...path, name]);
      } else if (expected.open !== true && !isExtension) {
        const place = path.length === 0 ? '(root)' : formatPath(path);
        report([...path, name], `${place} Additional property ${name} is not allowed`);
      }
    }
    for (const name of expected.required ?? []) {
      if (!map.has(name)) report(path, `${formatPath(path)} ${name} is required`);
    }
  };

  checkMap(root, rule, []);
  return faults;
}

function formatPath(path: readonly string[]): string {
  return path.join('.');
}

/** JSON has one kind of number: a float without a fraction passes as an integer. */
function typesOf(value: Exclude<RenderedValue, RenderedMap | readonly RenderedValue[]>): ScalarType[] {
  if (value === null) return ['null'];
  if (typeof value === 'bigint') return ['integer', 'number'];
  if (typeof value === 'number') return Number.isInteger(value) ? ['integer', 'number'] : ['number'];
  return [typeof value === 'boolean' ? 'boolean' : 'string'];
}

function describe(rule: Rule): string {
  const shapes = (rule.scalar ?? []).map((type) => (type === 'null' ? 'null' : `a ${type}`).replace('a i', 'an i'));
  if (rule.list !== undefined) shapes.push('a list');
  if (rule.map !== undefined) shapes.push('a mapping');
  const last = shapes.pop() ?? 'absent';
  return shapes.length === 0 ? last : `${shapes.join(', ')} or ${last}`;
}
