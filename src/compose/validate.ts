import { COMPOSE_RULES, FORBIDDEN_KEYS } from '../lib/compose-schema.ts';
import { finding } from '../lib/finding.ts';
import { isMergeKey, resolveAlias, type YamlPair } from '../lib/yaml.ts';
import { printGo, readScalar } from '../lib/yaml-scalars.ts';
import type { Diagnostic } from '../model/app.ts';
import { checkMap, type RuleCheck } from './check-rules.ts';
import type { ComposeFile } from './compose-file.ts';
import { eachNode, eachScalar, readComposeValue } from './compose-value.ts';
import { checkServices } from './service-rules.ts';

export interface ComposeValidation {
  /** Parts of the text are what docker-app printed: forms of later versions too, which docker-compose 1.29 takes in each. */
  readonly isRendered?: boolean;
}

/** More findings about one file help nobody. */
const MAX_FINDINGS = 100;
const TAGS = /^(?:!|(?:!!|tag:yaml\.org,2002:)(?:str|int|float|bool|null|map|seq|binary|timestamp))$/;

/**
 * What docker-compose 1.29 refuses in a file and, for `origin` docker-app, what docker/cli's loader of compose 3.0 to 3.8 refused as well:
 * errors with their places, in the order of the text, at most 100. Values are those after interpolation with an empty environment.
 * A warning `compose.service-configs` where docker-compose 1.29 itself warns. Whether files exist is not looked at.
 * Throws YAML_LIMIT where aliases nest too deep.
 */
export function validateCompose(file: ComposeFile, { isRendered = false }: ComposeValidation = {}): Diagnostic[] {
  const found = new Map<string, { at: number; diagnostic: Diagnostic }>();
  const add = (at: number, diagnostic: Diagnostic): void => {
    const key = `${at} ${diagnostic.code} ${diagnostic.message}`;
    if (found.size < MAX_FINDINGS && !found.has(key)) found.set(key, { at, diagnostic });
  };
  const locate = file.document.locate;
  const check: RuleCheck = {
    origin: file.origin,
    minor: isRendered ? Number.POSITIVE_INFINITY : Number(file.version?.split('.')[1] ?? 0),
    report: (message, at, hint) => {
      add(at, finding('COMPOSE_INVALID', message, { location: locate(at), ...(hint === undefined ? {} : { hint }) }));
    },
  };
  checkDocument(file, check);
  checkNodes(file, check);
  if (file.origin === 'docker-app') {
    for (const service of file.services) {
      for (const [name, { start }] of service.members) {
        if (!FORBIDDEN_KEYS.includes(name)) continue;
        const message = `Configuration contains forbidden properties: services.${service.name}.${name}`;
        add(start, finding('COMPOSE_FORBIDDEN', message, { location: locate(start) }));
      }
    }
  }
  const root = readComposeValue(file);
  for (const { node, python, fault } of eachScalar(root)) {
    if (python.type === 'invalid')
      check.report(`${JSON.stringify(node.value)} is no value to docker-compose`, node.start);
    if (fault === undefined) continue;
    const hint = fault.hint === undefined ? {} : { hint: fault.hint };
    add(node.start, finding(fault.code, fault.message, { location: locate(node.start), ...hint }));
  }
  checkMap(check, root, COMPOSE_RULES[file.origin], '');
  checkServices(file, root, {
    ...check,
    warn: (message, at, hint) => {
      const details = { location: locate(at), ...(hint === undefined ? {} : { hint }) };
      add(at, finding('compose.service-configs', message, details));
    },
  });
  return [...found.values()].toSorted((a, b) => a.at - b.at).map(({ diagnostic }) => diagnostic);
}

function checkDocument(file: ComposeFile, check: RuleCheck): void {
  if (file.document.end < file.source.text.length) {
    check.report('a second YAML document follows, which docker-compose refuses', file.document.end);
  }
  if (file.version === undefined && file.services.length + file.volumes.size + file.networks.size === 0) {
    check.report('without version and services, docker-compose reads the file as version 1', file.root.start);
  }
}

/** Tags that PyYAML lacks, and keys: they must be text to yaml.v2 for docker-app; docker-compose minds only the names in sections. */
function checkNodes(file: ComposeFile, check: RuleCheck): void {
  const reader = file.origin === 'docker-app' ? 'go-v2' : 'python';
  for (const { node, path } of eachNode(file.document.root)) {
    if (node.tag !== undefined && !TAGS.test(node.tag)) {
      check.report(`docker-compose does not know the tag ${node.tag}`, node.start);
    }
    if (node.kind !== 'map') continue;
    for (const pair of node.pairs) {
      if (isMergeKey(pair)) checkMerge(pair, check);
      else if (pair.key.kind !== 'scalar') check.report('a key must be plain text', pair.start);
      else if (file.origin === 'docker-app' || path.length === 1) {
        const key = readScalar(pair.key, reader);
        if (key.type === 'string') continue;
        const where = path.length === 0 ? 'at top level' : `in ${path.join('.')}`;
        check.report(`Non-string key ${where}: ${printGo(key)}`, pair.start, `Quote it: '${pair.name}'.`);
      }
    }
  }
}

function checkMerge(pair: YamlPair, check: RuleCheck): void {
  const value = resolveAlias(pair.value);
  const maps = value.kind === 'seq' ? value.items.map(resolveAlias) : [value];
  if (maps.some((map) => map.kind !== 'map')) check.report("'<<' takes a mapping or a list of mappings", pair.start);
}
