// One package of a generated factory: its files, as the choices that it is given say.

const IMAGES = [
  'alpine:3.12',
  'eclipse-mosquitto:1.6',
  'grafana/grafana:7.1.5',
  'nginx:1.19-alpine',
  'redis:5',
  'hub.riverbend.example/riverbend/river-gauge:latest',
  'hub.riverbend.example/riverbend/mqtt-bridge',
  'hub.riverbend.example/riverbend/frame-archive:latest',
];
const FORMS = [
  'single',
  'single',
  'single',
  'single',
  'settings',
  'settings',
  'parameters',
  'attached',
  'beside',
  'beside',
];

/**
 * Files as path, text and git mode; `needsFiles` where a service mounts one of them, so that devices of the old style cannot run the app.
 * @param {string} name
 * @param {(count: number) => number} pick
 * @param {number} revision changes the package and nothing else
 * @returns {{ files: [string, string, string][], needsFiles: boolean }}
 */
export function packageFiles(name, pick, revision) {
  const form = FORMS[pick(FORMS.length)] ?? '';
  const needsFiles = form === 'attached' || form === 'beside';
  const metadata = `version: 1.${pick(10)}.${revision}\nname: ${name}\ndescription: Number ${pick(1000)} of its kind\n`;
  const compose = formatCompose(pick, needsFiles, revision);
  const parameters = formatParameters(pick, revision);
  const at = `${name}.dockerapp`;
  /** @param {string} path @param {string} text @param {string} [mode] @returns {[string, string, string]} */
  const file = (path, text, mode = '100644') => [path, text, mode];
  /** @param {string} folder */
  const support = (folder) => [
    file(`${folder}/etc/web.conf`, `# settings of ${name}\n`.repeat(5 + pick(40))),
    file(`${folder}/bin/run.sh`, `#!/bin/sh\nexec sleep ${pick(100)}\n`, '100755'),
    file(`${folder}/notes.txt`, 'not mounted\n'),
  ];
  if (form === 'single' || form === 'beside') {
    const single = file(at, [metadata, compose, parameters].join('---\n'));
    return { files: [single, ...(form === 'beside' ? support(name) : [])], needsFiles };
  }
  const values = form === 'parameters' ? 'parameters.yml' : 'settings.yml';
  return {
    files: [
      file(`${at}/metadata.yml`, metadata),
      file(`${at}/docker-compose.yml`, compose),
      file(`${at}/${values}`, parameters),
      ...(form === 'attached' ? support(at) : []),
    ],
    needsFiles,
  };
}

/** @param {(count: number) => number} pick @param {boolean} withFiles @param {number} revision */
function formatCompose(pick, withFiles, revision) {
  const count = 1 + pick(4);
  const services = Array.from({ length: count }, (_, i) => formatService(i, pick, withFiles && i === 0));
  const volumes = 'volumes:\n  data:\nnetworks:\n  field:\n';
  const minor = services.some((text) => text.includes('x-enabled')) ? 7 : 2 + pick(6);
  return `version: '3.${minor}'\n# what runs where, revision ${revision}\nservices:\n${services.join('\n')}${volumes}`;
}

/** @param {number} number @param {(count: number) => number} pick @param {boolean} withFiles */
function formatService(number, pick, withFiles) {
  const extras = [
    '    ports:\n      - "${web.port}:80"\n',
    '    ports:\n      - "127.0.0.1:${web.port}:90"   # the technicians alone\n',
    '    environment:\n      RATIO: ${ratio}\n      MODE: "${mode}"\n      VERBOSE: \'${verbose}\'\n',
    '    environment:\n      - FIRST=${hosts.0}\n      - STATION=$station\n      - EMPTY=${empty}\n',
    '    command: ["--keep", "${keep}d", "--name", "${station}"]\n',
    '    healthcheck:\n      test: ["CMD-SHELL", "echo $$$$HOME || exit 1"]\n      interval: ${web.interval}\n',
    '    labels:\n      example.version: "${app.version}"\n      example.title: "${title}"\n',
    '    networks: [field]\n',
    '    stop_grace_period: ${web.interval}\n',
    '    x-enabled: "${verbose}"\n',
  ];
  // No key twice; the first service is never switched off.
  const chosen = [extras[pick(2)], extras[2 + pick(2)], extras[4 + pick(number === 0 ? 5 : 6)]];
  const mounts = withFiles
    ? '    volumes:\n      - ./etc/web.conf:/etc/web.conf:ro\n      - ./bin/run.sh:/run.sh:ro\n      - data:/data\n'
    : '    volumes:\n      - data:/data\n';
  const image = IMAGES[pick(IMAGES.length)] ?? '';
  return `  s${number}:\n    image: ${image}\n    restart: always\n${chosen.join('')}${mounts}`;
}

/** Values of every type that YAML had for docker-app. @param {(count: number) => number} pick @param {number} revision */
function formatParameters(pick, revision) {
  return `# every station has its own
station: 'weir-${pick(1000)}'
web:
  port: ${1000 + pick(8000)}
  interval: ${1 + pick(60)}s
ratio: ${pick(10)}.${pick(10)}0
mode: 0755
verbose: ${['yes', 'no', 'true', 'off'][pick(4)]}
hosts: [a${pick(50)}.example, 192.0.2.1]
empty: ""
keep: ${pick(30)}
title: "Weir & lock ${revision}"
${pick(3) === 0 ? `unused: { deep: ${pick(9)} }\n` : ''}`;
}
