import { escapeTerminal } from '../lib/escape-text.ts';
import type { RunReport } from './run-report.ts';
import { countCauses } from './updates.ts';
import { SEVERITIES, STATUSES } from './wording.ts';

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Gauges in the text format of Prometheus 0.0.4, for the textfile collector of node_exporter or a push gateway. `former` is the text that this one
 * replaces: after a run that failed, the time of the last success of this factory is taken from it.
 */
export function* renderMetrics(report: RunReport, former = ''): Generator<string> {
  const { counts, timing, factory } = report;
  const family = function* (name: string, help: string, samples: readonly Sample[]): Generator<string> {
    if (samples.length === 0) return;
    yield `# HELP rebundle_${name} ${help}\n# TYPE rebundle_${name} gauge\n`;
    for (const { labels = {}, value } of samples) {
      const all = Object.entries({ factory, ...labels }).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
      yield `rebundle_${name}{${all.join(',')}} ${value}\n`;
    }
  };
  const one = (value: number): Sample[] => [{ value }];
  yield* family(
    'apps',
    'Apps by how they ended.',
    STATUSES.map((status) => ({ labels: { status }, value: counts[status] })),
  );
  yield* family('packages_skipped', 'Packages that were not converted.', one(counts.skipped));
  yield* family('apps_new_on_devices', 'Apps that no target named before.', one(report.newOnDevices.length));
  yield* family('bundles', 'Bundles of this run, sent or already there.', one(counts.bundles));
  yield* family('bundle_bytes', 'Bytes of all bundles.', one(counts.bundleBytes));
  yield* family('sent_bytes', 'Bytes sent to the destination.', one(counts.bytesSent));
  yield* family('images', 'Distinct image references.', one(counts.images));
  yield* family('images_drifted', 'Service images whose tag names another digest than their pin.', one(counts.drifted));
  yield* family('targets', 'Planned targets, by kind; a run that fails may not have written them.', [
    { labels: { kind: 'ostree' }, value: counts.targets },
    { labels: { kind: 'file' }, value: counts.fileTargets },
  ]);
  yield* family(
    'apps_updated',
    'Apps of which devices of a style get another entry, by cause.',
    report.updates === undefined
      ? []
      : countCauses(report.updates).map(({ style, cause, count }) => ({ labels: { style, cause }, value: count })),
  );
  yield* family(
    'findings',
    'Findings by severity.',
    SEVERITIES.map((severity) => ({ labels: { severity }, value: counts.findings[severity] })),
  );
  yield* family('repositories_unread', 'Repositories that could not be read.', [
    { value: report.sources.filter(({ error }) => error !== undefined).length },
  ]);
  yield* family('safe', '1 where the change may go to devices as it is.', one(report.verdict.safe ? 1 : 0));
  yield* family('exit_status', 'Exit status of the run.', one(report.status));
  if (timing !== undefined) {
    yield* family('run_seconds', 'Duration of the run.', one(timing.totalMs / 1000));
    yield* family(
      'stage_seconds',
      'Time in each stage, summed over apps that are worked on in parallel.',
      Object.entries(timing.stages ?? {}).map(([stage, ms]) => ({ labels: { stage }, value: ms / 1000 })),
    );
    yield* family(
      'registry_requests_remaining',
      'Requests that a registry said are left of its limit.',
      (timing.quotas ?? []).map(({ host, remaining }) => ({ labels: { host }, value: remaining })),
    );
  }
  // Not the clock of the plan: a run that continues one has that of the run before it.
  const ended = Date.parse(timing?.endedAt ?? report.createdAt) / 1000;
  yield* family('last_run_timestamp_seconds', 'When the last run ended.', one(ended));
  const isSuccess = (report.status === 0 || report.status === 2) && report.failure === undefined;
  const success = isSuccess ? ended : readLastSuccess(former, factory);
  yield* family(
    'last_success_timestamp_seconds',
    'When the last run ended that ended well: with exit status 0, or 2 of plan.',
    success === undefined ? [] : one(success),
  );
}

/** The time in an earlier text, where that is of the same factory. */
function readLastSuccess(text: string, factory: string): number | undefined {
  const start = `rebundle_last_success_timestamp_seconds{factory="${escapeLabel(factory)}"} `;
  const line = text
    .split('\n')
    .find((each) => each.startsWith(start))
    ?.slice(start.length);
  return line === undefined || !/^\d{1,15}$/.test(line) ? undefined : Number(line);
}

function escapeLabel(text: string): string {
  return escapeTerminal(text).replace(/["\\]/g, '\\$&');
}
