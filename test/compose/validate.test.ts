import { describe, expect, test } from 'vitest';
import { type ComposeOrigin, readComposeFile } from '../../src/compose/compose-file.ts';
import { validateCompose } from '../../src/compose/validate.ts';
import type { Diagnostic } from '../../src/model/app.ts';

const check = (text: string, origin: ComposeOrigin = 'docker-app'): Diagnostic[] =>
  validateCompose(readComposeFile({ text, path: 'c.yml', line: 1 }, { origin }));

const REST = '  b: {image: b}\nvolumes: {v: {}}\nnetworks: {net: {}}\n';
/** A file of version 3.7 whose service `a` has this member. */
const member = (text: string): string => `version: '3.7'\nservices:\n  a:\n    image: a\n    ${text}\n${REST}`;
const messages = (text: string, origin?: ComposeOrigin): string[] => check(text, origin).map(({ message }) => message);

describe('members of a service', () => {
  test.each([
    ['tty: yes', []],
    ['tty: "yes"', ['services.a.tty must be a boolean, not a string']],
    ['tty: "${T-yes}"', []],
    ['tty: "${T-1}"', ['services.a.tty cannot be read as bool: "1"']],
    ['restart: always', []],
    ['restart: "no"', []],
    ['restart: no', ['services.a.restart must be a string, not a boolean']],
    ['restart: on-failure:3', []],
    ['restart: on-failure:x', ['services.a.restart must be mode[:max_retry]']],
    ['command: ls -l', []],
    ['command: [ls, "1"]', []],
    ['command: [ls, 1]', ['services.a.command.1 must be a string, not a number']],
    ['command: {a: b}', ['services.a.command must be a string or a list, not a mapping']],
    [
      'command: 2020-01-01',
      ['services.a.command must be a string, or a list, not a date'.replace('string, or', 'string or')],
    ],
    ['entrypoint: []', []],
    ['environment: {A: 1, B: x, C: }', []],
    ['environment: {A: yes}', ['services.a.environment.A must be a string, a number or null, not a boolean']],
    ['environment: {A: "yes"}', []],
    ['environment: {A: y}', ['services.a.environment.A must be a string, a number or null, not a boolean']],
    ['environment: {y: a}', ['Non-string key in services.a.environment: true']],
    ['environment: {1: a}', ['Non-string key in services.a.environment: 1']],
    ['environment: [A=1, B]', []],
    ['environment: ["A B=1"]', ['services.a.environment: the name "A B" may not hold blanks']],
    ['environment: [A=1, A=1]', ['services.a.environment contains non-unique items']],
    ['labels: {a: 1}', []],
    ['labels: [1]', ['services.a.labels.0 must be a string, not a number']],
    ['labels:', ['services.a.labels must be a list or a mapping, not null']],
    ['depends_on: [b]', []],
    ['depends_on: [c]', ['service a refers in depends_on to undefined service c']],
    ['depends_on: {b: {condition: service_started}}', ['services.a.depends_on must be a list, not a mapping']],
    ['depends_on: [a]', ['circular dependency: service a refers in depends_on to a']],
    ['links: ["b:alias"]', []],
    ['links: [c]', ['service a refers in links to undefined service c']],
    ['network_mode: "service:b"', []],
    ['network_mode: "service:c"', ['service a refers in network_mode to undefined service c']],
    ['networks: [net]', []],
    ['networks: {default: , net: {aliases: [x]}}', []],
    ['networks: [other]', ['service a uses the undefined network other (refused at up)']],
    ['secrets: [s]', ['service a uses the undefined secret s (refused at up)']],
    ['env_file: [a.env]', []],
    ['env_file: [{path: a.env}]', ['services.a.env_file.0 must be a string, not a mapping']],
    ['dns: 8.8.8.8', []],
    ['dns: [8.8.8.8, 8.8.8.8]', ['services.a.dns contains non-unique items']],
    ['tmpfs: /run', []],
    ['ulimits: {nproc: 5, nofile: {soft: 1, hard: 2}}', []],
    ['ulimits: {nofile: {soft: 3, hard: 2}}', ['services.a.ulimits.nofile: soft is greater than hard']],
    ['ulimits: {nofile: {soft: 3}}', ['services.a.ulimits.nofile hard is required']],
    ['stop_grace_period: 1m30s', []],
    ['stop_grace_period: 90', ['services.a.stop_grace_period must be a string, not a number']],
    ['stop_grace_period: 90 s', ["services.a.stop_grace_period is invalid: it is not a duration such as '1m30s'"]],
    ['deploy: {replicas: 2}', []],
    ['deploy: {replicas: "2"}', ['services.a.deploy.replicas must be an integer, not a string']],
    ['deploy: {replicas: "${N-2}"}', []],
    ['deploy: {replicas: "${N-2.0}"}', ['services.a.deploy.replicas cannot be read as int: "2.0"']],
    [
      'deploy: {update_config: {order: sideways}}',
      ['services.a.deploy.update_config.order must be one of start-first, stop-first'],
    ],
    ['deploy: {resources: {limits: {cpus: "0.5"}}}', []],
    [
      'deploy: {resources: {limits: {cpus: 0.5}}}',
      ['services.a.deploy.resources.limits.cpus must be a string, not a number'],
    ],
    [
      'deploy: {restart_policy: {delay: soon}}',
      ["services.a.deploy.restart_policy.delay is invalid: it is not a duration such as '1m30s'"],
    ],
    ['logging: {driver: x, options: {max-size: 10m, k: 1}}', []],
    [
      'logging: {options: {a: yes}}',
      ['services.a.logging.options.a must be a string, a number or null, not a boolean'],
    ],
    ['healthcheck: {test: ls, interval: 1m30s, retries: 3}', []],
    ['healthcheck: {interval: 5}', ['services.a.healthcheck.interval must be a string, not a number']],
    [
      'healthcheck: {interval: 1d}',
      ["services.a.healthcheck.interval is invalid: it is not a duration such as '1m30s'"],
    ],
    ['healthcheck: {test: [ls]}', ['services.a.healthcheck: a test list must begin with NONE, CMD or CMD-SHELL']],
    ['healthcheck: {test: []}', ['services.a.healthcheck: test is an empty list']],
    [
      'healthcheck: {disable: true, retries: 1}',
      ['services.a.healthcheck: disable cannot be combined with other options'],
    ],
    ['security_opt: [no-new-privileges, "seccomp:unconfined"]', []],
    ['security_opt: [loose]', ['services.a.security_opt: "loose" is no option']],
    ['foo: 1', ['services.a Additional property foo is not allowed']],
    ['cpus: 1', ['services.a Additional property cpus is not allowed']],
    ['x-note: {any: [1]}', []],
    ['init: true', []],
    ['init: "${I-true}"', ['services.a.init must be a boolean, not a string']],
    ['user: ${a.b}', [expect.stringContaining('compose cannot interpolate "${a.b}"')]],
    ['user: "${U?no user}"', [expect.stringContaining('the variable U must have a value: no user')]],
    ['x-note: $', [expect.stringContaining('compose cannot interpolate "$"')]],
    ['user: !custom x', ['docker-compose does not know the tag !custom']],
    ['<<: [1]', ["'<<' takes a mapping or a list of mappings"]],
  ] as [string, string[]][])('%s', (text, expected) => {
    expect(messages(member(text))).toEqual(expected);
  });

  test.each([
    ['80', undefined],
    ['"80:80/udp"', undefined],
    ['"127.0.0.1:80:80"', undefined],
    ['"${P-80}:80"', undefined],
    ['{target: 80, published: "${P-80}"}', undefined],
    ['"80-82:90-92"', undefined],
    ['"${P}:80"', 'the port ranges do not match in length'],
    ['"80-82:90-91"', 'the port ranges do not match in length'],
    ['"80:tcp"', 'it should be [[remote_ip:]remote_port[-remote_port]:]port[/protocol]'],
    ['"70000:80"', 'a port is above 65535'],
    ['"90-80:90-80"', 'a range ends before it begins'],
    ['"1:2:3"', "'1' is not an IP address"],
  ])('port %s', (item, fault) => {
    expect(messages(member(`ports: [${item}]`))).toEqual(
      fault === undefined ? [] : [`services.a.ports.0 is invalid: ${fault}`],
    );
  });

  test.each([
    ['v:/data', []],
    ['v:/data:ro', []],
    ['./x:/x, /var/run:/run, ~/y:/y, /anonymous', []],
    ['{type: volume, source: v, target: /x}', []],
    ['"${V-v}:/x"', []],
    ['w:/data', ['service a uses the undefined volume w']],
    ['{type: volume, source: w, target: /x}', ['service a uses the undefined volume w']],
    ['sub/dir:/x', ['service a uses the undefined volume sub/dir']],
    ['a:b:c:d', ['services.a.volumes: "a:b:c:d" is no volume: it should be external:internal[:mode]']],
    ['"${X}:/x"', ['services.a.volumes: ":/x" is no volume: empty section between colons']],
    ['./a:/x, ./b:/x/', ['services.a.volumes: two mounts have the target /x']],
    ['{source: ./a, target: /x}', ['services.a.volumes.0 type is required']],
    ['{type: bind, target: /x}', ['services.a.volumes: "" is no volume: a bind mount needs a source']],
    [
      '{type: tmpfs, source: a, target: /x}',
      ['services.a.volumes: "" is no volume: tmpfs mounts can not specify a source'],
    ],
  ])('volumes %s', (items, expected) => {
    expect(messages(member(`volumes: [${items}]`))).toEqual(expected);
  });
});

describe('versions', () => {
  test.each([
    ['3.6', 'x-all: 1\n', '', []],
    ['3.3', 'x-all: 1\n', '', ['Additional property x-all is not allowed']],
    ['3.7', '', 'x-note: 1', []],
    ['3.6', '', 'x-note: 1', ['services.a Additional property x-note is not allowed']],
    ['3.6', '', 'init: true', ['services.a Additional property init is not allowed']],
    ['3.1', '', 'ports: [{target: 80}]', ['services.a.ports.0 must be a number or a string, not a mapping']],
    ['3.2', '', 'ports: [{target: 80}]', []],
    [
      '3.3',
      '',
      'healthcheck: {start_period: 1s}',
      ['services.a.healthcheck Additional property start_period is not allowed'],
    ],
    ['3.0', 'secrets: {}\n', '', ['Additional property secrets is not allowed']],
    ['3.7', 'name: shop\n', '', ['Additional property name is not allowed']],
  ] as [string, string, string, string[]][])('%s: %j %j', (version, top, own, expected) => {
    const line = own === '' ? '' : `    ${own}\n`;
    expect(messages(`version: '${version}'\n${top}services:\n  a:\n    image: a\n${line}`)).toEqual(expected);
  });

  test('the hint names the version that has the key', () => {
    expect(check("version: '3.6'\nservices: {a: {image: a, init: true}}\n")[0]?.hint).toBe("It needs version '3.7'.");
    expect(check("version: '3.6'\nservices: {a: {image: a, scale: 1}}\n")[0]?.hint).toContain('in no version');
  });
});

describe('files', () => {
  test.each([
    'extends',
    'volumes_from',
    'volume_driver',
    'cpu_quota',
    'cpu_shares',
    'cpuset',
    'mem_limit',
    'memswap_limit',
  ])('%s is forbidden to docker-app', (key) => {
    const found = check(member(`${key}: x`)).find(({ code }) => code === 'COMPOSE_FORBIDDEN');
    expect(found).toMatchObject({
      severity: 'error',
      message: `Configuration contains forbidden properties: services.a.${key}`,
      location: { line: 5, column: 5 },
    });
  });

  test.each([
    ['services: {1: {image: x}}', ['Non-string key in services: 1']],
    ['services: {"a b": {image: x}}', ['services Additional property a b is not allowed']],
    ['services: {a: {}}', ['service a has neither an image nor a build context']],
    ['services: {A: {build: .}}', ['service A needs an image, because its name holds upper-case letters']],
    ['services: {a: {build: {dockerfile: x}}}', ['services.a.build context is required']],
    ['services: {a: {image: }}', ['services.a.image must be a string, not null']],
    ['x-a: {y: 1}', ['Non-string key in x-a: true']],
    ['x-a: =', ['"=" is no value to docker-compose']],
    ['services: {}\n---\n', ['a second YAML document follows, which docker-compose refuses']],
    ['services: {}\n...\n', []],
    ['volumes: {v: {external: true, driver: x}}', ['volumes.v is external but has other attributes too: driver']],
    ['volumes: {v: {external: true, name: x}}', []],
    ['networks: {m: {external: true, driver: x}}', []],
    ['networks: {m: {ipam: {config: [{subnet: 10.0.0.0/8}]}}}', []],
    [
      'networks: {m: {ipam: {config: [{subnet: 10.0.0.0}]}}}',
      ['networks.m.ipam.config.0.subnet is invalid: it should use the CIDR format'],
    ],
    ['secrets: {s: }', ['secrets.s must be a mapping, not null']],
  ] as [string, string[]][])('%s', (body, expected) => {
    expect(messages(`version: '3.7'\n${body}\n`)).toEqual(expected);
  });

  test('cycles over several services are found once', () => {
    const text =
      "version: '3.7'\nservices:\n  a: {image: a, depends_on: [b]}\n  b: {image: b, links: [c]}\n  c: {image: c, network_mode: 'service:a'}\n";
    expect(messages(text)).toEqual(['circular dependency: service c refers in network_mode to a']);
  });

  test('configs of a service are a warning, also where they are undefined', () => {
    const found = check("version: '3.7'\nservices: {a: {image: a, configs: [c]}}\n");
    expect(found.map(({ code, severity }) => [code, severity])).toEqual([
      ['compose.service-configs', 'warning'],
      ['compose.service-configs', 'warning'],
    ]);
  });

  test('several errors come in the order of the text, each with its place', () => {
    const text = "version: '3.7'\nservices:\n  a:\n    image: a\n    foo: 1\n    restart: no\n  b:\n    image: 1\n";
    expect(check(text).map(({ code, location }) => [code, location?.line, location?.column])).toEqual([
      ['COMPOSE_INVALID', 5, 5],
      ['COMPOSE_INVALID', 6, 14],
      ['COMPOSE_INVALID', 8, 12],
    ]);
  });

  test('a fault in a shared node is told once, and never more than 100 findings', () => {
    const shared = "version: '3.7'\nx-a: &a {image: 1}\nservices: {a: *a, b: *a}\n";
    expect(new Set(check(shared).map(({ location }) => location?.column))).toEqual(new Set([17]));
    const many = Array.from({ length: 300 }, (_, i) => `s${i}: {}`).join(', ');
    expect(check(`version: '3.7'\nservices: {${many}}\n`)).toHaveLength(100);
  });

  test('docker-compose takes what docker-app refused', () => {
    const text =
      "version: '2.4'\nservices:\n  a: {image: a, mem_limit: 1g, scale: 1, depends_on: {b: {condition: service_started}}, labels: {y: yes}}\n  b: {image: b, deploy: {replicas: '2'}}\n";
    expect(messages(text, 'compose')).toEqual([]);
    expect(messages('services: {a: {image: a, foo: 1}}', 'compose')).toEqual([
      'services.a Additional property foo is not allowed',
    ]);
    expect(messages('volumes: {}', 'compose')).toEqual([
      'without version and services, docker-compose reads the file as version 1',
    ]);
  });
});
