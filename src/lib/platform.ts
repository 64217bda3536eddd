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

/** The variant that an architecture has when none is named left out, as containerd compares them: `linux/arm64/v8` is `linux/arm64`, `linux/arm` is `linux/arm/v7`. */
export function normalizePlatform({ os, architecture, variant }: Platform): Platform {
  const usual = { arm64: 'v8', amd64: 'v1' }[architecture];
  const named = architecture === 'arm' ? (variant ?? 'v7') : variant === usual ? undefined : variant;
  return { os, architecture, ...(named === undefined ? {} : { variant: named }) };
}
