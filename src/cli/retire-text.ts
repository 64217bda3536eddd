import { compareText } from '../lib/bytes.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { listPackages, RepositoryReplacement } from '../pipeline/retire.ts';
import type { RetireOutlook } from '../pipeline/retire-check.ts';
import type { RetireLoss } from '../pipeline/retire-losses.ts';
import { wrap } from './simulate-text.ts';

/** What `retire` has to say, for people and as JSON. */
export interface RetireView {
  /** `packages`: some are still of the old form and have to go first. `targets`: none is, so `docker_apps` can go. */
  readonly step: 'packages' | 'targets';
  /** False where only the plan is shown. */
  readonly ready: boolean;
  /** Why nothing would be written, in words. */
  readonly refused?: string;
  readonly packages: readonly PackageRow[];
  /** Compose folders that become apps with `apps.compose: true`, besides those of packages. */
  readonly newApps: readonly string[];
  /** Absent where no targets are configured. */
  readonly losses?: readonly RetireLoss[];
  /** Names of the targets that were written. */
  readonly targets?: readonly string[];
  /** What was committed, a line for each branch or patch. */
  readonly commits?: readonly string[];
}

interface PackageRow {
  readonly app: string;
  readonly repository: string;
  readonly path: string;
  readonly folder: string;
  /** Files that are written, relative to the repository. */
  readonly files: readonly string[];
  readonly removed: readonly string[];
  readonly dropped: readonly string[];
  /** Files that its bundle will not have any more. */
  readonly lost: readonly string[];
}

export function listRows(
  replacements: readonly RepositoryReplacement[],
  { lostFiles }: Pick<RetireOutlook, 'lostFiles'>,
): PackageRow[] {
  return replacements.flatMap(({ scanned, apps }) =>
    apps.map(({ app, folder, files, removed, dropped }) => ({
      app: app.name,
      repository: scanned.source.origin.repository,
      path: app.location.path,
      folder,
      files: files.map(({ path }) => path),
      removed,
      dropped,
      lost: lostFiles.get(app.name) ?? [],
    })),
  );
}

/** A package of which it is not known what would become of it. */
export function toRow({ source, location }: ReturnType<typeof listPackages>[number]): PackageRow {
  const { name, path } = location;
  const folder = path.replace(/\.dockerapp$/, '');
  const none: readonly string[] = [];
  const { repository } = source.origin;
  return { app: name, repository, path, folder, files: none, removed: none, dropped: none, lost: none };
}

/** The view as lines. */
export function formatRetire(view: RetireView): string {
  const { step, refused, packages, newApps } = view;
  const lines = [
    step === 'packages'
      ? `${count(packages.length, 'package')} of the old form ${packages.length === 1 ? 'is' : 'are'} left, to become compose folders:`
      : 'All apps are compose folders.',
    ...packages.flatMap(formatPackage),
    ...newApps.map((path) => `  ${path} becomes an app of its own with apps.compose: true`),
    ...(refused === undefined ? [] : [`This would be refused: ${refused}`]),
    ...formatLosses(view),
    ...formatNext(view),
  ];
  return lines
    .flatMap((line) => {
      const text = escapeTerminal(line.trimStart());
      const indent = ' '.repeat(line.length - line.trimStart().length);
      return wrap(text, indent, `${indent}    `);
    })
    .map((line) => `${line}\n`)
    .join('');
}

function formatPackage({ app, repository, path, folder, files, removed, dropped, lost }: PackageRow): string[] {
  return [
    `  ${app}: ${repository}/${path} -> ${folder}/${files.length === 0 ? '' : ` (${count(files.length, 'file')} written)`}`,
    ...removed.filter((each) => each !== path).map((each) => `    ${each} goes, too: only packages used it`),
    ...dropped.map((each) => `    ${each} goes, too: its name has a meaning beside a compose file`),
    ...lost.map(
      (each) =>
        `    ${each} leaves the bundle, as nothing refers to it (bundle.files: all keeps it): devices with bundles get one update of ${app}`,
    ),
  ];
}

function formatLosses({ losses }: RetireView): string[] {
  if (losses === undefined) return ['No targets are configured, so what devices would lose is not known.'];
  if (losses.length === 0) return ['No device has docker_apps in its newest target: nothing is lost.'];
  return [
    'What devices lose with the first target without docker_apps:',
    ...mergeLosses(losses).flatMap(({ tag, hardwareIds, targets, gone, clients }) => {
      const groups = new Map<string, string[]>();
      for (const { client, starts, removes, keeps } of clients) {
        const what = describeClient({ starts, removes, keeps });
        groups.set(what, [...(groups.get(what) ?? []), client]);
      }
      return [
        `  tag ${tag}, ${hardwareIds.join(', ')}${targets.length === 0 ? '' : `, after ${targets.join(', ')}`}`,
        ...[...groups].map(([what, names]) => `    ${names.sort(compareText).join(', ')}: ${what}`),
        ...(gone.length === 0 ? [] : [`    no target names any more: ${gone.join(', ')}`]),
      ];
    }),
  ];
}

/** Devices for which it comes to the same, together. */
function mergeLosses(losses: readonly RetireLoss[]) {
  const groups = new Map<string, Omit<RetireLoss, 'target'> & { readonly targets: readonly string[] }>();
  for (const { target, hardwareIds, ...rest } of losses) {
    const key = canonicalJson(rest);
    const { hardwareIds: ids = [], targets = [] } = groups.get(key) ?? {};
    groups.set(key, {
      ...rest,
      hardwareIds: [...ids, ...hardwareIds],
      targets: target === undefined ? targets : [...targets, target],
    });
  }
  return [...groups.values()];
}

function describeClient({
  starts,
  removes,
  keeps,
}: Pick<RetireLoss['clients'][number], 'starts' | 'removes' | 'keeps'>): string {
  if (!starts) return 'does not start, whatever targets hold';
  if (removes.length > 0) {
    return `LOSES ${removes.join(', ')}: brought down, folders deleted, and success reported`;
  }
  return keeps.length === 0 ? 'runs no app of it' : `loses nothing, goes on with ${keeps.join(', ')}`;
}

function formatNext({ step, ready, targets }: RetireView): string[] {
  if (step === 'packages') {
    return ready
      ? ['Merge that, set apps.compose: true, and run rebundle retire --fleet-ready again: it writes the targets.']
      : ['Nothing was written: that takes --fleet-ready, with --patch DIR or --branch NAME.'];
  }
  if (!ready) return ['Nothing was written: with --fleet-ready, new targets have no docker_apps.'];
  return targets === undefined ? [] : [`Targets without docker_apps: ${targets.join(', ') || 'none were due'}`];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
