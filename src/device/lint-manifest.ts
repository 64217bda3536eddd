import { INDEX_ANNOTATIONS } from '../bundle/app-manifest.ts';
import { MAX_APP_MANIFEST_BYTES, MAX_READ_MANIFEST_BYTES } from '../bundle/limits.ts';
import { isDigest } from '../lib/digest.ts';
import type { FindingCode } from '../model/findings.ts';
import type { Descriptor, Digest } from '../model/oci.ts';

/** What a manifest says that devices judge, and what it needs in the registry. */
export interface ManifestJudgement {
  readonly problems: readonly { readonly code: FindingCode; readonly problem: string }[];
  /** The layer that devices unpack; absent where there is none to be had. */
  readonly archive?: Descriptor;
  /** Every blob that has to be there. */
  readonly blobs: readonly Digest[];
}

/** Judges the bytes of an app manifest by what device clients of 2020 and of today check. Media types do not count: no client looks at them. */
export function judgeManifest(bytes: Uint8Array): ManifestJudgement {
  const problems: { code: FindingCode; problem: string }[] = [];
  const add = (code: FindingCode, problem: string): void => void problems.push({ code, problem });
  if (bytes.byteLength > MAX_READ_MANIFEST_BYTES) {
    add(
      'lint.manifest-form',
      `its manifest has ${bytes.byteLength} bytes, devices read at most ${MAX_READ_MANIFEST_BYTES}`,
    );
  } else if (bytes.byteLength > MAX_APP_MANIFEST_BYTES) {
    add('lint.manifest-size', `its manifest has ${bytes.byteLength} bytes`);
  }
  const manifest = parseObject(bytes);
  if (manifest === undefined) {
    return {
      problems: [...problems, { code: 'lint.manifest-form', problem: 'its manifest is no JSON object' }],
      blobs: [],
    };
  }
  const annotations = asObject(manifest.annotations);
  if (annotations['compose-app'] !== 'v1') {
    add('lint.manifest-form', 'its manifest lacks the annotation compose-app: v1');
  }
  const layers: readonly unknown[] = Array.isArray(manifest.layers) ? manifest.layers : [];
  const archive = readDescriptor(layers[0]);
  if (archive === undefined) {
    add('lint.manifest-form', 'the first layer of its manifest has no digest and size above 0');
  }
  const config = asObject(manifest.config).digest;
  const index = asObject(asObject(layers[0]).annotations)[INDEX_ANNOTATIONS.digest];
  const blobs = [config, index, ...layers.map((layer) => asObject(layer).digest)];
  const named = blobs.filter((digest): digest is Digest => typeof digest === 'string' && isDigest(digest));
  return { problems, ...(archive === undefined ? {} : { archive }), blobs: [...new Set(named)] };
}

function readDescriptor(layer: unknown): Descriptor | undefined {
  const { mediaType, digest, size } = asObject(layer);
  if (typeof digest !== 'string' || !isDigest(digest)) return undefined;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size <= 0) return undefined;
  return { mediaType: typeof mediaType === 'string' ? mediaType : '', digest, size };
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
