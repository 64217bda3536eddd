import { relative } from 'node:path';
import type { Config } from '../config.ts';
import { RebundleError } from '../errors.ts';
import type { Place } from '../lib/place.ts';
import { createLayoutRegistry } from '../registry/layout.ts';
import { createMemoryRegistry } from '../registry/memory.ts';
import type { Registry } from '../registry/registry.ts';

export interface Places {
  readonly imageRegistry: (host: string) => Registry;
  readonly destination: Registry;
  /** How reports name the destination. */
  readonly destinationName: string;
}

/** Opens the places of a configuration; each folder once. Throws REGISTRY_UNREACHABLE for a host without a folder, when it is used. */
export function openPlaces(config: Config, cwd: string): Places {
  const layouts = new Map<string, Registry>();
  const memory = createMemoryRegistry();
  const open = (place: Place, hint: string): Registry => {
    if (place.kind === 'memory') return memory;
    if (place.kind === 'registry') {
      throw new RebundleError(
        'REGISTRY_UNREACHABLE',
        `${place.host} has no folder to work on, and this version has no HTTP client`,
        { hint },
      );
    }
    const known = layouts.get(place.directory) ?? createLayoutRegistry(place.directory);
    layouts.set(place.directory, known);
    return known;
  };
  const host = config.registry ?? '';
  const to = config.publish.to ?? { kind: 'registry' as const, host };
  return {
    imageRegistry: (name) =>
      open(
        config.registries.get(name) ?? { kind: 'registry', host: name },
        `Name one: --registry ${name}=oci-layout:DIR`,
      ),
    destination: open(to, 'Name one: --to oci-layout:DIR'),
    destinationName:
      to.kind === 'oci-layout'
        ? `oci-layout:${relative(cwd, to.directory)}`
        : to.kind === 'memory'
          ? 'memory:'
          : to.host,
  };
}
