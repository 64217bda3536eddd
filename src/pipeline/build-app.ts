import { appTag } from '../bundle/assemble-bundle.ts';
import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { diffCompose } from '../convert/diff.ts';
import { checkBundle } from '../device/verify-bundle.ts';
import { toRebundleError } from '../errors.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { digestFiles, digestOf, hexOf } from '../lib/digest.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import type { Keep } from '../lib/keep.ts';
import { createMask, maskDiff, maskVariables } from '../lib/redact.ts';
import { formatReference } from '../lib/reference.ts';
import type {
  AppPackage,
  BundleFile,
  ComposeApp,
  Diagnostic,
  EnvFile,
  ImageResolution,
  PackageKind,
  SourceOrigin,
} from '../model/app.ts';
import type { AppReference, Digest } from '../model/oci.ts';
import { type AppDetails, type Kept, RULES_VERSION, type ServicePin } from '../model/plan.ts';
import type { FileContent } from '../targets/file-targets.ts';
import type { AppBytes, createByteStore, OpenApp } from './app-bytes.ts';
import { findBundleSecrets } from './bundle-secrets.ts';
import type { CompactFindings } from './compact-findings.ts';
import { maskFindings, type PackageTask } from './convert.ts';
import { makeBytes, repeatBytes } from './make-bytes.ts';
import {
  type ConvertedApp,
  hasErrors,
  type MigrationContext,
  type MigrationRequest,
  sortDiagnostics,
} from './migration.ts';
import { type Outline, outlineApp } from './outline.ts';
import { type Pinning, pinApp } from './pin-app.ts';
import { findPlace, type PublishPlace } from './publish-place.ts';
import { describeBytes, describeConversion } from './review.ts';
import type { SourceKeys } from './source-key.ts';

/** What is known of an app once its bundle is: digests and findings. Its bytes are to be had by `open`. */
export interface BuiltApp {
  readonly name: string;
  readonly origin: SourceOrigin;
  readonly kind: PackageKind;
  readonly envFiles: readonly EnvFile[];
  /** True where the package could be converted, whatever is wrong with its images. */
  readonly isConverted: boolean;
  readonly resolutions: readonly ImageResolution[];
  readonly inputs?: Digest;
  /** There where the newest targets name another bundle of the app. */
  readonly outline?: Outline;
  /** `registry/factory/app@sha256:...` and the size of the archive; there where nothing is wrong. */
  readonly bundle?: { readonly reference: string; readonly size: number };
  /** Where the bundle is, or will be, in the destination. */
  readonly place?: PublishPlace;
  /** The `.dockerapp` for devices of the old style; undefined where they get none. */
  readonly dockerApp?: FileContent;
  /** What plan and reports show. */
  readonly details: Kept<AppDetails>;
  readonly diagnostics: readonly Diagnostic[];
  /** There where `bundle` is. */
  readonly open?: OpenApp;
  /** `open` has the bytes at hand. */
  readonly isHeld?: boolean;
}

/** An app of which all is known but whether the destination has it: that is being asked, and nothing large is held meanwhile. */
export interface BegunApp {
  readonly diagnostics: readonly Diagnostic[];
  /** Rejects only where the run is cancelled. */
  readonly built: Promise<BuiltApp>;
}

/**
 * Pins the images of a converted app and computes its bundle. What is wrong with the app becomes a finding. `reconvert` converts it anew, for when its
 * bytes are needed and were not held.
 */
export async function buildApp(
  converted: ConvertedApp,
  input: {
    readonly request: MigrationRequest;
    readonly context: MigrationContext;
    readonly pinning: Pinning;
    readonly keep: Keep;
    readonly compact: CompactFindings;
    readonly keys: Pick<SourceKeys, 'ofReads'>;
    /** Of the bundles that the newest targets name, by app. */
    readonly uris: ReadonlyMap<string, string>;
    readonly hold: ReturnType<typeof createByteStore>;
    readonly task: PackageTask;
  },
): Promise<BegunApp> {
  const { app, tag, reference } = await describeApp(converted, input);
  const built = tag === undefined ? Promise.resolve(app) : placeApp(app, { tag, reference }, input.context);
  built.catch(() => {});
  return { diagnostics: app.diagnostics, built };
}

/** Looks for the bundle of an app in the destination. Where that fails, there is none. */
async function placeApp(
  app: BuiltApp,
  { tag, reference }: { readonly tag: string; readonly reference: AppReference },
  context: MigrationContext,
): Promise<BuiltApp> {
  try {
    const place = await findPlace({ reference }, tag, context);
    return { ...app, place, diagnostics: sortDiagnostics([...app.diagnostics, ...describePlace(place, tag)]) };
  } catch (thrown) {
    const error = toRebundleError(thrown);
    if (error.code === 'CANCELLED') throw error;
    const { bundle: _bundle, inputs: _inputs, dockerApp: _dockerApp, open: _open, ...rest } = app;
    return { ...rest, diagnostics: sortDiagnostics([...app.diagnostics, errorFinding(error)]) };
  }
}

/** `tag` is the one that the bundle is to have, `reference` that of the bundle, where there is one. */
async function describeApp(
  converted: ConvertedApp,
  input: Parameters<typeof buildApp>[1],
): Promise<
  { readonly app: BuiltApp } & (
    | { readonly tag?: undefined; readonly reference?: undefined }
    | { readonly tag: string; readonly reference: AppReference }
  )
> {
  const { app, pkg, diagnostics } = converted;
  const variables = app?.variables ?? [];
  const diff = app === undefined ? undefined : diffCompose(app);
  const base = {
    name: converted.name,
    origin: converted.origin,
    kind: converted.location.kind,
    envFiles: converted.envFiles ?? [],
    isConverted: app !== undefined,
    resolutions: [],
  };
  const shown = {
    images: [],
    platforms: [],
    variables: maskVariables(variables),
    files: [],
    ...(diff === undefined ? {} : { diff: maskDiff(diff, createMask(variables)) }),
    ...(app === undefined ? {} : describeConversion(app)),
  };
  const { request, context, keep, compact } = input;
  if (app === undefined || pkg === undefined || hasErrors(diagnostics))
    return { app: { ...base, details: keep(shown), diagnostics: compact(diagnostics) } };
  try {
    const pinned = await pinApp(converted, app, request, context, input.pinning);
    const { resolutions, ...found } = pinned.found;
    const own = [...diagnostics, ...pinned.diagnostics];
    if (pinned.pins === undefined) {
      const details = keep({ ...shown, ...found });
      return { app: { ...base, resolutions, details, diagnostics: compact(maskFindings(app, own)) } };
    }
    context.emit({ type: 'app:stage', app: base.name, origin: base.origin, stage: 'bundle' });
    const { pins } = pinned;
    await context.nextTurn?.(input.task.order);
    const made = await makeBytes(converted, request, pins);
    const { bundle, dockerApp } = made.bytes;
    const tag = request.config.publish.tag === 'app-{tag}' ? `app-${pins.tag}` : appTag(bundle.manifest.digest);
    const rules = { rules: request.config.secrets.allow, now: context.createdAt };
    const secrets = await findBundleSecrets(app, bundle.files, rules);
    // What devices would not take is told before anything is sent.
    await context.nextTurn?.(input.task.order);
    const wrong = (await checkBundle(bundle)).filter(({ severity }) => severity === 'error');
    const all = [...own, ...made.diagnostics, ...secrets, ...wrong];
    const oldStyle =
      dockerApp === undefined ? undefined : { length: dockerApp.byteLength, sha256: hexOf(digestOf(dockerApp)) };
    const details = keep<AppDetails>({
      ...shown,
      ...found,
      bundle: bundle.archive,
      bundleIndex: bundle.index,
      manifest: bundle.manifest,
      files: bundle.files.map(({ path, size, digest }) => ({ path, size, digest })),
      ...describeBytes(app, pkg, made),
      ...(oldStyle === undefined ? {} : { oldStyle }),
      tree: digestTree(app, made.files),
      ...describeSources(converted, input),
    });
    const text = formatReference(bundle.reference);
    const uri = input.uris.get(base.name);
    const isOther = uri !== undefined && uri !== text;
    const built = {
      ...base,
      resolutions,
      ...(isOther ? { outline: await outlineApp(made.bytes, found.images) } : {}),
      inputs: digestInputs(pkg, made.files, app, found.images, request),
      bundle: { reference: text, size: bundle.archive.size },
      ...(oldStyle === undefined ? {} : { dockerApp: oldStyle }),
      details,
      diagnostics: compact(maskFindings(app, all)),
      ...openHeld(made.bytes, { origin: base.origin, details }, input),
    };
    return { app: built, tag, reference: bundle.reference };
  } catch (thrown) {
    const error = toRebundleError(thrown);
    if (error.code === 'CANCELLED') throw error;
    const all = maskFindings(app, [...diagnostics, errorFinding(error)]);
    return { app: { ...base, details: keep(shown), diagnostics: compact(all) } };
  }
}

function describeSources(
  { reads }: ConvertedApp,
  { keys, task }: Pick<Parameters<typeof buildApp>[1], 'keys' | 'task'>,
): Pick<AppDetails, 'sources'> {
  const key = keys.ofReads(task.scanned, task.location, reads);
  return key === undefined ? {} : { sources: { key, reads: [...reads.keys()] } };
}

/** Digest of a converted tree: of its files by path, with their modes and contents. */
function digestTree(
  { composeText }: Pick<ComposeApp, 'composeText'>,
  files: readonly Pick<BundleFile, 'path' | 'executable' | 'digest'>[],
): Digest {
  return digestFiles([{ path: COMPOSE_FILE, executable: false, digest: digestOf(composeText) }, ...files]);
}

function describePlace({ isSubstitute, published, tag }: PublishPlace, wanted: string): Diagnostic[] {
  if (!isSubstitute || published) return [];
  return [finding('publish.tag-taken', `the tag ${wanted} names another bundle; this one gets the tag ${tag}`)];
}

/** A function of its own, so that nothing else of the app stays reachable. */
function openHeld(
  made: AppBytes,
  app: Pick<BuiltApp, 'origin' | 'details'>,
  { hold, request, task: { reconvert } }: Parameters<typeof buildApp>[1],
): Required<Pick<BuiltApp, 'open' | 'isHeld'>> {
  return hold(made, () => repeatBytes(app, { request, reconvert }));
}

/** Everything that shapes the bytes of an app: equal inputs give equal bytes. */
function digestInputs(
  pkg: AppPackage,
  files: readonly BundleFile[],
  app: ComposeApp,
  pins: readonly ServicePin[],
  request: MigrationRequest,
): Digest {
  const { config } = request;
  return digestOf(
    canonicalJson({
      rules: RULES_VERSION,
      name: pkg.name,
      documents: [pkg.metadata.text, pkg.compose.text, pkg.parameters.text].map(digestOf),
      compose: digestOf(app.composeText),
      files: files.map(({ path, digest, executable }) => [path, digest, executable]),
      pins: pins.map(({ service, written, pinned }) => [service, written, pinned]),
      place: [config.registry, config.factory],
      dockerCompose: config.bundle.dockerCompose,
    }),
  );
}
