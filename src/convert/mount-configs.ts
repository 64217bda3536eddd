import { readComposeFile } from '../compose/compose-file.ts';
import { editConfigMounts } from '../compose/config-mount-edits.ts';
import { findConfigMounts, type ServiceConfigs } from '../compose/config-mounts.ts';
import { listFileReferences } from '../compose/file-references.ts';
import type { ModelMap, ModelValue } from '../compose/model-value.ts';
import { normalizePath } from '../compose/mounts.ts';
import { finding } from '../lib/finding.ts';
import { applyEdits, joinEdits } from '../lib/text-edit.ts';
import type { ComposeApp, Diagnostic, MountedConfig } from '../model/app.ts';
import { createSourceLocator } from './source-locator.ts';

/**
 * Puts read-only mounts in place of the configs of services, which docker-compose 1.x ignores. A finding tells of each, and of each that stays and why.
 * The declarations stay.
 */
export function mountConfigs(app: ComposeApp): ComposeApp {
  const read = (text: string): ReturnType<typeof readComposeFile> =>
    readComposeFile({ text, path: app.source.path, line: 1 });
  const file = read(app.composeText);
  const found = findConfigMounts(file);
  if (found.length === 0) return app;
  const toSource = createSourceLocator(app);
  const diagnostics = found.flatMap((each) => describeUses(each, (at) => toSource(file.document.locate(at))));
  const others = app.diagnostics.filter(({ code }) => code !== 'compose.service-configs');
  const told = { ...app, diagnostics: [...others, ...diagnostics] };
  const origin = { rule: 'config-mount' } as const;
  const edits = editConfigMounts(app.composeText, found).map((edit) => ({ ...edit, origin }));
  if (edits.length === 0) return told;
  const composeText = applyEdits(app.composeText, edits);
  const result = { source: app.source, edits: joinEdits(app.edits, edits, app.composeText), composeText };
  const locate = createSourceLocator(result);
  const references = listFileReferences(read(composeText)).map((each) => ({
    ...each,
    location: locate(each.location),
  }));
  return { ...told, ...result, references, mountedConfigs: found.flatMap(listMounted) };
}

function listMounted({ service, uses }: ServiceConfigs): MountedConfig[] {
  return uses.flatMap(({ index, outcome }) =>
    'kept' in outcome ? [] : [{ service: service.name, index, root: outcome.root }],
  );
}

function describeUses({ service, uses }: ServiceConfigs, locate: (at: number) => Diagnostic['location']): Diagnostic[] {
  return uses.flatMap(({ config, item, outcome }) => {
    const location = locate(item.start);
    const details = location === undefined ? {} : { location };
    const what = `service ${service.name}: config '${config}'`;
    if ('kept' in outcome) {
      const message = `${what} stays one, which docker-compose 1.x ignores: ${outcome.kept}`;
      return [finding('compose.service-configs', message, details)];
    }
    const { source, target, losses } = outcome;
    const mounted = `${what} is now the mount of ${source} on ${target}; devices of the old style had no such file`;
    const told = [finding('compose.config-mounted', mounted, details)];
    if (losses.length > 0) {
      const lost = `${what}: a mount cannot say ${losses.join(', ')}; the file keeps the owner and mode that it has in the bundle`;
      told.push(finding('compose.config-mount-differs', lost, details));
    }
    return told;
  });
}

/** What docker-app's render means where configs of services are mounted: the closed way in which a proof expects more than the render says. */
export function expectMounts(model: ModelMap, mounted: readonly MountedConfig[]): ModelMap {
  const services = model.get('services');
  if (mounted.length === 0 || !(services instanceof Map)) return model;
  const changed = new Map(services as ModelMap);
  for (const name of new Set(mounted.map(({ service }) => service))) {
    const service = changed.get(name);
    const own = mounted.filter((each) => each.service === name);
    if (service instanceof Map) changed.set(name, mountIn(service as ModelMap, model.get('configs'), own));
  }
  return new Map(model).set('services', changed);
}

function mountIn(service: ModelMap, definitions: ModelValue | undefined, mounted: readonly MountedConfig[]): ModelMap {
  const uses = service.get('configs');
  if (!Array.isArray(uses)) return service;
  const volumes = new Map(service.get('volumes') as ModelMap | undefined);
  for (const { index, root } of mounted) {
    const source = memberOf(uses[index], 'source');
    const target = memberOf(uses[index], 'target') ?? source;
    // docker/cli takes a config without a path as the folder.
    const file = memberOf(memberOf(definitions, String(source)), 'file') ?? '.';
    const mount: [string, ModelValue][] = [
      ['read_only', true],
      ['source', normalizePath(String(file))],
      ['type', 'bind'],
    ];
    volumes.set(normalizePath(`${root}${String(target)}`), new Map(mount));
  }
  const gone = new Set(mounted.map(({ index }) => index));
  const kept = uses.filter((_, index) => !gone.has(index));
  const result = new Map(service).set('volumes', volumes);
  if (kept.length === 0) result.delete('configs');
  else result.set('configs', kept);
  return result;
}

function memberOf(value: ModelValue | undefined, name: string): ModelValue | undefined {
  return value instanceof Map ? (value.get(name) as ModelValue | undefined) : undefined;
}
