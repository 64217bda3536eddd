import { encodeJson } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic, FileReference } from '../model/app.ts';

/** Names that a finding lists before it only counts. */
const LISTED = 5;

/** A finding where a bundle holds files that its compose text neither mounts nor reads. `files` without docker-compose.yml. */
export function findUnusedFiles(
  files: readonly { readonly path: string; readonly size: number }[],
  references: readonly FileReference[],
): Diagnostic[] {
  const used = new Set(references.map(({ path }) => path.replace(/^(?:\.\/+)+/, '').replace(/\/+$/, '')));
  if (used.has('.') || used.has('')) return [];
  const unused = files.filter(({ path }) => !isUsed(path, used));
  if (unused.length === 0) return [];
  const names = unused.slice(0, LISTED).map(({ path }) => encodeJson(path));
  const more = unused.length > LISTED ? ` and ${unused.length - LISTED} more` : '';
  const bytes = unused.reduce((sum, { size }) => sum + size, 0);
  const what = unused.length === 1 ? 'a file' : `${unused.length} files`;
  const message = `the bundle holds ${what} (${bytes} bytes) that no service mounts or reads: ${names.join(', ')}${more}`;
  return [finding('bundle.unused-file', message, { hint: 'List what devices do not need in .composeappignores.' })];
}

/** True where the file or a folder that it is in is used. */
function isUsed(path: string, used: ReadonlySet<string>): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (used.has(path.slice(0, end))) return true;
  }
  return false;
}
