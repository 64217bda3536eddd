import { describe, expect, it } from 'vitest';
import type { Semantics } from '../../src/model/app.ts';
import { plain, renderFiles } from './rendered-package.ts';

const LINES: readonly Semantics[] = ['0.2', '0.4-0.8', '0.9'];

interface Given {
  readonly compose: string;
  readonly parameters?: string;
  readonly metadata?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

/** A folder package with both parameter files, so that every line finds its own. */
function folder({ compose, parameters = '', metadata = 'name: web\nversion: 1.0.0\n', files = {} }: Given) {
  const all = {
    'metadata.yml': metadata,
    'docker-compose.yml': compose,
    'settings.yml': parameters,
    'parameters.yml': parameters,
    ...files,
  };
  return new Map(Object.entries(all).map(([name, text]) => [`web.dockerapp/${name}`, text]));
}

async function render(given: Given, semantics: Semantics | 'auto'): Promise<unknown> {
  const result = await renderFiles({ files: folder(given), semantics, set: given.set ?? {} });
  if (!result.ok) return result.diagnostics.map(({ code, message }) => `${code} ${message}`).join('\n');
  return plain(result.value);
}

/** One service in short: its members in the rendered model, or the errors. */
async function service(members: string, semantics: Semantics, given: Partial<Given> & { version?: string } = {}) {
  const indented = members.trim().replace(/^/gm, '    ');
  const compose = `version: "${given.version ?? '3.6'}"\nservices:\n  a:\n${indented}\n`;
  const model = await render({ ...given, compose }, semantics);
  return typeof model === 'string' ? model : (model as { services: { a: unknown } }).services.a;
}

describe('ports', () => {
  const port = (target: number, published?: number, protocol = 'tcp') => ({
    mode: 'ingress',
    target: `int ${target}`,
    ...(published === undefined ? {} : { published: `int ${published}` }),
    protocol,
  });

  it.each([
    ['80', [port(80)]],
    ['"8080:80/udp"', [port(80, 8080, 'udp')]],
    ['127.0.0.1:8080:80', [port(80, 8080)]],
    ['"[::1]:8080:80"', [port(80, 8080)]],
    ['8000-8002:80', [port(80, 8000), port(80, 8001), port(80, 8002)]],
    ['"9-10:9-10"', [port(10, 10), port(9, 9)]],
    ['"3000-3001"', [port(3000), port(3001)]],
  ])('%s', async (text, expected) => {
    for (const line of LINES) expect(await service(`ports:\n- ${text}`, line)).toEqual({ ports: expected });
  });

  it.each([
    ['"80:90-95"', 'Invalid ranges'],
    ['"x:80"', 'Invalid hostPort: x'],
    ['"80/http"', 'Invalid proto: http'],
    ['":"', 'No port specified'],
    ['"70000:80"', 'Invalid hostPort: 70000'],
    ['1.5', 'invalid type float64 for port'],
    ['"1.2.3:80:80"', 'Invalid ip address'],
  ])('refuses %s', async (text, expected) => {
    for (const line of LINES) expect(await service(`ports:\n- ${text}`, line)).toContain(expected);
  });
});

describe('volumes of earlier lines', () => {
  it.each([
    ['./a:/b', { type: 'bind', source: 'a', target: '/b' }],
    ['../a/:/b:ro', { type: 'bind', source: '../a', target: '/b', read_only: true }],
    ['/a:/b:rw,rslave', { type: 'bind', source: '/a', target: '/b', bind: { propagation: 'rslave' } }],
    ['vol:/b:nocopy', { type: 'volume', source: 'vol', target: '/b', volume: { nocopy: true } }],
    ['/b', { type: 'volume', target: '/b' }],
    ['~/a:/b', { type: 'bind', source: '~/a', target: '/b' }],
    ['v:/b', { type: 'volume', target: 'v:/b' }],
    ['/a:/b:z', { type: 'bind', source: '/a', target: '/b' }],
  ])('%s', async (text, expected) => {
    for (const line of ['0.2', '0.4-0.8'] as const) {
      expect(await service(`volumes:\n- ${text}`, line)).toEqual({ volumes: [expected] });
    }
  });

  it('took the parameter HOME for ~', async () =>
    expect(await service('volumes:\n- ~/a:/b', '0.4-0.8', { parameters: 'HOME: /h\n' })).toEqual({
      volumes: [{ type: 'bind', source: '/h/a', target: '/b' }],
    }));

  it.each(['vol:/b:ro:x', ':/b', '""'])('refuses %s', async (text) =>
    expect(await service(`volumes:\n- "${text.replaceAll('"', '')}"`, '0.4-0.8')).toMatch(
      /COMPOSE_INVALID .*(?:invalid)/,
    ),
  );
});

describe('values', () => {
  it.each<[string, unknown]>([
    ['command: a "b c" && d', { command: ['a', 'b c'] }],
    ['entrypoint: []', {}],
    ['environment: [A, B=, C=d=e]', { environment: { A: null, B: '', C: 'd=e' } }],
    ['environment: {A: 1.50, B: 0x10, C: ~}', { environment: { A: '1.5', B: '16', C: null } }],
    ['labels: [a, b=c]', { labels: { a: '', b: 'c' } }],
    ['labels: {a: ~, b: 1e+6}', { labels: { a: '', b: '1e+06' } }],
    ['extra_hosts: {b: 1.1.1.1, a: 2.2.2.2}', { extra_hosts: ['a:2.2.2.2', 'b:1.1.1.1'] }],
    ['expose: [80, "90"]', { expose: ['80', '90'] }],
    [
      'healthcheck: {test: "x y", interval: 90s, retries: 3, timeout: 1.5s}',
      {
        healthcheck: { test: ['CMD-SHELL', 'x y'], timeout: '1.5s', interval: '1m30s', retries: 'int 3' },
      },
    ],
    ['healthcheck: {}', { healthcheck: {} }],
    ['deploy: {}', {}],
    [
      'deploy: {replicas: 0, update_config: {delay: 0s}, resources: {limits: {memory: 1.5k}}}',
      {
        deploy: { replicas: 'int 0', update_config: {}, resources: { limits: { memory: '1536' } } },
      },
    ],
    [
      'ulimits: {nproc: 5, nofile: {soft: 1, hard: 2}}',
      { ulimits: { nproc: 'int 5', nofile: { soft: 'int 1', hard: 'int 2' } } },
    ],
    ['networks: [b, a]', { networks: { a: null, b: null } }],
    ['networks: {a: {aliases: [x]}, b: {}}', { networks: { a: { aliases: ['x'] }, b: {} } }],
    ['privileged: false\ntty: true\npid: ~', { tty: true }],
    ['stop_grace_period: 1h', { stop_grace_period: '1h0m0s' }],
    ['tmpfs: /run\ndns: [1.1.1.1]', { tmpfs: ['/run'], dns: ['1.1.1.1'] }],
    ['build: .\nimage: x', { build: { context: '.' }, image: 'x' }],
    ['configs: [a, {source: b, mode: 0440}]', { configs: [{ source: 'a' }, { source: 'b', mode: 'int 288' }] }],
  ])('%s', async (text, expected) => {
    for (const line of LINES) expect(await service(text, line)).toEqual(expected);
  });

  it.each([
    ['healthcheck: {interval: 5}', 'services.a.healthcheck.interval must be a string'],
    ['healthcheck: {interval: 5 s}', 'time: invalid duration 5 s'],
    ['deploy: {resources: {limits: {memory: 5x}}}', "invalid size: '5x'"],
    ['deploy: {replicas: "2"}', 'services.a.deploy.replicas must be an integer'],
    ['command: "it\'s"', 'invalid command line string'],
    ['restart: no', 'services.a.restart must be a string'],
    ['cap_add: [A, A]', 'services.a.cap_add contains non unique items'],
    ['depends_on: {b: {condition: x}}', 'services.a.depends_on must be a list'],
    ['cpuset: "1"', 'COMPOSE_FORBIDDEN'],
    ['ulimits: {nofile: {soft: 1}}', 'services.a.ulimits.nofile hard is required'],
    ['volumes:\n- {source: x, target: /y}', 'services.a.volumes.0 type is required'],
    ['init: true', 'services.a Additional property init is not allowed'],
  ])('refuses %s', async (text, expected) => {
    for (const line of ['0.2', '0.4-0.8'] as const) expect(await service(text, line)).toContain(expected);
  });

  it('leaves out what a line did not know', async () => {
    const text = 'shm_size: 1g\nsysctls: {a: 1}\nimage: x\n';
    expect(await service(text, '0.4-0.8')).toEqual({ image: 'x' });
    expect(await service(text, '0.9')).toEqual({ image: 'x', shm_size: '1g', sysctls: { a: '1' } });
  });

  it('gives a variable without a value that of the parameter of its name', async () => {
    const given = { parameters: 'FOO: bar\nB: x\n' };
    expect(await service('environment: [FOO, B=]', '0.4-0.8', given)).toEqual({ environment: { FOO: 'bar', B: 'x' } });
    expect(await service('environment: [FOO, B=]', '0.9', given)).toEqual({ environment: { FOO: null, B: '' } });
  });
});

describe('casts', () => {
  const parameters = 'num: 2\nb: yes\nf: 0.5\nx: abc\n';

  it('are made where the text changed', async () => {
    const text = 'deploy: {replicas: "${num}", update_config: {max_failure_ratio: "${f}"}}\ntty: "${b}"\n';
    for (const line of ['0.2', '0.4-0.8'] as const) {
      expect(await service(text, line, { parameters })).toEqual({
        deploy: { replicas: 'int 2', update_config: { max_failure_ratio: 0.5 } },
        tty: true,
      });
    }
  });

  it('refuse other text', async () =>
    expect(await service('tty: ${x}', '0.4-0.8', { parameters })).toContain("failed to cast 'abc'"));
});

describe('sections', () => {
  const compose = (text: string) => `version: "3.6"\nservices: {}\n${text}`;

  it.each<[string, unknown]>([
    [
      'networks: {a: ~, b: {driver: x, driver_opts: {k: 1}}}',
      { networks: { a: {}, b: { driver: 'x', driver_opts: { k: '1' } } } },
    ],
    ['networks: {a: {external: {name: x}}}', { networks: { a: { name: 'x', external: true } } }],
    ['volumes: {a: {external: true}}', { volumes: { a: { name: 'a', external: true } } }],
    ['volumes: {a: {external: false, name: x}}', { volumes: { a: { name: 'x' } } }],
    ['configs: {a: {file: ./x/../y}}', { configs: { a: { file: 'y' } } }],
    ['configs: {a: {labels: [x]}}', { configs: { a: { file: '.', labels: { x: '' } } } }],
    ['networks: {a: {ipam: {}}}', { networks: { a: {} } }],
  ])('%s', async (text, expected) =>
    expect(await render({ compose: compose(text) }, '0.4-0.8')).toEqual({
      version: '3.6',
      services: {},
      ...(expected as object),
    }),
  );

  it.each([
    ['volumes: {a: {external: true, driver: x}}', 'conflicting parameters "external" and "driver"'],
    ['networks: {a: {external: {name: x}, name: z}}', 'only use network.name'],
    ['services: ~', 'services must be a mapping'],
    ['x-a: 1\nz: 2', 'Additional property z is not allowed'],
  ])('refuses %s', async (text, expected) =>
    expect(await render({ compose: compose(text) }, '0.4-0.8')).toContain(expected),
  );
});

describe('0.2', () => {
  it('drops what enabled switches off, anywhere', async () => {
    const compose = `version: "3.6"
services:
  a: {image: x, enabled: "\${flag}", labels: {enabled: false, k: v}}
  b: {image: y, enabled: "!\${flag}"}
  c: {image: z, enabled: "no"}
`;
    expect(await render({ compose, parameters: 'flag: true\n' }, '0.2')).toEqual({
      version: '3.6',
      services: { a: { image: 'x' }, c: { image: 'z' } },
    });
  });

  it.each([
    ['${x:-d}', 'd'],
    ['${e:-d}', 'd'],
    ['${e-d}', ''],
    ['${a?m}', '1'],
    ['$a-b c', '1'],
    ['${a.b-x}', 'x'],
    ['${l}', '[1 2]'],
    ['${nil}', '<nil>'],
  ])('reads %s as %s', async (text, expected) =>
    expect(await service(`command: ["${text}"]`, '0.2', { parameters: 'a: 1\ne: ""\nl: [1, 2]\nnil: ~\n' })).toEqual({
      command: [expected],
    }),
  );

  it('prints no x-*', async () => {
    const compose = 'version: "3.4"\nservices: {}\nx-a: 1\n';
    expect(await render({ compose }, '0.2')).toEqual({ version: '3.4', services: {} });
  });
});

describe('0.9', () => {
  it('reads an environment file beside the compose file', async () => {
    const files = { 'e.env': '# c\nA=1\n B= x #y\nC\n' };
    expect(await service('env_file: ./e.env\nenvironment: {A: "2"}', '0.9', { files })).toEqual({
      environment: { A: '2', B: ' x #y' },
    });
    expect(await service('env_file: ${f}', '0.9', { files, parameters: 'f: e.env\n' })).toEqual({
      environment: { A: '1', B: ' x #y' },
    });
  });

  it('takes a reference that leads out of a text as YAML', async () =>
    expect(await service('command: ${a}', '0.9', { parameters: 'a: "[x, y]"\nb: 1\n' })).toContain('PARAM_UNDEFINED'));

  it.each([
    ['volumes:\n- {type: bind, source: /a, target: /b}', 'invalid volume in service "a"'],
    ['volumes: ["${x}:/b"]', 'can\'t use relative path as volume source ("${x}:/b") in service "a"'],
  ])('refuses %s', async (text, expected) =>
    expect(await service(text, '0.9', { parameters: 'x: /a\n' })).toContain(expected),
  );

  it('wants the later name of the parameters', async () => {
    const files = folder({ compose: 'version: "3.6"\nservices: {}\n' });
    files.delete('web.dockerapp/parameters.yml');
    const { diagnostics } = await renderFiles({ files, semantics: '0.9' });
    expect(diagnostics[0]?.message).toContain('"settings.yml" has been deprecated in favor of "parameters.yml"');
  });
});

describe('strictness', () => {
  const compose = (version: string) => ({ compose: `version: "${version}"\nservices: {}\n` });

  it.each<[Semantics | 'auto', string, boolean]>([
    ['0.2', '3.6', true],
    ['0.2', '3.7', false],
    ['0.4-0.8', '3.7', true],
    ['0.4-0.8', '3.8', false],
    ['0.9', '3.9', true],
    ['0.9', '3.10', false],
    ['auto', '3.9', true],
    ['auto', '2.4', false],
  ])('%s and version %s', async (line, version, isTaken) => {
    const result = await renderFiles({ files: folder(compose(version)), semantics: line });
    expect(result.ok).toBe(isTaken);
  });

  it('refuses metadata that a release refused', async () => {
    const given = { ...compose('3.6'), metadata: 'name: a b\nversion: 1.0\n' };
    expect(typeof (await render(given, '0.2'))).toBe('object');
    expect(await render(given, '0.4-0.8')).toContain("name: Does not match format 'hostname'");
    expect(await render(given, '0.9')).toContain('version: Invalid type. Expected: string, given: integer');
    expect(typeof (await render(given, 'auto'))).toBe('object');
  });
});
