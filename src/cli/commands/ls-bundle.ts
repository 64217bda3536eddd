import { listUnreferencedFiles } from '../../bundle/support-files.ts';
import { encodeJson, escapeTerminal } from '../../lib/escape-text.ts';
import { convertPackages } from '../../pipeline/convert.ts';
import { type ConvertedApp, hasErrors, type ScannedSource } from '../../pipeline/migration.ts';
import { scanSources } from '../../pipeline/scan.ts';
import {
  CONVERSION,
  type CommandDefinition,
  type CommandResult,
  type Invocation,
  PROGRESS,
  REPOSITORY_PATHS,
  SOURCES,
} from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { combineStatus } from '../exit-status.ts';
import { APP_OPERAND, prepareApp, selectApp } from '../select-app.ts';
import { offlineContext, sourceStatus, withReporter } from '../session.ts';
import { COMPOSE_FILE } from '../trees.ts';

export const LS_BUNDLE: CommandDefinition = {
  name: 'ls-bundle',
  summary: 'list the files of the bundle of an app, and those left out, each with its reason',
  operands: [APP_OPERAND],
  paths: REPOSITORY_PATHS,
  options: ['config', ...SOURCES, ...CONVERSION, 'json', ...PROGRESS],
  example: 'rebundle ls-bundle status-page',
  statuses: [0, 1, 5, 4, 130],
  run: lsBundle,
};

interface Row {
  readonly kept: boolean;
  /** In the bundle. */
  readonly path: string;
  /** In the repository. */
  readonly source: string;
  /** Bytes. */
  readonly size: number;
  readonly executable?: boolean;
  readonly reason: string;
}

async function lsBundle(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const { setup, app: name } = await prepareApp(invocation, environment);
  return withReporter(invocation, environment, setup, async (emit) => {
    const context = offlineContext(setup, environment, emit);
    const scanned = await scanSources(setup.request, context);
    const found = selectApp(scanned, name);
    const apps = await convertPackages(found, setup.request, context, async (app, { scanned: { entries } }) => ({
      ...app,
      rows: listRows(app, entries),
    }));
    const rows: Row[] = [];
    for (const app of apps) {
      for (const diagnostic of app.diagnostics) emit({ type: 'diagnostic', app: name, diagnostic });
      rows.push(...app.rows);
    }
    const failed = apps.some(({ diagnostics }) => hasErrors(diagnostics));
    const stdout = invocation.flags.json ? `${encodeJson(rows, 2)}\n` : rows.map(writeRow).join('');
    return { status: combineStatus(sourceStatus(scanned), failed ? 1 : 0), stdout, results: [] };
  });
}

/** What the archive holds, docker-compose.yml first, then what it does not. `entries` are those of the repository. */
function listRows(app: ConvertedApp, entries: ScannedSource['entries']): Row[] {
  const compose: Row = {
    kept: true,
    path: COMPOSE_FILE,
    source: app.app?.source.path ?? app.location.path,
    size: Buffer.byteLength(app.app?.composeText ?? ''),
    executable: false,
    reason: 'the converted compose file, before images are pinned',
  };
  // Files in a tar are none of the repository.
  const unreferenced =
    app.location.kind === 'tar' ? [] : listUnreferencedFiles({ package: app.location, entries }, app);
  const out = [...(app.leftOut ?? []), ...unreferenced];
  return [
    ...(app.app === undefined ? [] : [compose]),
    ...app.files.map((file) => ({ kept: true, ...file })),
    ...out.map((file) => ({ kept: false, ...file })),
  ];
}

function writeRow({ kept, size, path, source, reason }: Row): string {
  const from = source === path ? reason : `${reason} (${source})`;
  return `${[kept ? 'kept' : 'left out', String(size), path, from].map(escapeTerminal).join('\t')}\n`;
}
