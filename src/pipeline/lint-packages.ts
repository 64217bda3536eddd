import { rewriteCompose } from '../convert/rewrite.ts';
import { isStrictSingleFile } from '../dockerapp/published.ts';
import { splitPackage } from '../dockerapp/split.ts';
import { toRebundleError } from '../errors.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { FileTarget } from '../model/app.ts';
import type { LintReport } from '../targets/lint-context.ts';
import { isOstree, isRecord } from '../targets/target-fields.ts';
import type { TargetsFile } from '../targets/targets-file.ts';

/** What is known of the bytes of file targets. */
interface ReadPackages {
  readonly files: ReadonlyMap<string, Pick<FileTarget, 'length' | 'sha256'>>;
  readonly reports: readonly LintReport[];
}

/**
 * Reads the bytes of every file target and judges those that devices of the old style render: they have to be three documents that docker-app 0.4
 * to 0.8 takes, and what it makes of them a compose file that docker-compose 1.29 takes after its own interpolation.
 */
export async function lintPackages(
  file: TargetsFile,
  read: (name: string) => Promise<Uint8Array | undefined>,
): Promise<ReadPackages> {
  const apps = findApps(file);
  const files = new Map<string, Pick<FileTarget, 'length' | 'sha256'>>();
  const reports: LintReport[] = [];
  for (const [name, target] of file.targets) {
    const bytes = isOstree(target) ? undefined : await read(name);
    if (bytes === undefined) continue;
    files.set(name, { length: bytes.byteLength, sha256: hexOf(digestOf(bytes)) });
    const app = apps.get(name);
    if (app === undefined) continue;
    const problem = await findPackageProblem(app, name, bytes);
    if (problem !== undefined) reports.push({ code: 'lint.package-broken', problem, target: name });
  }
  return { files, reports };
}

/** The app that names a file target; that of the first target which does. */
function findApps(file: TargetsFile): Map<string, string> {
  const apps = new Map<string, string>();
  for (const target of file.targets.values()) {
    const entries: unknown = target.custom?.docker_apps;
    for (const [app, entry] of isRecord(entries) ? Object.entries(entries) : []) {
      const filename = isRecord(entry) ? entry.filename : undefined;
      if (typeof filename === 'string' && !apps.has(filename)) apps.set(filename, app);
    }
  }
  return apps;
}

async function findPackageProblem(app: string, name: string, bytes: Uint8Array): Promise<string | undefined> {
  if (!isStrictSingleFile(bytes)) return 'it is not three documents separated by lines ---';
  const origin = { repository: 'targets', path: name };
  try {
    const pkg = await splitPackage({
      location: { name: app, path: name, kind: 'single-file', selected: true },
      origin,
      files: [],
      read: async () => Buffer.from(bytes),
    });
    const { diagnostics } = rewriteCompose(pkg, {
      interpolation: 'device',
      parameterFiles: [],
      settings: [],
      deviceSeverity: 'error',
    });
    const error = diagnostics.find(({ severity }) => severity === 'error');
    if (error === undefined) return undefined;
    const line = error.location === undefined ? '' : ` (line ${error.location.line})`;
    return `${error.code}: ${escapeTerminal(error.message)}${line}`;
  } catch (thrown) {
    const error = toRebundleError(thrown);
    return `${error.code}: ${escapeTerminal(error.message)}`;
  }
}
