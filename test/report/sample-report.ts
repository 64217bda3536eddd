import { digestOf, hexOf } from '../../src/lib/digest.ts';
import { finding } from '../../src/lib/finding.ts';
import { createKeep } from '../../src/lib/keep.ts';
import type { AppResult, Diagnostic, SourceOrigin } from '../../src/model/app.ts';
import type { AppPlan, MigrationPlan, PlannedTarget } from '../../src/model/plan.ts';
import { packRow, unpackRow } from '../../src/pipeline/state.ts';
import { buildRunReport, type RunReport, type RunReportInput } from '../../src/report/run-report.ts';

/** The secret value of the fixture: no format may show it. */
export const SECRET = 'tr0ub4dor&3$x';

const REGISTRY = 'hub.example.com';
const COMMITS = { gateway: '4f1d0c7a9be25381', sensors: 'b07e55a1c3d94460', office: '99aa02be7710fe31' } as const;

type Repository = keyof typeof COMMITS;

function originOf(repository: Repository, path: string): SourceOrigin {
  return { repository: `repositories/${repository}`, path, commit: COMMITS[repository].padEnd(40, '0') };
}

interface AppInput {
  readonly app: string;
  readonly repository: Repository;
  readonly status: AppPlan['status'];
  readonly kind?: AppPlan['kind'];
  readonly reason?: string;
  readonly services?: readonly (readonly [service: string, written: string])[];
  readonly size?: number;
  readonly newOnDevices?: boolean;
  readonly variables?: AppPlan['variables'];
  readonly files?: readonly (readonly [path: string, size: number])[];
  readonly diff?: string;
  readonly diagnostics?: readonly Diagnostic[];
  /** Members of the plan as they are. */
  readonly more?: Partial<AppPlan>;
}

function pinOf(written: string): string {
  const name = written.replace(/:[^/]*$/, '');
  return `${name}@${digestOf(`image ${written}`)}`;
}

function planApp(input: AppInput): AppPlan {
  const { app, status, services = [], size = 2_048 } = input;
  const failed = status === 'failed' || status === 'skipped';
  const manifest = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf(`manifest ${app}`),
    size: 521,
  };
  return {
    app,
    origin: originOf(input.repository, `${app}.dockerapp`),
    kind: input.kind ?? 'single-file',
    status,
    ...(input.reason === undefined ? {} : { reason: input.reason }),
    images: services.map(([service, written]) => ({ service, written, reference: written, pinned: pinOf(written) })),
    platforms: failed
      ? []
      : [
          { os: 'linux', architecture: 'arm64' },
          { os: 'linux', architecture: 'arm', variant: 'v7' },
        ],
    variables: input.variables ?? [],
    ...(failed
      ? {}
      : {
          bundle: { mediaType: 'application/octet-stream', digest: digestOf(`bundle ${app}`), size },
          manifest,
          reference: `${REGISTRY}/acme/${app}@${manifest.digest}`,
          dockerApp: {
            name: `${app}.dockerapp-43`,
            length: 1_180,
            sha256: hexOf(digestOf(`file ${app}`)),
            reused: status === 'unchanged',
          },
        }),
    files: failed
      ? []
      : [['docker-compose.yml', 840] as const, ...(input.files ?? [])].map(([path, bytes]) => ({
          path,
          size: bytes,
          digest: digestOf(`${app} ${path}`),
        })),
    published: status === 'unchanged',
    newOnDevices: input.newOnDevices ?? false,
    ...(input.diff === undefined ? {} : { diff: input.diff }),
    ...input.more,
    diagnostics: input.diagnostics ?? [],
  };
}

const DIFF = `--- shop.dockerapp
+++ docker-compose.yml
@@ -1,14 +1,14 @@
 version: "3.7"
 # The shop and its database.
 services:
   web:
-    image: ${REGISTRY}/acme/shop:\${TAG}
+    image: ${REGISTRY}/acme/shop@${digestOf(`image ${REGISTRY}/acme/shop:4f1d0c7`)}
     ports:
-      - "\${web.port}:80"
+      - "\${web_port-8080}:80"
   db:
-    image: postgres:15-alpine
+    image: postgres@${digestOf('image postgres:15-alpine')}
     environment:
-      POSTGRES_PASSWORD: \${db.password}
+      POSTGRES_PASSWORD: \${db_password-${SECRET.replaceAll('$', '$$$$')}}
       DATABASE_URL: "postgres://shop:${SECRET}@db/shop"
`;

const APPS: readonly AppInput[] = [
  {
    app: 'shop',
    repository: 'gateway',
    status: 'migrated',
    kind: 'single-file',
    size: 4_311,
    newOnDevices: true,
    services: [
      ['web', `${REGISTRY}/acme/shop:4f1d0c7`],
      ['db', 'postgres:15-alpine'],
    ],
    variables: [
      { parameter: 'web.port', variable: 'web_port', value: '8080', uses: 1 },
      { parameter: 'db.password', variable: 'db_password', value: SECRET, uses: 2 },
      { parameter: 'db.url', variable: 'db_url', value: `postgres://shop:${SECRET}@db/shop`, uses: 1 },
      { parameter: 'log.level', value: 'info', uses: 1, fixed: 'its use is in a key, where compose reads no variable' },
    ],
    files: [
      ['nginx/nginx.conf', 1_902],
      ['nginx/mime.types', 5_349],
    ],
    diff: DIFF,
    more: {
      composeLine: 5,
      changes: [
        {
          line: 7,
          source: 11,
          rule: 'R5 overrides',
          reason: 'parameter web.port, default 8080; set web_port to override it',
        },
        {
          line: 11,
          source: 15,
          rule: 'R5 overrides',
          reason: `parameter db.password, default ${SECRET}; set db_password to override it`,
        },
      ],
      dockerAppDiff: `--- shop.dockerapp
+++ published
@@ -8,5 +8,5 @@
 services:
   web:
-    image: ${REGISTRY}/acme/shop:\${TAG}
+    image: ${REGISTRY}/acme/shop@${digestOf(`image ${REGISTRY}/acme/shop:4f1d0c7`)}
     ports:
       - "\${web.port}:80"
`,
      storage: [
        { service: 'db', target: '/var/lib/postgresql/data', kind: 'volume', source: 'shop_data' },
        { service: 'web', target: '/uploads', kind: 'app folder', source: 'shop/uploads' },
      ],
      former: { dockerApp: 'shop.dockerapp-40' },
      downloads: [
        { platform: 'linux/arm64', from: 'nothing', bytes: 91_226_112 },
        { platform: 'linux/arm64', from: 'docker-app', bytes: 4_311, unknownImages: 1 },
      ],
    },
    diagnostics: [
      finding('targets.new-app', 'no target names shop yet'),
      finding('param.fixed', 'log.level stands in a key and was put in as its value', {
        hint: 'Move log.level out of the key, if devices override it.',
        location: { path: 'shop.dockerapp', line: 31, column: 7 },
      }),
      finding('yaml.scalar-quoted', 'ports: 22:22 was fixed to "22:22"', {
        location: { path: 'shop.dockerapp', line: 14, column: 9 },
      }),
    ],
  },
  {
    app: 'kiosk',
    repository: 'gateway',
    status: 'failed',
    reason: 'an image cannot be resolved',
    diagnostics: [
      finding('IMAGE_UNRESOLVED', `${REGISTRY}/acme/kiosk:4f1d0c7 is not in the registry`, {
        hint: 'Push the image for commit 4f1d0c7, or name another tag with --tag.',
        location: { path: 'kiosk.dockerapp', line: 12, column: 12 },
      }),
    ],
  },
  {
    app: 'gateway-ui',
    repository: 'gateway',
    status: 'held',
    reason: 'its targets wait for kiosk',
    services: [['ui', `${REGISTRY}/acme/gateway-ui:4f1d0c7`]],
    size: 1_744,
    diagnostics: [
      finding('render.port-address', '127.0.0.1:9000:9000 was 9000:9000 on devices so far', {
        location: { path: 'gateway-ui.dockerapp', line: 9, column: 9 },
      }),
    ],
  },
  {
    app: 'thermo',
    repository: 'sensors',
    status: 'migrated',
    kind: 'folder',
    services: [['reader', `${REGISTRY}/acme/thermo:b07e55a`]],
    size: 2_990,
    files: [['calibration.csv', 12_480]],
    variables: [{ parameter: 'interval', variable: 'interval', value: '30', uses: 1 }],
    diagnostics: [finding('file.beside-package', 'calibration.csv was found beside the package')],
  },
  {
    app: 'pulse',
    repository: 'sensors',
    status: 'migrated',
    kind: 'folder',
    services: [['pulse', `${REGISTRY}/acme/pulse:b07e55a`]],
    diagnostics: [
      finding('image.platform-missing', 'hub.example.com/acme/pulse:b07e55a is not there for linux/amd64', {
        location: { path: 'pulse.dockerapp/docker-compose.yml', line: 18, column: 12 },
      }),
    ],
  },
  {
    app: 'relay',
    repository: 'sensors',
    status: 'unchanged',
    services: [['relay', 'eclipse-mosquitto:2.0']],
    more: {
      images: [
        {
          service: 'relay',
          written: 'eclipse-mosquitto:2.0',
          reference: 'eclipse-mosquitto:2.0',
          pinned: pinOf('eclipse-mosquitto:2.0'),
          drift: { kind: 'layers', digest: digestOf('moved') },
        },
      ],
    },
  },
  {
    app: 'signage',
    repository: 'office',
    status: 'unchanged',
    services: [['player', `${REGISTRY}/acme/signage:99aa02b`]],
  },
  { app: 'printer', repository: 'office', status: 'skipped', reason: 'excluded by apps.exclude' },
];

function planTarget(hardwareId: string): PlannedTarget {
  return {
    name: `${hardwareId}-lmp-43`,
    kind: 'ostree',
    parent: `${hardwareId}-lmp-42`,
    tag: 'devel',
    hardwareId,
    target: {
      hashes: { sha256: hexOf(digestOf(`ostree ${hardwareId}`)) },
      length: 0,
      custom: { version: '43', targetFormat: 'OSTREE', hardwareIds: [hardwareId], tags: ['devel'] },
    },
    apps: [
      { app: 'shop', dockerApp: 'added', composeApp: 'added' },
      { app: 'gateway-ui', dockerApp: 'replaced', composeApp: 'added' },
      { app: 'thermo', dockerApp: 'none', composeApp: 'added' },
      { app: 'pulse', dockerApp: 'replaced', composeApp: 'replaced' },
      { app: 'relay', dockerApp: 'unchanged', composeApp: 'unchanged' },
      { app: 'signage', dockerApp: 'unchanged', composeApp: 'unchanged' },
    ],
  };
}

function planFile(app: AppPlan): PlannedTarget[] {
  const file = app.dockerApp;
  if (file === undefined || file.reused) return [];
  const { name, length, sha256 } = file;
  return [{ name, kind: 'file', target: { hashes: { sha256 }, length, custom: { version: '43' } }, apps: [] }];
}

/** An input with each app of its plan changed. */
export function changeApps(input: RunReportInput, change: (app: AppPlan) => AppPlan): RunReportInput {
  const apps = input.plan.apps.map((app) => packRow(change(unpackRow(app)), createKeep(1_000_000)));
  return { ...input, plan: { ...input.plan, apps } };
}

/** A made-up factory: eight apps in three repositories, one of them failed, one held and one skipped. */
export function sampleInput(): RunReportInput {
  const apps = APPS.map(planApp);
  const images = apps.flatMap((app) => app.images);
  const plan: MigrationPlan = {
    version: 1,
    state: 'proposed',
    createdAt: '2026-03-02T06:30:00Z',
    rules: 1,
    tool: '0.0.0',
    request: { apps: [], removeApps: [], allowPartial: false },
    factory: 'acme',
    registry: REGISTRY,
    options: digestOf('options'),
    images: images.map(({ reference, pinned }) => ({
      reference,
      pinned,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      platforms: [
        { os: 'linux', architecture: 'arm64' },
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm', variant: 'v7' },
      ],
    })),
    apps: apps.map((app) => packRow(app, createKeep(1_000_000))),
    targets: [planTarget('raspberrypi4-64'), planTarget('intel-corei7-64'), ...apps.flatMap(planFile)],
    skippedTargets: [{ name: 'raspberrypi3-64-lmp-42', reason: 'its machine is not in targets.machines' }],
    updates: [
      {
        tag: 'main',
        hardwareIds: ['intel-corei7-64', 'raspberrypi4-64'],
        changesSystem: false,
        groups: [
          { style: 'docker-app', causes: ['new'], unclear: [], apps: ['shop'], images: [] },
          { style: 'docker-app', causes: ['source'], unclear: [], apps: ['pulse'], images: [] },
          { style: 'bundle', causes: ['new'], unclear: [], apps: ['shop'], images: [] },
          {
            style: 'bundle',
            causes: ['image'],
            unclear: ['source', 'option'],
            apps: ['pulse'],
            images: [
              {
                reference: 'docker.io/library/redis:6',
                before: digestOf('redis before'),
                after: digestOf('redis after'),
              },
            ],
          },
        ],
      },
    ],
    diagnostics: [],
    targetVersion: '43',
    targetsBefore: digestOf('targets'),
    hasChanges: true,
  };
  const results: AppResult[] = apps.map(({ app, origin, status, reason, reference, diagnostics }) => ({
    app,
    origin,
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(reference === undefined ? {} : { reference }),
    diagnostics,
  }));
  const sources = (Object.keys(COMMITS) as Repository[]).map((name) => ({
    repository: `repositories/${name}`,
    commit: COMMITS[name].padEnd(40, '0'),
    packages: [
      ...APPS.filter((app) => app.repository === name).map(({ app, kind = 'single-file' as const }) => ({
        name: app,
        path: `${app}.dockerapp`,
        kind,
        selected: true,
      })),
      ...(name === 'office'
        ? [
            {
              name: 'lobby',
              path: 'old.disabled/lobby.dockerapp',
              kind: 'single-file' as const,
              selected: false,
              reason: 'in a .disabled folder',
            },
          ]
        : []),
    ],
  }));
  return {
    plan,
    results,
    command: 'plan',
    status: 1,
    sources,
    bytesSent: 0,
    outputs: {
      plan: 'out/plan.json',
      plannedTargets: 'out/targets.planned.json',
      apps: 'out/apps',
      html: 'out/report.html',
      json: 'out/report.json',
      markdown: 'out/report.md',
    },
  };
}

export function sampleReport(): RunReport {
  return buildRunReport(sampleInput());
}
