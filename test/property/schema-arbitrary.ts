import * as fc from 'fast-check';
import { COMPOSE_RULES } from '../../src/lib/compose-schema.ts';
import type { MapRule, Rule, ScalarType } from '../../src/lib/schema-rule.ts';

/** A package whose compose part says anything that the file format has, with the parameters that its texts refer to. */
export interface SchemaPackage {
  readonly minor: number;
  readonly compose: string;
  readonly parameters: string;
}

type Value = string | { readonly native: string } | readonly Value[] | { readonly members: readonly Member[] };
type Member = readonly [name: string, value: Value];

/** Texts that mean something at a place, by the name of the member. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  ports: ['80', '8080:80', '127.0.0.1:81:81', '9000-9001:90-91', '53:53/udp', '7000-7002:70'],
  expose: ['80', '81-82', '53/udp'],
  volumes: [
    'data:/data',
    '/var/x:/x:ro',
    './conf:/conf',
    '/anonymous',
    'v:/v:nocopy',
    '~/h:/h',
    '/s:/s:rshared,ro',
    '/z:/z:z',
    '../up:/up',
  ],
  devices: ['/dev/a', '/dev/a:/dev/b', '/dev/a:/dev/b:rw'],
  environment: ['A=1', 'B=', 'C', 'D=x=y', 'E=a b'],
  args: ['A=1', 'B=', 'C'],
  labels: ['a=1', 'b=', 'c', 'com.example.d=x'],
  sysctls: ['net.core.somaxconn=1024', 'a=b'],
  extra_hosts: ['one:1.2.3.4', 'two:5.6.7.8'],
  restart: ['always', 'no', 'on-failure:3'],
  network_mode: ['host', 'none', 'bridge'],
  depends_on: ['a', 'b'],
  links: ['a', 'b:c'],
  condition: ['any', 'none', 'on-failure'],
  mode: ['ingress', 'host', 'global', 'replicated'],
  protocol: ['tcp', 'udp'],
  type: ['bind', 'volume', 'tmpfs'],
  subnet: ['10.0.0.0/8', '172.28.0.0/16'],
  shm_size: ['64m', '1gb', '1024'],
  size: ['1024'],
  memory: ['50M', '1gb', '1024'],
  cpus: ['0.5', '0.50', '2'],
  target: ['/t', '/t/u', 'name'],
  source: ['/src', './src', 'data', 'cfg'],
  networks: ['front', 'back'],
  configs: ['cfg'],
  secrets: ['sec'],
  env_file: ['a.env', './b.env'],
  image: ['busybox', 'nginx:1.25', 'registry.example.com/a/b:1'],
  file: ['./f', '/abs/f', 'plain'],
  test: ['curl -f x', 'CMD', 'true && false'],
  command: ['sh -c "echo a"', "a 'b c' d", 'x && y', 'a\\ b', '', 'tail -f /x'],
  entrypoint: ['/run.sh', 'sh -c "x y"'],
  tmpfs: ['/tmp', '/run:size=1m'],
  propagation: ['rshared', 'private'],
  dns: ['1.1.1.1'],
  order: ['start-first', 'stop-first'],
};
const PLAIN = [
  'x',
  'two words',
  'é',
  'a:b',
  '1.10',
  '0755',
  'yes',
  'null',
  '12:30',
  "it's",
  '#no',
  '~',
  '{a}',
  '- b',
  'k=v',
];
const DURATIONS = ['10s', '1m30s', '1500ms', '0s', '2h'];
const NAMES: Readonly<Record<string, readonly string[]>> = {
  services: ['a', 'b', 'web-1'],
  networks: ['front', 'back', 'default'],
  volumes: ['data', 'v'],
  configs: ['cfg'],
  secrets: ['sec'],
  ulimits: ['nofile', 'nproc'],
  environment: ['A', 'LONG_NAME', 'lower', 'with.dot'],
};

/** Any package of any version; one in eight members is not what docker-app takes. */
export const schemaPackage: fc.Arbitrary<SchemaPackage> = fc.integer({ min: 0, max: 7 }).chain((minor) => {
  const services = COMPOSE_RULES['docker-cli'].members?.get('services')?.map?.value as Rule;
  const service = membersOf(services.map as MapRule, minor, 'services', 5).map((members): Member['1'] => ({
    members: [['image', 'busybox'], ...members.filter(([name]) => name !== 'image')],
  }));
  const rest = ['networks', 'volumes', 'configs', 'secrets'].map((section) => {
    const rule = COMPOSE_RULES['docker-cli'].members?.get(section) as Rule;
    if (typeof rule.since === 'number' && rule.since > minor) return fc.constant([]);
    return fc.oneof(
      { arbitrary: fc.constant([] as Member[]), weight: 3 },
      { arbitrary: anyValue(rule, minor, section, 4).map((value): Member[] => [[section, value]]), weight: 2 },
    );
  });
  const sections = fc.tuple(...(rest as fc.Arbitrary<Member[]>[]));
  return fc
    .record({ a: service, b: fc.option(service, { nil: undefined }), sections, seeds: fc.infiniteStream(fc.nat(999)) })
    .map(({ a, b, sections: others, seeds }) => {
      const named: Member[] = [['a', a], ...(b === undefined ? [] : [['b', b] as const])];
      const writer = new Writer(seeds);
      const body = writer.write({ members: [['services', { members: named }], ...others.flat()] }, '');
      const parameters = [...writer.parameters].map(([name, text]) => `${name}: ${JSON.stringify(text)}\n`).join('');
      return { minor, compose: `version: '3.${minor}'\n${body.slice(1)}\n`, parameters };
    });
});

function isKnown(rule: Rule | undefined, minor: number): boolean {
  return rule?.since === undefined || (rule.since !== 'compose' && rule.since <= minor);
}

function membersOf(rule: MapRule, minor: number, name: string, depth: number): fc.Arbitrary<Member[]> {
  const own = [...(rule.members ?? [])].filter(([, member]) => isKnown(member, minor));
  const required = own.filter(([each]) => rule.required?.includes(each));
  const free = rule.names === undefined ? [] : (NAMES[name] ?? ['k', 'other.key', 'x-y']);
  const optional: (readonly [string, Rule])[] = [
    ...own.filter(([each]) => !rule.required?.includes(each)),
    ...free.map((each) => [each, rule.value ?? { scalar: ['string'] }] as const),
  ];
  return fc
    .subarray(optional, { maxLength: Math.min(optional.length, depth > 4 ? 5 : 3) })
    .chain((picked) =>
      fc.tuple(
        ...[...required, ...picked].map(([each, member]) =>
          anyValue(member, minor, free.includes(each) ? name : each, depth - 1).map((value): Member => [each, value]),
        ),
      ),
    );
}

function anyValue(rule: Rule, minor: number, name: string, depth: number): fc.Arbitrary<Value> {
  const choices: fc.Arbitrary<Value>[] = [];
  if (rule.words !== undefined) return fc.constantFrom(...rule.words);
  for (const type of rule.scalar ?? []) choices.push(scalarOf(type, rule, name));
  if (rule.list !== undefined) {
    const item = anyValue(rule.list.item, minor, name, depth - 1);
    choices.push(fc.uniqueArray(item, { maxLength: 3, selector: (each) => JSON.stringify(each) }));
  }
  if (
    rule.map !== undefined &&
    isKnown({ ...(rule.map.since === undefined ? {} : { since: rule.map.since }) }, minor)
  ) {
    choices.push(membersOf(rule.map, minor, name, depth).map((members) => ({ members })));
  }
  return choices.length === 0 ? fc.constant('x') : fc.oneof(...choices);
}

function scalarOf(type: ScalarType, { format }: Rule, name: string): fc.Arbitrary<Value> {
  if (type === 'null') return fc.constantFrom({ native: '~' }, { native: '' });
  if (type === 'boolean') return fc.constantFrom('true', 'false', 'yes', 'off').map((native) => ({ native }));
  if (type === 'integer') return fc.constantFrom('0', '1', '8080', '0440', '0x1F').map((native) => ({ native }));
  if (type === 'number') return fc.constantFrom('1', '80', '0.5', '3').map((native) => ({ native }));
  if (format === 'duration' || format === 'health-duration') return fc.constantFrom(...DURATIONS);
  return fc.constantFrom(...(TEXTS[name] ?? PLAIN));
}

/** Writes values in blocks or flow, in any style, and puts parameters in place of parts of texts. */
class Writer {
  readonly parameters = new Map<string, string>();
  readonly #seeds: Iterator<number>;

  constructor(seeds: Iterable<number>) {
    this.#seeds = seeds[Symbol.iterator]();
  }

  #draw(n: number): number {
    return this.#seeds.next().value % n;
  }

  /** The value as it stands behind `key:`, its first blank or line end included. */
  write(value: Value, indent: string): string {
    if (typeof value === 'object' && 'native' in value) return this.#native(value.native);
    if (typeof value === 'string') return ` ${this.#text(value, false)}`;
    const isEmpty = 'members' in value ? value.members.length === 0 : value.length === 0;
    if (isEmpty || (indent.length > 4 && this.#draw(4) === 0)) return ` ${this.#flow(value)}`;
    if ('members' in value)
      return value.members.map(([name, member]) => `\n${indent}${name}:${this.write(member, `${indent}  `)}`).join('');
    return value.map((item) => `\n${indent}- ${this.#flow(item)}`).join('');
  }

  #flow(value: Value): string {
    if (typeof value === 'string') return this.#text(value, true);
    if ('native' in value) return this.#native(value.native).trim() || '~';
    if ('members' in value)
      return `{${value.members.map(([name, member]) => `${name}: ${this.#flow(member)}`).join(', ')}}`;
    return `[${value.map((item) => this.#flow(item)).join(', ')}]`;
  }

  /** A number or bool, or a text that docker-app cast. */
  #native(text: string): string {
    return this.#draw(6) === 0 && text !== '' && text !== '~' ? ` '${this.#parameter(text)}'` : ` ${text}`;
  }

  #text(text: string, inFlow: boolean): string {
    const draw = this.#draw(8);
    const at = text.length === 0 ? 0 : this.#draw(text.length);
    const inner =
      draw === 0 ? this.#parameter(text) : draw === 1 ? `${text.slice(0, at)}${this.#parameter(text.slice(at))}` : text;
    const style = this.#draw(3);
    if (style === 0 && !inFlow && /^[a-z/.][\w./:=-]*(?:\$\{\w+\})?$/i.test(inner) && !/^(?:yes|null)$|:$/.test(inner))
      return inner;
    if (style === 1) return `'${inner.replaceAll("'", "''")}'`;
    return JSON.stringify(inner);
  }

  #parameter(value: string): string {
    const name = `p${this.parameters.size}`;
    this.parameters.set(name, value);
    return `\${${name}}`;
  }
}
