/** Who reads a compose file: docker/cli, docker-compose 1.29, or both (`docker-app`: what docker-app took, for a device's docker-compose). */
export type SchemaReader = 'docker-cli' | 'docker-app' | 'compose';

export type ScalarType = 'string' | 'number' | 'integer' | 'boolean' | 'null';

type Format = 'port' | 'expose' | 'subnet' | 'duration' | 'health-duration';

/** What a value at a place may be. A value of a shape (scalar, list, map) that the rule does not describe is refused. */
export interface Rule {
  readonly scalar?: readonly ScalarType[];
  readonly format?: Format;
  readonly words?: readonly string[];
  readonly list?: { readonly item: Rule; readonly unique: boolean };
  readonly map?: MapRule;
  /** The first minor of version 3 that has this member, for docker/cli; `compose` where docker/cli had it in none. */
  readonly since?: number | 'compose';
}

export interface MapRule {
  /** Members with a name of their own. */
  readonly members?: ReadonlyMap<string, Rule>;
  /** Rule of all members whose name fits `names`. */
  readonly names?: RegExp;
  readonly value?: Rule;
  /** Where set, members that nothing describes pass. */
  readonly open?: true;
  /** The first minor of version 3 in which `x-*` members pass; docker-compose 1.29 lets them pass where this is given. */
  readonly extensions?: number | 'compose';
  readonly required?: readonly string[];
  /** The first minor of version 3 in which a map may stand here at all. */
  readonly since?: number | 'compose';
}

export const NAME = /^[a-zA-Z0-9._-]+$/;
export const ANY_NAME = /^[\s\S]+$/;
const ALL: readonly ScalarType[] = ['string', 'number', 'boolean', 'null'];
export const text: Rule = { scalar: ['string'] };
export const number: Rule = { scalar: ['number'] };
export const integer: Rule = { scalar: ['integer'] };
export const bool: Rule = { scalar: ['boolean'] };
export const size: Rule = { scalar: ['number', 'string'] };
export const duration: Rule = { scalar: ['string'], format: 'duration' };
export const healthDuration: Rule = { scalar: ['string'], format: 'health-duration' };
export const texts = list(text, true);
export const textOrList: Rule = { ...text, ...texts };
export const words: Rule = { ...text, ...list(text, false) };
export const anything: Rule = {
  scalar: ALL,
  map: { open: true },
  list: { item: { scalar: ALL, map: { open: true } }, unique: false },
};
export const optionMap: Rule = { map: { names: ANY_NAME, value: { scalar: ['string', 'number'] }, open: true } };
export const texted: Rule = { map: { names: ANY_NAME, value: text } };
export const listOrMap: Rule = { ...texts, map: { names: ANY_NAME, value: { scalar: ['string', 'number', 'null'] } } };
export const external: Rule = { ...bool, map: { members: members({ name: text }), extensions: 'compose' } };
export const openExternal: Rule = { ...bool, map: { members: members({ name: text }), open: true } };

export function members(rules: Record<string, Rule>): ReadonlyMap<string, Rule> {
  return new Map(Object.entries(rules));
}

export function list(item: Rule, unique: boolean): Rule {
  return { list: { item, unique } };
}

export function record(rules: Record<string, Rule>, extra: Omit<MapRule, 'members'> = { extensions: 'compose' }): Rule {
  return { map: { members: members(rules), ...extra } };
}

export function since(first: number | 'compose', rule: Rule): Rule {
  return { ...rule, since: first };
}

export function composeOnly(rules: Record<string, Rule>): Record<string, Rule> {
  return Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, since('compose', rule)]));
}
