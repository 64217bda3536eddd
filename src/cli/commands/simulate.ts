import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Option } from 'commander';
import type { Config } from '../../config.ts';
import type { DeviceGroup } from '../../device/app-content.ts';
import { CLIENTS, type Client, RUNNING_CLIENTS } from '../../device/clients.ts';
import { listRunning } from '../../device/list-running.ts';
import { simulateTargets } from '../../device/simulate.ts';
import { choosePairs } from '../../device/simulate-moves.ts';
import type { SimulationInput } from '../../device/simulation-step.ts';
import { RebundleError } from '../../errors.ts';
import { decodeUtf8 } from '../../lib/bytes.ts';
import { encodeJson, escapeTerminal } from '../../lib/escape-text.ts';
import type { DocumentPart } from '../../model/app.ts';
import { createCoverage, type FoundContents, readContents } from '../../pipeline/simulate.ts';
import { parseTagRules } from '../../targets/tag-rules.ts';
import { findNameProblem } from '../../targets/target-name.ts';
import type { CommandDefinition, CommandResult, Invocation } from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { readOptional, writeOutput } from '../output.ts';
import { type Places, withPlaces } from '../places.ts';
import { prepareSetup, type Setup } from '../setup.ts';
import { createTexts, type Simulation } from '../simulate-text.ts';
import { loadTargets } from '../tuf-files.ts';
import { listOption, readList } from '../tuf-options.ts';
import { bundlePlaces } from '../verify-bundles.ts';

export const SIMULATE: CommandDefinition = {
  name: 'simulate',
  summary: 'play what each generation of device clients does with a targets file, forward and back',
  operands: [{ name: 'targets', description: 'a targets file' }],
  options: ['config', 'out', 'registry', 'fleet', 'json', 'report', 'quiet'],
  own: [
    listOption('--parameters-file <file>', 'docker_app_params file of devices, a group of its own (repeatable)'),
    listOption('--files <dir>', 'folder with the file targets (default: targets/ beside the file)'),
    listOption('--older <file>', 'a copy from before: what it lacks is new, what it has is out'),
    listOption('--from <target>', 'name or version of a target to come from, with --to (repeatable)'),
    listOption('--to <target>', 'name or version of a target to go to, with --from (repeatable)'),
    listOption('--client <id>', `only these clients (repeatable): ${CLIENTS.map(({ id }) => id).join(', ')}`),
    listOption('--env <dir>', 'the .env files that groups of devices have, GROUP/APP.env (default: env/ in --out)'),
    () => new Option('--forward-only', 'no ways back and no switches of the type'),
    () => new Option('--names-only', 'ask no registry and read no file: what the targets alone say'),
  ],
  example: 'rebundle simulate out/targets.json --older targets.json',
  statuses: [0, 3, 1, 4, 130],
  run: simulate,
};

async function simulate(
  { operands, own, flags: given }: Invocation,
  environment: CliEnvironment,
): Promise<CommandResult> {
  // Here --to names a target, not the place of bundles.
  const { to: _, ...flags } = given;
  const invocation: Invocation = { command: 'simulate', operands, paths: [], flags, own };
  const [path = ''] = operands;
  const wrong = flags.reports.find(({ format }) => format !== 'md' && format !== 'json');
  if (wrong !== undefined) throw new RebundleError('USAGE', `--report ${wrong.format}: this report is md or json`);
  const clients = chooseClients(readList(own.client));
  const setup = await prepareSetup(invocation, environment);
  const file = await loadTargets(path, environment);
  const olderPath = readSingle(own, 'older');
  const older = olderPath === undefined ? undefined : await loadTargets(olderPath, environment);
  const query = { file, ...(older === undefined ? {} : { older }) };
  const { targets } = setup.config;
  const tagRules = targets === undefined ? [] : parseTagRules(targets.tags);
  const pairs = choosePairs({ ...query, tagRules, from: readList(own.from), to: readList(own.to) });
  if (pairs.length === 0 && older === undefined) {
    throw new RebundleError('USAGE', `${escapeTerminal(path)}: no operating system target that a device could go to`, {
      hint: 'Such a target has targetFormat OSTREE, a version, hardwareIds and tags.',
    });
  }
  const groups = await readGroups(invocation, setup, environment);
  const readFile = own.namesOnly === true ? undefined : await openFiles(path, readSingle(own, 'files'), environment);
  const found: FoundContents = await withPlaces({ config: setup.config, environment, emit: () => {} }, (places) =>
    readContents({
      file,
      pairs,
      groups,
      limit: setup.limit,
      options: { signal: environment.signal },
      ...(readFile === undefined ? {} : { readFile }),
      ...(own.namesOnly === true ? {} : { registriesOf: knownPlaces(setup.config, flags, places) }),
    }),
  );
  const input: SimulationInput = {
    ...query,
    pairs,
    clients,
    contents: found.contents,
    groups,
    isCovered: createCoverage(file, setup.config.images.exempt),
    isForwardOnly: own.forwardOnly === true,
  };
  const rows = simulateTargets(input);
  const simulation: Simulation = {
    path,
    clients: clients.map(({ id }) => id),
    ways: pairs.length,
    losses: rows.filter(({ loss }) => loss).length,
    rows,
    running: listRunning(input),
    unread: found.unread,
  };
  const json = `${encodeJson(simulation, 2)}\n`;
  const texts = createTexts(file, simulation);
  for (const { format, path: to } of flags.reports) {
    await writeOutput(resolve(environment.cwd, to), Buffer.from(format === 'json' ? json : texts.markdown()));
  }
  if (flags.verbosity !== 'quiet') environment.writeError(texts.summary());
  return { status: simulation.losses > 0 ? 3 : 0, stdout: flags.json ? json : texts.table() };
}

/** Hosts that the configuration or a flag names; no other one is asked. */
function knownPlaces(
  config: Config,
  flags: Invocation['flags'],
  places: Places,
): (host: string) => ReturnType<ReturnType<typeof bundlePlaces>> | undefined {
  const of = bundlePlaces(config, flags, places);
  const hasOne = config.publish.to !== undefined && config.registry === undefined;
  return (host) => (hasOne || config.registry === host || config.registries.has(host) ? of(host) : undefined);
}

function readSingle(own: Invocation['own'], name: string): string | undefined {
  const given = readList(own[name]);
  if (given.length > 1) throw new RebundleError('USAGE', `--${name} is given twice`);
  return given[0];
}

function chooseClients(ids: readonly string[]): readonly Client[] {
  const unknown = ids.find((id) => !CLIENTS.some((client) => client.id === id));
  if (unknown !== undefined) {
    throw new RebundleError('USAGE', `--client: there is no client ${escapeTerminal(unknown)}`, {
      hint: `Clients are ${CLIENTS.map(({ id }) => id).join(', ')}.`,
    });
  }
  return ids.length === 0 ? RUNNING_CLIENTS : CLIENTS.filter(({ id }) => ids.includes(id));
}

/** A folder that is named has to be there; `targets/` beside the file only counts where it is. */
async function openFiles(
  path: string,
  given: string | undefined,
  { cwd }: CliEnvironment,
): Promise<((name: string) => Promise<Uint8Array | undefined>) | undefined> {
  const folder = resolve(cwd, given ?? join(dirname(path), 'targets'));
  const isThere = (await stat(folder).catch(() => undefined))?.isDirectory() === true;
  if (!isThere && given !== undefined)
    throw new RebundleError('USAGE', `--files: there is no folder ${escapeTerminal(given)}`);
  if (!isThere) return undefined;
  return async (name) => (findNameProblem(name) === undefined ? readOptional(join(folder, name)) : undefined);
}

/** The groups of the configuration and flags, and each parameters file of the command line as one of its own. */
async function readGroups(
  { own, flags }: Invocation,
  { request, out }: Setup,
  { cwd }: CliEnvironment,
): Promise<DeviceGroup[]> {
  const given = readSingle(own, 'env');
  const folder = given === undefined ? join(out, 'env') : resolve(cwd, given);
  const count = flags.parameterFiles.length;
  const files: readonly DocumentPart[] = count === 0 ? [] : request.parameterFiles.slice(-count);
  const groups = [
    ...(request.fleet ?? []).map(({ group, document }) => ({ name: group, parameters: document })),
    ...files.map((document) => ({ name: document.path, parameters: document })),
  ];
  return Promise.all(
    groups.map(async (group) => ({
      ...group,
      environments: await readEnvironments(join(folder, group.name)),
    })),
  );
}

async function readEnvironments(folder: string): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const found = new Map<string, ReadonlyMap<string, string>>();
  for (const name of (await readdir(folder).catch(() => [])).sort()) {
    if (!name.endsWith('.env')) continue;
    const text = decodeUtf8((await readOptional(join(folder, name))) ?? Buffer.alloc(0)) ?? '';
    const pairs = text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const [, variable, value = ''] = /^\s*([^#=\s][^=]*?)\s*=(.*)$/.exec(line) ?? [];
      return variable === undefined ? [] : [[variable, value.trim()]];
    });
    found.set(name.slice(0, -'.env'.length), new Map(pairs));
  }
  return found;
}
