import type { MapRule, Rule, ScalarType } from '../lib/schema-rule.ts';
import { printPython, type ScalarValue } from '../lib/yaml-scalars.ts';
import type { ComposeOrigin } from './compose-file.ts';
import type { ComposeList, ComposeMap, ComposeScalar, ComposeValue } from './compose-value.ts';
import { faultOfExpose, faultOfPort, faultOfStrictPort, faultOfSubnet } from './ports.ts';
import { isGoDuration, isPythonDuration } from './python-cast.ts';

/** What a check is told, and where it leaves what it found. */
export interface RuleCheck {
  readonly origin: ComposeOrigin;
  /** Minor of version 3; members that came later are refused for docker-app. */
  readonly minor: number;
  readonly report: (message: string, at: number, hint?: string) => void;
}

const TYPE_NAMES: Readonly<Record<ScalarValue['type'], string>> = {
  null: 'null',
  bool: 'a boolean',
  int: 'a number',
  float: 'a number',
  string: 'a string',
  timestamp: 'a date',
  invalid: 'no valid value',
};

/** Checks a value and all that it holds against its rule. */
function checkValue(check: RuleCheck, value: ComposeValue, rule: Rule, place: string): void {
  if (value.kind === 'scalar') checkScalar(check, value, rule, place);
  else if (value.kind === 'map' && rule.map !== undefined && isKnown(check, rule.map.since)) {
    checkMap(check, value, rule.map, place);
  } else if (value.kind === 'list' && rule.list !== undefined) {
    checkList(check, value, rule.list, place);
  } else {
    const shape = value.kind === 'map' ? 'mapping' : 'list';
    check.report(`${place} must be ${describeRule(check, rule)}, not a ${shape}`, value.node.start);
  }
}

function checkList(check: RuleCheck, value: ComposeList, rule: NonNullable<Rule['list']>, place: string): void {
  const seen = new Set<string>();
  for (const [i, item] of value.items.entries()) {
    checkValue(check, item, rule.item, `${place}.${i}`);
    const key = identify(item);
    if (rule.unique && seen.has(key)) check.report(`${place} contains non-unique items`, item.node.start);
    seen.add(key);
  }
}

export function checkMap(check: RuleCheck, value: ComposeMap, rule: MapRule, place: string): void {
  const prefix = place === '' ? '' : `${place} `;
  for (const [name, member] of value.members) {
    const memberPlace = place === '' ? name : `${place}.${name}`;
    const own = rule.members?.get(name);
    if (own !== undefined && isKnown(check, own.since)) checkValue(check, member.value, own, memberPlace);
    else if (own === undefined && rule.names?.test(name) === true && rule.value !== undefined) {
      checkValue(check, member.value, rule.value, memberPlace);
    } else if (
      rule.open !== true &&
      !(name.startsWith('x-') && rule.extensions !== undefined && isKnown(check, rule.extensions))
    ) {
      check.report(
        `${prefix}Additional property ${name} is not allowed`,
        member.pair.start,
        hintForMember(check, own, name, rule),
      );
    }
  }
  for (const name of rule.required ?? []) {
    if (!value.members.has(name)) check.report(`${prefix}${name} is required`, value.node.start);
  }
}

function hintForMember(check: RuleCheck, own: Rule | undefined, name: string, rule: MapRule): string | undefined {
  const since = own?.since ?? (name.startsWith('x-') ? rule.extensions : undefined);
  if (since === undefined || check.origin === 'compose') return undefined;
  return since === 'compose'
    ? `docker-app knew ${name} in no version of the file format.`
    : `It needs version '3.${since}'.`;
}

function isKnown(check: RuleCheck, since: number | 'compose' | undefined): boolean {
  return since === undefined || check.origin === 'compose' || (since !== 'compose' && check.minor >= since);
}

function checkScalar(check: RuleCheck, value: ComposeScalar, rule: Rule, place: string): void {
  const at = value.node.start;
  if (value.fault !== undefined) return;
  const readings = check.origin === 'docker-app' ? [value.python, value.go] : [value.python];
  const wrong = readings.find((reading) => !isOfType(reading, rule.scalar ?? []));
  if (wrong !== undefined) {
    const hint =
      value.node.style === 'plain' && rule.scalar?.includes('string') ? `Quote it: '${value.node.value}'.` : undefined;
    check.report(`${place} must be ${describeRule(check, rule)}, not ${TYPE_NAMES[wrong.type]}`, at, hint);
    return;
  }
  const text = value.python.type === 'string' ? value.python.value : undefined;
  if (rule.words !== undefined && text !== undefined && !rule.words.includes(text)) {
    check.report(`${place} must be one of ${rule.words.join(', ')}`, at);
  }
  const fault = rule.format === undefined ? undefined : faultOfFormat(check, rule.format, value.python);
  if (fault !== undefined) check.report(`${place} is invalid: ${fault}`, at);
}

function faultOfFormat(check: RuleCheck, format: NonNullable<Rule['format']>, value: ScalarValue): string | undefined {
  const text = printPython(value);
  const strict = check.origin === 'docker-app';
  switch (format) {
    case 'port':
      return faultOfPort(text) ?? (strict ? faultOfStrictPort(text) : undefined);
    case 'expose':
      return value.type === 'string' ? faultOfExpose(text) : undefined;
    case 'subnet':
      return faultOfSubnet(text);
    case 'duration':
      return strict && !isGoDuration(text) ? "it is not a duration such as '1m30s'" : undefined;
    case 'health-duration':
      return isPythonDuration(text) && (!strict || isGoDuration(text))
        ? undefined
        : "it is not a duration such as '1m30s'";
  }
}

function isOfType(value: ScalarValue, types: readonly ScalarType[]): boolean {
  switch (value.type) {
    case 'null':
    case 'string':
      return types.includes(value.type);
    case 'bool':
      return types.includes('boolean');
    case 'int':
      return types.includes('integer') || types.includes('number');
    case 'float':
      return types.includes('number') && Number.isFinite(value.value);
    default:
      return false;
  }
}

function describeRule(check: RuleCheck, rule: Rule): string {
  const shapes = (rule.scalar ?? []).map((type) => (type === 'null' ? 'null' : `a ${type}`).replace('a i', 'an i'));
  if (rule.list !== undefined) shapes.push('a list');
  if (rule.map !== undefined && isKnown(check, rule.map.since)) shapes.push('a mapping');
  const last = shapes.pop() ?? 'absent';
  return shapes.length === 0 ? last : `${shapes.join(', ')} or ${last}`;
}

/** Equal for values that docker-compose 1.29 takes as equal. */
function identify(value: ComposeValue): string {
  if (value.kind === 'list') return `[${value.items.map(identify).join(',')}]`;
  if (value.kind === 'map') {
    const members = [...value.members].map(([name, member]) => `${JSON.stringify(name)}:${identify(member.value)}`);
    return `{${members.toSorted().join(',')}}`;
  }
  return `${value.python.type}${JSON.stringify(printPython(value.python))}`;
}
