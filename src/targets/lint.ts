import type { FileTarget } from '../model/app.ts';
import { lintApps } from './lint-apps.ts';
import { collectFindings, type LintCollector, type LintFinding, type LintReport, show } from './lint-context.ts';
import { lintEntries } from './lint-entries.ts';
import { type LineOptions, lintLines } from './lint-lines.ts';
import { lintAgainstOlder } from './lint-older.ts';
import { lintRole, lintSignable, lintSignatures } from './lint-role.ts';
import type { TargetsSigners } from './root-role.ts';
import { isOstree, readSha256 } from './target-fields.ts';
import type { TargetsFile } from './targets-file.ts';

export interface LintOptions extends LineOptions {
  /** UTC, `YYYY-MM-DDTHH:MM:SSZ`: judges `expires`. */
  readonly now?: string;
  /** A copy of the file from before. */
  readonly older?: TargetsFile;
  /** Whose signatures count. */
  readonly signers?: TargetsSigners;
  /** The bytes of file targets that there are, by name; judges those of every file target. */
  readonly files?: ReadonlyMap<string, Pick<FileTarget, 'length' | 'sha256'>>;
  /** What was found outside of the file: in packages, in a registry. */
  readonly more?: readonly LintReport[];
}

/**
 * Judges a targets file, whoever wrote it, by what device clients do with it: most of what is wrong here, they skip without a word and report
 * success. In the order of the file; one finding for each place.
 */
export function lintTargets(file: TargetsFile, options: LintOptions = {}): LintFinding[] {
  const { now, older, signers, files } = options;
  return collectFindings(file, [
    (collector) => lintRole(collector, now),
    (collector) => lintSignatures(collector, signers),
    lintSignable,
    lintEntries,
    lintApps,
    (collector) => lintLines(collector, options),
    ...(older === undefined ? [] : [(collector: LintCollector) => lintAgainstOlder(collector, older)]),
    (collector) => (options.more ?? []).forEach(collector.report),
    ...(files === undefined ? [] : [(collector: LintCollector) => lintFiles(collector, files)]),
  ]);
}

/** A device takes a file that is shorter than its length says; all else fails there, after every device has tried. */
function lintFiles({ file, report }: LintCollector, files: NonNullable<LintOptions['files']>): void {
  for (const [name, target] of file.targets) {
    if (isOstree(target)) continue;
    const found = files.get(name);
    if (found === undefined) {
      report({ code: 'lint.file-missing', problem: 'its bytes are not there', target: name });
    } else if (found.length !== target.length) {
      const problem = `its bytes are ${found.length}, the length says ${show(target.length)}`;
      report({ code: 'lint.file-bytes', problem, target: name, path: ['length'] });
    } else if (found.sha256 !== readSha256(target)) {
      const problem = `the sha256 of its bytes is ${found.sha256}`;
      report({ code: 'lint.file-bytes', problem, target: name, path: ['hashes', 'sha256'] });
    }
  }
}

/** The errors of a file that a former one did not have: those of new targets but for what they took over from their parents as it was. */
export function findNewErrors(
  found: readonly LintFinding[],
  former: readonly LintFinding[],
  parents: ReadonlyMap<string, string | undefined>,
): LintFinding[] {
  const keyOf = (target: string | undefined, { path, diagnostic: { code } }: LintFinding): string =>
    JSON.stringify([target ?? '', path, code]);
  const known = new Set(former.map((one) => keyOf(one.target, one)));
  return found.filter((one) => {
    if (one.diagnostic.severity !== 'error' || known.has(keyOf(one.target, one))) return false;
    const parent = one.target === undefined ? undefined : parents.get(one.target);
    return parent === undefined || !known.has(keyOf(parent, one));
  });
}
