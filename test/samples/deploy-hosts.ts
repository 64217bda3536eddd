import { z } from 'zod';
import { findCalls, readCronTable, readUnit, readYaml } from './deploy-files.ts';

/** Strict objects: a name that the host does not know, or that nothing here relies on, is refused. */
const Texts = z.array(z.string());

const SecretVolume = z.strictObject({
  secretName: z.string(),
  defaultMode: z.number().int(),
  items: z.array(z.strictObject({ key: z.string(), path: z.string() })).optional(),
});

/** What every container of the pod has. */
const CONTAINER = {
  name: z.string(),
  image: z.string(),
  resources: z.strictObject({
    requests: z.strictObject({ cpu: z.string(), memory: z.string() }),
    limits: z.strictObject({ memory: z.string() }),
  }),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  volumeMounts: z.array(
    z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.literal(true).optional() }),
  ),
};

const Container = z.strictObject({
  ...CONTAINER,
  args: Texts,
  env: z.array(z.strictObject({ name: z.string(), value: z.string() })),
});

const InitContainer = z.strictObject({ ...CONTAINER, command: Texts });

const Pod = z.strictObject({
  restartPolicy: z.literal('Never'),
  automountServiceAccountToken: z.literal(false),
  terminationGracePeriodSeconds: z.number().int().min(30),
  securityContext: z.strictObject({
    runAsNonRoot: z.literal(true),
    runAsUser: z.number().int().min(1),
    runAsGroup: z.number().int().min(1),
    fsGroup: z.number().int().min(1),
    seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
  }),
  initContainers: z.tuple([InitContainer]),
  containers: z.tuple([Container]),
  volumes: z.array(
    z.strictObject({
      name: z.string(),
      persistentVolumeClaim: z.strictObject({ claimName: z.string() }).optional(),
      emptyDir: z.strictObject({}).optional(),
      configMap: z.strictObject({ name: z.string() }).optional(),
      secret: SecretVolume.optional(),
    }),
  ),
});

const FailureRule = z.union([
  z.strictObject({
    action: z.enum(['Ignore', 'FailJob']),
    onPodConditions: z.array(z.strictObject({ type: z.literal('DisruptionTarget'), status: z.literal('True') })),
  }),
  z.strictObject({
    action: z.enum(['Ignore', 'FailJob']),
    onExitCodes: z.strictObject({
      containerName: z.string(),
      operator: z.literal('In'),
      values: z.array(z.number().int()),
    }),
  }),
]);

const CronJob = z.strictObject({
  apiVersion: z.literal('batch/v1'),
  kind: z.literal('CronJob'),
  metadata: z.strictObject({ name: z.string() }),
  spec: z.strictObject({
    schedule: z.string(),
    timeZone: z.string(),
    concurrencyPolicy: z.literal('Forbid'),
    startingDeadlineSeconds: z.number().int().min(10),
    successfulJobsHistoryLimit: z.number().int(),
    failedJobsHistoryLimit: z.number().int(),
    jobTemplate: z.strictObject({
      spec: z.strictObject({
        activeDeadlineSeconds: z.number().int(),
        backoffLimit: z.number().int(),
        podFailurePolicy: z.strictObject({ rules: z.array(FailureRule) }),
        template: z.strictObject({ spec: Pod }),
      }),
    }),
  }),
});

const Claim = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('PersistentVolumeClaim'),
  metadata: z.strictObject({ name: z.string() }),
  spec: z.strictObject({
    accessModes: Texts,
    resources: z.strictObject({ requests: z.strictObject({ storage: z.string() }) }),
  }),
});

const Workflow = z.strictObject({
  name: z.string(),
  on: z.strictObject({
    schedule: z.tuple([z.strictObject({ cron: z.string() })]),
    workflow_dispatch: z.null(),
    pull_request: z.null(),
  }),
  permissions: z.strictObject({ contents: z.literal('read') }),
  concurrency: z.strictObject({ group: z.string(), 'cancel-in-progress': z.literal(false) }),
  jobs: z.strictObject({
    rebundle: z.strictObject({
      if: z.string(),
      'runs-on': z.string(),
      'timeout-minutes': z.number().int(),
      env: z.record(z.string(), z.string().regex(/^\$\{\{ secrets\.\w+ \}\}$/)),
      steps: z.array(
        z.union([
          z.strictObject({
            if: z.string().optional(),
            uses: z.string(),
            with: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
          }),
          z.strictObject({ if: z.string().optional(), run: z.string() }),
        ]),
      ),
    }),
  }),
});

const Rules = z.tuple([z.strictObject({ if: z.string() })]);

const Pipeline = z.strictObject({
  '.rebundle': z.strictObject({
    image: z.string(),
    timeout: z.string(),
    before_script: Texts,
    artifacts: z.strictObject({
      when: z.literal('always'),
      expire_in: z.string(),
      paths: Texts,
      reports: z.strictObject({ junit: z.string() }),
    }),
  }),
  run: z.strictObject({
    extends: z.literal('.rebundle'),
    rules: Rules,
    resource_group: z.string(),
    interruptible: z.literal(false),
    script: Texts,
  }),
  plan: z.strictObject({
    extends: z.literal('.rebundle'),
    rules: Rules,
    allow_failure: z.strictObject({ exit_codes: z.array(z.number().int()) }),
    script: Texts,
  }),
});

const Alerts = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.record(z.string(), z.string()),
          annotations: z.record(z.string(), z.string()),
        }),
      ),
    }),
  ),
});

const FOLDER = 'samples/deploy';

/** Every file of samples/deploy, read and held to the form that its host asks for. */
export function readHosts() {
  const [claim, cronJob] = readYaml(`${FOLDER}/kubernetes/cronjob.yaml`);
  return {
    service: readUnit(`${FOLDER}/systemd/rebundle.service`),
    timer: readUnit(`${FOLDER}/systemd/rebundle.timer`),
    cron: readCronTable(`${FOLDER}/cron/rebundle`),
    claim: Claim.parse(claim),
    cronJob: CronJob.parse(cronJob),
    workflow: Workflow.parse(readYaml(`${FOLDER}/github/rebundle.yml`)[0]),
    pipeline: Pipeline.parse(readYaml(`${FOLDER}/gitlab/.gitlab-ci.yml`)[0]),
    alerts: Alerts.parse(readYaml(`${FOLDER}/prometheus/alerts.yml`)[0]),
  };
}

export type Hosts = ReturnType<typeof readHosts>;

/** The pod of the CronJob. */
export function podOf({ cronJob }: Hosts) {
  return cronJob.spec.jobTemplate.spec.template.spec;
}

/** The scripts of the workflow, by the condition of their step. */
export function scriptsOf({ workflow }: Hosts): { readonly when: string; readonly run: string }[] {
  return workflow.jobs.rebundle.steps.flatMap((step) =>
    'run' in step ? [{ when: step.if ?? '', run: step.run }] : [],
  );
}

/** Every call of rebundle that a host makes, as the words after its name. */
export function listCalls(hosts: Hosts): { readonly host: string; readonly words: readonly string[] }[] {
  const [start = ''] = hosts.service.get('Service.ExecStart') ?? [];
  const scripts: (readonly [string, string])[] = [
    ['systemd', start.replace(/^\/\S+\/(?=rebundle )/, '')],
    ...hosts.cron.jobs.map(({ command }) => ['cron', command] as const),
    ...scriptsOf(hosts).map(({ run }) => ['github', run] as const),
    ...[...hosts.pipeline.run.script, ...hosts.pipeline.plan.script].map((line) => ['gitlab', line] as const),
  ];
  return [
    ...scripts.flatMap(([host, script]) => findCalls(script).map((words) => ({ host, words }))),
    { host: 'kubernetes', words: podOf(hosts).containers[0].args },
  ];
}
