import type { Target } from '../model/target.ts';

const DECIMAL = /^(?:0|[1-9][0-9]{0,9})$/;
/** Greatest version that devices can print. */
export const MAX_VERSION = 2 ** 31 - 1;

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `custom.version`, text or integer, as a number; undefined unless decimal, without leading zero and below 2^31. */
export function readVersion(version: unknown): number | undefined {
  const text = typeof version === 'number' ? String(version) : version;
  if (typeof text !== 'string' || !DECIMAL.test(text)) return undefined;
  return Number(text) <= MAX_VERSION ? Number(text) : undefined;
}

/** The texts of a list, each once; whatever else is there does not count. */
export function readTexts(list: unknown): string[] {
  return Array.isArray(list) ? [...new Set(list.filter((item) => typeof item === 'string'))] : [];
}

/** True for targets that devices choose from: an operating system commit, by format or, where that is missing, by length 0. */
export function isOstree(target: Target): boolean {
  const format: unknown = target.custom?.targetFormat;
  return format === 'OSTREE' || (format === undefined && target.length === 0);
}

/** `hashes.sha256` in lower case. */
export function readSha256(target: Target): string | undefined {
  const sha256: unknown = target.hashes?.sha256;
  return typeof sha256 === 'string' ? sha256.toLowerCase() : undefined;
}
