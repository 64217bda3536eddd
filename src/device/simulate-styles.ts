import { compareText } from '../lib/bytes.ts';
import type { Target } from '../model/target.ts';
import { type Entry, readEntries } from './client-entries.ts';
import { type AppStyle, type Client, TRANSITIONAL } from './clients.ts';
import { compareContents, compareImages, hasOtherImages } from './compare-contents.ts';
import type { Pair } from './simulate-moves.ts';
import type { Fact } from './simulation-rows.ts';
import { changeFacts, factOf, groupsWithEnv, type SimulationInput, type Step, stayOn } from './simulation-step.ts';

type Entries = Readonly<Record<AppStyle, ReadonlyMap<string, Entry>>>;

/** Entries of both styles in one target, by app, as the first client of each style sees them. */
export function readBoth(input: SimulationInput, target: Target): Entries {
  const of = (style: AppStyle): ReadonlyMap<string, Entry> => {
    const client = input.clients.find((one) => one.style === style && one.starts);
    return client === undefined ? new Map() : readEntries(input.file, target, { client, contents: input.contents });
  };
  return { 'docker-app': of('docker-app'), compose: of('compose') };
}

/** The images that one target names in both styles (invariant: they are the same). */
export function compareStyles(input: SimulationInput, pair: Pair): Fact[] {
  const entries = readBoth(input, pair.to.target);
  return [...entries['docker-app']].flatMap(([app, old]) => {
    const next = entries.compose.get(app);
    if (old.state !== 'app' || next?.state !== 'app') return [];
    if (old.content === undefined || next.content === undefined) return [];
    return compareImages(old.content, next.content, input.isCovered).map((change) =>
      factOf(stayOn(pair, 'both styles'), undefined, { app, ...change }),
    );
  });
}

/** Devices of the clients that have both types, whose type is switched on one target, and back again on the same one. */
export function playSwitches(input: SimulationInput, pair: Pair): Fact[] {
  const ids = new Set(input.clients.map(({ id }) => id));
  return TRANSITIONAL.flatMap((id) => {
    const client = input.clients.find((one) => one.id === `${id}-compose`);
    if (client === undefined || !ids.has(`${id}-docker-app`)) return [];
    const old = input.clients.find((one) => one.id === `${id}-docker-app`) ?? client;
    const { contents, file } = input;
    const entries = {
      'docker-app': readEntries(file, pair.to.target, { client: old, contents }),
      compose: readEntries(file, pair.to.target, { client, contents }),
    };
    return playSwitch(input, { pair, client, entries });
  });
}

function playSwitch(
  input: SimulationInput,
  { pair, client, entries }: { readonly pair: Pair; readonly client: Client; readonly entries: Entries },
): Fact[] {
  const step = stayOn(pair, 'switch');
  const apps = [...new Set([...entries['docker-app'].keys(), ...entries.compose.keys()])].sort(compareText);
  const refused = [...entries.compose].flatMap(([app, entry]) =>
    entry.state === 'refused'
      ? [factOf(step, client, { app, outcome: 'fails', loss: true, detail: `the update fails: ${entry.why}` })]
      : [],
  );
  if (refused.length > 0) return refused;
  return apps.flatMap((app) => {
    const [old, next] = [entries['docker-app'].get(app), entries.compose.get(app)];
    return switchApp(input, { step, pair, client, app, old, next });
  });
}

interface AppSwitch {
  readonly step: Step;
  readonly pair: Pair;
  readonly client: Client;
  readonly app: string;
  readonly old: Entry | undefined;
  readonly next: Entry | undefined;
}

function switchApp(input: SimulationInput, { step, pair, client, app, old, next }: AppSwitch): Fact[] {
  const ran = old?.state === 'app';
  if (next?.state !== 'app') {
    const detail = 'it runs on, but nothing updates or stops it any more';
    return ran ? [factOf(step, client, { app, outcome: 'left-running', loss: true, detail })] : [];
  }
  if (!ran) return [factOf(step, client, { app, outcome: 'installed', loss: false })];
  const isKnown = old.content !== undefined && next.content !== undefined;
  const changes = isKnown ? compareContents(app, old.content, next.content) : [];
  const isOther = isKnown && hasOtherImages(old.content, next.content);
  const over = 'the compose app takes the containers over; the folder of the docker-app stays';
  const until = `nothing is done until the next target: the compose app runs on${isOther ? '; docker_prune has removed the former images' : ''}`;
  const named = groupsWithEnv(input, app);
  const env = `devices of ${named.join(', ')}: put the .env file into the new folder of the app first, the former folder is not read`;
  return [
    factOf(step, client, { app, outcome: 'replaced', loss: false, detail: over }),
    ...changeFacts(step, client, app, changes),
    ...(named.length === 0 ? [] : [factOf(step, client, { app, outcome: 'env-needed', loss: false, detail: env })]),
    factOf(stayOn(pair, 'switch back'), client, { app, outcome: 'untouched', loss: false, detail: until }),
  ];
}
