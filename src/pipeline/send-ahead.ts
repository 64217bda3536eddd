import { createLimit } from '../lib/limit.ts';
import type { MigrationPlan } from '../model/plan.ts';
import type { OpenApp } from './app-bytes.ts';
import type { BuiltApp } from './build-app.ts';
import { describePlan, digestOptions } from './describe-plan.ts';
import { hasErrors, type MigrationContext, type MigrationRequest } from './migration.ts';
import type { SendBlobs } from './send-blobs.ts';

/** Sends blobs of bundles while further apps are planned. No manifest goes before the plan is whole, so nothing names them until then. */
export interface AheadSender {
  /** Begins with an app, where the destination lacks its bundle and its bytes are at hand. */
  begin(app: BuiltApp): void;
  /** Waits for an app that was begun: the bytes that went. Undefined where it was not, or failed; its blobs are to be sent then. */
  finished(name: string): Promise<number | undefined>;
  /** Begins with no further app. */
  stop(): void;
  /** Waits for all that were begun. */
  settle(): Promise<void>;
}

/**
 * Whether a run sends blobs ahead: a first one does. Any later one has a plan that spares it most of the work, and that is not given up for what
 * is only being planned. A run that may stop before it publishes, or whose targets have to have a version that may not be free, sends nothing.
 */
export function sendsAhead(
  { maxFailures, config }: MigrationRequest,
  { isRemote = false }: MigrationContext,
  earlier: MigrationPlan | undefined,
): boolean {
  const mayStop = maxFailures !== undefined || config.targets?.version !== undefined;
  return isRemote && !mayStop && (earlier === undefined || isOpened(earlier));
}

/** True for a plan that only says that a run began to send. */
export function isOpened({ state, apps }: MigrationPlan): boolean {
  return state === 'started' && apps.length === 0;
}

/** The clock of an opened plan, which a run with the same options goes on with: it is all that such a plan fixed. */
export function openedClock(request: MigrationRequest, earlier: MigrationPlan | undefined): string | undefined {
  const isSame = earlier !== undefined && isOpened(earlier) && earlier.options === digestOptions(request);
  return isSame ? earlier.createdAt : undefined;
}

/** What `plan.json` says before the first blob goes, while nothing else is certain: the next run looks for each of them. */
export function openPlan(
  request: MigrationRequest,
  context: MigrationContext,
  earlier: MigrationPlan | undefined,
): MigrationPlan {
  const createdAt = openedClock(request, earlier) ?? context.createdAt;
  const nothing = { apps: [], planned: undefined, targets: undefined, downloads: undefined, updates: undefined };
  const plan = describePlan({ request, context, createdAt, ...nothing });
  return { ...plan, state: 'started', diagnostics: [] };
}

/** `open` is called before the first write. */
export function createAheadSender(
  {
    request,
    context,
    isSought,
  }: {
    readonly request: MigrationRequest;
    readonly context: MigrationContext;
    /** An earlier run began to send. */
    readonly isSought: boolean;
  },
  sendBlobs: SendBlobs,
  open: () => Promise<void>,
): AheadSender {
  // With some four blobs each, they keep all connections busy, and what planning asks for does not wait behind many of them.
  const limit = createLimit(Math.ceil(request.config.publish.concurrency / 3), context.signal);
  const sent = new Map<string, Promise<number | undefined>>();
  let opened: Promise<void> | undefined;
  let isStopped = false;
  const send = async (openApp: OpenApp): Promise<number> => {
    opened ??= open();
    await opened;
    const { bundle } = await openApp();
    return sendBlobs(bundle, { isSought });
  };
  return {
    begin({ name, open: openApp, isHeld = false, place, diagnostics }) {
      if (openApp === undefined || !isHeld || place?.published !== false || hasErrors(diagnostics)) return;
      const task = async (): Promise<void> => {
        if (isStopped) return;
        const work = send(openApp).catch(() => {
          // A registry that takes nothing is not asked for each app twice.
          isStopped = true;
          return undefined;
        });
        sent.set(name, work);
        await work;
      };
      limit(task).catch(() => {});
    },
    async finished(name) {
      return sent.get(name);
    },
    stop() {
      isStopped = true;
    },
    async settle() {
      await Promise.all(sent.values());
    },
  };
}
