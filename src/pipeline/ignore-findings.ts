import picomatch from 'picomatch';
import { finding } from '../lib/finding.ts';
import type { AppResult, Diagnostic } from '../model/app.ts';
import type { FindingCode } from '../model/findings.ts';
import type { AppDetails, IgnoredFinding, MigrationPlan } from '../model/plan.ts';
import { findUnknownNames } from './env-files.ts';
import type { ConvertedApp, MigrationContext, MigrationRequest, ScannedSource } from './migration.ts';

/** A finding that is known and needs no attention. */
interface IgnoreRule {
  readonly id: FindingCode;
  /** Glob on package paths; without it the finding is ignored in every package. */
  readonly path?: string;
  readonly reason: string;
  /** The last day on which it counts, `YYYY-MM-DD`. */
  readonly expires?: string;
}

/** Findings that depend on what the registry and the targets hold at the moment: an entry for them is not stale because there is none today. */
const PASSING = /^(?:image\.tag-moved$|publish\.|targets\.)/;
/** Findings that only a plan can have. */
const PLAN_ONLY = /^(?:image|publish|targets)\./;

interface IgnoreScope {
  /** UTC, `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly now: string;
  /** True where every package of the factory was looked at: only then an entry without a finding is stale. */
  readonly complete: boolean;
  readonly plan: boolean;
}

/**
 * Takes the ignored findings out of what a run found, emits the rest, and gives the plan and the results with only these. Only warnings and notes are
 * ignored, an error never is. Adds what there is to tell of the entries themselves and of the groups of devices.
 */
export function tellFindings(
  found: {
    readonly plan: MigrationPlan;
    readonly results: readonly AppResult[];
    readonly scanned: readonly ScannedSource[];
  },
  request: MigrationRequest,
  context: MigrationContext,
): { readonly plan: MigrationPlan; readonly results: readonly AppResult[] } {
  const scope = { now: context.createdAt, complete: isComplete(request, found.scanned), plan: true };
  const sieve = createSieve(request.config.findings.ignore, scope);
  const results = sieve.takeAll(found.results);
  const isRead = scope.complete && found.plan.apps.every(({ status }) => status !== 'failed');
  const unknown = isRead ? findUnknownNames(request.fleet, readDetails(found.plan)) : [];
  const own = sieve.take([...found.plan.diagnostics, ...unknown]);
  // The rows of the plan repeat what the results say: that is counted once.
  const apps = createSieve(request.config.findings.ignore, scope).takeAll(found.plan.apps);
  const diagnostics = [...own, ...sieve.judge()];
  for (const diagnostic of diagnostics) context.emit({ type: 'diagnostic', diagnostic });
  for (const result of results) context.emit({ type: 'app:result', result });
  const { ignored } = sieve;
  return { plan: { ...found.plan, apps, diagnostics, ...(ignored.length === 0 ? {} : { ignored }) }, results };
}

function* readDetails({ apps }: MigrationPlan): Generator<AppDetails> {
  for (const { details } of apps) yield details.read();
}

/** The same for a conversion, which has no plan: its results with what is left, and what is told of the run as a whole. */
export function tellConversion(
  found: {
    readonly apps: readonly ConvertedApp[];
    readonly results: readonly AppResult[];
    readonly scanned: readonly ScannedSource[];
  },
  request: MigrationRequest,
  context: MigrationContext,
): { readonly results: readonly AppResult[]; readonly diagnostics: readonly Diagnostic[] } {
  const scope = { now: context.createdAt, complete: isComplete(request, found.scanned), plan: false };
  const sieve = createSieve(request.config.findings.ignore, scope);
  const results = sieve.takeAll(found.results);
  const converted = found.apps.flatMap(({ app }) => app ?? []);
  const isRead = scope.complete && converted.length === found.apps.length;
  const own = sieve.take(isRead ? findUnknownNames(request.fleet, converted) : []);
  const diagnostics = [...own, ...sieve.judge()];
  for (const diagnostic of diagnostics) context.emit({ type: 'diagnostic', diagnostic });
  for (const result of results) context.emit({ type: 'app:result', result });
  return { results, diagnostics };
}

/** True where every package was asked for and every repository could be read. */
function isComplete(request: MigrationRequest, scanned: readonly ScannedSource[]): boolean {
  return request.apps.length === 0 && request.only.size === 0 && scanned.every(({ error }) => error === undefined);
}

interface Sieve {
  /** The findings that are to be told. */
  take(diagnostics: readonly Diagnostic[], app?: string, path?: string): readonly Diagnostic[];
  takeAll<T extends Pick<AppResult, 'app' | 'origin' | 'diagnostics'>>(apps: readonly T[]): T[];
  /** After everything was taken. */
  judge(): Diagnostic[];
  readonly ignored: readonly IgnoredFinding[];
}

function createSieve(rules: readonly IgnoreRule[], { now, complete, plan }: IgnoreScope): Sieve {
  const today = now.slice(0, 10);
  const ignored: IgnoredFinding[] = [];
  const entries = rules.map((rule) => ({
    rule,
    expired: rule.expires !== undefined && rule.expires < today,
    matches: rule.path === undefined ? () => true : picomatch(rule.path, { dot: true }),
    used: false,
  }));
  const ids = new Set<string>(rules.map(({ id }) => id));
  const take: Sieve['take'] = (diagnostics, app, path = '') => {
    // In a large factory each copy of all lists counts.
    if (!diagnostics.some(({ code }) => ids.has(code))) return diagnostics;
    return diagnostics.filter((diagnostic) => {
      const fitting = entries.filter(({ rule, matches }) => rule.id === diagnostic.code && matches(path));
      for (const entry of fitting) entry.used = true;
      const entry = fitting.find(({ expired }) => !expired);
      if (entry === undefined || diagnostic.severity === 'error') return true;
      ignored.push({ ...(app === undefined ? {} : { app, path }), diagnostic, reason: entry.rule.reason });
      return false;
    });
  };
  return {
    ignored,
    take,
    takeAll: (apps) =>
      apps.map((app) => {
        const diagnostics = take(app.diagnostics, app.app, app.origin.path);
        return diagnostics === app.diagnostics ? app : { ...app, diagnostics };
      }),
    judge: () =>
      entries.flatMap(({ rule, expired, used }) => {
        const name = rule.path === undefined ? rule.id : `${rule.id}@${rule.path}`;
        if (expired) {
          const message = `${name} was to be ignored until ${rule.expires} (${rule.reason}); the entry has no effect any more`;
          return [finding('ignore.expired', message, { hint: 'Correct what it was about, or give it a later date.' })];
        }
        const passing = PASSING.test(rule.id) || (!plan && PLAN_ONLY.test(rule.id));
        if (used || !complete || passing) return [];
        const message = `${name} is to be ignored (${rule.reason}), but there is no such finding`;
        return [finding('ignore.unused', message, { hint: 'Remove the entry.' })];
      }),
  };
}
