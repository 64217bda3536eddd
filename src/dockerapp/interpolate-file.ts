import { RebundleError, type SourceLocation } from '../errors.ts';
import type { Semantics } from '../model/app.ts';
import { castValue, findCast } from './casts.ts';
import { isList, isMap } from './decode-go.ts';
import { type Substitution, substituteDefaults, substituteReferences, tokenizeReferences } from './references.ts';
import type { RenderedMap, RenderedValue } from './rendered-value.ts';

export interface InterpolationContext {
  readonly semantics: Semantics;
  readonly lookup: (name: string) => string | undefined;
  /** Names that an image may have although no parameter has them. */
  readonly defaults: ReadonlyMap<string, string>;
  readonly locate: (path: readonly string[]) => SourceLocation;
  /**
   * `defaults` = that of 0.2, keys included; `names` = that of 0.4 to 0.8; `environment` = docker/cli's own, with nothing set.
   */
  readonly grammar: 'defaults' | 'names' | 'environment';
}

/** Substitutes every text of a file, and casts what a cast is known for where the text changed. Throws PARAM_UNDEFINED, INTERPOLATION_INVALID and COMPOSE_INVALID. */
export function interpolateFile(file: RenderedMap, context: InterpolationContext): RenderedMap {
  const path: string[] = [];
  const visit = (value: RenderedValue): RenderedValue => {
    if (typeof value === 'string') return value.includes('$') ? interpolate(value, path, context) : value;
    if (isList(value)) {
      let isSame = true;
      const items = value.map((item, i) => {
        path.push(String(i));
        const next = visit(item);
        path.pop();
        isSame &&= next === item;
        return next;
      });
      return isSame ? value : items;
    }
    return isMap(value) ? visitMap(value) : value;
  };
  const visitMap = (map: RenderedMap): RenderedMap => {
    const members = new Map<string, RenderedValue>();
    let isSame = true;
    for (const [name, member] of map) {
      path.push(name);
      const key = context.grammar === 'defaults' && name.includes('$') ? substituteAt(name, path, context) : name;
      const next = visit(member);
      members.set(key, next);
      isSame &&= key === name && next === member;
      path.pop();
    }
    return isSame ? map : members;
  };
  return visitMap(file);
}

function interpolate(text: string, path: readonly string[], context: InterpolationContext): RenderedValue {
  const result = substituteAt(text, path, context);
  const cast = result === text ? undefined : findCast(path, context.semantics);
  if (cast === undefined) return result;
  const value = castValue(result, cast);
  if (value !== undefined) return value;
  const message = `error while interpolating ${path.join('.')}: failed to cast '${result}' to expected type ${cast}`;
  throw new RebundleError('COMPOSE_INVALID', message, { location: context.locate(path) });
}

function substituteAt(text: string, path: readonly string[], context: InterpolationContext): string {
  const isImage = path.length === 3 && path[0] === 'services' && path[2] === 'image';
  const lookup = (name: string): string | undefined =>
    context.lookup(name) ?? (isImage ? context.defaults.get(name) : undefined);
  const { text: result, error } = substitute(text, lookup, context.grammar);
  if (error === undefined) return result;
  const place = path.join('.');
  const location = context.locate(path);
  if (error.kind === 'undefined') {
    throw new RebundleError('PARAM_UNDEFINED', `${place}: required variable ${error.name} is missing a value`, {
      location,
    });
  }
  throw new RebundleError(
    'INTERPOLATION_INVALID',
    `invalid interpolation format for ${place}: ${JSON.stringify(text)}`,
    {
      location,
      hint: 'Write $$ for a literal $.',
    },
  );
}

function substitute(
  text: string,
  lookup: (name: string) => string | undefined,
  grammar: InterpolationContext['grammar'],
): Substitution {
  if (grammar === 'environment') return substituteDefaults(tokenizeReferences(text, 'plain'), lookup, 'empty');
  const tokens = tokenizeReferences(text);
  return grammar === 'names' ? substituteReferences(tokens, lookup) : substituteDefaults(tokens, lookup);
}
