import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { buildPublishedPackage, isStrictSingleFile, type PublishedPackage } from '../dockerapp/published.ts';
import { RebundleError } from '../errors.ts';
import { once } from '../lib/bytes.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic } from '../model/app.ts';
import type { AppBytes } from './app-bytes.ts';
import type { BuiltApp } from './build-app.ts';
import { buildBundle } from './build-bundle.ts';
import { type ConvertedApp, hasErrors, type MigrationRequest } from './migration.ts';
import { type BytePins, repeatPins } from './pin-app.ts';

/** The bytes of an app that was made before, from what is known of its images. */
export async function repeatBytes(
  { origin, details }: Pick<BuiltApp, 'origin' | 'details'>,
  { request, reconvert }: { readonly request: MigrationRequest; readonly reconvert: () => Promise<ConvertedApp> },
): Promise<AppBytes> {
  const converted = await reconvert();
  const pins = repeatPins(converted.app, details.read().images, request, origin);
  return (await makeBytes(converted, request, pins)).bytes;
}

/** The bundle of a converted app and its `.dockerapp`. Throws PLAN_STALE for an app that cannot be converted any more. */
export async function makeBytes(converted: ConvertedApp, request: MigrationRequest, pins: BytePins) {
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
  const compose = Buffer.from(app.composeText);
  const tree = { path: COMPOSE_FILE, executable: false, size: compose.byteLength, open: () => once(compose) };
  const bytes: AppBytes = {
    name,
    bundle,
    tree: [tree, ...files],
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
  if (targets.composeOnly.has(converted.name)) {
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
