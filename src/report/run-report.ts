import type { ErrorCode } from '../errors.ts';
import type { RegistryQuota, RunCounts, Stage } from '../events.ts';
import { compareText } from '../lib/bytes.ts';
import { maskUrlCredentials } from '../lib/redact.ts';
import type { AppResult, AppStatus, Diagnostic, PackageLocation } from '../model/app.ts';
import type { Severity } from '../model/findings.ts';
import type { DeviceUpdate, MigrationPlan, PlannedTarget } from '../model/plan.ts';
import { buildApps, type ReportApp, type ReportFinding } from './report-apps.ts';
import { compareFindings, planFindings, sourceFindings } from './run-findings.ts';
import { countUpdatedApps } from './updates.ts';
import { judgeRun, type Verdict } from './verdict.ts';

/** Where the results of a run lie, as paths that the user can type. A member is absent where nothing was written. */
interface ReportOutputs {
  readonly plan?: string;
  /** The targets file that devices will see. */
  readonly targets?: string;
  /** The proposal that `plan` writes instead. */
  readonly plannedTargets?: string;
  /** The folder of the converted trees. */
  readonly apps?: string;
  /** Where bundles were published. */
  readonly destination?: string;
  readonly html?: string;
  readonly json?: string;
  readonly markdown?: string;
  readonly junit?: string;
  readonly metrics?: string;
}

/** The only member of a report that may differ between two runs of equal inputs. */
interface ReportTiming {
  /** What the clock said at the end, whatever SOURCE_DATE_EPOCH and the plan say: `YYYY-MM-DDTHH:MM:SSZ`. Reports of earlier releases lack it. */
  readonly endedAt?: string;
  readonly totalMs: number;
  /** Milliseconds by stage, summed over all apps, which are worked on in parallel. */
  readonly stages?: Readonly<Record<Stage, number>>;
  /** What registries said is left of their limits of requests; absent where none did. */
  readonly quotas?: readonly RegistryQuota[];
}

/** Why a run ended before its end: the report then holds what was known by then. */
interface RunFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export interface ReportSource {
  readonly repository: string;
  readonly commit?: string;
  readonly packages: number;
  readonly selected: number;
  /** Why the repository could not be read. */
  readonly error?: string;
}

/** A package that was not converted, and why. */
interface SkippedPackage {
  readonly name: string;
  readonly repository: string;
  readonly path: string;
  readonly reason: string;
}

export interface ReportTarget {
  readonly name: string;
  readonly kind: PlannedTarget['kind'];
  readonly parent?: string;
  readonly tag?: string;
  readonly hardwareId?: string;
  readonly version?: string;
  /** Bytes, of what the target names. */
  readonly length: number;
  readonly apps: PlannedTarget['apps'];
}

/** Findings of one code that are ignored for one reason. */
interface IgnoredCount {
  readonly code: Diagnostic['code'];
  readonly reason: string;
  readonly count: number;
}

interface ReportCounts extends RunCounts {
  /** Bytes of all bundles, sent or not. */
  readonly bundleBytes: number;
  /** Distinct image references. */
  readonly images: number;
  /** Targets that devices install. */
  readonly targets: number;
  /** Targets that are a `.dockerapp` file. */
  readonly fileTargets: number;
  /** Apps of which some device gets another entry. */
  readonly updated: number;
  /** Service images whose tag names another digest by now than the one that they stay pinned to. */
  readonly drifted: number;
  readonly findings: Readonly<Record<Severity, number>>;
}

/** All that a run has to tell. Every format is rendered from it, so all formats agree; secrets are masked already. */
export interface RunReport {
  readonly schemaVersion: 1;
  /** The command's name, as `plan` or `run`. */
  readonly command: string;
  readonly status: number;
  /** Set where the run was interrupted or crashed: what follows is a part. */
  readonly failure?: RunFailure;
  readonly createdAt: string;
  readonly factory: string;
  readonly registry: string;
  readonly hasChanges: boolean;
  readonly verdict: Verdict;
  readonly counts: ReportCounts;
  readonly targetVersion?: string;
  /** Names of the apps that no target named before and that would start on devices. */
  readonly newOnDevices: readonly string[];
  readonly sources: readonly ReportSource[];
  /** Errors first, then by code and place. */
  readonly findings: readonly ReportFinding[];
  /** How many findings of which kind the configuration says are known; they are not among `findings`. Absent where none is. */
  readonly ignored?: readonly IgnoredCount[];
  /** By name. Skipped ones are in `skippedPackages` only. */
  readonly apps: readonly ReportApp[];
  readonly targets: readonly ReportTarget[];
  /** What devices will see and why; empty where that is nothing, absent where no targets are configured. */
  readonly updates?: readonly DeviceUpdate[];
  readonly skippedPackages: readonly SkippedPackage[];
  readonly skippedTargets: MigrationPlan['skippedTargets'];
  readonly outputs: ReportOutputs;
  readonly timing?: ReportTiming;
}

interface SourceInput {
  readonly repository: string;
  readonly commit?: string;
  readonly packages: readonly PackageLocation[];
  readonly error?: string;
}

export interface RunReportInput {
  readonly plan: MigrationPlan;
  /** An app that the plan has and the results lack is shown as planned. */
  readonly results: readonly AppResult[];
  readonly command: string;
  /** The exit status that the run ends with. */
  readonly status: number;
  readonly sources: readonly SourceInput[];
  readonly bytesSent: number;
  readonly timing?: ReportTiming;
  readonly outputs: ReportOutputs;
  readonly failure?: RunFailure;
}

/** Gathers what happened into the one model. The order of the inputs, which may come from timing, does not matter. */
export function buildRunReport(input: RunReportInput): RunReport {
  const { plan } = input;
  const failure =
    input.failure === undefined ? undefined : { ...input.failure, message: maskUrlCredentials(input.failure.message) };
  const { apps, skipped, findings: appFindings, drifted } = buildApps(plan, input.results);
  const findings = [...appFindings, ...sourceFindings(input.sources), ...planFindings(plan)].sort(compareFindings);
  const targets = plan.targets.map(reportTarget).sort((a, b) => compareText(a.name, b.name));
  const skippedPackages = listSkipped(input.sources, skipped);
  const sources = input.sources.map(reportSource).sort((a, b) => compareText(a.repository, b.repository));
  const newOnDevices = apps.filter((app) => app.newOnDevices && app.status !== 'failed').map((app) => app.app);
  const counts: ReportCounts = {
    migrated: countStatus(apps, 'migrated'),
    unchanged: countStatus(apps, 'unchanged'),
    skipped: skippedPackages.length,
    held: countStatus(apps, 'held'),
    failed: countStatus(apps, 'failed'),
    bundles: apps.filter(hasBundle).length,
    bytesSent: input.bytesSent,
    bundleBytes: apps.filter(hasBundle).reduce((sum, app) => sum + (app.bundle?.size ?? 0), 0),
    images: plan.images.length,
    targets: targets.filter((target) => target.kind === 'ostree').length,
    fileTargets: targets.filter((target) => target.kind === 'file').length,
    updated: countUpdatedApps(plan.updates ?? []),
    drifted,
    findings: {
      error: countSeverity(findings, 'error'),
      warning: countSeverity(findings, 'warning'),
      note: countSeverity(findings, 'note'),
    },
  };
  return {
    schemaVersion: 1,
    command: input.command,
    status: input.status,
    ...(failure === undefined ? {} : { failure }),
    createdAt: plan.createdAt,
    factory: plan.factory,
    registry: plan.registry,
    hasChanges: plan.hasChanges,
    verdict: judgeRun({
      status: input.status,
      failure,
      hasChanges: plan.hasChanges,
      apps,
      sources,
      targets,
      findings,
      newOnDevices,
      updates: plan.updates,
    }),
    counts,
    ...(plan.targetVersion === undefined ? {} : { targetVersion: plan.targetVersion }),
    newOnDevices,
    sources,
    findings,
    ...(plan.ignored === undefined ? {} : { ignored: countIgnored(plan.ignored) }),
    apps,
    targets,
    ...(plan.updates === undefined ? {} : { updates: plan.updates }),
    skippedPackages,
    skippedTargets: plan.skippedTargets.toSorted(
      (a, b) => compareText(a.name, b.name) || compareText(a.reason, b.reason),
    ),
    outputs: input.outputs,
    ...(input.timing === undefined ? {} : { timing: input.timing }),
  };
}

function countIgnored(ignored: NonNullable<MigrationPlan['ignored']>): IgnoredCount[] {
  const counts = new Map<string, IgnoredCount>();
  for (const { diagnostic, reason } of ignored) {
    const key = JSON.stringify([diagnostic.code, reason]);
    counts.set(key, { code: diagnostic.code, reason, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()].sort((a, b) => compareText(a.code, b.code) || compareText(a.reason, b.reason));
}

function hasBundle(app: ReportApp): boolean {
  return app.status !== 'failed' && app.reference !== undefined;
}

function countStatus(apps: readonly ReportApp[], status: AppStatus): number {
  return apps.filter((app) => app.status === status).length;
}

function countSeverity(findings: readonly ReportFinding[], severity: Severity): number {
  return findings.filter((finding) => finding.severity === severity).length;
}

function reportSource(source: SourceInput): ReportSource {
  return {
    repository: maskUrlCredentials(source.repository),
    ...(source.commit === undefined ? {} : { commit: source.commit }),
    packages: source.packages.length,
    selected: source.packages.filter((location) => location.selected).length,
    ...(source.error === undefined ? {} : { error: maskUrlCredentials(source.error) }),
  };
}

/** Packages that the scan left out and apps that a later stage skipped, each place once. */
function listSkipped(sources: readonly SourceInput[], skipped: readonly SkippedPackage[]): SkippedPackage[] {
  const rows = new Map<string, SkippedPackage>();
  for (const source of sources) {
    for (const { name, path, selected, reason } of source.packages) {
      if (selected) continue;
      const repository = maskUrlCredentials(source.repository);
      rows.set(JSON.stringify([repository, path]), { name, repository, path, reason: reason ?? 'not selected' });
    }
  }
  for (const row of skipped) rows.set(JSON.stringify([row.repository, row.path]), row);
  return [...rows.values()].sort(
    (a, b) => compareText(a.repository, b.repository) || compareText(a.path, b.path) || compareText(a.name, b.name),
  );
}

function reportTarget(planned: PlannedTarget): ReportTarget {
  const version = planned.target.custom?.version;
  return {
    name: planned.name,
    kind: planned.kind,
    ...(planned.parent === undefined ? {} : { parent: planned.parent }),
    ...(planned.tag === undefined ? {} : { tag: planned.tag }),
    ...(planned.hardwareId === undefined ? {} : { hardwareId: planned.hardwareId }),
    ...(version === undefined ? {} : { version: String(version) }),
    length: planned.target.length,
    apps: planned.apps.toSorted((a, b) => compareText(a.app, b.app)),
  };
}
