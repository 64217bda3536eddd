import type { ComposeMap, ComposeScalar, ComposeValue } from './compose-value.ts';

/** A member of a map; undefined where the value is no map or lacks it. */
export function memberOf(value: ComposeValue | undefined, name: string): ComposeValue | undefined {
  return value?.kind === 'map' ? value.members.get(name)?.value : undefined;
}

export function entriesOf(value: ComposeValue | undefined): [string, ComposeValue][] {
  return value?.kind === 'map' ? [...value.members].map(([name, member]) => [name, member.value]) : [];
}

export function itemsOf(value: ComposeValue | undefined): readonly ComposeValue[] {
  return value?.kind === 'list' ? value.items : [];
}

export function scalarOf(value: ComposeValue | undefined): ComposeScalar | undefined {
  return value?.kind === 'scalar' ? value : undefined;
}

/** The text of a scalar that is not null; empty for all else. */
export function textOf(value: ComposeValue | undefined): string {
  const python = value?.kind === 'scalar' ? value.python : undefined;
  return python === undefined || python.type === 'null' ? '' : String(python.value);
}

/** The services that name each member of `configs` or `secrets`, in the short or the long form. */
export function usersBySource(root: ComposeMap, section: string): Map<string, string[]> {
  const users = new Map<string, string[]>();
  for (const [service, value] of entriesOf(memberOf(root, 'services'))) {
    for (const item of itemsOf(memberOf(value, section))) {
      const source = textOf(item.kind === 'map' ? memberOf(item, 'source') : item);
      const known = users.get(source) ?? [];
      if (known.at(-1) !== service) users.set(source, [...known, service]);
    }
  }
  return users;
}
