import { encodeJson } from '../lib/escape-text.ts';
import type { FileEntry, PackageKind } from '../model/app.ts';
import type { EntryIndex } from './entry-index.ts';

/** A package as far as its support files need it. */
export interface PackagePlace {
  readonly name: string;
  readonly kind: PackageKind;
  /** Relative to the repository. */
  readonly path: string;
}

interface Found {
  /** Path in the repository. */
  readonly path: string;
  readonly beside: boolean;
  /** A file, or a link that is read as one. */
  readonly isFile: boolean;
  readonly entries: readonly FileEntry[];
}

/** Where a path may be, best first. The bundle's root itself is never looked for beside the package: that folder holds other apps. */
export function listPlaces(pack: PackagePlace, path: string): { path: string; beside: boolean }[] {
  const parent = parentOf(pack.path);
  const inside = pack.kind !== 'single-file';
  return [
    ...(inside ? [{ path: joinPath(pack.path, path), beside: false }] : []),
    { path: joinPath(siblingFolder(pack), path), beside: true },
    ...(path === '' ? [] : [{ path: joinPath(parent, path), beside: true }]),
  ];
}

export function findFirst(index: EntryIndex, places: readonly { path: string; beside: boolean }[]): Found | undefined {
  for (const { path: written, beside } of places) {
    const path = followLink(index, written);
    const exact = index.find(path);
    const isFolder = exact === undefined || exact.mode === 'directory';
    const entries = isFolder ? index.below(path) : [exact];
    if (exact !== undefined || entries.length > 0) {
      return { path, beside, entries, isFile: !isFolder && exact.mode !== 'other' };
    }
  }
  return undefined;
}

/** The path with a link to a folder that it goes through, or ends in, replaced by that folder. */
function followLink(index: EntryIndex, path: string): string {
  for (const prefix of [...listParents(path), path]) {
    const target = index.find(prefix)?.target;
    if (target?.mode === 'directory') return target.path + path.slice(prefix.length);
  }
  return path;
}

export function describeSearch(index: EntryIndex, places: readonly { path: string }[]): string {
  const looked = `looked for ${places.map((place) => encodeJson(place.path)).join(', ')}`;
  const link = places.flatMap((place) => listParents(place.path)).find((path) => index.find(path)?.mode === 'symlink');
  return link === undefined ? looked : `${looked}; the link ${encodeJson(link)} leads to no folder of the repository`;
}

function listParents(path: string): string[] {
  const names = path.split('/');
  return names.slice(1).map((_, i) => names.slice(0, i + 1).join('/'));
}

/** A relative path without `.` and `..`; empty for the folder itself, undefined where it leads out of it. */
export function normalizePath(path: string): string | undefined {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.pop() === undefined) return undefined;
  }
  return names.join('/');
}

export function joinPath(folder: string, path: string): string {
  return [folder, path].filter((part) => part !== '').join('/');
}

/** The folder `<name>/` beside a package. */
export function siblingFolder({ name, path }: PackagePlace): string {
  return joinPath(parentOf(path), name);
}

function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}
