import { canonicalJson } from '../lib/canonical-json.ts';
import { digestOf } from '../lib/digest.ts';
import type { Digest } from '../model/oci.ts';
import type { MigrationRequest } from './migration.ts';

/** sha256 over the options that shape bundles, whatever their images are pinned to. */
export function digestShape({ config, parameterFiles }: MigrationRequest): Digest {
  return digestOf(
    canonicalJson({
      place: [config.registry, config.factory],
      interpolation: [config.interpolation, ...config.apps.interpolation],
      semantics: [config.semantics, ...config.apps.semantics],
      serviceConfigs: [config.serviceConfigs, ...config.apps.serviceConfigs],
      exempt: config.images.exempt,
      bundle: config.bundle,
      parameters: [[...config.parameters.set], parameterFiles.map(({ text }) => digestOf(text))],
    }),
  );
}
