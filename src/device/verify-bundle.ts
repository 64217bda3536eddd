import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { MAX_COMPOSE_BYTES } from '../bundle/limits.ts';
import { decodeUtf8, readAll } from '../lib/bytes.ts';
import { digestOf } from '../lib/digest.ts';
import { finding } from '../lib/finding.ts';
import type { AppBundle, BundleBlob, BundleFile, Diagnostic } from '../model/app.ts';
import type { AppReference, Descriptor } from '../model/oci.ts';
import { type CheckedCompose, checkCompose } from './check-compose.ts';
import { checkComposeLayers } from './check-compose-layer.ts';
import { checkIndex } from './check-index.ts';
import { type AppManifest, checkManifest } from './check-manifest.ts';

/** The parts of a bundle, read. What could not be had is absent, and has a finding of its own. */
export interface BundleParts {
  /** The key of the app: the last part of the repository. */
  readonly app: string;
  readonly manifest: AppManifest;
  readonly index?: Uint8Array;
  readonly files: readonly BundleFile[];
  readonly compose?: string;
  /** Undefined where not all of them could be read. */
  readonly composeLayers?: readonly BundleBlob[];
}

/** Checks how the parts of a bundle fit together: archive and index, compose file and files, and what Docker Compose runs. */
export async function checkParts(
  parts: BundleParts,
): Promise<{ readonly images: readonly AppReference[]; readonly findings: readonly Diagnostic[] }> {
  const { app, manifest, index, files, compose, composeLayers } = parts;
  const findings = index === undefined ? [] : checkIndex(index, files);
  if (compose === undefined) return { images: [], findings };
  const { isOwn } = manifest;
  const read: { readonly checked?: CheckedCompose; readonly findings: readonly Diagnostic[] } = checkCompose(compose, {
    files,
    isOwn,
  });
  const file = read.checked?.file;
  const layers =
    file === undefined || composeLayers === undefined
      ? []
      : await checkComposeLayers({ app, file, files, layers: composeLayers, isOwn });
  return { images: read.checked?.images ?? [], findings: [...findings, ...read.findings, ...layers] };
}

/**
 * The checks of `verify` on a bundle that is not published yet: what a registry then serves are the very bytes. Asks for nothing. Throws what
 * opening a file of the bundle throws.
 */
export async function checkBundle(bundle: AppBundle): Promise<readonly Diagnostic[]> {
  const { manifest, findings } = checkManifest(bundle.manifestBytes, bundle.manifest.mediaType);
  if (manifest === undefined) return findings;
  const [compose] = bundle.files;
  const text =
    compose?.path === COMPOSE_FILE
      ? decodeUtf8(await readAll(compose.open(), MAX_COMPOSE_BYTES, COMPOSE_FILE))
      : undefined;
  const parts = await checkParts({
    app: bundle.name,
    manifest,
    index: bundle.indexBytes,
    files: bundle.files,
    composeLayers: bundle.composeLayers,
    ...(text === undefined ? {} : { compose: text }),
  });
  const absent = text === undefined ? [finding('verify.compose-missing', `the bundle has no ${COMPOSE_FILE}`)] : [];
  return [...findings, ...compareSent(bundle, manifest), ...absent, ...parts.findings];
}

/** The manifest names what is sent, and nothing else. */
function compareSent(bundle: AppBundle, manifest: AppManifest): Diagnostic[] {
  const problems: string[] = [];
  const compare = (what: string, found: Descriptor | undefined, sent: Descriptor): void => {
    if (found?.digest !== sent.digest || found.size !== sent.size) problems.push(`${what} is not what is sent`);
  };
  compare('the archive that the manifest names', manifest.archive, bundle.archive);
  compare('the file index that the manifest names', manifest.index, bundle.index);
  if (digestOf(bundle.indexBytes) !== bundle.index.digest)
    problems.push('the file index that is sent has another digest');
  const { composeLayers } = bundle;
  if (manifest.composeLayers.length + manifest.others.length !== composeLayers.length) {
    problems.push('the manifest names other layers than those that are sent');
  }
  for (const [i, { descriptor }] of composeLayers.entries()) {
    compare('a layer for Docker Compose', manifest.composeLayers[i], descriptor);
  }
  return problems.map((problem) => finding('verify.digest', problem));
}
