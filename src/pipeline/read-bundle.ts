import { checkArchive } from '../device/check-archive.ts';
import { type AppManifest, checkManifest } from '../device/check-manifest.ts';
import { checkParts } from '../device/verify-bundle.ts';
import { toRebundleError } from '../errors.ts';
import { readAll } from '../lib/bytes.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import { formatReference, repositoryOf } from '../lib/reference.ts';
import type { BundleBlob, BundleFile, Diagnostic } from '../model/app.ts';
import type { FindingCode } from '../model/findings.ts';
import type { AppReference, Descriptor, Reference } from '../model/oci.ts';
import type { CallOptions, Registry } from '../registry/registry.ts';

/** Blobs besides the archive are read up to this size; of larger ones it is only asked whether they are there. */
const MAX_SMALL_BLOB = 16 * 1024 * 1024;

/** A published bundle, fetched and checked whole. */
export interface ReadBundle {
  readonly app: string;
  /** By digest; undefined where nothing is there. */
  readonly reference?: AppReference;
  readonly manifest?: AppManifest;
  readonly archive?: {
    readonly descriptor: Descriptor;
    readonly files: readonly BundleFile[];
    readonly folders: readonly string[];
  };
  /** Pinned images of its services. */
  readonly images: readonly AppReference[];
  readonly findings: readonly Diagnostic[];
}

export interface ReadRequest {
  /** With a tag or a digest; a digest wins. */
  readonly reference: Reference;
  readonly registry: Registry;
  /** Takes the bytes of the archive, checked as they pass, and gives them for the checks; without it they are checked as they come. */
  readonly spool?: (chunks: AsyncIterable<Uint8Array>) => Promise<() => AsyncIterable<Uint8Array>>;
  readonly signal?: AbortSignal;
}

/**
 * Fetches a bundle from where it is published and checks all of it but its images. What is wrong, registries that fail included, is a finding; only an
 * interruption is thrown, and what `spool` fails at on its own.
 */
export async function readBundle(request: ReadRequest): Promise<ReadBundle> {
  const { reference, registry, signal } = request;
  const app = reference.repository.slice(reference.repository.lastIndexOf('/') + 1);
  const findings: Diagnostic[] = checkForm(reference);
  const nothing = { app, images: [], findings };
  const options: CallOptions = signal === undefined ? {} : { signal };
  const text = formatReference(reference);
  const wanted = reference.digest ?? reference.tag ?? 'latest';
  const found = await attempt(findings, `the manifest ${text}`, () =>
    registry.getManifest(repositoryOf(reference), wanted, options),
  );
  if (found === undefined) {
    if (findings.every(({ severity }) => severity !== 'error')) {
      const hint = 'Correct the reference, or name where it is read: --registry HOST=PLACE.';
      findings.push(finding('verify.missing', `${text} is not there`, { hint }));
    }
    return nothing;
  }
  const pinned: AppReference = { ...repositoryOf(reference), digest: found.descriptor.digest };
  const { manifest, findings: own } = checkManifest(found.bytes, found.descriptor.mediaType);
  findings.push(...own);
  if (manifest === undefined) return { ...nothing, reference: pinned };
  const access: Access = { registry, reference: pinned, options, findings };
  const index = manifest.index === undefined ? undefined : await readBlob(access, 'the file index', manifest.index);
  const layers = await readLayers(access, manifest);
  await checkOthers(access, manifest);
  const archive = await readArchiveOf(access, manifest, request.spool);
  if (archive === undefined) return { ...nothing, reference: pinned, manifest };
  const parts = await checkParts({
    app,
    manifest,
    files: archive.files,
    ...(index === undefined ? {} : { index }),
    ...(archive.compose === undefined ? {} : { compose: archive.compose }),
    ...(layers === undefined ? {} : { composeLayers: layers }),
  });
  findings.push(...parts.findings);
  return { app, reference: pinned, manifest, archive, images: parts.images, findings };
}

/** The first place that has the manifest, or that fails at the question; the last one where none has it. */
export async function findRegistry(
  places: readonly [Registry, ...Registry[]],
  reference: Reference,
  options: CallOptions,
): Promise<Registry> {
  const wanted = reference.digest ?? reference.tag ?? 'latest';
  for (const registry of places.slice(0, -1)) {
    const found = await registry.headManifest(repositoryOf(reference), wanted, options).catch((thrown: unknown) => {
      const error = toRebundleError(thrown);
      if (error.code === 'CANCELLED') throw error;
      return true;
    });
    if (found !== undefined) return registry;
  }
  return places.at(-1) ?? places[0];
}

interface Access {
  readonly registry: Registry;
  readonly reference: AppReference;
  readonly options: CallOptions;
  readonly findings: Diagnostic[];
}

/** Devices take host/factory/app only, and read the app key off its end. */
function checkForm({ registry, repository, tag, digest }: Reference): Diagnostic[] {
  const problems: string[] = [];
  if (repository.split('/').length !== 2) {
    problems.push(`devices take host/factory/app, not ${registry}/${repository}`);
  }
  if (digest !== undefined && tag !== undefined) problems.push('devices do not take a tag and a digest together');
  return problems.map((problem) => finding('verify.reference-form', problem));
}

/** Runs a request; undefined where it fails, which is a finding then. */
export async function attempt<T>(
  findings: Diagnostic[],
  what: string,
  task: () => Promise<T>,
  missing: FindingCode = 'verify.blob-missing',
): Promise<T | undefined> {
  try {
    return await task();
  } catch (thrown) {
    const error = toRebundleError(thrown);
    const { code, message } = error;
    if (code === 'CANCELLED' || code === 'INTERNAL' || code === 'OUTPUT_UNWRITABLE') throw error;
    if (code === 'REGISTRY_DIGEST_MISMATCH' || code === 'REGISTRY_SIZE_MISMATCH') {
      findings.push(finding('verify.digest', `${what}: ${message}`));
    } else if (code === 'REGISTRY_BLOB_MISSING') {
      findings.push(finding(missing, `${what}: ${message}`));
    } else {
      findings.push(errorFinding(error));
    }
    return undefined;
  }
}

async function readBlob(access: Access, what: string, descriptor: Descriptor): Promise<Buffer | undefined> {
  const { registry, reference, options, findings } = access;
  return attempt(findings, what, () =>
    readAll(registry.getBlob(repositoryOf(reference), descriptor, options), descriptor.size, what),
  );
}

/** Undefined where one of them is not to be had. */
async function readLayers(access: Access, { composeLayers }: AppManifest): Promise<BundleBlob[] | undefined> {
  const layers: BundleBlob[] = [];
  for (const descriptor of composeLayers) {
    if (descriptor.size > MAX_SMALL_BLOB) return undefined;
    const bytes = await readBlob(access, 'a layer for Docker Compose', descriptor);
    if (bytes === undefined) return undefined;
    layers.push({ descriptor, bytes });
  }
  return layers;
}

/** The config, other layers and the manifests per architecture: their bytes mean nothing to devices, but have to be the announced ones. */
async function checkOthers(access: Access, { config, others, parts }: AppManifest): Promise<void> {
  const { registry, reference, options, findings } = access;
  const name = repositoryOf(reference);
  for (const [what, descriptor] of [
    ...(config === undefined ? [] : [['the config', config] as const]),
    ...others.map((layer) => ['a further layer', layer] as const),
  ]) {
    if (descriptor.size <= MAX_SMALL_BLOB) await readBlob(access, what, descriptor);
    else if ((await attempt(findings, what, () => registry.hasBlob(name, descriptor.digest, options))) === false) {
      findings.push(finding('verify.blob-missing', `${what} ${descriptor.digest} is not there`));
    }
  }
  for (const { digest } of parts) {
    const what = `the part ${digest} of the manifest`;
    const found = await attempt(
      findings,
      what,
      async () => (await registry.getManifest(name, digest, options)) ?? null,
    );
    if (found === null) findings.push(finding('verify.blob-missing', `${what} is not there`));
  }
}

async function readArchiveOf(access: Access, { archive }: AppManifest, spool: ReadRequest['spool']) {
  if (archive === undefined) return undefined;
  const { registry, reference, options, findings } = access;
  return attempt(findings, 'the archive', async () => {
    const chunks = registry.getBlob(repositoryOf(reference), archive, options);
    const open = spool === undefined ? () => chunks : await spool(chunks);
    const { content, findings: own } = await checkArchive(open(), archive.size);
    findings.push(...own);
    return { descriptor: archive, ...content };
  });
}
