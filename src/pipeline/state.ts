import * as z from 'zod';
import { RebundleError } from '../errors.ts';
import { createListReader, jsonChunks } from '../lib/json-chunks.ts';
import { createKeep, type Keep } from '../lib/keep.ts';
import { type AppDetails, type AppPlan, type MigrationPlan, type PlannedApp, RULES_VERSION } from '../model/plan.ts';
import { type CompactFindings, createCompactFindings } from './compact-findings.ts';
import { limitHeld } from './hold-limits.ts';

const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const List = z.array(z.looseObject({}));
const Finding = z.looseObject({
  code: z.string(),
  severity: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  location: z.looseObject({ path: z.string() }).optional(),
});
const App = z.looseObject({
  app: z.string(),
  status: z.string(),
  inputs: Digest.optional(),
  reference: z.string().optional(),
  images: z.array(z.looseObject({ reference: z.string(), pinned: z.string() })),
  platforms: List,
  variables: List,
  files: List,
  diagnostics: z.array(Finding),
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
  tool: z.string().optional(),
  request: z.object({
    apps: z.array(z.string()),
    only: z.record(z.string(), z.array(z.string())).exactOptional(),
    removeApps: z.array(z.string()),
    allowPartial: z.boolean(),
  }),
  options: Digest,
  images: z.array(Image),
  apps: z.array(z.unknown()),
  targets: z.array(Target),
  targetVersion: z.string().optional(),
});

/** Reads a plan file of `size` bytes, an app at a time. Throws PLAN_INVALID where it is none, PLAN_STALE where other rules made it. */
export async function readPlan(
  chunks: AsyncIterable<Uint8Array>,
  { path, size }: { readonly path: string; readonly size: number },
): Promise<MigrationPlan> {
  const reader = createPlanReader(path, size);
  for await (const chunk of chunks) reader.push(chunk);
  return reader.end();
}

/** The same of bytes that are there. */
export function parsePlan(bytes: Uint8Array, path: string): MigrationPlan {
  const reader = createPlanReader(path, bytes.byteLength);
  reader.push(bytes);
  return reader.end();
}

/** In a plan file, more or less. */
const BYTES_PER_APP = 8192;

function createPlanReader(path: string, size: number) {
  const keep = createKeep(limitHeld(size / BYTES_PER_APP).details);
  const compact = createCompactFindings();
  const apps: PlannedApp[] = [];
  const addApp = (value: unknown, keepRow: Keep): void => {
    const parsed = App.safeParse(value);
    if (!parsed.success) throw notPlan(path, parsed.error, ['apps', apps.length]);
    apps.push(packRow(value as AppPlan, keepRow, compact));
  };
  const reader = createListReader('apps', (text) => {
    // Nobody else has what is parsed here. Indent and findings, which are kept apart, are half of the text.
    addApp(parseJson(text, path), (details) => keep(details, text.length >> 1));
  });
  return {
    push: reader.push,
    end(): MigrationPlan {
      const value = parseJson(reader.end(), path);
      const parsed = Plan.safeParse(value);
      if (!parsed.success) throw notPlan(path, parsed.error);
      if (parsed.data.rules !== RULES_VERSION) {
        const message = `${path} was made under rules ${parsed.data.rules}, these are ${RULES_VERSION}`;
        throw new RebundleError('PLAN_STALE', message, { hint: 'Make a new plan with rebundle plan.' });
      }
      for (const app of parsed.data.apps) addApp(app, keep);
      return { ...(value as MigrationPlan), apps };
    },
  };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RebundleError('PLAN_INVALID', `${path} is not JSON`, { cause });
  }
}

function notPlan(path: string, { issues: [issue] }: z.ZodError, within: readonly PropertyKey[] = []): RebundleError {
  const where = [...within, ...(issue?.path ?? [])].map(String).join('.');
  return new RebundleError('PLAN_INVALID', `${path} is not a plan: ${where} ${issue?.message ?? ''}`);
}

/** The text of a plan file, in pieces. */
export function formatPlan(plan: MigrationPlan): Iterable<string> {
  return jsonChunks({ ...plan, apps: unpackRows(plan) }, (value, indent) => JSON.stringify(value, undefined, indent));
}

function* unpackRows({ apps }: MigrationPlan): Generator<AppPlan> {
  for (const row of apps) yield unpackRow(row);
}

/** An app of a plan as the plan file has it. */
export function unpackRow({ details, ...row }: PlannedApp): AppPlan {
  return { ...row, ...details.read() };
}

/** The way back. */
export function packRow(plan: AppPlan, keep: Keep, compact: CompactFindings = createCompactFindings()): PlannedApp {
  const { images, platforms, variables, bundle, bundleIndex, manifest, files, ...others } = plan;
  const { diff, composeLine, changes, dockerAppDiff, storage, oldStyle, tree, sources, ...row } = others;
  const details: AppDetails = {
    images,
    platforms,
    variables,
    files,
    ...(bundle && { bundle }),
    ...(bundleIndex && { bundleIndex }),
    ...(manifest && { manifest }),
    ...(diff !== undefined && { diff }),
    ...(composeLine !== undefined && { composeLine }),
    ...(changes && { changes }),
    ...(dockerAppDiff !== undefined && { dockerAppDiff }),
    ...(storage && { storage }),
    ...(oldStyle && { oldStyle }),
    ...(tree && { tree }),
    ...(sources && { sources }),
  };
  return { ...row, diagnostics: compact(row.diagnostics), details: keep(details) };
}
