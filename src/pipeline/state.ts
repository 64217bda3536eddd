import * as z from 'zod';
import { RebundleError } from '../errors.ts';
import { jsonChunks } from '../lib/json-chunks.ts';
import { type AppPlan, type MigrationPlan, RULES_VERSION } from '../model/plan.ts';

const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const App = z.looseObject({
  app: z.string(),
  status: z.string(),
  inputs: Digest.optional(),
  reference: z.string().optional(),
  images: z.array(z.looseObject({ reference: z.string(), pinned: z.string() })),
});
const Image = z.object({
  reference: z.string(),
  pinned: z.string(),
  mediaType: z.string(),
  platforms: z.array(z.object({ os: z.string(), architecture: z.string(), variant: z.string().exactOptional() })),
});
const Target = z.looseObject({
  name: z.string(),
  kind: z.enum(['ostree', 'file']),
  target: z.looseObject({ length: z.number() }),
});
/** What is relied upon when a plan is read again; the rest is for people and reports. */
const Plan = z.looseObject({
  version: z.literal(1),
  state: z.enum(['proposed', 'started', 'done']),
  createdAt: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
  rules: z.number(),
  request: z.object({
    apps: z.array(z.string()),
    only: z.record(z.string(), z.array(z.string())).exactOptional(),
    removeApps: z.array(z.string()),
    allowPartial: z.boolean(),
  }),
  options: Digest,
  images: z.array(Image),
  apps: z.array(App),
  targets: z.array(Target),
  targetVersion: z.string().optional(),
});

/** Reads a plan file. Throws PLAN_INVALID where it is none, PLAN_STALE where other rules made it. */
export function parsePlan(bytes: Uint8Array, path: string): MigrationPlan {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new RebundleError('PLAN_INVALID', `${path} is not JSON`, { cause });
  }
  const parsed = Plan.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new RebundleError(
      'PLAN_INVALID',
      `${path} is not a plan: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
    );
  }
  if (parsed.data.rules !== RULES_VERSION) {
    throw new RebundleError(
      'PLAN_STALE',
      `${path} was made under rules ${parsed.data.rules}, these are ${RULES_VERSION}`,
      {
        hint: 'Make a new plan with rebundle plan.',
      },
    );
  }
  return value as MigrationPlan;
}

/** What a new run goes by of an earlier plan, without what only people and reports read: a big factory's plan is tens of megabytes. */
export function keepForNextRun(plan: MigrationPlan): MigrationPlan {
  const apps = plan.apps.map(
    ({ app, origin, kind, status, inputs, reference, images, published, newOnDevices }): AppPlan => ({
      app,
      origin,
      kind,
      status,
      images,
      published,
      newOnDevices,
      platforms: [],
      variables: [],
      files: [],
      diagnostics: [],
      ...(inputs === undefined ? {} : { inputs }),
      ...(reference === undefined ? {} : { reference }),
    }),
  );
  return { ...plan, apps };
}

/** The text of a plan file, in pieces. */
export function formatPlan(plan: MigrationPlan): Iterable<string> {
  return jsonChunks(plan, (value, indent) => JSON.stringify(value, undefined, indent));
}
