import type { BundleFile } from '../model/app.ts';
import type { ComposeFile } from './compose-file.ts';
import { type ComposeMap, type ComposeValue, eachScalar, readComposeValue } from './compose-value.ts';
import { listFileReferences } from './file-references.ts';
import { isRelativePath, normalizePath, readShortVolume } from './mounts.ts';
import { entriesOf, itemsOf, memberOf, scalarOf, textOf } from './value-access.ts';

/** The files of a bundle by path. */
export type BundleFiles = ReadonlyMap<string, BundleFile>;

/** How the places of a compose file that need files of the bundle are written where there is no folder. */
export interface RegistryMounts {
  /** Per service and position in `volumes`: the file that becomes a config, and its target. */
  readonly mounts: ReadonlyMap<string, ReadonlyMap<number, { readonly path: string; readonly target: string }>>;
  /** Per service and position in `env_file` (0 for a single one): the file. */
  readonly envFiles: ReadonlyMap<string, ReadonlyMap<number, string>>;
  /** Members of `configs` that are read from a file. */
  readonly configs: ReadonlyMap<string, string>;
  /** Why there is no such way, in order, each once. */
  readonly reasons: readonly string[];
}

/** Folders that the kernel or the engine mounts into every container. */
const ENGINE_MOUNTS = ['/dev', '/proc', '/sys'];

/** Finds the places. What has no spelling: whatever a config cannot be (read-only text, copied in before the container starts). */
export function findRegistryMounts(file: ComposeFile, files: BundleFiles): RegistryMounts {
  const root = readComposeValue(file);
  const reasons = new Set<string>();
  const configs = findConfigs(root, files, reasons);
  const mounts = new Map<string, Map<number, { path: string; target: string }>>();
  const envFiles = new Map<string, Map<number, string>>();
  for (const [service, value] of entriesOf(memberOf(root, 'services'))) {
    const name = `service ${JSON.stringify(service)}`;
    const found = findMounts(name, value, files, reasons);
    if (found.size > 0) mounts.set(service, found);
    const read = findEnvFiles(name, value, files, reasons);
    if (read.size > 0) envFiles.set(service, read);
    checkTargets(name, value, { mounts: found, configs }, reasons);
  }
  for (const { kind, path } of listFileReferences(file)) {
    if (kind === 'bind' || kind === 'env_file' || kind === 'config') continue;
    reasons.add(`the ${kind} ${JSON.stringify(path)} has to be beside the compose file`);
  }
  if (memberOf(root, 'include') !== undefined) reasons.add('include has no files to read');
  return { mounts, envFiles, configs, reasons: [...reasons] };
}

function findConfigs(root: ComposeMap, files: BundleFiles, reasons: Set<string>): Map<string, string> {
  const configs = new Map<string, string>();
  for (const [name, value] of entriesOf(memberOf(root, 'configs'))) {
    const text = textOf(memberOf(value, 'file'));
    if (!isRelativePath(text)) continue;
    const what = `config ${JSON.stringify(name)}`;
    const path = normalizePath(text);
    if (hasVariable(memberOf(value, 'file'))) reasons.add(`${what} names its file by a variable`);
    else if (!files.has(path)) reasons.add(`${what} reads ${JSON.stringify(path)}, which is not in the bundle`);
    else configs.set(name, path);
  }
  return configs;
}

function findMounts(
  name: string,
  service: ComposeValue,
  files: BundleFiles,
  reasons: Set<string>,
): Map<number, { path: string; target: string }> {
  const mounts = new Map<number, { path: string; target: string }>();
  for (const [i, item] of itemsOf(memberOf(service, 'volumes')).entries()) {
    const bind = readBind(item);
    if (bind === undefined) continue;
    const path = normalizePath(bind.source);
    const what = `${name} mounts ${JSON.stringify(path)}`;
    if (hasVariable(item)) reasons.add(`${what} in a place that a variable changes`);
    else if (!files.has(path)) reasons.add(`${what}, which is no file of the bundle`);
    else if (!bind.readOnly) reasons.add(`${what} writable; add :ro where it only reads it`);
    else mounts.set(i, { path, target: bind.target });
  }
  return mounts;
}

/** A mount of a path relative to the compose file. */
function readBind(item: ComposeValue): { source: string; target: string; readOnly: boolean } | undefined {
  if (item.kind === 'map') {
    const source = textOf(memberOf(item, 'source'));
    if (textOf(memberOf(item, 'type')) !== 'bind' || !isRelativePath(source)) return undefined;
    const readOnly = textOf(memberOf(item, 'read_only')) === 'true';
    return { source, target: normalizePath(textOf(memberOf(item, 'target'))), readOnly };
  }
  const volume = readShortVolume(textOf(item));
  if (volume?.source?.startsWith('.') !== true) return undefined;
  return { source: volume.source, target: volume.target, readOnly: volume.mode?.split(',').includes('ro') === true };
}

function findEnvFiles(
  name: string,
  service: ComposeValue,
  files: BundleFiles,
  reasons: Set<string>,
): Map<number, string> {
  const found = new Map<number, string>();
  const value = memberOf(service, 'env_file');
  for (const [i, item] of (value?.kind === 'list' ? value.items : [value]).entries()) {
    const path = scalarOf(item?.kind === 'map' ? memberOf(item, 'path') : item);
    const text = textOf(path);
    if (!isRelativePath(text)) continue;
    const required = item?.kind !== 'map' || textOf(memberOf(item, 'required')) !== 'false';
    if (hasVariable(path)) reasons.add(`${name} names an env_file by a variable`);
    else if (files.has(normalizePath(text))) found.set(i, normalizePath(text));
    else if (required) reasons.add(`${name} reads ${JSON.stringify(text)}, which is not in the bundle`);
  }
  return found;
}

/** Docker Compose copies a config into the container before it starts: a mount above it hides it, a read-only root refuses it. */
function checkTargets(
  name: string,
  service: ComposeValue,
  own: { readonly mounts: ReadonlyMap<number, { target: string }>; readonly configs: ReadonlyMap<string, string> },
  reasons: Set<string>,
): void {
  const targets = [...own.mounts.values()].map(({ target }) => target);
  for (const item of itemsOf(memberOf(service, 'configs'))) {
    const source = textOf(item.kind === 'map' ? memberOf(item, 'source') : item);
    if (!own.configs.has(source)) continue;
    const target = textOf(memberOf(item, 'target'));
    targets.push(normalizePath(target === '' ? `/${source}` : target));
  }
  if (targets.length === 0) return;
  const readOnly = memberOf(service, 'read_only');
  if (hasVariable(readOnly) || textOf(readOnly) === 'true') reasons.add(`${name} has a read-only root`);
  if (memberOf(service, 'volumes_from') !== undefined) reasons.add(`${name} takes the volumes of another container`);
  const others = [...ENGINE_MOUNTS, ...otherTargets(service, own.mounts)];
  for (const target of targets) {
    if (!target.startsWith('/'))
      reasons.add(`${name} mounts a file on ${JSON.stringify(target)}, which is not absolute`);
    const above = others.find((other) => target === other || target.startsWith(`${other.replace(/\/$/, '')}/`));
    if (above !== undefined) reasons.add(`${name} mounts a file below its mount ${JSON.stringify(above)}`);
  }
}

function otherTargets(service: ComposeValue, mounts: ReadonlyMap<number, unknown>): string[] {
  const volumes = itemsOf(memberOf(service, 'volumes'))
    .filter((_, i) => !mounts.has(i))
    .map((item) =>
      item.kind === 'map' ? textOf(memberOf(item, 'target')) : (readShortVolume(textOf(item))?.target ?? '/'),
    );
  const tmpfs = memberOf(service, 'tmpfs');
  const memory = (tmpfs?.kind === 'list' ? tmpfs.items : [tmpfs]).map((item) => textOf(item).split(':')[0] ?? '');
  const secrets = itemsOf(memberOf(service, 'secrets')).map((item) => {
    const target = textOf(memberOf(item, 'target'));
    const file = target === '' ? textOf(item.kind === 'map' ? memberOf(item, 'source') : item) : target;
    return file.startsWith('/') ? file : `/run/secrets/${file}`;
  });
  return [...volumes, ...memory, ...secrets].filter((target) => target !== '').map(normalizePath);
}

/** True where the environment of the user may change a value. */
function hasVariable(value: ComposeValue | undefined): boolean {
  return value !== undefined && [...eachScalar(value)].some(({ node }) => node.value.includes('$'));
}
