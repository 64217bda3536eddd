import { compareText, decodeUtf8 } from '../lib/bytes.ts';
import { encodeJson } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import type { BundleFile, Diagnostic } from '../model/app.ts';

/** Differences that are listed before they are only counted. */
const LISTED = 10;

/** Compares the file index of a bundle (JSON, path to digest) with the regular files of its archive: each is in both, and equal. */
export function checkIndex(index: Uint8Array, files: readonly Pick<BundleFile, 'path' | 'digest'>[]): Diagnostic[] {
  const named = parseIndex(index);
  if (named === undefined) return [finding('verify.index', 'the file index is no JSON object of texts')];
  const problems: string[] = [];
  for (const { path, digest } of files) {
    const found = named.get(path);
    if (found === undefined) problems.push(`the file index lacks ${encodeJson(path)}`);
    else if (found !== digest)
      problems.push(`${encodeJson(path)} has the digest ${digest}, its index says ${encodeJson(found)}`);
  }
  const there = new Set(files.map(({ path }) => path));
  for (const path of [...named.keys()].sort(compareText)) {
    if (!there.has(path)) problems.push(`the file index names ${encodeJson(path)}, which is no file of the archive`);
  }
  const more = problems.length > LISTED ? [`${problems.length - LISTED} more differences to the file index`] : [];
  return [...problems.slice(0, LISTED), ...more].map((problem) => finding('verify.index', problem));
}

function parseIndex(bytes: Uint8Array): Map<string, string> | undefined {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? '');
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const entries = Object.entries(value).map(([path, digest]) => [path, String(digest)] as const);
    return new Map(entries);
  } catch {
    return undefined;
  }
}
