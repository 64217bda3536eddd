import { formatPlace } from '../lib/place.ts';
import { type NextFlags, quoteShell } from '../report/wording.ts';
import type { Invocation } from './command.ts';

/** Values of parameters stay out of what is printed: they may be secrets. */
const UNTOLD = '...';

/** Where things are and how they are converted is said again; new digests are taken once. */
export function repeatFlags({ flags, paths }: Invocation): NextFlags {
  const { config, out, ref, repositories, offline, to, registries, platforms, tag } = flags;
  const { semantics, interpolation, serviceConfigs, parameterFiles, set, fleet = new Map(), repin } = flags;
  const options: readonly (readonly [string, string | undefined | boolean | readonly string[]])[] = [
    ['config', config],
    ['out', out],
    ['ref', ref],
    ['repositories', repositories],
    ['offline', offline],
    ['to', to === undefined ? undefined : formatPlace(to)],
    ['registry', [...registries].map(([host, place]) => `${host}=${formatPlace(place)}`)],
    ['platform', platforms],
    ['tag', tag],
    ['semantics', semantics],
    ['interpolation', interpolation],
    ['service-configs', serviceConfigs],
    ['parameters-file', parameterFiles],
    ['set', [...set.keys()].map((name) => `${name}=${UNTOLD}`)],
    ['fleet', [...fleet].map(([group, file]) => `${group}=${file}`)],
  ];
  const words = options.flatMap(([name, value]) => {
    if (typeof value === 'boolean') return value ? [`--${name}`] : [];
    const values = value === undefined ? [] : typeof value === 'string' ? [value] : value;
    return values.flatMap((each) => [`--${name}`, each]);
  });
  return {
    always: [...words, ...paths].map(quoteShell).join(' '),
    samePlan: repin
      .flatMap((glob) => ['--repin', glob])
      .map(quoteShell)
      .join(' '),
  };
}
