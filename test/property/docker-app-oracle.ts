import { type ComposeGeneration, interpolateCompose } from '../../src/compose/interpolation.ts';

export type Outcome = { readonly text: string } | { readonly error: true };

const NAME = '[_a-z][._a-z0-9]*(?::?[-?][^}]*)?';

/** docker-app's pass, written down once more from its pattern: each match is replaced, and the last one that is looked up decides about an error. */
export function renderByPattern(text: string, lookup: (name: string) => string | undefined): Outcome {
  let failed = false;
  const pattern = new RegExp(`\\$(?:(?<escaped>\\$)|(?<named>${NAME})|\\{(?<braced>${NAME})\\}|(?<invalid>))`, 'gi');
  const result = text.replace(pattern, (...match) => {
    const groups = match.at(-1) as Record<string, string | undefined>;
    if (groups.escaped !== undefined) return '$';
    const name = groups.named ?? groups.braced;
    const value = name === undefined ? undefined : lookup(name);
    failed = value === undefined;
    return value ?? '';
  });
  return failed ? { error: true } : { text: result };
}

export function interpolateBy(
  text: string,
  environment: (name: string) => string | undefined,
  generation: ComposeGeneration,
): Outcome {
  try {
    return { text: interpolateCompose(text, environment, generation) };
  } catch {
    return { error: true };
  }
}
