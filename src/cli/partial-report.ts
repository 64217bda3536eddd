import type { Config } from '../config.ts';
import { ERRORS, type RebundleError } from '../errors.ts';
import type { PipelineEvent, Stage } from '../events.ts';
import { digestOf } from '../lib/digest.ts';
import type { AppResult, SourceOrigin } from '../model/app.ts';
import { type MigrationPlan, RULES_VERSION } from '../model/plan.ts';
import type { RunReportInput } from '../report/run-report.ts';

type SourceRow = RunReportInput['sources'][number];

/** What is known of a run while it goes on, for the report of one that ends before its end. */
export interface RunRecord {
  readonly onEvent: (event: PipelineEvent) => void;
  readonly read: () => {
    readonly results: readonly AppResult[];
    readonly sources: readonly SourceRow[];
    readonly bytesSent: number;
  };
}

export function createRunRecord(): RunRecord {
  const sources: SourceRow[] = [];
  const results: AppResult[] = [];
  const running = new Map<string, { readonly app: string; readonly origin: SourceOrigin; readonly stage: Stage }>();
  let bytesSent = 0;
  const keyOf = (app: string, { repository, path }: SourceOrigin): string => JSON.stringify([app, repository, path]);
  return {
    onEvent(event) {
      switch (event.type) {
        case 'source:scanned':
          sources.push({ repository: event.repository, packages: event.packages });
          break;
        case 'source:failed':
          sources.push({ repository: event.repository, packages: [], error: event.message });
          break;
        case 'app:stage':
          running.set(keyOf(event.app, event.origin), { app: event.app, origin: event.origin, stage: event.stage });
          break;
        case 'app:result':
          running.delete(keyOf(event.result.app, event.result.origin));
          results.push(event.result);
          break;
        case 'blob:sent':
          if (event.sent) bytesSent += event.size;
      }
    },
    read: () => ({
      results: [
        ...results,
        ...[...running.values()].map(({ app, origin, stage }): AppResult => {
          return {
            app,
            origin,
            status: 'held',
            reason: `the run ended while this app was at ${stage}`,
            diagnostics: [],
          };
        }),
      ],
      sources,
      bytesSent,
    }),
  };
}

/** The input of a report for a run that ended in `error`. `started` is the plan that it had begun to carry out, where it had. */
export function describeFailure(input: {
  readonly error: RebundleError;
  readonly record: RunRecord;
  readonly started: MigrationPlan | undefined;
  readonly config: Config;
  /** Names of all repositories of the run. */
  readonly repositories: readonly string[];
  readonly createdAt: string;
  readonly command: string;
}): RunReportInput {
  const { error, started, config, createdAt, command } = input;
  const { results, sources, bytesSent } = input.record.read();
  const plan = started === undefined ? emptyPlan(config, createdAt) : withoutPromises(started);
  const { code, message, hint } = error;
  return {
    plan,
    results: [...results, ...listNotReached(sources, [...plan.apps, ...results])],
    sources: [...sources, ...listNotRead(sources, input.repositories)],
    bytesSent,
    command,
    status: ERRORS[code].exit,
    failure: { code, message, ...(hint === undefined ? {} : { hint }) },
    outputs: {},
  };
}

/** A result for every selected package that the run did not come to. */
function listNotReached(sources: readonly SourceRow[], known: readonly Pick<AppResult, 'origin'>[]): AppResult[] {
  const keys = new Set(known.map(({ origin }) => JSON.stringify([origin.repository, origin.path])));
  return sources.flatMap(({ repository, packages }) =>
    packages
      .filter(({ selected, path }) => selected && !keys.has(JSON.stringify([repository, path])))
      .map(({ name, path }) => ({
        app: name,
        origin: { repository, path },
        status: 'held' as const,
        reason: 'the run ended before it came to this app',
        diagnostics: [],
      })),
  );
}

function listNotRead(sources: readonly SourceRow[], repositories: readonly string[]): SourceRow[] {
  const read = new Set(sources.map(({ repository }) => repository));
  return repositories
    .filter((repository) => !read.has(repository))
    .map((repository) => ({ repository, packages: [], error: 'the run ended before it was read' }));
}

/** What the plan meant to do is not known to be done. */
function withoutPromises({ updates: _, ...plan }: MigrationPlan): MigrationPlan {
  return {
    ...plan,
    apps: plan.apps.map((app) =>
      app.status === 'migrated' ? { ...app, status: 'held', reason: 'the run ended before this was certain' } : app,
    ),
  };
}

function emptyPlan({ factory = '', registry = '' }: Config, createdAt: string): MigrationPlan {
  return {
    version: 1,
    state: 'proposed',
    createdAt,
    rules: RULES_VERSION,
    tool: '',
    request: { apps: [], removeApps: [], allowPartial: false },
    factory,
    registry,
    options: digestOf(''),
    images: [],
    apps: [],
    targets: [],
    skippedTargets: [],
    diagnostics: [],
    hasChanges: false,
  };
}
