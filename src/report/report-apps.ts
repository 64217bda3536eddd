import type { SourceOrigin } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { comparePlatforms, formatPlatform } from '../lib/platform.ts';
import { createMask, looksSecret, MASK, maskDiff, maskUrlCredentials } from '../lib/redact.ts';
import type { AppResult, AppStatus, Diagnostic, PackageKind } from '../model/app.ts';
import type { Severity } from '../model/findings.ts';
import type { Digest, Platform } from '../model/oci.ts';
import type { AppDetails, AppRow, Drift, MigrationPlan, PlannedApp } from '../model/plan.ts';

/** A diagnostic with its place in full. `path` is empty where the finding is about a whole repository. */
export interface ReportFinding {
  readonly code: Diagnostic['code'];
  readonly severity: Severity;
  readonly message: string;
  readonly hint?: string;
  readonly app?: string;
  readonly repository: string;
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
}

/** The image of one service. `written` is the text of the package, `pinned` what devices pull. */
interface ReportImage {
  readonly service: string;
  readonly written: string;
  readonly pinned: string;
  /** As `linux/arm64/v8`. */
  readonly platforms: readonly string[];
  readonly drift?: Drift;
}

/** A parameter and what became of it. `value` is masked where the name looks like that of a secret. */
interface ReportVariable {
  readonly parameter: string;
  readonly variable?: string;
  readonly value: string;
  readonly uses: number;
  readonly fixed?: string;
}

export interface ReportApp {
  readonly app: string;
  readonly origin: SourceOrigin;
  readonly kind?: PackageKind;
  readonly status: Exclude<AppStatus, 'skipped'>;
  readonly reason?: string;
  readonly reference?: string;
  readonly newOnDevices: boolean;
  readonly bundle?: { readonly digest: Digest; readonly size: number };
  readonly dockerApp?: NonNullable<AppRow['dockerApp']>;
  /** What the parent targets say of the app. */
  readonly former?: NonNullable<AppRow['former']>;
  readonly downloads?: NonNullable<AppRow['downloads']>;
  /** The rest, made when it is asked for: most of a report is this. */
  readonly details: () => ReportAppDetails;
}

/** In the JSON report these are members of the app like the others. */
export interface ReportAppDetails {
  readonly platforms: readonly string[];
  readonly images: readonly ReportImage[];
  readonly variables: readonly ReportVariable[];
  readonly files: AppDetails['files'];
  readonly storage?: NonNullable<AppDetails['storage']>;
  readonly diff?: string;
  /** Line of the package file that line 1 of the left side of `diff` is. */
  readonly composeLine?: number;
  readonly changes?: NonNullable<AppDetails['changes']>;
  readonly dockerAppDiff?: string;
}

type Mask = (text: string) => string;

interface BuiltApps {
  readonly apps: readonly ReportApp[];
  readonly skipped: readonly { name: string; repository: string; path: string; reason: string }[];
  readonly findings: readonly ReportFinding[];
  /** Service images whose tag names another digest than their pin. */
  readonly drifted: number;
}

/** Joins the plan and the results, app by app: how it ended comes from the result, what was made from the plan. */
export function buildApps(plan: MigrationPlan, results: readonly AppResult[]): BuiltApps {
  const plans = new Map(plan.apps.map((app) => [keyOf(app), app]));
  const ended = new Map(results.map((result) => [keyOf(result), result]));
  const keys = [...new Set([...plans.keys(), ...ended.keys()])].sort(compareText);
  const platforms = new Map(plan.images.map((image) => [image.pinned, formatPlatforms(image.platforms)]));
  const apps: ReportApp[] = [];
  const skipped: BuiltApps['skipped'][number][] = [];
  const findings: ReportFinding[] = [];
  let drifted = 0;
  for (const key of keys) {
    const row = plans.get(key);
    const result = ended.get(key) ?? row;
    if (result === undefined) continue;
    const planned = row?.details.read();
    const mask = createMask(planned?.variables ?? []);
    const origin = { ...result.origin, repository: maskUrlCredentials(result.origin.repository) };
    findings.push(...listFindings({ result, planned: row?.diagnostics ?? [], origin, mask }));
    const text = result.reason ?? row?.reason;
    const reason = text === undefined ? undefined : mask(text);
    if (result.status === 'skipped') {
      const { repository, path } = origin;
      skipped.push({ name: result.app, repository, path, reason: reason ?? 'skipped' });
      continue;
    }
    const { app, status, reference = row?.reference } = result;
    drifted += planned?.images.filter(({ drift }) => drift !== undefined).length ?? 0;
    apps.push({
      app,
      origin,
      ...(row === undefined ? {} : { kind: row.kind }),
      status,
      ...(reason === undefined ? {} : { reason }),
      ...(reference === undefined ? {} : { reference }),
      newOnDevices: row?.newOnDevices ?? false,
      ...(planned?.bundle === undefined
        ? {}
        : { bundle: { digest: planned.bundle.digest, size: planned.bundle.size } }),
      ...(row?.dockerApp === undefined ? {} : { dockerApp: row.dockerApp }),
      ...(row?.former === undefined ? {} : { former: row.former }),
      ...(row?.downloads === undefined ? {} : { downloads: row.downloads }),
      details: listDetails(row, planned, mask),
    });
  }
  return { apps, skipped, findings, drifted };

  function listDetails(row: PlannedApp | undefined, planned: AppDetails | undefined, mask: Mask): ReportApp['details'] {
    if (row === undefined || planned === undefined) return () => NO_DETAILS;
    // What is held as it is may be held twice, so that the formats share it.
    const { details: kept } = row;
    if (kept.isPacked) return () => describeDetails(kept.read(), platforms);
    const details = describeDetails(planned, platforms, mask);
    return () => details;
  }
}

const NO_DETAILS: ReportAppDetails = { platforms: [], images: [], variables: [], files: [] };

function keyOf({ app, origin }: { readonly app: string; readonly origin: SourceOrigin }): string {
  return JSON.stringify([app, origin.repository, origin.path]);
}

function formatPlatforms(platforms: readonly Platform[]): string[] {
  return platforms.toSorted(comparePlatforms).map(formatPlatform);
}

function describeDetails(
  planned: AppDetails,
  platforms: ReadonlyMap<string, readonly string[]>,
  mask: Mask = createMask(planned.variables),
): ReportAppDetails {
  return {
    platforms: formatPlatforms(planned.platforms),
    images: planned.images
      .map(({ service, written, pinned, drift }) => ({
        service,
        written: mask(written),
        pinned,
        platforms: platforms.get(pinned) ?? [],
        ...(drift === undefined ? {} : { drift }),
      }))
      .sort((a, b) => compareText(a.service, b.service)),
    variables: planned.variables
      .map((variable) => ({
        ...variable,
        value: isSecret(variable) && variable.value !== '' ? MASK : mask(variable.value),
        ...(variable.fixed === undefined ? {} : { fixed: mask(variable.fixed) }),
      }))
      .sort((a, b) => compareText(a.parameter, b.parameter)),
    files: planned.files,
    ...(planned.storage === undefined
      ? {}
      : {
          storage: planned.storage.map((each) => ({ ...each, source: mask(each.source), target: mask(each.target) })),
        }),
    ...(planned.diff === undefined ? {} : { diff: maskDiff(planned.diff, mask) }),
    ...(planned.composeLine === undefined ? {} : { composeLine: planned.composeLine }),
    ...(planned.changes === undefined
      ? {}
      : { changes: planned.changes.map((change) => ({ ...change, reason: mask(change.reason) })) }),
    ...(planned.dockerAppDiff === undefined ? {} : { dockerAppDiff: maskDiff(planned.dockerAppDiff, mask) }),
  };
}

function isSecret({ parameter, variable }: ReportVariable): boolean {
  return looksSecret(parameter) || looksSecret(variable ?? '');
}

interface FindingInput {
  readonly result: Pick<AppResult, 'app' | 'diagnostics'>;
  readonly planned: readonly Diagnostic[];
  readonly origin: SourceOrigin;
  readonly mask: Mask;
}

/** The findings of the plan and of the result, each once: a result repeats what its plan said. */
function listFindings({ result, planned, origin, mask }: FindingInput): ReportFinding[] {
  const found: ReportFinding[] = [];
  const byPlace = new Map<string, ReportFinding[]>();
  for (const { code, severity, message, hint, location } of new Set([...planned, ...result.diagnostics])) {
    const finding: ReportFinding = {
      code,
      severity,
      message: mask(message),
      ...(hint === undefined ? {} : { hint: mask(hint) }),
      app: result.app,
      repository: origin.repository,
      path: location?.path ?? origin.path,
      ...(location === undefined ? {} : { line: location.line, column: location.column }),
    };
    const key = `${finding.line}:${finding.column} ${finding.path} ${finding.message}`;
    const alike = byPlace.get(key);
    if (alike?.some((other) => isSameFinding(other, finding)) === true) continue;
    byPlace.set(key, [...(alike ?? []), finding]);
    found.push(finding);
  }
  return found;
}

/** Of two findings of one app. */
function isSameFinding(a: ReportFinding, b: ReportFinding): boolean {
  return (
    a.message === b.message &&
    a.code === b.code &&
    a.severity === b.severity &&
    a.hint === b.hint &&
    a.path === b.path &&
    a.line === b.line &&
    a.column === b.column
  );
}
