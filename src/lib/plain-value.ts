/** A value of a model: whole numbers are bigint, so that `1` and `1.0` stay two things. */
export type PlainValue = string | bigint | number | boolean | null | readonly PlainValue[] | PlainMap;
export type PlainMap = ReadonlyMap<string, PlainValue>;

/**
 * `next` with every part that equals the one at its place in `first` replaced by that one. What was found out about a part of `first` then holds for
 * `next` too, and can be looked up by the part itself. Members of equal maps stand in the same order.
 */
export function shareParts<T extends PlainValue>(first: T, next: T): T {
  return share(first, next) as T;
}

function share(first: PlainValue | undefined, next: PlainValue): PlainValue {
  if (first === next) return next;
  if (first instanceof Map && next instanceof Map) return shareMap(first, next);
  return Array.isArray(first) && Array.isArray(next) ? shareList(first, next) : next;
}

function shareList(first: readonly PlainValue[], next: readonly PlainValue[]): readonly PlainValue[] {
  let isEqual = first.length === next.length;
  const items = next.map((item, i) => {
    const shared = share(first[i], item);
    isEqual &&= shared === first[i];
    return shared;
  });
  return isEqual ? first : items;
}

function shareMap(first: PlainMap, next: PlainMap): PlainMap {
  const names = first.keys();
  let isEqual = first.size === next.size;
  let changed: Map<string, PlainValue> | undefined;
  for (const [name, member] of next) {
    const before = first.get(name);
    const shared = share(before, member);
    isEqual &&= shared === before && names.next().value === name;
    if (shared === member) continue;
    changed ??= new Map(next);
    changed.set(name, shared);
  }
  return isEqual ? first : (changed ?? next);
}
