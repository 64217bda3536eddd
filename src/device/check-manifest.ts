import { INDEX_ANNOTATIONS } from '../bundle/app-manifest.ts';
import { MAX_APP_MANIFEST_BYTES, MAX_READ_MANIFEST_BYTES } from '../bundle/limits.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { isDigest } from '../lib/digest.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic } from '../model/app.ts';
import { type Descriptor, type Digest, MEDIA_TYPES } from '../model/oci.ts';
import { MAX_ARCHIVE_BYTES } from './check-archive.ts';

/** Largest file index that is read; ours has 10,000 files with paths of 1,024 bytes at most. */
const MAX_INDEX_BYTES = 16 * 1024 * 1024;

/** A manifest of a bundle, as far as it could be read. */
export interface AppManifest {
  /** True for the form that rebundle writes: what is wrong then is wrong, not another tool's way. */
  readonly isOwn: boolean;
  readonly archive?: Descriptor;
  readonly index?: Descriptor;
  readonly config?: Descriptor;
  /** What Docker Compose runs: a compose file and environment files. */
  readonly composeLayers: readonly Descriptor[];
  /** Other layers. */
  readonly others: readonly Descriptor[];
  /** Manifests per architecture that some tools add. */
  readonly parts: readonly { readonly digest: Digest; readonly architecture?: string }[];
}

/**
 * Checks the bytes of an app manifest: their size for devices of each generation, the annotation, the archive as the first layer, the file index, and that
 * all it names has a digest and size. What is only our convention is a note.
 */
export function checkManifest(
  bytes: Uint8Array,
  mediaType: string,
): { readonly manifest?: AppManifest; readonly findings: readonly Diagnostic[] } {
  const findings: Diagnostic[] = [];
  const wrong = (message: string): void => void findings.push(finding('verify.manifest-form', message));
  checkSize(bytes.byteLength, findings);
  const document = parseRecord(bytes);
  if (document === undefined) {
    wrong('the manifest is no JSON object');
    return { findings };
  }
  if (mediaType !== MEDIA_TYPES.ociManifest) {
    wrong(`the manifest has the media type ${JSON.stringify(mediaType)}; devices ask for ${MEDIA_TYPES.ociManifest}`);
  }
  if (document.schemaVersion !== 2) wrong('the schemaVersion of the manifest is not 2');
  if (asRecord(document.annotations)['compose-app'] !== 'v1')
    wrong('the manifest lacks the annotation compose-app: v1');
  const layers: readonly unknown[] = Array.isArray(document.layers) ? document.layers : [];
  const [first, ...rest] = layers.map(asRecord);
  const archive = readDescriptor(first);
  if (archive === undefined || archive.size === 0) {
    wrong('the first layer of the manifest, the archive, has no sha256 digest and size above 0');
  } else if (archive.mediaType !== MEDIA_TYPES.bundle) {
    wrong(
      `the archive has the media type ${JSON.stringify(archive.mediaType)}; composectl takes ${MEDIA_TYPES.bundle}`,
    );
  } else if (archive.size > MAX_ARCHIVE_BYTES) {
    findings.push(
      finding('verify.archive-limit', `the archive has ${archive.size} bytes, more than ${MAX_ARCHIVE_BYTES}`),
    );
  }
  const config = readDescriptor(asRecord(document.config));
  const named = rest.map(readDescriptor).filter((layer) => layer !== undefined);
  if (named.length < rest.length) wrong('a layer of the manifest has no sha256 digest and size');
  const index = readIndex(asRecord(first?.annotations), findings);
  const isOwn = document.artifactType === MEDIA_TYPES.composeProject && config?.mediaType === MEDIA_TYPES.ociEmpty;
  const manifest: AppManifest = {
    isOwn,
    ...(archive === undefined || archive.size === 0 || archive.size > MAX_ARCHIVE_BYTES ? {} : { archive }),
    ...(index === undefined ? {} : { index }),
    ...(config === undefined ? {} : { config }),
    composeLayers: named.filter(isComposeLayer),
    others: named.filter((layer) => !isComposeLayer(layer)),
    parts: readParts(document.manifests),
  };
  if (isOwn && index === undefined) wrong('the manifest names no file index');
  if (!isOwn) findings.push(finding('verify.convention', 'the manifest has the form of another tool'));
  return { manifest, findings };
}

function checkSize(bytes: number, findings: Diagnostic[]): void {
  if (bytes > MAX_READ_MANIFEST_BYTES) {
    const message = `the manifest has ${bytes} bytes, devices read at most ${MAX_READ_MANIFEST_BYTES}`;
    findings.push(finding('verify.manifest-form', message));
  } else if (bytes > MAX_APP_MANIFEST_BYTES) {
    const message = `the manifest has ${bytes} bytes, devices of 2020 read at most ${MAX_APP_MANIFEST_BYTES}`;
    findings.push(finding('verify.manifest-size', message));
  }
}

function isComposeLayer({ mediaType }: Descriptor): boolean {
  return mediaType === MEDIA_TYPES.composeFile || mediaType === MEDIA_TYPES.composeEnvFile;
}

function readIndex(annotations: Readonly<Record<string, unknown>>, findings: Diagnostic[]): Descriptor | undefined {
  const digest = annotations[INDEX_ANNOTATIONS.digest];
  const written = annotations[INDEX_ANNOTATIONS.size];
  if (digest === undefined && written === undefined) {
    findings.push(finding('verify.index-absent', 'the manifest names no file index'));
    return undefined;
  }
  const size = typeof written === 'string' && /^[0-9]{1,15}$/.test(written) ? Number(written) : -1;
  if (typeof digest === 'string' && isDigest(digest) && size > 0 && size <= MAX_INDEX_BYTES) {
    return { mediaType: MEDIA_TYPES.bundle, digest, size };
  }
  findings.push(finding('verify.index', 'the annotations about the file index are no digest and size'));
  return undefined;
}

function readParts(value: unknown): AppManifest['parts'] {
  const parts: { digest: Digest; architecture?: string }[] = [];
  for (const part of Array.isArray(value) ? value.map(asRecord) : []) {
    const { architecture } = asRecord(part.platform);
    if (typeof part.digest !== 'string' || !isDigest(part.digest)) continue;
    parts.push({ digest: part.digest, ...(typeof architecture === 'string' ? { architecture } : {}) });
  }
  return parts;
}

function readDescriptor(value: Readonly<Record<string, unknown>> | undefined): Descriptor | undefined {
  const { mediaType, digest, size, annotations } = value ?? {};
  if (typeof digest !== 'string' || !isDigest(digest)) return undefined;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
  const texts = Object.entries(asRecord(annotations)).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string',
  );
  return {
    mediaType: typeof mediaType === 'string' ? mediaType : '',
    digest,
    size,
    ...(texts.length === 0 ? {} : { annotations: Object.fromEntries(texts) }),
  };
}

function parseRecord(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? '');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? asRecord(value) : undefined;
  } catch {
    return undefined;
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
