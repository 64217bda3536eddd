import type { FileReference } from '../model/app.ts';
import type { ComposeFile } from './compose-file.ts';
import { type ComposeScalar, type ComposeValue, readComposeValue } from './compose-value.ts';
import { isRelativePath, normalizePath, readShortVolume } from './mounts.ts';
import { entriesOf, itemsOf, memberOf, scalarOf, textOf, usersBySource } from './value-access.ts';

/**
 * The files and folders of the repository that a compose text names, with default values: one row per kind and path, in the order of the
 * file. Absolute paths, `~`, named volumes and texts that cannot be interpolated are left out.
 */
export function listFileReferences(file: ComposeFile): FileReference[] {
  const references = new Map<string, FileReference>();
  const add = (found: Omit<FileReference, 'path' | 'location'>, scalar: ComposeScalar, text: string): void => {
    if (scalar.fault !== undefined || !isRelativePath(text)) return;
    const path = normalizePath(text);
    const key = `${found.kind} ${path}`;
    const known = references.get(key);
    references.set(key, {
      kind: found.kind,
      services: [...new Set([...(known?.services ?? []), ...found.services])],
      path,
      required: found.required || known?.required === true,
      location: known?.location ?? file.document.locate(scalar.node.start),
    });
  };
  const root = readComposeValue(file);
  for (const [service, value] of entriesOf(memberOf(root, 'services'))) {
    const services = [service];
    for (const item of itemsOf(memberOf(value, 'volumes'))) {
      const bind = readBind(item);
      if (bind !== undefined) add({ kind: 'bind', services, required: false }, ...bind);
    }
    const envFiles = memberOf(value, 'env_file');
    for (const item of envFiles?.kind === 'list' ? envFiles.items : [envFiles]) {
      const path = scalarOf(item?.kind === 'map' ? memberOf(item, 'path') : item);
      const required = textOf(memberOf(item, 'required')) !== 'false';
      if (path !== undefined) add({ kind: 'env_file', services, required }, path, textOf(path));
    }
    const labelFiles = memberOf(value, 'label_file');
    for (const item of labelFiles?.kind === 'list' ? labelFiles.items : [labelFiles]) {
      const path = scalarOf(item);
      if (path !== undefined) add({ kind: 'label_file', services, required: true }, path, textOf(path));
    }
    const extended = scalarOf(memberOf(memberOf(value, 'extends'), 'file'));
    if (extended !== undefined) add({ kind: 'extends', services, required: true }, extended, textOf(extended));
    for (const item of itemsOf(memberOf(value, 'security_opt'))) {
      const profile = readSeccompProfile(textOf(item));
      if (profile !== undefined && item.kind === 'scalar')
        add({ kind: 'seccomp', services, required: true }, item, profile);
    }
  }
  for (const kind of ['config', 'secret'] as const) {
    const users = usersBySource(root, `${kind}s`);
    for (const [name, value] of entriesOf(memberOf(root, `${kind}s`))) {
      const path = scalarOf(memberOf(value, 'file'));
      if (path !== undefined) add({ kind, services: users.get(name) ?? [], required: true }, path, textOf(path));
    }
  }
  return [...references.values()];
}

/** The host side of a mount that may be a file: short ones only where they begin with a dot, as compose tells paths from names. */
function readBind(item: ComposeValue): [ComposeScalar, string] | undefined {
  if (item.kind === 'scalar') {
    const source = readShortVolume(textOf(item))?.source;
    return source?.startsWith('.') === true ? [item, source] : undefined;
  }
  if (textOf(memberOf(item, 'type')) !== 'bind') return undefined;
  const source = scalarOf(memberOf(item, 'source'));
  return source === undefined ? undefined : [source, textOf(source)];
}

/** The file of a seccomp option, which compose itself opens; undefined for the profiles that have names. */
function readSeccompProfile(option: string): string | undefined {
  const [, profile] = /^seccomp[:=](.*)$/s.exec(option) ?? [];
  return profile === undefined || profile === 'unconfined' || profile === 'builtin' ? undefined : profile;
}
