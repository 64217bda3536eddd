import * as z from 'zod';
import { RebundleError } from '../errors.ts';
import { UPDATE_CAUSES } from '../model/plan.ts';
import type { RunReport } from './run-report.ts';

const Count = z.int().min(0);
const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const Severity = z.enum(['error', 'warning', 'note']);
const Status = z.enum(['migrated', 'unchanged', 'held', 'failed']);
const Change = z.enum(['added', 'replaced', 'unchanged', 'removed', 'none']);
const Origin = z.looseObject({
  repository: z.string(),
  path: z.string(),
  ref: z.string().exactOptional(),
  commit: z.string().exactOptional(),
});

const Code = z
  .string()
  .regex(/^(?:[A-Z][A-Z0-9_]*|[a-z]+(?:\.[a-z0-9-]+)+)$/)
  .describe('An error code or the id of a finding; README.md lists them.');

const Finding = z.looseObject({
  code: Code,
  severity: Severity,
  message: z.string(),
  hint: z.string().exactOptional().describe('What to do about it.'),
  app: z.string().exactOptional().describe('Absent for a finding about the run as a whole.'),
  repository: z.string(),
  path: z.string().describe('Relative to the repository; empty where the finding is about all of it.'),
  line: Count.exactOptional().describe('From 1.'),
  column: Count.exactOptional().describe('From 1.'),
});

const Image = z.looseObject({
  service: z.string(),
  written: z.string().describe('As the package has it.'),
  pinned: z.string().describe('What devices pull, by digest.'),
  platforms: z.array(z.string()),
  drift: z
    .looseObject({ kind: z.enum(['metadata', 'layers', 'gone']), digest: Digest.exactOptional() })
    .exactOptional()
    .describe('The tag names another digest by now, and the pin stayed.'),
});

const App = z.looseObject({
  app: z.string(),
  origin: Origin,
  kind: z.enum(['single-file', 'folder', 'tar', 'compose']).exactOptional(),
  status: Status,
  reason: z.string().exactOptional(),
  newOnDevices: z.boolean(),
  reference: z.string().exactOptional().describe('registry/factory/app@sha256:...'),
  bundle: z.looseObject({ digest: Digest, size: Count }).exactOptional(),
  dockerApp: z
    .looseObject({ name: z.string(), length: Count, sha256: z.string(), reused: z.boolean() })
    .exactOptional()
    .describe('The file target for devices of the old style.'),
  platforms: z.array(z.string()).describe('Those that every image has.'),
  images: z.array(Image),
  variables: z.array(
    z.looseObject({
      parameter: z.string(),
      variable: z.string().exactOptional(),
      value: z.string().describe('Masked where it looks like a secret.'),
      uses: Count,
      fixed: z.string().exactOptional().describe('Why an override has no effect any more.'),
    }),
  ),
  files: z.array(z.looseObject({ path: z.string(), size: Count, digest: Digest })),
  downloads: z
    .array(
      z.looseObject({
        platform: z.string(),
        from: z.enum(['nothing', 'docker-app', 'bundle']),
        bytes: Count,
        unknownImages: Count.exactOptional(),
      }),
    )
    .exactOptional(),
  storage: z
    .array(
      z.looseObject({
        service: z.string(),
        target: z.string(),
        kind: z.enum(['volume', 'host path', 'app folder']),
        source: z.string(),
      }),
    )
    .exactOptional(),
  former: z
    .looseObject({ reference: z.string().exactOptional(), dockerApp: z.string().exactOptional() })
    .exactOptional(),
  diff: z.string().exactOptional().describe('Unified, from the compose part of the package to docker-compose.yml.'),
  composeLine: Count.exactOptional().describe('Line of the package file that line 1 of the left side of `diff` is.'),
  changes: z
    .array(z.looseObject({ line: Count.exactOptional(), source: Count, rule: z.string(), reason: z.string() }))
    .exactOptional(),
  dockerAppDiff: z.string().exactOptional().describe('Unified, from the committed package to the published one.'),
});

const Target = z.looseObject({
  name: z.string(),
  kind: z.enum(['ostree', 'file']),
  parent: z.string().exactOptional(),
  tag: z.string().exactOptional(),
  hardwareId: z.string().exactOptional(),
  version: z.string().exactOptional(),
  length: Count,
  apps: z.array(z.looseObject({ app: z.string(), dockerApp: Change, composeApp: Change })),
});

const Cause = z.enum(UPDATE_CAUSES);

const Update = z.looseObject({
  tag: z.string(),
  hardwareIds: z.array(z.string()),
  changesSystem: z.boolean().describe('Whether devices also get another build of the operating system.'),
  groups: z.array(
    z.looseObject({
      style: z
        .enum(['docker-app', 'bundle'])
        .describe('Which devices: those that run docker_apps, or docker_compose_apps.'),
      causes: z.array(Cause).describe('All of them hold.'),
      unclear: z.array(Cause).describe('At least one of them holds, and it cannot be told which.'),
      apps: z.array(z.string()),
      images: z
        .array(z.looseObject({ reference: z.string(), before: Digest, after: Digest }))
        .describe('References that stand for another digest than before.'),
    }),
  ),
});

const Milliseconds = z.number().min(0);

/** The JSON report. Within one schema version members are only added, so readers take members that they do not know. */
const Report = z
  .looseObject({
    schemaVersion: z.literal(1),
    command: z.string(),
    status: Count.describe('Exit status.'),
    failure: z
      .looseObject({ code: Code, message: z.string(), hint: z.string().exactOptional() })
      .exactOptional()
      .describe('The run was interrupted or crashed: the report is a part.'),
    createdAt: z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/),
    factory: z.string(),
    registry: z.string(),
    hasChanges: z.boolean(),
    verdict: z.looseObject({ safe: z.boolean(), because: z.array(z.string()) }),
    counts: z.looseObject({
      migrated: Count,
      unchanged: Count,
      skipped: Count,
      held: Count,
      failed: Count,
      bundles: Count,
      bytesSent: Count,
      bundleBytes: Count,
      images: Count,
      targets: Count,
      fileTargets: Count,
      updated: Count.exactOptional().describe('Apps of which some device gets another entry.'),
      drifted: Count,
      findings: z.looseObject({ error: Count, warning: Count, note: Count }),
    }),
    targetVersion: z.string().exactOptional(),
    newOnDevices: z.array(z.string()),
    sources: z.array(
      z.looseObject({
        repository: z.string(),
        commit: z.string().exactOptional(),
        packages: Count,
        selected: Count,
        error: z.string().exactOptional(),
      }),
    ),
    findings: z.array(Finding),
    ignored: z.array(z.looseObject({ code: Code, reason: z.string(), count: Count })).exactOptional(),
    apps: z.array(App),
    targets: z.array(Target),
    updates: z
      .array(Update)
      .exactOptional()
      .describe(
        'What devices will see, by cause; empty where that is nothing, absent where no targets are configured.',
      ),
    skippedPackages: z.array(
      z.looseObject({ name: z.string(), repository: z.string(), path: z.string(), reason: z.string() }),
    ),
    skippedTargets: z.array(z.looseObject({ name: z.string(), reason: z.string() })),
    outputs: z.record(z.string(), z.string()),
    timing: z
      .looseObject({
        endedAt: z.string().exactOptional().describe('What the clock said at the end.'),
        totalMs: Milliseconds,
        stages: z.record(z.string(), Milliseconds).exactOptional(),
        quotas: z
          .array(
            z.looseObject({
              host: z.string(),
              remaining: Count,
              limit: Count.exactOptional(),
              windowSeconds: Count.exactOptional(),
            }),
          )
          .exactOptional()
          .describe('What registries said is left of their limits of requests.'),
      })
      .exactOptional()
      .describe('The only member that differs between runs of equal inputs.'),
  })
  .meta({ title: 'report.json', description: 'What a run of rebundle came to.' });

/** JSON Schema of the JSON report. */
export function reportJsonSchema(): object {
  return z.toJSONSchema(Report, { target: 'draft-2020-12' });
}

/** Reads a JSON report, also one of another release. Throws REPORT_INVALID where it is none; `path` is for the message. */
export function parseReport(text: string, path: string): RunReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RebundleError('REPORT_INVALID', `${path} is not JSON`, { cause });
  }
  const parsed = Report.safeParse(value);
  if (parsed.success) {
    const apps = parsed.data.apps.map((app) => ({ ...app, details: () => app }));
    return { ...parsed.data, apps } as unknown as RunReport;
  }
  const [issue] = parsed.error.issues;
  const where = issue?.path.map(String).join('.') ?? '';
  throw new RebundleError(
    'REPORT_INVALID',
    `${path} is not a report: ${where === '' ? '' : `${where}: `}${issue?.message ?? ''}`,
  );
}
