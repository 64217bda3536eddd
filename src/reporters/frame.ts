import type { PipelineEvent, Stage } from '../events.ts';
import { escapeTerminal, fitTerminal, terminalWidth } from '../lib/escape-text.ts';
import type { AppStatus, SourceOrigin } from '../model/app.ts';
import { type Color, createPaint, type Paint } from '../report/paint.ts';

const STAGES: readonly Stage[] = ['split', 'rewrite', 'pin', 'bundle', 'publish'];
const ENDINGS: readonly (readonly [AppStatus, Color])[] = [
  ['failed', 'red'],
  ['held', 'yellow'],
  ['migrated', 'green'],
  ['unchanged', 'dim'],
  ['skipped', 'dim'],
];
const SLOW_SHOWN = 3;
const SLOW_MS = 1_000;

interface RunningApp {
  readonly app: string;
  readonly stage: Stage;
  /** When this stage began. */
  readonly since: number;
}

/** All that the live frame shows. Times are milliseconds of one clock with any origin. */
export interface FrameState {
  readonly command: string;
  readonly startedAt: number;
  readonly now: number;
  readonly repositories: number;
  readonly scanned: number;
  /** Selected packages of the repositories scanned so far. */
  readonly total: number;
  readonly ended: Readonly<Record<AppStatus, number>>;
  readonly warnings: number;
  /** What registries say is left of their limits of requests, by host. */
  readonly quotas: ReadonlyMap<string, { readonly remaining: number; readonly limit?: number }>;
  /** Requests that were tried again. */
  readonly retries: number;
  /** By app and origin, in the order in which the stages began. */
  readonly running: Map<string, RunningApp>;
}

export function createFrameState(now: number): FrameState {
  return {
    command: '',
    startedAt: now,
    now,
    repositories: 0,
    scanned: 0,
    total: 0,
    ended: { migrated: 0, unchanged: 0, skipped: 0, held: 0, failed: 0 },
    warnings: 0,
    quotas: new Map(),
    retries: 0,
    running: new Map(),
  };
}

/**
 * The state after an event at `now`. It takes over the map of running apps from the state given, which is not to be used again:
 * a copy for each event would cost the square of the number of apps.
 */
export function reduceFrame(state: FrameState, event: PipelineEvent, now: number): FrameState {
  switch (event.type) {
    case 'run:start':
      return { ...state, now, startedAt: now, command: event.command, repositories: event.repositories };
    case 'source:scanned': {
      const selected = event.packages.filter((location) => location.selected).length;
      return { ...state, now, scanned: state.scanned + 1, total: state.total + selected };
    }
    case 'source:failed':
      return { ...state, now, scanned: state.scanned + 1 };
    case 'app:stage': {
      const key = keyOf(event.app, event.origin);
      // Deleted first, so that the map stays in the order of `since`.
      state.running.delete(key);
      state.running.set(key, { app: event.app, stage: event.stage, since: now });
      return { ...state, now };
    }
    case 'app:result': {
      const { app, origin, status } = event.result;
      state.running.delete(keyOf(app, origin));
      return { ...state, now, ended: { ...state.ended, [status]: state.ended[status] + 1 } };
    }
    case 'diagnostic':
      return { ...state, now, warnings: state.warnings + (event.diagnostic.severity === 'warning' ? 1 : 0) };
    case 'registry:quota': {
      const { host, remaining, limit } = event;
      const quota = { remaining, ...(limit === undefined ? {} : { limit }) };
      return { ...state, now, quotas: new Map([...state.quotas, [host, quota]]) };
    }
    case 'request:retry':
      return { ...state, now, retries: state.retries + 1 };
    default:
      return { ...state, now };
  }
}

function keyOf(app: string, origin: SourceOrigin): string {
  return JSON.stringify([app, origin.repository, origin.path]);
}

/** At most five lines of at most `width` columns, each ending in a line feed. Equal states give equal frames. */
export function renderFrame(state: FrameState, width: number, color: boolean): string {
  const paint = createPaint(color);
  const lines = [
    barLine(state, width, paint),
    stageLine(state, width, paint),
    endingLine(state, width, paint),
    slowLine(state, width, paint),
    registryLine(state, width, paint),
  ];
  return lines.map((line) => (line === '' ? '' : `${line}\n`)).join('');
}

/** Apps done, each running one counted by the stages that it has behind it, so that the bar moves while apps are planned. */
function progressOf(state: FrameState): { done: number; total: number; progress: number } {
  const done = Object.values(state.ended).reduce((sum, count) => sum + count, 0);
  const total = Math.max(state.total, done + state.running.size);
  let progress = done;
  for (const { stage } of state.running.values()) progress += STAGES.indexOf(stage) / STAGES.length;
  return { done, total, progress };
}

const BAR_WIDTH = { least: 8, most: 40 };

function barLine(state: FrameState, width: number, paint: Paint): string {
  const { done, total, progress } = progressOf(state);
  if (state.scanned < state.repositories && done === 0) {
    return fitTerminal(`${label(state)} scanning repository ${state.scanned + 1} of ${state.repositories}`, width);
  }
  const elapsed = (state.now - state.startedAt) / 1000;
  const rate = elapsed > 0 ? progress / elapsed : 0;
  const share = total === 0 ? 0 : progress / total;
  const left = rate > 0 && progress < total ? `${formatSeconds((total - progress) / rate)} left` : '';
  const texts = [
    `${Math.floor(share * 100)}%`,
    `${done}/${total} apps`,
    ...(rate > 0 ? [`${rate.toFixed(1)} apps/s`] : []),
    left,
  ];
  const kept = fitParts(
    texts.filter((text) => text !== ''),
    width - terminalWidth(label(state)) - BAR_WIDTH.least - 2,
    '  ',
  );
  const tail = kept.join('  ');
  const room = width - terminalWidth(label(state)) - terminalWidth(tail) - 2;
  const bar = Math.min(BAR_WIDTH.most, room);
  if (bar < BAR_WIDTH.least) return fitTerminal(`${label(state)} ${done}/${total}`, width);
  const filled = Math.round(bar * share);
  return `${label(state)} ${paint('green', '█'.repeat(filled))}${paint('dim', '░'.repeat(bar - filled))} ${tail}`;
}

function label(state: FrameState): string {
  return fitTerminal(escapeTerminal(state.command), 10);
}

function stageLine(state: FrameState, width: number, paint: Paint): string {
  if (state.running.size === 0) return '';
  const counts = new Map<Stage, number>();
  for (const { stage } of state.running.values()) counts.set(stage, (counts.get(stage) ?? 0) + 1);
  const parts = STAGES.map((stage) => `${stage} ${counts.get(stage) ?? 0}`);
  const busy = STAGES.filter((stage) => counts.has(stage)).map((stage) => `${stage} ${counts.get(stage)}`);
  const wide = fitParts(parts, width - 2, ' > ');
  const line = wide.length === parts.length ? wide.join(' > ') : fitParts(busy, width - 2, ' > ').join(' > ');
  return line === '' ? '' : `  ${paint('cyan', line)}`;
}

function endingLine(state: FrameState, width: number, paint: Paint): string {
  const parts = ENDINGS.filter(([status]) => state.ended[status] > 0).map(([status, color]) => ({
    text: `${state.ended[status]} ${status}`,
    color,
  }));
  if (state.warnings > 0)
    parts.push({ text: `${state.warnings} warning${state.warnings === 1 ? '' : 's'}`, color: 'yellow' });
  const kept = fitParts(
    parts.map((part) => part.text),
    width - 2,
    ', ',
  ).length;
  const line = parts.slice(0, kept).map((part) => paint(part.color, part.text));
  return line.length === 0 ? '' : `  ${line.join(', ')}`;
}

/** The apps that are longest in their stage. Not those in `bundle`: an app whose bundle is made waits there for the others. */
function slowLine(state: FrameState, width: number, paint: Paint): string {
  const slow: string[] = [];
  for (const { app, stage, since } of state.running.values()) {
    const age = state.now - since;
    if (age < SLOW_MS || slow.length === SLOW_SHOWN) break;
    if (stage !== 'bundle') slow.push(`${fitTerminal(escapeTerminal(app), 30)} ${stage} ${formatSeconds(age / 1000)}`);
  }
  const line = fitParts(slow, width - 8, ', ').join(', ');
  return line === '' ? '' : `  ${paint('dim', `slow: ${line}`)}`;
}

/** The budget of each registry that tells one, the scarcest first, and how many requests were tried again. */
function registryLine(state: FrameState, width: number, paint: Paint): string {
  const quotas = [...state.quotas].sort(([a, x], [b, y]) => x.remaining - y.remaining || (a < b ? -1 : 1));
  const parts = quotas.map(([host, { remaining, limit }]) => {
    const of = limit === undefined ? '' : `/${limit}`;
    return `${fitTerminal(escapeTerminal(host), 30)} ${remaining}${of} left`;
  });
  if (state.retries > 0) parts.push(state.retries === 1 ? '1 retry' : `${state.retries} retries`);
  const line = fitParts(parts, width - 12, ', ').join(', ');
  const scarce = quotas.some(([, { remaining, limit }]) => limit !== undefined && remaining * 10 < limit);
  return line === '' ? '' : `  ${paint(scarce ? 'yellow' : 'dim', `registry: ${line}`)}`;
}

/** The first parts that fit into `width` columns when joined. */
function fitParts(parts: readonly string[], width: number, separator: string): string[] {
  const kept: string[] = [];
  let used = -separator.length;
  for (const part of parts) {
    used += separator.length + terminalWidth(part);
    if (used > width) break;
    kept.push(part);
  }
  return kept;
}

/** `8 s`, `2 min 5 s`, `1 h 4 min`. */
function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
