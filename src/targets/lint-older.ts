import { canonicalJson } from '../lib/canonical-json.ts';
import type { Target } from '../model/target.ts';
import { customOf, type LintCollector, show } from './lint-context.ts';
import { readRole } from './sign.ts';
import { isOstree, readSha256, readTexts, readVersion } from './target-fields.ts';
import type { TargetsFile } from './targets-file.ts';

/** Compares a file with an older copy: what was out then is frozen, and what is new has to be numbered above it. */
export function lintAgainstOlder({ file, report }: LintCollector, older: TargetsFile): void {
  let isEdited = false;
  for (const [name, before] of older.targets) {
    const now = file.targets.get(name);
    if (now === undefined) {
      isEdited = true;
      report({ code: 'lint.target-pruned', problem: `the target ${show(name)} is gone` });
      continue;
    }
    if (canonicalJson(before) === canonicalJson(now)) continue;
    isEdited = true;
    const edited = findEdited(before, now);
    if (edited.length === 0) {
      report({
        code: 'lint.frozen-changed',
        problem: 'it is not as it was, in members that do not matter',
        target: name,
      });
    }
    for (const path of edited) {
      const problem = `${path.join('.')} is not what it was; a published target never changes`;
      report({ code: 'lint.frozen-edited', problem, target: name, path });
    }
  }
  const greatest = readGreatest(older);
  for (const [name, target] of file.targets) {
    if (older.targets.has(name)) continue;
    isEdited = true;
    const version = readVersion(customOf(target, 'version'));
    if (!isOstree(target) || version === undefined) continue;
    const under = lineKeys(target).find(([key]) => (greatest.get(key) ?? 0) >= version);
    if (under === undefined) continue;
    const [key, shown] = under;
    const problem = `its version ${version} is not above ${greatest.get(key)}, which ${shown} had`;
    report({ code: 'lint.version-not-above', problem, target: name, path: ['custom', 'version'] });
  }
  lintRoleVersion({ file, report }, older, isEdited);
}

/** Members by which devices tell whether a target is the one that they run. */
function findEdited(before: Target, now: Target): string[][] {
  const isFile = !isOstree(before);
  const paths: string[][] = [
    ['length'],
    ['hashes'],
    ...['docker_apps', 'docker_compose_apps', 'targetFormat', 'version', 'hardwareIds', 'tags'].map((member) => [
      'custom',
      member,
    ]),
    ...(isFile ? [['custom', 'uri']] : []),
  ];
  const memberAt = (target: Target, [first = '', second]: readonly string[]): unknown => {
    if (first === 'hashes') return readSha256(target);
    return second === undefined ? target[first] : customOf(target, second);
  };
  return paths.filter(
    (path) => canonicalJson(memberAt(before, path) ?? null) !== canonicalJson(memberAt(now, path) ?? null),
  );
}

function lineKeys(target: Target): [string, string][] {
  const tags = readTexts(customOf(target, 'tags'));
  return (tags.length === 0 ? [''] : tags).flatMap((tag) =>
    readTexts(customOf(target, 'hardwareIds')).map((id): [string, string] => [
      JSON.stringify([tag, id]),
      `${show(id)} with the tag ${show(tag)}`,
    ]),
  );
}

function readGreatest(file: TargetsFile): Map<string, number> {
  const greatest = new Map<string, number>();
  for (const target of file.targets.values()) {
    const version = readVersion(customOf(target, 'version'));
    if (!isOstree(target) || version === undefined) continue;
    for (const [key] of lineKeys(target)) greatest.set(key, Math.max(greatest.get(key) ?? 0, version));
  }
  return greatest;
}

/** Only a signed file has to raise its version: a bare one is numbered by its server. */
function lintRoleVersion({ file, report }: LintCollector, older: TargetsFile, isEdited: boolean): void {
  if (file.signatures === undefined || older.signatures === undefined) return;
  const [now, before] = [readRole(file).version, readRole(older).version];
  if (typeof now !== 'number' || typeof before !== 'number') return;
  if (
    now < before ||
    (isEdited && now === before && file.text.slice(file.signatures.start, file.signatures.end) !== '[]')
  ) {
    report({
      code: 'lint.role-version',
      problem: `the version of the role is ${now}, the older file has ${before}`,
      path: ['version'],
    });
  }
}
