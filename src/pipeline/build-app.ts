import { appTag } from '../bundle/assemble-bundle.ts';
import { diffCompose } from '../convert/diff.ts';
import { buildPublishedPackage, isStrictSingleFile, type PublishedPackage } from '../dockerapp/published.ts';
import { RebundleError, toRebundleError } from '../errors.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import { createMask, maskDiff, maskVariables } from '../lib/redact.ts';
import { formatReference } from '../lib/reference.ts';
import type {
  AppBundle,
  AppPackage,
  BundleFile,
  ComposeApp,
  Diagnostic,
  EnvFile,
  ImageResolution,
  PackageKind,
  SourceOrigin,
  VariableMapping,
} from '../model/app.ts';
import type { Digest, Platform } from '../model/oci.ts';
import { type AppPlan, RULES_VERSION, type ServicePin } from '../model/plan.ts';
import type { FileContent } from '../targets/file-targets.ts';
import type { AppBytes, createByteStore, OpenApp } from './app-bytes.ts';
import { buildBundle } from './build-bundle.ts';
import { findBundleSecrets } from './bundle-secrets.ts';
import { maskFindings } from './convert.ts';
import { type ConvertedApp, hasErrors, type MigrationContext, type MigrationRequest } from './migration.ts';
import { type Outline, outlineApp } from './outline.ts';
import { type BytePins, type Pinning, pinApp } from './pin-app.ts';
import { findPlace, type PublishPlace } from './publish.ts';
import { describeBytes, describeConversion } from './review.ts';

/** What is known of an app once its bundle is: digests and findings. Its bytes are to be had by `open`. */
export interface BuiltApp {
  readonly name: string;
  readonly origin: SourceOrigin;
  readonly kind: PackageKind;
  /** Values of secrets are masked. */
  readonly variables: readonly VariableMapping[];
  readonly envFiles: readonly EnvFile[];
  /** True where the package could be converted, whatever is wrong with its images. */
  readonly isConverted: boolean;
  readonly images: readonly ServicePin[];
  readonly resolutions: readonly ImageResolution[];
  readonly platforms: readonly Platform[];
  readonly inputs?: Digest;
  /** There where the newest targets name another bundle of the app. */
  readonly outline?: Outline;
  /** There where nothing is wrong. */
  readonly bundle?: Pick<AppBundle, 'archive' | 'index' | 'manifest' | 'reference'> & {
    readonly files: readonly Pick<BundleFile, 'path' | 'size' | 'digest'>[];
  };
  /** Where the bundle is, or will be, in the destination. */
  readonly place?: PublishPlace;
  /** The `.dockerapp` for devices of the old style; undefined where they get none. */
  readonly dockerApp?: FileContent;
  readonly diff?: string;
  /** What reports show besides. */
  readonly review: Pick<AppPlan, 'composeLine' | 'changes' | 'dockerAppDiff' | 'storage'>;
  readonly diagnostics: readonly Diagnostic[];
  /** There where `bundle` is. */
  readonly open?: OpenApp;
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
    /** Of the bundles that the newest targets name, by app. */
    readonly uris: ReadonlyMap<string, string>;
    readonly hold: ReturnType<typeof createByteStore>;
    readonly reconvert: () => Promise<ConvertedApp>;
  },
): Promise<BuiltApp> {
  const { open, resolutions, ...known } = await describeApp(converted, input);
  // A part of a text keeps the whole text alive. A copy of what is kept for each app does not.
  const row = JSON.parse(JSON.stringify(known)) as typeof known;
  return { ...row, resolutions, ...(open === undefined ? {} : { open }) };
}

async function describeApp(converted: ConvertedApp, input: Parameters<typeof buildApp>[1]): Promise<BuiltApp> {
  const { app, pkg, diagnostics } = converted;
  const diff = app === undefined ? undefined : diffCompose(app);
  const variables = app?.variables ?? [];
  const base = {
    name: converted.name,
    origin: converted.origin,
    kind: converted.location.kind,
    variables: maskVariables(variables),
    envFiles: converted.envFiles ?? [],
    isConverted: app !== undefined,
    images: [],
    resolutions: [],
    platforms: [],
    ...(diff === undefined ? {} : { diff: maskDiff(diff, createMask(variables)) }),
    review: app === undefined ? {} : describeConversion(app),
  };
  if (app === undefined || pkg === undefined || hasErrors(diagnostics)) return { ...base, diagnostics };
  const { request, context } = input;
  try {
    const pinned = await pinApp(converted, app, request, context, input.pinning);
    const own = [...diagnostics, ...pinned.diagnostics];
    if (pinned.pins === undefined) return { ...base, ...pinned.found, diagnostics: maskFindings(app, own) };
    context.emit({ type: 'app:stage', app: base.name, origin: base.origin, stage: 'bundle' });
    const { pins } = pinned;
    const made = await makeBytes(converted, request, pins);
    const { bundle, dockerApp } = made.bytes;
    const bundleTag = request.config.publish.tag === 'app-{tag}' ? `app-${pins.tag}` : appTag(bundle.manifest.digest);
    const place = await findPlace(bundle, bundleTag, context);
    const rules = { rules: request.config.secrets.allow, now: context.createdAt };
    const secrets = await findBundleSecrets(app, bundle.files, rules);
    const all = [...own, ...made.diagnostics, ...secrets, ...describePlace(place, bundleTag)];
    const { archive, index, manifest, reference } = bundle;
    const uri = input.uris.get(base.name);
    const isOther = uri !== undefined && uri !== formatReference(reference);
    return {
      ...base,
      ...pinned.found,
      ...(isOther ? { outline: await outlineApp(made.bytes, pinned.found.images) } : {}),
      inputs: digestInputs(pkg, made.files, app, pinned.found.images, request),
      bundle: {
        archive,
        index,
        manifest,
        reference,
        files: bundle.files.map(({ path, size, digest }) => ({ path, size, digest })),
      },
      place,
      ...(dockerApp === undefined
        ? {}
        : { dockerApp: { length: dockerApp.byteLength, sha256: hexOf(digestOf(dockerApp)) } }),
      review: { ...base.review, ...describeBytes(app, pkg, made) },
      diagnostics: maskFindings(app, all),
      open: input.hold(made.bytes, async () => (await makeBytes(await input.reconvert(), request, pins)).bytes),
    };
  } catch (thrown) {
    const error = toRebundleError(thrown);
    if (error.code === 'CANCELLED') throw error;
    return { ...base, diagnostics: maskFindings(app, [...diagnostics, errorFinding(error)]) };
  }
}

function describePlace({ isSubstitute, published, tag }: PublishPlace, wanted: string): Diagnostic[] {
  if (!isSubstitute || published) return [];
  return [finding('publish.tag-taken', `the tag ${wanted} names another bundle; this one gets the tag ${tag}`)];
}

/** The bundle of a converted app and its `.dockerapp`. Throws PLAN_STALE for an app that cannot be converted any more. */
async function makeBytes(converted: ConvertedApp, request: MigrationRequest, pins: BytePins) {
  const { app, pkg, name } = converted;
  if (app === undefined || pkg === undefined || hasErrors(converted.diagnostics)) {
    throw new RebundleError('PLAN_STALE', `the sources of ${name} changed while the run was at work`, {
      hint: 'Run again.',
    });
  }
  const pinning = { images: pins.images, pins: pins.foreign, config: request.config };
  const { bundle, files, version, diagnostics } = await buildBundle(converted, app, pinning);
  const oldStyle: OldStyle =
    pkg.kind === 'compose'
      ? {
          diagnostics: [
            finding('targets.compose-only', `'${name}' is a compose folder and gets no new docker_apps entry`),
          ],
        }
      : publishOldStyle(converted, buildPublishedPackage(pkg, pins.released), request, version);
  const bytes: AppBytes = {
    converted,
    bundle,
    ...(oldStyle.bytes === undefined ? {} : { dockerApp: oldStyle.bytes }),
  };
  return { bytes, files, diagnostics: [...diagnostics, ...oldStyle.diagnostics] };
}

interface OldStyle {
  readonly bytes?: Uint8Array;
  readonly diagnostics: Diagnostic[];
}

/** The file for devices of the old style, or the finding that says why they can have none. */
function publishOldStyle(
  converted: ConvertedApp,
  { bytes, undefinedNames }: PublishedPackage,
  request: MigrationRequest,
  version: string | undefined,
): OldStyle {
  const { targets } = request.config;
  if (targets === undefined) return { diagnostics: [] };
  if (targets.composeOnly.includes(converted.name)) {
    return { diagnostics: [finding('targets.compose-only', `'${converted.name}' gets no new docker_apps entry`)] };
  }
  const problems: string[] = [];
  if (version === '3.8') problems.push('docker-app before 0.8 refuses compose version 3.8');
  if (converted.readsFiles)
    problems.push('a service mounts or reads a file, and only the package itself reaches those devices');
  if (!isStrictSingleFile(bytes)) problems.push('docker-app splits only at lines that are exactly ---');
  if (undefinedNames.length > 0) problems.push(`the package itself has no value for ${undefinedNames.join(', ')}`);
  for (const diagnostic of converted.diagnostics)
    if (diagnostic.code === 'metadata.invalid') problems.push(diagnostic.message);
  if (problems.length === 0) return { bytes, diagnostics: [] };
  return {
    diagnostics: problems.map((problem) =>
      finding('DOCKER_APP_FORM', `devices of the old style cannot run '${converted.name}': ${problem}`),
    ),
  };
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
