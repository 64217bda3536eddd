import { looksSecret } from '../lib/redact.ts';

/** Parameters that a device may set, with the value that each of them gets. */
export type Override = ReadonlyMap<string, string>;

/** A parameter that can be overridden and its default. */
export interface Overridable {
  readonly parameter: string;
  readonly value: string;
}

/** Above this, parameters are overridden in groups, each of them in some and not in others. */
const MAX_ALONE = 20;
const RANDOM = 3;
/** Nothing that the `$` grammars or the shell read: docker-app's value was read again by compose, one from the environment is not. */
const TEXTS = ['Zq7', '', 'x y', 'a: b #c', 'é=%1', "it's", ' z'];

/**
 * The overrides that a proof tries, at most `limit`: each parameter alone (or in groups whose number grows with the logarithm), all of them, and
 * random ones. The same for the same parameters.
 */
export function chooseOverrides(parameters: readonly Overridable[], limit: number): Override[] {
  if (parameters.length === 0) return [];
  const typical = new Map(parameters.map(({ parameter, value }) => [parameter, otherValue(parameter, value)]));
  const pick = (wanted: (index: number) => boolean): Override =>
    new Map([...typical].filter((_, index) => wanted(index)));
  const overrides: Override[] = [typical];
  const random = createRandom(parameters);
  const randomOverride = (): Override =>
    new Map(
      parameters.flatMap(({ parameter }) => {
        const draw = random();
        if (draw % 2 === 0) return [];
        const chosen = (draw >>> 1) % (2 * TEXTS.length);
        return [[parameter, TEXTS[chosen] ?? typical.get(parameter) ?? '']];
      }),
    );
  overrides.push(randomOverride());
  if (parameters.length > 1 && parameters.length <= MAX_ALONE) {
    for (let i = 0; i < parameters.length; i++) overrides.push(pick((index) => index === i));
  } else if (parameters.length > 1) {
    for (let bit = 1; bit < parameters.length; bit *= 2) {
      overrides.push(
        pick((index) => (index & bit) !== 0),
        pick((index) => (index & bit) === 0),
      );
    }
  }
  for (let i = 1; i < RANDOM; i++) overrides.push(randomOverride());
  return overrides.slice(0, limit);
}

/** Another value of the same kind, so that what reads it as a number, a port or a size can go on. */
function otherValue(parameter: string, value: string): string {
  if (looksSecret(parameter)) return 'Zq7';
  if (value === 'true' || value === 'false') return String(value !== 'true');
  const digits = /^(.*?)(\d{1,9})(\D*)$/s.exec(value);
  if (digits === null) return `${value.replace(/[^\w./-]/g, '')}Zq7`;
  const [, before = '', number = '', after = ''] = digits;
  const next = Number(number) >= 65_534 ? Number(number) - 1 : Number(number) + 1;
  const other = `${before}${next}${after}`;
  return other.includes('$') ? 'Zq7' : other;
}

/** A small generator of numbers, seeded by the names: a proof tries the same in every run. */
function createRandom(parameters: readonly Overridable[]): () => number {
  let state = 0x9e3779b9;
  for (const { parameter } of parameters) {
    for (let i = 0; i < parameter.length; i++) state = Math.imul(state ^ parameter.charCodeAt(i), 0x01000193) >>> 0;
  }
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
}
