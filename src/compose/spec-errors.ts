/** What the validator says, in ajv's terms. */
export interface SchemaError {
  readonly keyword: string;
  /** JSON pointer. */
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

/** What the schema minds at one place. `path` leads to the value; `key` is a member of it that is not known. */
export interface SpecError {
  readonly kind: 'unknown-key' | 'missing-key' | 'type' | 'value';
  readonly path: readonly string[];
  readonly key?: string;
  /** What was expected, to stand behind the path. */
  readonly problem: string;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  array: 'a list',
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  null: 'empty',
};

/**
 * The errors that a reader can act on. Where a value may have one of several shapes, the schema tells of every shape that did not fit: what is
 * wrong inside the shape that was meant stands, and where none was meant, all shapes are named at once.
 */
export function selectSpecErrors(errors: readonly SchemaError[]): SpecError[] {
  const tree = new Map<string, SchemaError[]>();
  for (const error of errors) {
    const siblings = tree.get(error.instancePath);
    if (siblings === undefined) tree.set(error.instancePath, [error]);
    else siblings.push(error);
  }
  const deeper = new Set([...tree.keys()].flatMap(ancestors));
  return [...tree].flatMap(([path, found]) => {
    const concrete = found.filter(isConcrete);
    const isMeant = concrete.length > 0 || (found.some(isChoice) && deeper.has(path));
    if (isMeant) return describeConcrete(path, concrete);
    const types = new Set(found.flatMap(({ params }) => (params.type as string | readonly string[] | undefined) ?? []));
    if (types.size === 0) return [];
    const names = [...types].sort().map((type) => TYPE_NAMES[type] ?? type);
    const last = names.pop() ?? '';
    return [
      {
        kind: 'type',
        path: split(path),
        problem: `must be ${names.length === 0 ? last : `${names.join(', ')} or ${last}`}`,
      },
    ];
  });
}

function isChoice({ keyword }: SchemaError): boolean {
  return keyword === 'oneOf' || keyword === 'anyOf';
}

function isConcrete(error: SchemaError): boolean {
  return !isChoice(error) && error.keyword !== 'type';
}

/** Every place above a path, itself left out. */
function ancestors(path: string): string[] {
  const found: string[] = [];
  for (let at = path.lastIndexOf('/'); at >= 0; at = path.lastIndexOf('/', at - 1)) {
    found.push(path.slice(0, at));
    if (at === 0) break;
  }
  return found;
}

function describeConcrete(path: string, errors: readonly SchemaError[]): SpecError[] {
  const place = split(path);
  const described = errors.map(({ keyword, params, message }): SpecError => {
    if (keyword === 'additionalProperties')
      return { kind: 'unknown-key', path: place, key: String(params.additionalProperty), problem: 'is not known' };
    if (keyword === 'required')
      return { kind: 'missing-key', path: place, problem: `lacks ${String(params.missingProperty)}` };
    if (keyword === 'enum') {
      const words = (params.allowedValues as readonly unknown[]).map(String).join(', ');
      return { kind: 'value', path: place, problem: `must be one of ${words}` };
    }
    return { kind: 'value', path: place, problem: (message ?? 'is not valid').replace('must NOT', 'must not') };
  });
  // Two shapes of one place can mind the same thing.
  return [...new Map(described.map((error) => [`${error.key ?? ''} ${error.problem}`, error])).values()];
}

function split(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
