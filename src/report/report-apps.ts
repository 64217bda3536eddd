import type { SourceOrigin } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { comparePlatforms, formatPlatform } from '../lib/platform.ts';
import { createMask, looksSecret, MASK, maskDiff, maskUrlCredentials } from '../lib/redact.ts';
import type { AppResult, AppStatus, Diagnostic, PackageKind } from '../model/app.ts';
import type { Severity } from '../model/findings.ts';
import type { Digest, Platform } from '../model/oci.ts';
import type { AppPlan, Drift, MigrationPlan } from '../model/plan.ts';

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
  readonly newOnDevices: boolean;
  readonly reference?: string;
  readonly bundle?: { readonly digest: Digest; readonly size: number };
  readonly dockerApp?: NonNullable<AppPlan['dockerApp']>;
  readonly platforms: readonly string[];
  readonly images: readonly ReportImage[];
  readonly variables: readonly ReportVariable[];
  readonly files: AppPlan['files'];
  readonly downloads?: NonNullable<AppPlan['downloads']>;
  readonly storage?: NonNullable<AppPlan['storage']>;
  /** What the parent targets say of the app. */
  readonly former?: NonNullable<AppPlan['former']>;
  readonly diff?: string;
  /** Line of the package file that line 1 of the left side of `diff` is. */
  readonly composeLine?: number;
  readonly changes?: NonNullable<AppPlan['changes']>;
  readonly dockerAppDiff?: string;
}

interface BuiltApps {
  readonly apps: readonly ReportApp[];
  readonly skipped: readonly { name: string; repository: string; path: string; reason: string }[];
  readonly findings: readonly ReportFinding[];
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
  for (const key of keys) {
    const appPlan = plans.get(key);
    const result = ended.get(key) ?? appPlan;
    if (result === undefined) continue;
    const mask = createMask(appPlan?.variables ?? []);
    const origin = { ...result.origin, repository: maskUrlCredentials(result.origin.repository) };
    findings.push(...listFindings({ result, planned: appPlan?.diagnostics ?? [], origin, mask }));
    const text = result.reason ?? appPlan?.reason;
    const reason = text === undefined ? undefined : mask(text);
    if (result.status === 'skipped') {
      const { repository, path } = origin;
      skipped.push({ name: result.app, repository, path, reason: reason ?? 'skipped' });
    } else {
      const { app, status, reference = appPlan?.reference } = result;
      apps.push({
        app,
        origin,
        ...(appPlan === undefined ? {} : { kind: appPlan.kind }),
        status,
        ...(reason === undefined ? {} : { reason }),
        ...(reference === undefined ? {} : { reference }),
        ...describePlan(appPlan, platforms, mask),
      });
    }
  }
  return { apps, skipped, findings };
}

function keyOf({ app, origin }: { readonly app: string; readonly origin: SourceOrigin }): string {
  return JSON.stringify([app, origin.repository, origin.path]);
}

function formatPlatforms(platforms: readonly Platform[]): string[] {
  return platforms.toSorted(comparePlatforms).map(formatPlatform);
}

function describePlan(
  plan: AppPlan | undefined,
  platforms: ReadonlyMap<string, readonly string[]>,
  mask: (text: string) => string,
): Omit<ReportApp, 'app' | 'origin' | 'kind' | 'status' | 'reason' | 'reference'> {
  if (plan === undefined) return { newOnDevices: false, platforms: [], images: [], variables: [], files: [] };
  return {
    newOnDevices: plan.newOnDevices,
    ...(plan.bundle === undefined ? {} : { bundle: { digest: plan.bundle.digest, size: plan.bundle.size } }),
    ...(plan.dockerApp === undefined ? {} : { dockerApp: plan.dockerApp }),
    platforms: formatPlatforms(plan.platforms),
    images: plan.images
      .map(({ service, written, pinned, drift }) => ({
        service,
        written: mask(written),
        pinned,
        platforms: platforms.get(pinned) ?? [],
        ...(drift === undefined ? {} : { drift }),
      }))
      .sort((a, b) => compareText(a.service, b.service)),
    variables: plan.variables
      .map((variable) => ({
        ...variable,
        value: isSecret(variable) && variable.value !== '' ? MASK : mask(variable.value),
        ...(variable.fixed === undefined ? {} : { fixed: mask(variable.fixed) }),
      }))
      .sort((a, b) => compareText(a.parameter, b.parameter)),
    files: plan.files,
    ...(plan.downloads === undefined ? {} : { downloads: plan.downloads }),
    ...(plan.storage === undefined
      ? {}
      : { storage: plan.storage.map((each) => ({ ...each, source: mask(each.source), target: mask(each.target) })) }),
    ...(plan.former === undefined ? {} : { former: plan.former }),
    ...(plan.diff === undefined ? {} : { diff: maskDiff(plan.diff, mask) }),
    ...(plan.composeLine === undefined ? {} : { composeLine: plan.composeLine }),
    ...(plan.changes === undefined
      ? {}
      : { changes: plan.changes.map((change) => ({ ...change, reason: mask(change.reason) })) }),
    ...(plan.dockerAppDiff === undefined ? {} : { dockerAppDiff: maskDiff(plan.dockerAppDiff, mask) }),
  };
}

function isSecret({ parameter, variable }: ReportVariable): boolean {
  return looksSecret(parameter) || looksSecret(variable ?? '');
}

interface FindingInput {
  readonly result: Pick<AppResult, 'app' | 'diagnostics'>;
  readonly planned: readonly Diagnostic[];
  readonly origin: SourceOrigin;
  readonly mask: (text: string) => string;
}

/** The findings of the plan and of the result, each once: a result repeats what its plan said. */
function listFindings({ result, planned, origin, mask }: FindingInput): ReportFinding[] {
  const seen = new Map<string, ReportFinding>();
  for (const { code, severity, message, hint, location } of [...planned, ...result.diagnostics]) {
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
    seen.set(JSON.stringify(finding), finding);
  }
  return [...seen.values()];
}
