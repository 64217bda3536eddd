import { createTwoFilesPatch } from 'diff';
import { readComposeFile } from '../compose/compose-file.ts';
import { listStorage } from '../compose/storage.ts';
import { listChanges } from '../convert/explain.ts';
import { createMask, maskDiff } from '../lib/redact.ts';
import type { AppPackage, ComposeApp } from '../model/app.ts';
import type { AppDetails, LineChange } from '../model/plan.ts';
import type { AppBytes } from './app-bytes.ts';

/** Changes of one app that are kept; a package with more is one that docker-app's render replaced. */
const MAX_CHANGES = 500;
/** UTF-16 units of a package that are compared. */
const MAX_TEXT = 512 * 1024;

/** Why the lines of a converted file are what they are. */
export function describeConversion(app: ComposeApp): Pick<AppDetails, 'composeLine' | 'changes'> {
  const changes: LineChange[] = [];
  if (app.edits.length > 0 && app.source.text.length <= MAX_TEXT) {
    for (const { line, source, name, reason } of listChanges(app)) {
      if (changes.length === MAX_CHANGES) break;
      changes.push({ ...(line === undefined ? {} : { line }), source, rule: name, reason });
    }
  }
  return { composeLine: app.source.line, ...(changes.length === 0 ? {} : { changes }) };
}

/** What is published beside the converted file: the package as devices of the old style get it, and what stays on a device. */
export function describeBytes(
  app: ComposeApp,
  pkg: AppPackage,
  { bytes }: { readonly bytes: Pick<AppBytes, 'bundle' | 'dockerApp'> },
): Pick<AppDetails, 'dockerAppDiff' | 'storage'> {
  const dockerAppDiff = bytes.dockerApp === undefined ? undefined : diffPackage(app, pkg, bytes.dockerApp);
  const file = readComposeFile({ text: app.composeText, path: 'docker-compose.yml', line: 1 }, { origin: 'compose' });
  const storage = listStorage(
    file,
    app.name,
    bytes.bundle.files.map(({ path }) => path),
  );
  const mask = createMask(app.variables);
  return {
    ...(dockerAppDiff === undefined ? {} : { dockerAppDiff }),
    ...(storage.length === 0 ? {} : { storage: storage.map((each) => ({ ...each, source: mask(each.source) })) }),
  };
}

/** Only a single file has a committed text to compare with; a folder is merged into one. */
function diffPackage(app: ComposeApp, pkg: AppPackage, published: Uint8Array): string | undefined {
  if (pkg.bytes === undefined || pkg.bytes.byteLength > MAX_TEXT) return undefined;
  const [before, after] = [pkg.bytes, published].map((bytes) => Buffer.from(bytes).toString('utf8'));
  if (before === undefined || after === undefined || before === after) return undefined;
  const diff = createTwoFilesPatch(pkg.origin.path, 'published', before, after, undefined, undefined, { context: 2 });
  return maskDiff(diff, createMask(app.variables));
}
