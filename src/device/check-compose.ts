import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { type ComposeFile, readComposeFile } from '../compose/compose-file.ts';
import { listServiceImages } from '../compose/images.ts';
import { hashServices } from '../compose/pin.ts';
import { readHashLabels } from '../compose/pin-check.ts';
import { HASH_LABEL } from '../compose/service-hash.ts';
import { validateCompose } from '../compose/validate.ts';
import { RebundleError } from '../errors.ts';
import { encodeJson } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import { formatReference, parseReference } from '../lib/reference.ts';
import type { BundleFile, Diagnostic, SourceLocation } from '../model/app.ts';
import type { AppReference } from '../model/oci.ts';

/** A compose file of a bundle that could be read. */
export interface CheckedCompose {
  readonly file: ComposeFile;
  /** Pinned images of services, each once, in the order of the file. */
  readonly images: readonly AppReference[];
}

/**
 * Checks the compose file of a bundle as devices read it: docker-compose 1.29 takes it, each image has a digest, each service the config-hash label. Where the
 * bundle is of our form (`isOwn`) the labels are computed again from the service and the files that it mounts.
 */
export function checkCompose(
  text: string,
  { files, isOwn }: { readonly files: readonly Pick<BundleFile, 'path' | 'digest'>[]; readonly isOwn: boolean },
): { readonly checked?: CheckedCompose; readonly findings: readonly Diagnostic[] } {
  try {
    const file = readComposeFile({ text, path: COMPOSE_FILE, line: 1 }, { origin: 'compose' });
    // What newer devices run may be all that another tool was made for.
    const code = isOwn ? 'verify.compose-invalid' : 'verify.compose-old-devices';
    const findings = validateCompose(file).map((found) =>
      found.severity === 'error' ? finding(code, found.message, placed(found.location)) : found,
    );
    const pinned = checkImages(file);
    const labels = checkLabels(file, files, isOwn);
    return { checked: { file, images: pinned.images }, findings: [...findings, ...pinned.findings, ...labels] };
  } catch (error) {
    if (!(error instanceof RebundleError)) throw error;
    return { findings: [finding('verify.compose-invalid', error.message, placed(error.location))] };
  }
}

function placed(location: SourceLocation | undefined): { readonly location?: SourceLocation } {
  return location === undefined ? {} : { location };
}

function checkImages(file: ComposeFile): {
  readonly images: readonly AppReference[];
  readonly findings: readonly Diagnostic[];
} {
  const images = new Map<string, AppReference>();
  const findings: Diagnostic[] = [];
  for (const { service, image, build, location } of listServiceImages(file)) {
    const what = `service ${encodeJson(service)}`;
    if (build)
      findings.push(finding('verify.convention', `${what} has a build, which devices pass over`, { location }));
    const reference = image === undefined ? undefined : readReference(image);
    if (reference?.digest === undefined) {
      const message =
        image === undefined ? `${what} has no image` : `${what} runs ${encodeJson(image)}, without a digest`;
      const hint = 'Pin the image as name@sha256:... and publish the bundle again.';
      findings.push(finding('verify.image-unpinned', message, { hint, location }));
    } else {
      const { registry, repository, digest } = reference;
      images.set(formatReference({ registry, repository, digest }), { registry, repository, digest });
    }
  }
  return { images: [...images.values()], findings };
}

function readReference(text: string): ReturnType<typeof parseReference> | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

function checkLabels(
  file: ComposeFile,
  files: readonly Pick<BundleFile, 'path' | 'digest'>[],
  isOwn: boolean,
): Diagnostic[] {
  const findings: Diagnostic[] = [];
  const expected = isOwn ? computeHashes(file, files) : new Map<string, string>();
  for (const service of file.services) {
    const labels = readHashLabels(service);
    const location = file.document.locate(service.pair.start);
    const what = `service ${encodeJson(service.name)}`;
    if (labels.length === 0) {
      const hint = `Give the service the label ${HASH_LABEL} and publish the bundle again.`;
      findings.push(finding('verify.label-missing', `${what} has no label ${HASH_LABEL}`, { hint, location }));
    } else if (isOwn && (labels.length > 1 || labels[0] !== expected.get(service.name))) {
      const message = `the label ${HASH_LABEL} of ${what} is not that of its content`;
      findings.push(finding('verify.label-hash', message, { location }));
    }
  }
  return findings;
}

/** Of no service where one has no image: that has a finding. */
function computeHashes(
  file: ComposeFile,
  files: readonly Pick<BundleFile, 'path' | 'digest'>[],
): ReadonlyMap<string, string> {
  const named = listServiceImages(file).flatMap(({ service, image }) =>
    image === undefined ? [] : [[service, image] as const],
  );
  if (named.length < file.services.length) return new Map();
  const fileDigests = new Map(
    files.filter(({ path }) => path !== COMPOSE_FILE).map(({ path, digest }) => [path, digest]),
  );
  const services = hashServices({ file, images: new Map(named), fileDigests });
  return new Map(services.map(({ service, hash }) => [service.name, hash]));
}
