import { compareText } from '../lib/bytes.ts';
import type { Client } from './clients.ts';

/** What a device does: goes to a target, goes back from it, is switched to the compose type on it and back; or what is true of a target as such. */
export type Move = 'to' | 'back' | 'switch' | 'switch back' | 'both styles' | 'edited';

/** What becomes of apps and updates, in the order of tables: first what a device does, then what comes with it. */
const OUTCOMES = [
  'removed',
  'skipped',
  'fails',
  'left-running',
  'endless-loop',
  'not-noticed',
  'not-taken',
  'installed',
  'replaced',
  'untouched',
  'images-differ',
  'tag-and-digest',
  'storage-changed',
  'service-gone',
  'network-changed',
  'host-path',
  'override-lost',
  'env-lost',
  'env-needed',
  'env-kept',
  'files-left',
  'pulled-again',
  'failed-boot',
  'first-loop',
] as const;

type Outcome = (typeof OUTCOMES)[number];

/** One thing that happens to one app with one client on one way. */
export interface Fact {
  readonly move: Move;
  /** Empty for a device that has no target yet, and where there is no way. */
  readonly from: string;
  readonly to: string;
  readonly hardwareId: string;
  readonly tag: string;
  readonly client?: string;
  readonly app?: string;
  readonly outcome: Outcome;
  readonly loss: boolean;
  readonly detail?: string;
}

/** Facts with one outcome, together. */
export interface SimulationRow {
  readonly move: Move;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly hardwareIds: readonly string[];
  readonly tags: readonly string[];
  /** In the order of their age; none where the client does not matter. */
  readonly clients: readonly string[];
  readonly apps: readonly string[];
  readonly outcome: Outcome;
  /** Something that was there is not any more, or another one, and the device reports success. */
  readonly loss: boolean;
  readonly detail?: string;
}

const MOVES: readonly Move[] = ['to', 'back', 'switch', 'switch back', 'both styles', 'edited'];

/** Facts with one outcome on one way, of all its apps and clients. */
export type GroupedFact = Omit<Fact, 'app' | 'client'> & Pick<SimulationRow, 'apps' | 'clients'>;

/** Puts the facts of some ways together: first the apps of equal outcomes, then the clients. */
export function gatherFacts(facts: readonly Fact[], clients: readonly Client[]): GroupedFact[] {
  const ages = new Map(clients.map(({ id }, age) => [id, age]));
  const byAge = (a: string, b: string): number => (ages.get(a) ?? 0) - (ages.get(b) ?? 0);
  const ofApps = gather(facts, (fact) => [...placeOf(fact), fact.client ?? '']).map(([first, ...more]) => {
    const { app, client, ...fact } = first;
    return { fact, client, apps: texts([app, ...more.map((other) => other.app)]) };
  });
  return gather(ofApps, ({ fact, apps }) => [...placeOf(fact), apps]).map((group) => {
    const [{ fact, apps }] = group;
    return { ...fact, apps, clients: texts(group.map(({ client }) => client)).sort(byAge) };
  });
}

function placeOf({ move, from, to, hardwareId, tag, outcome, loss, detail }: Omit<Fact, 'app' | 'client'>): unknown[] {
  return [move, from, to, hardwareId, tag, outcome, loss, detail ?? ''];
}

/** Puts ways with equal outcomes together. Losses come first within each move. */
export function joinRows(facts: readonly GroupedFact[]): SimulationRow[] {
  const groups = gather(facts, ({ move, apps, clients, outcome, loss, detail }) => {
    return [move, apps, clients, outcome, loss, detail ?? ''];
  });
  return groups.map(toRow).sort(compareRows);
}

/** Groups of at least one, by what `keyOf` gives. */
function gather<T>(items: readonly T[], keyOf: (item: T) => readonly unknown[]): (readonly [T, ...T[]])[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const key = JSON.stringify(keyOf(item));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

function toRow(group: readonly [GroupedFact, ...GroupedFact[]]): SimulationRow {
  const [{ move, clients, apps, outcome, loss, detail }] = group;
  return {
    move,
    from: texts(group.map(({ from }) => from)),
    to: texts(group.map(({ to }) => to)),
    hardwareIds: texts(group.map(({ hardwareId }) => hardwareId)),
    tags: texts(group.map(({ tag }) => tag)),
    clients,
    apps,
    outcome,
    loss,
    ...(detail === undefined ? {} : { detail }),
  };
}

/** What is there, each once, sorted. */
function texts(all: readonly (string | undefined)[]): string[] {
  return [...new Set(all)].filter((text): text is string => text !== undefined && text !== '').sort(compareText);
}

function compareRows(a: SimulationRow, b: SimulationRow): number {
  return (
    MOVES.indexOf(a.move) - MOVES.indexOf(b.move) ||
    Number(b.loss) - Number(a.loss) ||
    b.from.length - a.from.length ||
    compareText(a.from.join('\n'), b.from.join('\n')) ||
    compareText(a.to.join('\n'), b.to.join('\n')) ||
    OUTCOMES.indexOf(a.outcome) - OUTCOMES.indexOf(b.outcome) ||
    compareText(a.apps.join('\n'), b.apps.join('\n')) ||
    compareText(a.clients.join('\n'), b.clients.join('\n')) ||
    compareText(a.detail ?? '', b.detail ?? '')
  );
}
