import { compareText } from '../lib/bytes.ts';

const MAX_SCOPES = 32;
const MAX_SCOPE = 1024;
const SCOPE = /^([a-z0-9]+(?:\([a-z0-9]+\))?):([^\s]+):([^\s:]*)$/;

/**
 * Scopes (`repository:factory/app:pull,push`) as one set: actions of the same resource joined, each once, in the order of their texts.
 * What is no scope by the token specification is kept as it is, so that odd servers get what they asked for.
 */
export function mergeScopes(scopes: readonly string[]): string[] {
  const resources = new Map<string, Set<string>>();
  const odd = new Set<string>();
  for (const scope of scopes.slice(0, MAX_SCOPES)) {
    const [, type, name, actions] = SCOPE.exec(scope) ?? [];
    if (scope === '' || scope.length > MAX_SCOPE) continue;
    if (type === undefined || name === undefined || actions === undefined) {
      odd.add(scope);
      continue;
    }
    const known = resources.get(`${type}:${name}`) ?? new Set<string>();
    for (const action of actions.split(',')) if (action !== '') known.add(action);
    resources.set(`${type}:${name}`, known);
  }
  const merged = [...resources].map(([resource, actions]) => `${resource}:${[...actions].sort(compareText).join(',')}`);
  return [...merged, ...odd].sort(compareText);
}

/** True where a token for `have` is good for `want` too. Both merged. */
export function coversScopes(have: readonly string[], want: readonly string[]): boolean {
  const held = new Map(have.map((scope) => splitScope(scope)));
  return want.every((scope) => {
    const [resource, actions] = splitScope(scope);
    const granted = held.get(resource);
    return granted !== undefined && (granted.has('*') || [...actions].every((action) => granted.has(action)));
  });
}

/** The repository that the first repository scope names. */
export function scopeRepository(scopes: readonly string[]): string | undefined {
  for (const scope of scopes) {
    const [, type, name] = SCOPE.exec(scope) ?? [];
    if (type === 'repository' && name !== undefined) return name;
  }
  return undefined;
}

function splitScope(scope: string): [string, ReadonlySet<string>] {
  const [, type, name, actions] = SCOPE.exec(scope) ?? [];
  return actions === undefined ? [scope, new Set()] : [`${type}:${name}`, new Set(actions.split(','))];
}
