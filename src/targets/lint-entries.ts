import { customOf, type LintCollector, show } from './lint-context.ts';
import { isOstree, isRecord, readSha256, readVersion } from './target-fields.ts';
import { findNameProblem } from './target-name.ts';

/** What each target must have for itself, so that a device can choose and fetch it. */
export function lintEntries({ file, report }: LintCollector): void {
  const used = findUsedFiles(file.targets);
  for (const [name, target] of file.targets) {
    const at = { target: name };
    const nameProblem = findNameProblem(name);
    if (nameProblem !== undefined) report({ code: 'lint.target-name', problem: `the name ${nameProblem}`, ...at });
    if (!/^[0-9a-f]{64}$/.test(readSha256(target) ?? '')) {
      report({
        code: 'lint.target-hash',
        problem: 'hashes.sha256 is not 64 hex digits',
        ...at,
        path: ['hashes', 'sha256'],
      });
    }
    const format = customOf(target, 'targetFormat');
    if (isOstree(target)) lintOstree({ file, report }, name);
    else if (format === undefined || format === 'BINARY') {
      if (!(Number.isSafeInteger(target.length) && target.length > 0)) {
        const problem = `the length ${show(target.length)} is not a positive whole number`;
        report({ code: 'lint.file-length', problem, ...at, path: ['length'] });
      }
      lintFileTarget({ file, report }, name, used);
    } else {
      const problem = `the targetFormat ${show(format)} is neither OSTREE nor BINARY`;
      report({ code: 'lint.unknown-format', problem, ...at, path: ['custom', 'targetFormat'] });
    }
  }
}

function lintOstree({ file, report }: LintCollector, name: string): void {
  const target = file.targets.get(name);
  if (target === undefined) return;
  const at = (member: string) => ({ target: name, path: ['custom', member] });
  if (customOf(target, 'targetFormat') === undefined) {
    report({ code: 'lint.target-format', problem: 'there is no targetFormat', ...at('targetFormat') });
  }
  if (target.length !== 0) {
    const problem = `the length is ${show(target.length)}, not 0`;
    report({ code: 'lint.ostree-length', problem, target: name, path: ['length'] });
  }
  const version = customOf(target, 'version');
  if (readVersion(version) === undefined) {
    const problem =
      version === undefined ? 'there is no version' : `the version ${show(version)} is not one for devices`;
    report({ code: 'lint.version', problem, ...at('version') });
  }
  const ids = customOf(target, 'hardwareIds');
  if (!isTextList(ids) || ids.length === 0) {
    report({
      code: 'lint.hardware-ids',
      problem: 'hardwareIds is not a list of at least one text',
      ...at('hardwareIds'),
    });
  }
  const tags = customOf(target, 'tags');
  if (tags !== undefined && !isTextList(tags)) {
    report({ code: 'lint.tags', problem: 'tags is not a list of texts', ...at('tags') });
  } else if (tags === undefined || tags.length === 0) {
    report({ code: 'lint.no-tags', problem: 'there are no tags', ...at('tags') });
  }
}

function lintFileTarget({ file, report }: LintCollector, name: string, used: ReadonlySet<string>): void {
  const target = file.targets.get(name);
  const uri = target === undefined ? undefined : customOf(target, 'uri');
  // Devices leave this one host out: it stands for no uri in the tools that wrote it.
  if (typeof uri === 'string' && uri !== '' && !uri.startsWith('https://example.com/')) {
    const problem = `devices fetch it from ${show(uri)} instead of the repository`;
    report({ code: 'lint.file-uri', problem, target: name, path: ['custom', 'uri'] });
  }
  if (!used.has(name)) report({ code: 'lint.file-unused', problem: 'no docker_apps entry names it', target: name });
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');
}

function findUsedFiles(targets: LintCollector['file']['targets']): ReadonlySet<string> {
  const used = new Set<string>();
  for (const target of targets.values()) {
    const apps = customOf(target, 'docker_apps');
    for (const entry of isRecord(apps) ? Object.values(apps) : []) {
      if (isRecord(entry) && typeof entry.filename === 'string') used.add(entry.filename);
    }
  }
  return used;
}
