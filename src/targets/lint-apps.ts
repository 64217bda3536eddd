import { isDigest } from '../lib/digest.ts';
import { isRepositoryComponent, parseReference } from '../lib/reference.ts';
import { customOf, type LintCollector, show } from './lint-context.ts';
import { isOstree, isRecord } from './target-fields.ts';

/** The entries of both app maps of every target: all that devices refuse, or skip without a word. */
export function lintApps(collector: LintCollector): void {
  for (const [name, target] of collector.file.targets) {
    for (const map of ['docker_apps', 'docker_compose_apps'] as const) {
      const apps = customOf(target, map);
      if (apps === undefined) continue;
      if (!isRecord(apps)) {
        collector.report({
          code: 'lint.app-map',
          problem: `${map} is not an object`,
          target: name,
          path: ['custom', map],
        });
        continue;
      }
      for (const [app, entry] of Object.entries(apps)) {
        const place = { target: name, path: ['custom', map, app] };
        if (!isRepositoryComponent(app)) {
          const problem = `the app key ${show(app)} is no repository name of lower-case letters, digits, '.', '_' and '-'`;
          collector.report({ code: 'lint.app-key', problem, ...place });
        }
        if (map === 'docker_apps') lintDockerApp(collector, { app, entry, ...place });
        else lintComposeApp(collector, { app, entry, ...place });
      }
    }
  }
}

interface EntryPlace {
  readonly app: string;
  readonly entry: unknown;
  readonly target: string;
  readonly path: readonly string[];
}

function lintDockerApp({ file, report }: LintCollector, { app, entry, ...place }: EntryPlace): void {
  const filename = isRecord(entry) ? entry.filename : undefined;
  if (typeof filename !== 'string') {
    const isUri = isRecord(entry) && filename === undefined && typeof entry.uri === 'string';
    const problem = isUri
      ? `the docker_apps entry of ${show(app)} has no filename`
      : `devices skip the docker_apps entry of ${show(app)}: it is no object with a filename`;
    report({ code: isUri ? 'lint.entry-uri-only' : 'lint.entry-ignored', problem, ...place });
    return;
  }
  const at = { ...place, path: [...place.path, 'filename'] };
  const named = file.targets.get(filename);
  if (named === undefined || isOstree(named)) {
    const what = named === undefined ? 'is in no target' : 'is an operating system';
    const problem = `the file ${show(filename)} of ${show(app)} ${what}: devices skip the app without a word`;
    report({ code: 'lint.filename-dangling', problem, ...at });
    return;
  }
  const base = `${app}.dockerapp`;
  if (filename !== base && !filename.startsWith(`${base}-`) && customOf(named, 'name') !== base) {
    report({ code: 'lint.filename-key', problem: `${show(filename)} is not named after ${show(app)}`, ...at });
  }
}

function lintComposeApp({ report }: LintCollector, { app, entry, ...place }: EntryPlace): void {
  const uri = isRecord(entry) ? entry.uri : undefined;
  if (typeof uri !== 'string') {
    const problem = `devices skip the docker_compose_apps entry of ${show(app)}: it is no object with a uri`;
    report({ code: 'lint.entry-ignored', problem, ...place });
    return;
  }
  const at = { ...place, path: [...place.path, 'uri'] };
  const problem = findUriProblem(uri);
  if (problem !== undefined) {
    report({ code: 'lint.uri-form', problem: `the uri ${show(uri)} of ${show(app)} ${problem}`, ...at });
    return;
  }
  const key = readAppUri(uri)?.app;
  if (key !== app) {
    report({ code: 'lint.uri-key', problem: `the uri of ${show(app)} ends in ${show(key)}`, ...at });
  }
}

/** The parts of `host/factory/app@sha256:...`; undefined for what is not of that form. */
export function readAppUri(uri: string): { readonly app: string; readonly repository: string } | undefined {
  if (findUriProblem(uri) !== undefined) return undefined;
  const repository = uri.slice(0, uri.indexOf('@'));
  return { repository, app: repository.slice(repository.lastIndexOf('/') + 1) };
}

/** What devices of one time or another refuse in a uri. */
function findUriProblem(uri: string): string | undefined {
  if (/^[a-z]+:\/\//i.test(uri)) return 'has a scheme';
  const [named = '', digest, ...more] = uri.split('@');
  if (digest === undefined || more.length > 0) return 'is not name@digest';
  if (/^sha256:[0-9a-fA-F]{64}$/.test(digest) && !isDigest(digest)) return 'has a digest in upper case';
  if (!isDigest(digest)) return 'has no digest of sha256: and 64 hex digits';
  const parts = named.split('/');
  if (parts.length < 3) return 'names no factory, as in host/factory/app';
  if (parts.length > 3) return 'has more than host, factory and app';
  if (parts[2]?.includes(':')) return 'has a tag';
  try {
    const { registry } = parseReference(uri);
    return registry === parts[0] ? undefined : 'does not begin with a host';
  } catch {
    return 'is not host/factory/app of legal names';
  }
}
