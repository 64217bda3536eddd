import { canonicalJson } from '../lib/canonical-json.ts';
import type { BundleFile } from '../model/app.ts';

/** The bundle index as composectl reads it: compact JSON, path to digest of every file of the archive, keys sorted. */
export function buildBundleIndex(files: readonly BundleFile[]): Uint8Array {
  return Buffer.from(canonicalJson(Object.fromEntries(files.map((file) => [file.path, file.digest]))));
}
