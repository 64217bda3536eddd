import { visitUnsignable } from './canonical.ts';
import { isExpiry, judgeExpiry } from './expiry.ts';
import { type LintCollector, show } from './lint-context.ts';
import type { TargetsSigners } from './root-role.ts';
import { findValidSigners, readRole } from './sign.ts';
import { isRecord } from './target-fields.ts';

/** What the role says of itself: type, version and date. A bare file may lack them, its server adds them; an envelope may not. */
export function lintRole({ file, report }: LintCollector, now: string | undefined): void {
  const role = readRole(file);
  const isEnvelope = file.signatures !== undefined;
  const has = (member: string): boolean => isEnvelope || Object.hasOwn(role, member);
  if (has('_type') && role._type !== 'Targets') {
    report({ code: 'lint.role-type', problem: `_type is ${show(role._type)}, not Targets`, path: ['_type'] });
  }
  const { version, expires } = role;
  if (has('version') && !(typeof version === 'number' && Number.isInteger(version) && version > 0)) {
    report({
      code: 'lint.role-version',
      problem: `the version ${show(version)} is no positive whole number`,
      path: ['version'],
    });
  }
  if (!has('expires')) return;
  if (!isExpiry(expires)) {
    report({
      code: 'lint.expires',
      problem: `expires ${show(expires)} is no date as YYYY-MM-DDTHH:MM:SSZ`,
      path: ['expires'],
    });
    return;
  }
  const left = now === undefined ? 'fine' : judgeExpiry(expires, now);
  if (left === 'past') report({ code: 'lint.expired', problem: `expired at ${expires}`, path: ['expires'] });
  if (left === 'soon') report({ code: 'lint.expires-soon', problem: `expires at ${expires}`, path: ['expires'] });
}

/** Signatures: their form and, with the keys of the root role, whether they hold. */
export function lintSignatures({ file, report }: LintCollector, signers: TargetsSigners | undefined): void {
  if (file.signatures === undefined) return;
  const at = { path: ['signatures'] };
  const list: unknown = JSON.parse(file.text.slice(file.signatures.start, file.signatures.end));
  const entries: readonly unknown[] = Array.isArray(list) ? list : [];
  if (entries.length === 0) report({ code: 'lint.unsigned', problem: 'there are no signatures', ...at });
  const ids = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const problem = findSignatureProblem(entry, ids);
    if (problem !== undefined) report({ code: 'lint.signature', problem: `signature ${index + 1} ${problem}`, ...at });
  }
  if (signers === undefined || entries.length === 0) return;
  let isSignable = true;
  visitUnsignable(file.text, file.role, () => {
    isSignable = false;
  });
  const valid = isSignable ? findValidSigners(file, signers).length : 0;
  if (valid < signers.threshold) {
    const problem = `${valid} signatures hold, the root role asks for ${signers.threshold}`;
    report({ code: 'lint.signature', problem, ...at });
  }
}

/** The method of a signature is what devices read; TUF 1.0 has none, so only a wrong one counts. */
function findSignatureProblem(entry: unknown, ids: Set<string>): string | undefined {
  if (!isRecord(entry)) return 'is not an object';
  if (typeof entry.keyid !== 'string' || !/^[0-9a-f]{64}$/.test(entry.keyid)) return 'has no key id of 64 hex digits';
  if (ids.has(entry.keyid)) return `has the key id ${entry.keyid} a second time`;
  ids.add(entry.keyid);
  if (typeof entry.sig !== 'string' || !/^(?:[0-9a-f]+|[A-Za-z0-9+/]+={0,2})$/.test(entry.sig)) {
    return 'has no value in base64 or hex';
  }
  const { method } = entry;
  const known = ['ed25519', 'rsassa-pss', 'rsassa-pss-sha256'];
  if (method === undefined || (typeof method === 'string' && known.includes(method.toLowerCase()))) return undefined;
  return `has the method ${show(method)}`;
}

/** Texts and numbers that signing tools and devices write differently. */
export function lintSignable({ file, report }: LintCollector): void {
  visitUnsignable(file.text, file.role, ({ offset, kind, problem, path }) => {
    const [first, target, ...inner] = path;
    const place = first === 'targets' && target !== undefined ? { target: String(target), path: inner } : { path };
    report({ code: kind === 'number' ? 'lint.not-integer' : 'lint.not-ascii', problem, offset, ...place });
  });
}
