import { escapeTerminal } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic } from '../model/app.ts';
import type { PlannedTarget } from '../model/plan.ts';
import { addTargets } from './add-targets.ts';
import type { ParentSelection } from './select-parents.ts';
import { readSignatures } from './sign.ts';
import { MAX_TARGETS_BYTES, type TargetsFile, targetsTooLarge } from './targets-file.ts';

/** A tag is at one version for all its hardware ids, unless a build or a run was not for all of them. */
export function findMixedVersions(selections: readonly ParentSelection[]): Diagnostic[] {
  const byTag = new Map<string, Map<string, number>>();
  for (const { rule, hardwareIds, ownLines } of selections) {
    const versions = byTag.get(rule.tag) ?? new Map<string, number>();
    byTag.set(rule.tag, versions);
    for (const [index, id] of hardwareIds.entries()) {
      const newest = ownLines[index]?.[0];
      if (newest !== undefined) versions.set(id, newest.version);
    }
  }
  return [...byTag].flatMap(([tag, versions]) => {
    if (new Set(versions.values()).size < 2) return [];
    const listed = [...versions].map(([id, version]) => `${escapeTerminal(id)} ${version}`).join(', ');
    return [finding('targets.mixed-versions', `tag ${tag}: the newest versions differ: ${listed}`)];
  });
}

/** Signatures that a change ends, where no new ones are made. */
export function findDroppedSignatures(file: TargetsFile): Diagnostic[] {
  if (readSignatures(file).length === 0) return [];
  return [
    finding(
      'targets.signatures-dropped',
      `${file.path}: the signatures do not hold for the new file and were dropped`,
      {
        hint: 'Sign it with targets.signing or rebundle targets sign, where its server does not.',
      },
    ),
  ];
}

/** Devices stop updating at a file above the limit, so the size is told before anything is written. */
export function checkSize(file: TargetsFile, targets: readonly PlannedTarget[]): Diagnostic[] {
  const bytes = addTargets(file, targets).byteLength;
  if (bytes > MAX_TARGETS_BYTES) throw targetsTooLarge(file.path, bytes);
  if (bytes < MAX_TARGETS_BYTES * 0.75) return [];
  const percent = Math.floor((bytes / MAX_TARGETS_BYTES) * 100);
  return [
    finding('targets.size', `${file.path}: ${bytes} bytes, ${percent} % of what devices read`, {
      hint: 'Prune old targets that no device runs or rolls back to, with their file targets.',
    }),
  ];
}
