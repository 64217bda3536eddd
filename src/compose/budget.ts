import { RebundleError } from '../errors.ts';
import { YAML_LIMITS, type YamlValue } from '../lib/yaml.ts';

/** What a walk that expands aliases may still spend. */
export interface Budget {
  /** UTF-16 units of scalars. */
  left: number;
}

/** Nesting after aliases are expanded; the parser's limit holds for what is written. */
const MAX_DEPTH = 2 * YAML_LIMITS.depth;

export function createBudget(): Budget {
  return { left: 2 * YAML_LIMITS.bytes };
}

/** Counts a value that is visited. Throws YAML_LIMIT where aliases make a document too deep or too large. */
export function spend(budget: Budget, value: YamlValue, depth: number): void {
  if (depth > MAX_DEPTH) {
    throw new RebundleError('YAML_LIMIT', `values are nested more than ${MAX_DEPTH} deep after aliases are expanded`);
  }
  if (value.kind === 'scalar') budget.left -= value.value.length;
  if (budget.left < 0) {
    throw new RebundleError(
      'YAML_LIMIT',
      `the text is larger than ${2 * YAML_LIMITS.bytes} after aliases are expanded`,
    );
  }
}
