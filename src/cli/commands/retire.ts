import { Option } from 'commander';
import { RebundleError } from '../../errors.ts';
import { encodeJson } from '../../lib/escape-text.ts';
import type { ScannedSource } from '../../pipeline/migration.ts';
import { listPackages, requireReadable } from '../../pipeline/retire.ts';
import { runMigration } from '../../pipeline/run.ts';
import { scanSources } from '../../pipeline/scan.ts';
import { type CommandDefinition, type CommandResult, type Invocation, PLANNING, REPOSITORY_PATHS } from '../command.ts';
import { commitOptions } from '../commit-options.ts';
import type { CliEnvironment } from '../environment.ts';
import { migrate } from '../migrate.ts';
import { savePlanAt } from '../plan-file.ts';
import { readLosses } from '../retire-losses.ts';
import { replacePackages } from '../retire-packages.ts';
import { formatRetire, type RetireView } from '../retire-text.ts';
import { offlineContext } from '../session.ts';
import { prepareSetup, type Setup } from '../setup.ts';
import { SIGNING_OPTIONS } from '../tuf-options.ts';

export const RETIRE: CommandDefinition = {
  name: 'retire',
  summary: 'end the dual window: replace the packages, then drop docker_apps from targets',
  paths: REPOSITORY_PATHS,
  // A target that lacks what failed is no end of anything, and docker_apps goes for all apps.
  options: [...PLANNING.filter((name) => name !== 'allowPartial' && name !== 'onlyFailed'), 'json'],
  own: [
    () => new Option('--fleet-ready', 'no device reads docker_apps any more: do it, instead of only telling'),
    ...commitOptions(),
    ...SIGNING_OPTIONS,
  ],
  example: 'rebundle retire --fleet-ready --patch patches',
  statuses: [0, 3, 1, 5, 4, 130],
  run: retire,
};

async function retire(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const setup = await prepareSetup(invocation, environment);
  const silent = offlineContext(setup, environment, () => {});
  const scanned = await scanSources(setup.request, silent);
  const packages = listPackages(scanned);
  if (packages.length > 0) return replacePackages({ setup, packages }, invocation, environment);
  const losses = await readLosses(setup, environment);
  const view: RetireView = {
    step: 'targets',
    ready: invocation.own.fleetReady === true,
    packages: [],
    newApps: [],
    ...(losses === undefined ? {} : { losses }),
  };
  if (!view.ready) {
    const refused = findObstacle(scanned, setup)?.message;
    return { status: 0, stdout: formatView({ ...view, ...(refused === undefined ? {} : { refused }) }, invocation) };
  }
  const obstacle = findObstacle(scanned, setup);
  if (obstacle !== undefined) throw obstacle;
  return dropDockerApps(view, invocation, environment);
}

/** Why `docker_apps` cannot go yet. */
function findObstacle(scanned: readonly ScannedSource[], { config, request }: Setup): RebundleError | undefined {
  const refuse = (message: string, hint: string): RebundleError =>
    new RebundleError('RETIRE_REFUSED', message, { hint });
  try {
    requireReadable(scanned);
  } catch (thrown) {
    if (thrown instanceof RebundleError) return thrown;
    throw thrown;
  }
  if (request.apps.length > 0 || request.only.size > 0) {
    return refuse(
      'only a part of the apps was asked for, and docker_apps goes for all',
      'Run without --app and without naming packages.',
    );
  }
  if (!scanned.some(({ packages }) => packages.some(({ selected }) => selected))) {
    return refuse(
      'no app was found',
      config.apps.compose
        ? 'rebundle scan lists what there is; name all repositories of the factory.'
        : 'Set apps.compose: true, so that compose folders are apps.',
    );
  }
  if (config.targets !== undefined) return undefined;
  return refuse('no targets are configured', 'Name the targets file in targets.repo.');
}

async function dropDockerApps(
  view: RetireView,
  invocation: Invocation,
  environment: CliEnvironment,
): Promise<CommandResult> {
  if (!invocation.flags.json && invocation.flags.verbosity !== 'quiet') environment.writeError(formatRetire(view));
  let targets: string[] = [];
  let apps: { readonly app: string; readonly status: string; readonly reference?: string }[] = [];
  const result = await migrate(invocation, environment, async ({ setup, context, trees, planPath, takeEarlier }) => {
    const request = { ...setup.request, dropDockerApps: true };
    const outcome = await runMigration(request, context, savePlanAt(planPath, setup), takeEarlier());
    await trees.finish(outcome);
    targets = outcome.targets === undefined ? [] : outcome.plan.targets.map(({ name }) => name);
    apps = outcome.results.map(({ app, status, reference }) => ({
      app,
      status,
      ...(reference === undefined ? {} : { reference }),
    }));
    return { outcome, pending: false };
  });
  if (!invocation.flags.json) return result;
  return { ...result, stdout: `${encodeJson({ ...view, targets, apps }, 2)}\n` };
}

function formatView(view: RetireView, { flags }: Invocation): string {
  return flags.json ? `${encodeJson(view, 2)}\n` : formatRetire(view);
}
