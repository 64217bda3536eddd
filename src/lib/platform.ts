import type { Platform } from '../model/oci.ts';
import { compareText } from './bytes.ts';

/** `os/architecture[/variant]`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, ...(platform.variant === undefined ? [] : [platform.variant])].join('/');
}

/** Parses `os/architecture[/variant]`; undefined for other text. */
export function parsePlatform(text: string): Platform | undefined {
  const [os, architecture, variant, more] = text.split('/');
  if (!os || !architecture || variant === '' || more !== undefined) return undefined;
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

export function comparePlatforms(a: Platform, b: Platform): number {
  return compareText(formatPlatform(a), formatPlatform(b));
}
