import { isList, isMap } from './decode-go.ts';
import type { RenderedMap, RenderedValue } from './rendered-value.ts';

/**
 * What docker-app 0.9.1 refused of a package with attachments before it put in parameters: volumes whose source is neither absolute nor declared,
 * volumes in long form, and secrets that are not external. Sorted, as it printed them.
 */
export function checkSources(file: RenderedMap): string[] {
  const declared = file.get('volumes');
  const volumes = new Set(
    isMap(declared) ? [...declared].filter(([, value]) => typeof value !== 'string').map(([name]) => name) : [],
  );
  const problems: string[] = [];
  let service = '';
  const visit = (map: RenderedMap, parent: string): void => {
    for (const [name, value] of map) {
      if (typeof value === 'string') continue;
      if (parent === 'services') service = name;
      const path = parent === '' ? name : `${parent}.${name}`;
      if (/services.*.volumes/.test(path)) problems.push(...checkVolumes(value, service, volumes));
      if (name === 'secrets' && isMap(value)) problems.push(...checkSecrets(value));
      if (isMap(value)) visit(value, path);
    }
  };
  visit(file, '');
  return problems.sort();
}

function checkVolumes(value: RenderedValue, service: string, declared: ReadonlySet<string>): string[] {
  const refuse = (source: string): string =>
    `can't use relative path as volume source ("${source}") in service "${service}"`;
  const isFound = (source: string): boolean => source.startsWith('/') || declared.has(source);
  if (isMap(value)) {
    const source = value.get('source');
    if (typeof source !== 'string') return [`invalid volume in service "${service}"`];
    return isFound(source) ? [] : [refuse(source)];
  }
  return (isList(value) ? value : []).flatMap((item) => {
    if (typeof item !== 'string') return [`invalid volume in service "${service}"`];
    const [source = '', ...rest] = item.split(':');
    if (rest.length === 0) return [`invalid volume definition ("${item}") in service "${service}"`];
    return isFound(source) ? [] : [refuse(item)];
  });
}

function checkSecrets(secrets: RenderedMap): string[] {
  return [...secrets].flatMap(([name, secret]) =>
    isMap(secret) && !secret.has('external') ? [`secret "${name}" must be external`] : [],
  );
}
