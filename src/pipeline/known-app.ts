import { appTag } from '../bundle/assemble-bundle.ts';
import { toRebundleError } from '../errors.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { createLimit } from '../lib/limit.ts';
import { parseReference } from '../lib/reference.ts';
import type { Diagnostic, ImageResolution } from '../model/app.ts';
import type { AppReference } from '../model/oci.ts';
import type { AppDetails, MigrationPlan, PlannedApp } from '../model/plan.ts';
import { openAgain } from './app-bytes.ts';
import type { BegunApp, BuiltApp } from './build-app.ts';
import type { AnswerApp } from './convert.ts';
import { repeatBytes } from './make-bytes.ts';
import { type MigrationContext, type MigrationRequest, sortDiagnostics } from './migration.ts';
import { keptPin, type Pinning, releaseTag } from './pin-app.ts';
import { findPlace, type PublishPlace } from './publish-place.ts';
import type { SourceKeys } from './source-key.ts';

/** Findings about images that depend on what their registry says at the moment. */
const OF_REGISTRY = new Set<string>(['image.drift', 'image.repinned', 'image.pin-lost', 'image.tag-moved']);

/** Apps that are converted at once after all, where the destination lost their bundles. */
const LOST_AT_ONCE = 4;

/**
 * Answers for apps of which an earlier plan knows all there is to know: what they are made of is the same, their references still lead to
 * the same images, and the destination has the bundle. What the plan says of such an app is what converting it again would say.
 */
export function answerFromPlan(
  earlier: MigrationPlan | undefined,
  input: {
    readonly request: MigrationRequest;
    readonly context: MigrationContext;
    readonly pinning: Pinning;
    readonly keys: SourceKeys;
  },
): AnswerApp<BegunApp> | undefined {
  const { request, context } = input;
  // What groups of devices set is told of every package anew, and a lock may pin otherwise.
  if (earlier?.tool !== context.tool || (request.fleet ?? []).length > 0 || request.lock !== undefined)
    return undefined;
  const rows = new Map(earlier.apps.map((row) => [row.app, row]));
  const ignored = new Map<string | undefined, Diagnostic[]>();
  for (const { app, diagnostic } of earlier.ignored ?? []) ignored.set(app, [...(ignored.get(app) ?? []), diagnostic]);
  const lost = createLimit(LOST_AT_ONCE, context.signal);
  return async (task, convert) => {
    const { scanned, location } = task;
    const row = rows.get(location.name);
    const details = row?.details.read();
    if (row?.reference === undefined || details === undefined || !isUsable(row, details)) return undefined;
    try {
      const key = await input.keys.ofFiles(scanned, location, details.sources?.reads ?? []);
      if (key !== details.sources?.key) return undefined;
      const resolutions = await resolveAgain(row, details, input.pinning);
      if (resolutions === undefined) return undefined;
      const told = ignored.get(row.app) ?? [];
      const diagnostics = told.length === 0 ? row.diagnostics : sortDiagnostics([...row.diagnostics, ...told]);
      const origin = { ...scanned.source.origin, path: location.path };
      const reference = parseReference(row.reference) as AppReference;
      const app: BuiltApp = {
        name: row.app,
        origin,
        kind: row.kind,
        envFiles: [],
        isConverted: true,
        resolutions,
        ...(row.inputs === undefined ? {} : { inputs: row.inputs }),
        bundle: { reference: row.reference, size: details.bundle?.size ?? 0 },
        ...(details.oldStyle === undefined ? {} : { dockerApp: details.oldStyle }),
        details: row.details,
        diagnostics,
        open: openAgain(row.app, reference.digest, () =>
          repeatBytes({ origin, details: row.details }, { request, reconvert: task.reconvert }),
        ),
      };
      const tag = wantedTag(reference, request, releaseTag(request, scanned.source.origin));
      const built = findPublished(reference, tag, context).then(async (place) =>
        place === undefined ? lost(async () => (await convert()).built) : { ...app, place },
      );
      built.catch(() => {});
      return { diagnostics, built };
    } catch (thrown) {
      // Whatever it is, the usual way tells it better.
      if (toRebundleError(thrown).code === 'CANCELLED') throw thrown;
      return undefined;
    }
  };
}

/** Where the destination has a bundle under its own tag; undefined where it does not, or does not say. */
async function findPublished(
  reference: AppReference,
  tag: string,
  context: MigrationContext,
): Promise<PublishPlace | undefined> {
  try {
    const place = await findPlace({ reference }, tag, context);
    return place.published && !place.isSubstitute ? place : undefined;
  } catch (thrown) {
    if (toRebundleError(thrown).code === 'CANCELLED') throw thrown;
    return undefined;
  }
}

function isUsable({ status, reference, diagnostics }: PlannedApp, { sources, manifest }: AppDetails): boolean {
  const isFine = diagnostics.every(({ severity, code }) => severity !== 'error' && !code.startsWith('publish.'));
  return isFine && status !== 'failed' && reference !== undefined && sources !== undefined && manifest !== undefined;
}

/** The images of the app, where all that their registries say of them is what the plan has. */
async function resolveAgain(
  { app, diagnostics }: PlannedApp,
  { images }: AppDetails,
  { resolver, readPins }: Pinning,
): Promise<ImageResolution[] | undefined> {
  const kept = await readPins(app);
  const fresh: Diagnostic[] = [...kept.diagnostics];
  const distinct = [...new Map(images.map((pin) => [pin.reference, pin])).values()];
  const found = await Promise.all(
    distinct.map(async (pin) => {
      const reference = parseReference(pin.reference);
      const now = await resolver.resolve(reference, keptPin({ reference, covered: pin.covered === true }, kept));
      fresh.push(...now.diagnostics);
      const isSame =
        now.image.pinned === pin.pinned && canonicalJson(now.drift ?? null) === canonicalJson(pin.drift ?? null);
      return isSame ? now.image : undefined;
    }),
  );
  const before = diagnostics.filter(({ code }) => OF_REGISTRY.has(code));
  const isTold = canonicalJson(sortDiagnostics(before)) === canonicalJson(sortDiagnostics(fresh));
  return isTold && found.every((image) => image !== undefined) ? found : undefined;
}

function wantedTag({ digest }: AppReference, { config }: MigrationRequest, tag: string | undefined): string {
  return config.publish.tag === 'app-{tag}' ? `app-${tag}` : appTag(digest);
}
