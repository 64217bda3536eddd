import { posix } from 'node:path';
import { RebundleError } from '../errors.ts';
import { encodeJson } from '../lib/escape-text.ts';
import { compilePattern, type PathTest } from './ignore-pattern.ts';

/** The file whose rules keep files out of a bundle. */
export const IGNORE_FILE = '.composeappignores';

/** Largest ignore file, in bytes, and most rules in it. */
export const MAX_IGNORE_BYTES = 65_536;
const MAX_RULES = 1000;
/** UTF-16 units of one pattern. */
const MAX_PATTERN = 1024;

/** One line of an ignore file. */
export interface IgnoreRule {
  /** Path of the ignore file in the repository. */
  readonly file: string;
  readonly line: number;
  /** As it is written, without blanks around it. */
  readonly text: string;
  /** True for `!`: what it matches is kept after all. */
  readonly keeps: boolean;
  readonly matches: PathTest;
}

/**
 * Reads an ignore file as Docker reads .dockerignore (moby/patternmatcher ignorefile.ReadAll and New): a byte order mark and lines that begin
 * with `#` do not count, blanks around a pattern and a leading `/` are dropped. Throws BUNDLE_PATH with its place for a pattern that Docker
 * refuses, and BUNDLE_LIMIT for too many or too long ones.
 */
export function parseIgnoreRules(text: string, file: string): IgnoreRule[] {
  const rules: IgnoreRule[] = [];
  for (const [i, raw] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    if (raw.startsWith('#')) continue;
    const written = raw.trim();
    if (written === '') continue;
    const keeps = written.startsWith('!');
    const location = { path: file, line: i + 1, column: 1 };
    if (rules.length === MAX_RULES || written.length > MAX_PATTERN) {
      const limit = rules.length === MAX_RULES ? `${MAX_RULES} rules` : `${MAX_PATTERN} characters in a rule`;
      throw new RebundleError('BUNDLE_LIMIT', `${encodeJson(file)} has more than ${limit}`, { location });
    }
    const cleaned = cleanPattern(keeps ? written.slice(1).trim() : written);
    const matches = cleaned === '' || (keeps && cleaned === '/') ? undefined : compilePattern(cleaned);
    if (matches === undefined) {
      const hint = 'Patterns are those of .dockerignore; put a backslash before a [ that means itself.';
      throw new RebundleError('BUNDLE_PATH', `${encodeJson(written)} is no pattern`, { location, hint });
    }
    rules.push({ file, line: i + 1, text: written, keeps, matches });
  }
  return rules;
}

/**
 * The rule that keeps a path out, undefined where none does (moby/patternmatcher MatchesOrParentMatches): the last rule that matches the path
 * or a folder above it decides. Paths are relative to the folder of the ignore file.
 */
export function findIgnoreRule(rules: readonly IgnoreRule[], path: string): IgnoreRule | undefined {
  let ignoredBy: IgnoreRule | undefined;
  const parents = listParents(path);
  for (const rule of rules) {
    if (rule.keeps !== (ignoredBy !== undefined)) continue;
    if (rule.matches(path) || parents.some(rule.matches)) ignoredBy = rule.keeps ? undefined : rule;
  }
  return ignoredBy;
}

/** Go's filepath.Clean, and one leading slash dropped. */
function cleanPattern(pattern: string): string {
  if (pattern === '') return '';
  const clean = posix.normalize(pattern);
  const trimmed = clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
  // Docker trims once more after it cleaned: `a /` is `a`.
  return (trimmed.length > 1 && trimmed.startsWith('/') ? trimmed.slice(1) : trimmed).trim();
}

function listParents(path: string): string[] {
  const parents: string[] = [];
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1))
    parents.push(path.slice(0, slash));
  return parents;
}
