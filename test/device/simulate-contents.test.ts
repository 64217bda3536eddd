import { describe, expect, test } from 'vitest';
import { type DeviceGroup, readBundleContent, readPackageContent } from '../../src/device/app-content.ts';
import { type Contents, packageKey, type ReadContent } from '../../src/device/client-entries.ts';
import { RUNNING_CLIENTS } from '../../src/device/clients.ts';
import { listRunning } from '../../src/device/list-running.ts';
import { simulateTargets } from '../../src/device/simulate.ts';
import { choosePairs } from '../../src/device/simulate-moves.ts';
import type { SimulationRow } from '../../src/device/simulation-rows.ts';
import type { SimulationInput } from '../../src/device/simulation-step.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { dual, fileOf, fileTarget, type Json, ostree, uriOf } from '../targets/samples.ts';

const OLD = ['docker-app', '2020-07-docker-app', '2020-09-docker-app'];
const COMPOSE_2020 = ['2020-07-compose', '2020-09-compose', '2020-10'];
const DIGEST = digestOf(Buffer.from('image'));
const OTHER = digestOf(Buffer.from('another'));

/** One version of the app web: its service in each style. */
interface Version {
  /** Of both styles, unless one says otherwise. */
  readonly compose: string;
  readonly dockerApp?: string;
  readonly files?: readonly string[];
  readonly manifestBytes?: number;
  readonly maps?: 'docker_apps' | 'docker_compose_apps';
}

const web = (image: string, more = ''): string => `version: '3.7'\nservices:\n  web:\n    image: ${image}\n${more}`;

async function inputOf(
  versions: readonly Version[],
  { parameters = '{}', groups = [] }: { parameters?: string; groups?: readonly DeviceGroup[] } = {},
): Promise<SimulationInput> {
  const packages = new Map<string, ReadContent>();
  const bundles = new Map<string, ReadContent>();
  const targets: Json = {};
  for (const [i, version] of versions.entries()) {
    const number = i + 1;
    const { compose, dockerApp = compose, files = [], manifestBytes = 800, maps } = version;
    const filename = `web.dockerapp-${number}`;
    const uri = uriOf('web', `v${number}`);
    const custom = { ...dual(number, 'web'), docker_compose_apps: { web: { uri } } };
    const other = maps === 'docker_apps' ? 'docker_compose_apps' : 'docker_apps';
    targets[`arm-${number}`] = ostree('arm', number, maps === undefined ? custom : { ...custom, [other]: undefined });
    const text = `version: 1.0.0\nname: web\n---\n${dockerApp}---\n${parameters}\n`;
    targets[filename] = fileTarget('web', number, text);
    packages.set(packageKey('web', filename), { content: await readPackageContent('web', Buffer.from(text), groups) });
    bundles.set(uri, { content: readBundleContent('web', { text: compose, files }, groups), manifestBytes });
  }
  const file = fileOf(targets);
  const contents: Contents = { packages, bundles };
  const pairs = choosePairs({ file, tagRules: [], from: [], to: [] });
  const isCovered = (name: string): boolean => name.startsWith('hub.example.io/acme/');
  return { file, pairs, clients: RUNNING_CLIENTS, contents, groups, isCovered };
}

async function play(...args: Parameters<typeof inputOf>): Promise<SimulationRow[]> {
  return simulateTargets(await inputOf(...args));
}

/** Rows of one outcome as move, clients and loss, with what they say. */
function told(rows: readonly SimulationRow[], outcome: string): unknown[][] {
  return rows
    .filter((row) => row.outcome === outcome)
    .map(({ move, clients, loss, detail }) => [move, clients, loss, ...(detail === undefined ? [] : [detail])]);
}

describe('the image in each style', () => {
  const images = async (dockerApp: string, compose: string): Promise<SimulationRow[]> =>
    (await play([{ compose: web(compose), dockerApp: web(dockerApp) }])).filter(({ move }) => move === 'both styles');

  test('alike is nothing to tell, however it is spelt', async () => {
    expect(await images(`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`)).toEqual([]);
  });

  test('another one is a loss', async () => {
    const [row] = await images(`nginx@${OTHER}`, `nginx@${DIGEST}`);
    expect(row).toMatchObject({ outcome: 'images-differ', loss: true, apps: ['web'], clients: [], to: ['arm-1'] });
    expect(row?.detail).toBe(`service web: nginx@${OTHER} as docker-app, nginx@${DIGEST} as compose app`);
  });

  test('a tag beside a digest is a note outside the tag rule, a loss inside it', async () => {
    expect(await images('nginx:1', `nginx@${DIGEST}`)).toMatchObject([{ outcome: 'tag-and-digest', loss: false }]);
    const own = 'hub.example.io/acme/nginx';
    expect(await images(`${own}:1`, `${own}@${DIGEST}`)).toMatchObject([{ outcome: 'images-differ', loss: true }]);
    expect(await images('redis:1', `nginx@${DIGEST}`)).toMatchObject([{ outcome: 'images-differ', loss: true }]);
  });

  test('a service that one style lacks is a difference', async () => {
    const two = `${web(`a@${DIGEST}`)}  api:\n    image: b@${DIGEST}\n`;
    const rows = (await play([{ compose: two, dockerApp: web(`a@${DIGEST}`) }])).filter(({ loss }) => loss);
    expect(rows.map(({ outcome, detail }) => `${outcome}: ${detail}`)).toEqual([
      `images-differ: service api: not there as docker-app, b@${DIGEST} as compose app`,
    ]);
  });
});

describe('what an app keeps', () => {
  const volume = (name: string): string =>
    web('nginx', `    volumes:\n      - ${name}:/data\nvolumes:\n  ${name}: {}\n`);

  test('another volume, by its full name, is a loss on the way there and told on the way back', async () => {
    const rows = await play([{ compose: volume('data') }, { compose: volume('store') }]);
    expect(told(rows, 'storage-changed')).toEqual([
      [
        'to',
        RUNNING_CLIENTS.map(({ id }) => id),
        true,
        'service web, /data: was on volume web_data, is on volume web_store',
      ],
      [
        'back',
        RUNNING_CLIENTS.map(({ id }) => id),
        false,
        'service web, /data: was on volume web_store, is on volume web_data',
      ],
    ]);
  });

  test('a mount that goes is a loss, a service that goes is not', async () => {
    const two = `version: '3.7'\nservices:\n  web:\n    image: nginx\n  db:\n    image: redis\n    volumes:\n      - data:/data\nvolumes:\n  data: {}\n`;
    expect(told(await play([{ compose: volume('data') }, { compose: web('nginx') }]), 'storage-changed')[0]).toEqual([
      'to',
      RUNNING_CLIENTS.map(({ id }) => id),
      true,
      'service web, /data: was on volume web_data, is on none',
    ]);
    expect(told(await play([{ compose: two }, { compose: web('nginx') }]), 'service-gone')).toEqual([
      ['to', RUNNING_CLIENTS.map(({ id }) => id), false, 'service db is gone, its volume web_data stays on the device'],
    ]);
  });

  test('data in the folder of the app stays behind on a switch, a file of the bundle does not matter', async () => {
    const mounted = web('nginx', '    volumes:\n      - ./state:/state\n');
    expect(told(await play([{ compose: mounted }]), 'storage-changed')).toEqual([
      [
        'switch',
        ['2020-07-compose', '2020-09-compose'],
        true,
        'service web, /state: was on app folder docker_apps_root/web/state, is on app folder compose_apps_root/web/state',
      ],
    ]);
    expect(told(await play([{ compose: mounted, files: ['state/x.conf'] }]), 'storage-changed')).toEqual([]);
  });

  test('a missing host path stopped the docker-app, and is made for the compose app', async () => {
    const rows = await play([{ compose: web('nginx', '    volumes:\n      - /var/lib/web:/data\n') }]);
    expect(told(rows, 'host-path')).toEqual([
      [
        'switch',
        ['2020-07-compose', '2020-09-compose'],
        false,
        'service web, /data: where /var/lib/web is missing on the host, it is made as an empty folder from now on',
      ],
    ]);
  });

  test('other networks are told by their full names', async () => {
    const [row] = told(
      await play([
        { compose: web('nginx') },
        { compose: web('nginx', '    networks: [field]\nnetworks:\n  field: {}\n') },
      ]),
      'network-changed',
    );
    expect(row?.[3]).toBe('networks that go: web_default; that come: web_field');
  });

  test('is listed by full names', async () => {
    const text = `${volume('data')}  shared:\n    external: true\n  named:\n    name: river\n`;
    const mounts = '      - shared:/s\n      - named:/n\n      - /etc/web:/etc/web\n      - ./own:/own\n';
    const running = listRunning(await inputOf([{ compose: text.replace('      - data:/data\n', `$&${mounts}`) }]));
    expect(running).toMatchObject([
      { app: 'web', styles: ['compose'], paths: ['/etc/web', 'compose_apps_root/web/own'] },
      { app: 'web', styles: ['docker-app'], paths: ['/etc/web', 'docker_apps_root/web/own'] },
    ]);
    for (const { volumes, networks, images, targets } of running) {
      expect({ volumes, networks, images, targets }).toEqual({
        volumes: ['river', 'shared', 'web_data'],
        networks: ['web_default'],
        images: [{ service: 'web', image: 'nginx' }],
        targets: ['arm-1'],
      });
    }
  });
});

describe('values of groups of devices', () => {
  const APP = { compose: web('nginx', '    environment:\n      LEVEL: ${level-info}\n') };
  const PACKAGE = web('nginx', '    environment:\n      LEVEL: ${level}\n');
  const group = (variables: Readonly<Record<string, string>> = {}): DeviceGroup => ({
    name: 'lab',
    parameters: { text: 'level: debug\n', path: 'lab.yml', offset: 0, line: 1 },
    environments: new Map(Object.keys(variables).length === 0 ? [] : [['web', new Map(Object.entries(variables))]]),
  });
  const options = (variables?: Readonly<Record<string, string>>) => ({
    parameters: 'level: info',
    groups: [group(variables)],
  });

  test('are lost on a switch without a .env file; the value is not told', async () => {
    const rows = await play([{ ...APP, dockerApp: PACKAGE }], options());
    expect(told(rows, 'override-lost')).toEqual([
      [
        'switch',
        ['2020-07-compose', '2020-09-compose'],
        true,
        'devices of lab: the value of services.web.environment.LEVEL is the default again',
      ],
    ]);
    expect(JSON.stringify(rows)).not.toContain('debug');
  });

  test('stay with a .env file that has to be there first', async () => {
    const rows = await play([{ ...APP, dockerApp: PACKAGE }], options({ level: 'debug' }));
    expect(told(rows, 'override-lost')).toEqual([]);
    expect(told(rows, 'env-needed').map((row) => row.slice(0, 3))).toEqual([
      ['switch', ['2020-07-compose', '2020-09-compose'], false],
    ]);
  });

  test('the .env file stays where a client unpacks over the folder, and goes with an app', async () => {
    const next = { compose: `${APP.compose}      MORE: x\n`, dockerApp: `${PACKAGE}      MORE: x\n` };
    const kept = await play([{ ...APP, dockerApp: PACKAGE }, next], options({ level: 'debug' }));
    expect(told(kept, 'env-kept').map((row) => row.slice(0, 3))).toEqual([
      ['to', COMPOSE_2020, false],
      ['back', COMPOSE_2020, false],
    ]);
    const gone = await play(
      [
        { ...APP, dockerApp: PACKAGE },
        { ...next, maps: 'docker_apps' },
      ],
      options({ level: 'debug' }),
    );
    expect(told(gone, 'env-lost').map((row) => row.slice(0, 3))).toEqual([['to', [...COMPOSE_2020, 'newest'], true]]);
  });
});

describe('what stays on a device', () => {
  test('files of the former bundle, where a client unpacks over it', async () => {
    const rows = await play([
      { compose: web('nginx'), files: ['a.conf', 'b.conf'] },
      { compose: web('nginx:2'), files: ['b.conf'] },
    ]);
    expect(told(rows, 'files-left')).toEqual([
      ['to', COMPOSE_2020, false, 'files of the former bundle stay in the folder: a.conf'],
    ]);
  });

  test('one that compose reads by its name is a loss: it changes what runs', async () => {
    const rows = await play([
      { compose: web('nginx'), files: ['docker-compose.override.yml'] },
      { compose: web('nginx:2') },
    ]);
    expect(told(rows, 'files-left')).toEqual([
      ['to', COMPOSE_2020, true, 'files that stay in the folder change what runs: docker-compose.override.yml'],
    ]);
  });

  test('images that docker_prune took are downloaded again on the way back, and after a switch', async () => {
    const rows = await play([{ compose: web('nginx:1') }, { compose: web('nginx:2'), dockerApp: web('nginx:3') }]);
    expect(told(rows, 'pulled-again').map((row) => row.slice(0, 3))).toEqual([
      ['back', RUNNING_CLIENTS.map(({ id }) => id), false],
    ]);
    expect(told(rows, 'untouched')).toEqual([
      [
        'switch back',
        ['2020-07-compose', '2020-09-compose'],
        false,
        'nothing is done until the next target: the compose app runs on; docker_prune has removed the former images',
      ],
    ]);
  });
});

describe('what a device refuses', () => {
  test('a manifest above 2,048 bytes, in clients of 2020 only', async () => {
    const at = (manifestBytes: number) => play([{ compose: web('nginx'), manifestBytes }]);
    expect(told(await at(2048), 'fails')).toEqual([]);
    expect(told(await at(2049), 'fails').filter(([move]) => move === 'to')).toEqual([
      ['to', COMPOSE_2020, true, 'the update fails and the device stays: its manifest has 2049 bytes, more than 2048'],
    ]);
  });

  test('a content with a problem: the whole update, for the style that reads it', async () => {
    const input = await inputOf([{ compose: web('nginx') }]);
    const packages = new Map([[packageKey('web', 'web.dockerapp-1'), { problem: 'it is empty' }]]);
    const rows = simulateTargets({ ...input, contents: { ...input.contents, packages } });
    expect(told(rows, 'fails')).toEqual([['to', OLD, true, 'the update fails and the device stays: it is empty']]);
  });
});
