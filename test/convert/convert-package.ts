import { convertApp } from '../../src/convert/convert-app.ts';
import type { Proof } from '../../src/convert/prove.ts';
import type { RewriteOptions } from '../../src/convert/rewrite.ts';
import type { ParameterSetting } from '../../src/dockerapp/parameters.ts';
import { scanPackages } from '../../src/dockerapp/scan.ts';
import { splitPackage } from '../../src/dockerapp/split.ts';
import { formatLocation, toRebundleError } from '../../src/errors.ts';
import { compareText } from '../../src/lib/bytes.ts';
import { errorFinding } from '../../src/lib/finding.ts';
import type { AppPackage, ComposeApp, Diagnostic, FileEntry, Semantics } from '../../src/model/app.ts';

export interface ConvertOptions {
  readonly interpolation?: 'device' | 'single';
  readonly settings?: readonly ParameterSetting[];
  readonly semantics?: Semantics;
  readonly serviceConfigs?: 'keep' | 'mount';
  /** Texts of further parameter files. */
  readonly parameterFiles?: readonly string[];
  /** As `convert` has it: what only devices refuse is a warning. */
  readonly deviceSeverity?: 'error' | 'warning';
}

export interface Converted {
  readonly pkg: AppPackage | undefined;
  readonly app: ComposeApp | undefined;
  readonly proof?: Proof;
  readonly diagnostics: readonly Diagnostic[];
  readonly failed: boolean;
}

/** Finds the one package among files in memory and splits it. */
export async function splitFiles(files: ReadonlyMap<string, Uint8Array>, semantics?: Semantics): Promise<AppPackage> {
  const entries: FileEntry[] = [...files].map(([path, bytes]) => ({ path, mode: 'file', size: bytes.byteLength }));
  const [location, ...more] = scanPackages(entries, { include: [], exclude: [], names: [] }).filter(
    ({ selected }) => selected,
  );
  if (location === undefined || more.length > 0) throw new Error('expected exactly one package');
  const prefix = `${location.path}/`;
  return splitPackage({
    location,
    origin: { repository: 'factory', path: location.path },
    files: location.kind === 'folder' ? entries.filter(({ path }) => path.startsWith(prefix)) : [],
    ...(semantics === undefined ? {} : { semantics }),
    read: async (path) => Buffer.from(files.get(path) ?? new Uint8Array()),
  });
}

/** Converts as the pipeline does: what is thrown becomes a finding. */
export async function convertFiles(
  files: ReadonlyMap<string, Uint8Array>,
  options: ConvertOptions = {},
): Promise<Converted> {
  let pkg: AppPackage | undefined;
  try {
    pkg = await splitFiles(files, options.semantics);
    const { app, proof } = await convertApp(pkg, rewriteOptions(options));
    return {
      pkg,
      app,
      ...(proof === undefined ? {} : { proof }),
      diagnostics: app.diagnostics,
      failed: app.diagnostics.some(isError),
    };
  } catch (thrown) {
    const error = toRebundleError(thrown);
    if (error.code === 'INTERNAL') throw thrown;
    return { pkg, app: undefined, diagnostics: [...(pkg?.diagnostics ?? []), errorFinding(error)], failed: true };
  }
}

function rewriteOptions(options: ConvertOptions): RewriteOptions {
  const { interpolation, settings, parameterFiles, deviceSeverity, serviceConfigs } = options;
  return {
    ...(serviceConfigs === undefined ? {} : { serviceConfigs }),
    deviceSeverity: deviceSeverity ?? 'error',
    interpolation: interpolation ?? 'device',
    settings: settings ?? [],
    parameterFiles: (parameterFiles ?? []).map((text, i) => ({ text, path: `extra-${i}.yml`, offset: 0, line: 1 })),
  };
}

/** Converts a package given as its compose and parameter texts, in the folder form. */
export function convertTexts(compose: string, parameters: string, options: ConvertOptions = {}): Promise<Converted> {
  const files = new Map([
    ['web.dockerapp/metadata.yml', Buffer.from("name: web\nversion: '1.0'\ndescription: a web app\n")],
    ['web.dockerapp/docker-compose.yml', Buffer.from(compose)],
    ['web.dockerapp/parameters.yml', Buffer.from(parameters)],
  ]);
  return convertFiles(files, options);
}

/** One line for each finding: severity, code, place, message; in the order of the places. */
export function formatFindings(diagnostics: readonly Diagnostic[]): string {
  const lines = diagnostics.map(({ severity, code, location, message }) => {
    const place = location === undefined ? '-' : formatLocation(location);
    const key = location === undefined ? '' : `${location.path}\0${pad(location.line)}\0${pad(location.column)}`;
    return { key, line: `${severity} ${code} ${place} ${message.replaceAll('\n', '\\n')}\n` };
  });
  return lines
    .toSorted((a, b) => compareText(a.key, b.key) || compareText(a.line, b.line))
    .map(({ line }) => line)
    .join('');
}

function isError({ severity }: Diagnostic): boolean {
  return severity === 'error';
}

function pad(value: number): string {
  return String(value).padStart(9, '0');
}
