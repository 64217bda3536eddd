import type { PipelineEvent } from '../events.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { maskUrlCredentials } from '../lib/redact.ts';
import type { AppResult, Diagnostic, SourceOrigin } from '../model/app.ts';
import { type Color, createPaint } from '../report/paint.ts';
import { countOf, formatBytes, placeOf } from '../report/wording.ts';

/** `detail` is for `--verbose`; `--quiet` leaves only `error`. */
type LineLevel = 'error' | 'warning' | 'info' | 'detail';

interface EventLine {
  readonly level: LineLevel;
  /** One word, at the start of the line. */
  readonly label: string;
  readonly text: string;
  readonly hint?: string;
}

interface LineOptions {
  readonly verbose: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
}

const LABEL_WIDTH = 10;
const LABEL_COLORS: Readonly<Record<LineLevel, Color>> = {
  error: 'red',
  warning: 'yellow',
  info: 'blue',
  detail: 'dim',
};

/**
 * Makes the function that turns an event into log lines, each ending in a line feed, all foreign text escaped. A finding that comes
 * both as an event and with the app's result is told once.
 */
export function createEventLines(options: LineOptions, lowest: LineLevel): (event: PipelineEvent) => string {
  const paint = createPaint(options.color);
  const levels: LineLevel[] = ['error', 'warning', 'info', 'detail'];
  const shown = new Set(
    levels.slice(0, levels.indexOf(options.quiet ? 'error' : options.verbose ? 'detail' : lowest) + 1),
  );
  const told = new Map<string, Set<string>>();
  let command = '';
  return (event) => {
    if (event.type === 'run:start') command = event.command;
    return describeEvent(event, told)
      .map((line) => (command === 'plan' && line.label === 'migrated' ? { ...line, label: 'planned' } : line))
      .filter((line) => shown.has(line.level))
      .map(({ level, label, text, hint }) => {
        const main = `${paint(LABEL_COLORS[level], label.padEnd(LABEL_WIDTH))}${clean(text)}\n`;
        return hint === undefined ? main : `${main}${' '.repeat(LABEL_WIDTH)}${paint('dim', 'fix:')} ${clean(hint)}\n`;
      })
      .join('');
  };
}

function clean(text: string): string {
  return escapeTerminal(maskUrlCredentials(text));
}

function describeEvent(event: PipelineEvent, told: Map<string, Set<string>>): EventLine[] {
  switch (event.type) {
    case 'run:start':
      return [
        {
          level: 'info',
          label: 'start',
          text: `${event.command}${event.repositories === 0 ? '' : `, ${repositories(event.repositories)}`}`,
        },
      ];
    case 'source:scanned': {
      const selected = event.packages.filter((location) => location.selected).length;
      const text = `${event.repository}: ${countOf(event.packages.length, 'package')}, ${selected} selected`;
      return [{ level: 'info', label: 'scanned', text }];
    }
    case 'source:failed':
      return [{ level: 'error', label: 'error', text: `${event.repository}: ${event.message}` }];
    case 'app:stage':
      return [{ level: 'detail', label: event.stage, text: `${event.app} ${placeOf(event.origin)}` }];
    case 'image:resolved':
      return [{ level: 'detail', label: 'resolved', text: `${event.reference} is ${event.digest}` }];
    case 'blob:sent': {
      const text = `${event.app} ${event.digest} ${formatBytes(event.size)}`;
      return [{ level: 'detail', label: event.sent ? 'sent' : 'present', text }];
    }
    case 'request:retry': {
      const text = `attempt ${event.attempt} in ${(event.delayMs / 1000).toFixed(1)} s: ${event.url}: ${event.reason}`;
      return [{ level: 'warning', label: 'retry', text }];
    }
    case 'registry:quota': {
      const limit = event.limit === undefined ? '' : ` of ${event.limit}`;
      return [{ level: 'detail', label: 'quota', text: `${event.host}: ${event.remaining}${limit} requests left` }];
    }
    case 'diagnostic':
      return describeFinding(event, told);
    case 'app:result':
      return describeResult(event.result, told);
    case 'targets:written': {
      const text = `${event.path}: ${countOf(event.targets.length, 'target')} added, ${formatBytes(event.bytes)}`;
      return [{ level: 'info', label: 'targets', text }];
    }
    case 'run:end': {
      const { counts, status } = event;
      const apps = (['migrated', 'unchanged', 'skipped', 'held', 'failed'] as const)
        .filter((key) => counts[key] > 0)
        .map((key) => `${counts[key]} ${key}`);
      const bundles = `${countOf(counts.bundles, 'bundle')}, ${formatBytes(counts.bytesSent)} sent`;
      const parts = [...(apps.length > 0 ? [apps.join(', ')] : []), ...(counts.bundles > 0 ? [bundles] : [])];
      const text = `exit status ${status}${parts.length > 0 ? `: ${parts.join('; ')}` : ''}`;
      return [{ level: 'info', label: 'end', text }];
    }
  }
}

function repositories(count: number): string {
  return count === 1 ? '1 repository' : `${count} repositories`;
}

const FINDING_LEVELS: Readonly<Record<Diagnostic['severity'], LineLevel>> = {
  error: 'error',
  warning: 'warning',
  note: 'detail',
};

interface FoundDiagnostic {
  readonly app?: string;
  readonly origin?: SourceOrigin;
  readonly diagnostic: Diagnostic;
}

function describeFinding({ app, origin, diagnostic }: FoundDiagnostic, told: Map<string, Set<string>>): EventLine[] {
  const key = appKey(app, origin);
  const known = told.get(key) ?? new Set<string>();
  const id = JSON.stringify([diagnostic.code, diagnostic.message, diagnostic.location]);
  if (known.has(id)) return [];
  told.set(key, known.add(id));
  const { code, severity, message, hint, location } = diagnostic;
  const place = placeOf({ repository: origin?.repository ?? '', path: origin?.path ?? '', ...location });
  const text = [code, ...(app === undefined ? [] : [app]), ...(place === '' ? [] : [place])].join(' ');
  return [
    {
      level: FINDING_LEVELS[severity],
      label: severity,
      text: `${text}: ${message}`,
      ...(hint === undefined ? {} : { hint }),
    },
  ];
}

const RESULT_LEVELS: Readonly<Record<AppResult['status'], LineLevel>> = {
  failed: 'error',
  held: 'warning',
  migrated: 'info',
  skipped: 'info',
  unchanged: 'detail',
};

function describeResult(result: AppResult, told: Map<string, Set<string>>): EventLine[] {
  const { app, origin, status } = result;
  const findings = result.diagnostics.flatMap((diagnostic) => describeFinding({ app, origin, diagnostic }, told));
  told.delete(appKey(app, origin));
  const end = result.reason ?? (status === 'migrated' || status === 'unchanged' ? result.reference : undefined);
  const text = `${app} ${placeOf(origin)}${end === undefined ? '' : `: ${end}`}`;
  return [...findings, { level: RESULT_LEVELS[status], label: status, text }];
}

function appKey(app: string | undefined, origin: SourceOrigin | undefined): string {
  return JSON.stringify([app ?? '', origin?.repository ?? '', origin?.path ?? '']);
}
