import { evaluateEnabled } from '../dockerapp/enabled.ts';
import { substituteReferences, tokenizeReferences } from '../dockerapp/references.ts';
import type { Parameter } from '../dockerapp/parameters.ts';
import { RebundleError, type SourceLocation } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import { effectivePairs, isMergeKey, memberOf, resolveAlias, type YamlMap, type YamlNode, type YamlPair, type YamlScalar } from '../lib/yaml.ts';
import { removeItem, removePair } from '../lib/yaml-edit.ts';
import type { Diagnostic, TextEdit } from '../model/app.ts';
import { listMaps } from './scalar-sites.ts';

/** What has to go because of `x-enabled`, or because a key is written twice. */
export interface Removals {
  readonly edits: readonly TextEdit[];
  /** Members that are not in the result, with all below them. */
  readonly pairs: ReadonlySet<YamlPair>;
  /** List items that are not in the result. */
  readonly items: ReadonlySet<YamlNode>;
  /** Parameters that decided about a service: an override has no effect any more. */
  readonly fixed: ReadonlyMap<string, string>;
  readonly diagnostics: readonly Diagnostic[];
}

interface RemovalInput {
  readonly text: string;
  readonly root: YamlMap;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly locate: (offset: number) => SourceLocation;
}

/** Works out all removals: earlier ones of equal keys, `x-enabled` keys, disabled services and what depends on them. */
export function findRemovals(input: RemovalInput): Removals {
  const collector = new Collector(input);
  collector.removeDuplicates();
  collector.removeDisabled();
  collector.checkAnchors();
  return collector;
}

class Collector implements Removals {
  readonly edits: TextEdit[] = [];
  readonly pairs = new Set<YamlPair>();
  readonly items = new Set<YamlNode>();
  readonly fixed = new Map<string, string>();
  readonly diagnostics: Diagnostic[] = [];
  readonly #input: RemovalInput;

  constructor(input: RemovalInput) {
    this.#input = input;
  }

  removeDuplicates(): void {
    for (const map of listMaps(this.#input.root)) {
      const last = new Map(map.pairs.map((pair) => [pair.name, pair]));
      for (const pair of map.pairs) {
        if (last.get(pair.name) === pair || isMergeKey(pair) || pair.key.kind !== 'scalar') continue;
        this.#removePair(map, pair);
        this.diagnostics.push(
          finding('yaml.duplicate-key', `'${pair.name}' is written twice in one mapping; the later one counts and this one was removed`, {
            location: this.#input.locate(pair.start),
          }),
        );
      }
    }
  }

  removeDisabled(): void {
    const services = memberOf(this.#input.root, 'services');
    if (services?.kind !== 'map') return;
    const disabled = new Set<string>();
    const version = memberOf(this.#input.root, 'version');
    for (const [name, pair] of effectivePairs(services)) {
      const service = resolveAlias(pair.value);
      const switchPair = service.kind === 'map' ? effectivePairs(service).get('x-enabled') : undefined;
      if (switchPair === undefined || service.kind !== 'map') continue;
      const location = this.#input.locate(switchPair.start);
      if (version?.kind === 'scalar' && /^3(?:\.[0-6])?$/.test(version.value)) {
        const message = `services.${name} Additional property x-enabled is not allowed`;
        throw new RebundleError('COMPOSE_INVALID', message, { location, hint: "x-enabled needs version: '3.7'." });
      }
      if (!this.#isEnabled(switchPair, name, location)) {
        disabled.add(name);
        if (!this.pairs.has(pair)) this.#removePair(services, pair);
        this.diagnostics.push(finding('service.disabled', `service '${name}' is switched off by x-enabled`, { location }));
      }
      for (const map of listMaps(this.#input.root)) {
        if (map.pairs.includes(switchPair) && !this.pairs.has(switchPair)) this.#removePair(map, switchPair);
      }
    }
    for (const pair of services.pairs) if (!this.pairs.has(pair)) this.#removeDependencies(pair.value, disabled);
    if (services.pairs.length > 0 && services.pairs.every((pair) => this.pairs.has(pair))) {
      throw new RebundleError('COMPOSE_INVALID', 'every service is switched off by x-enabled', { location: this.#input.locate(services.start) });
    }
  }

  #isEnabled(pair: YamlPair, service: string, location: SourceLocation): boolean {
    const lookup = (name: string): string | undefined => this.#input.parameters.get(name)?.value;
    const result = evaluateEnabled(pair.value, (text) => {
      const tokens = tokenizeReferences(text);
      const rendered = substituteReferences(tokens, lookup);
      if (rendered.error !== undefined) {
        const name = rendered.error.name ?? text;
        throw new RebundleError('PARAM_UNDEFINED', `services.${service}.x-enabled: required variable ${name} is missing a value`, { location });
      }
      for (const token of tokens) if (token.name !== undefined) this.fixed.set(token.name, `it switches service '${service}' (x-enabled)`);
      return rendered.text;
    });
    if ('error' in result) throw new RebundleError('COMPOSE_INVALID', `services.${service}: ${result.error}`, { location });
    return result.enabled;
  }

  #removeDependencies(node: YamlNode, disabled: ReadonlySet<string>): void {
    const service = resolveAlias(node);
    if (service.kind !== 'map') return;
    for (const pair of service.pairs) {
      const list = pair.name === 'depends_on' || pair.name === 'links' ? resolveAlias(pair.value) : undefined;
      if (list?.kind !== 'seq') continue;
      const gone = list.items.filter((item) => disabled.has(dependencyName(resolveAlias(item) as YamlScalar)));
      if (gone.length === 0 || this.pairs.has(pair)) continue;
      if (gone.length === list.items.length) {
        this.#removePair(service, pair);
        continue;
      }
      for (const item of gone) {
        const edit = removeItem(this.#input.text, list, item);
        if (edit === undefined || this.items.has(item)) continue;
        this.items.add(item);
        this.edits.push(edit);
      }
    }
  }

  #removePair(map: YamlMap, pair: YamlPair): void {
    const edit = removePair(this.#input.text, map, pair);
    if (edit === undefined) {
      throw new RebundleError('COMPOSE_INVALID', `'${pair.name}' cannot be taken out of the text at this place`, {
        location: this.#input.locate(pair.start),
        hint: 'Write the mapping as a block with one member a line.',
      });
    }
    this.pairs.add(pair);
    this.edits.push(edit);
  }

  /** What is removed may hold an anchor that the rest refers to. */
  checkAnchors(): void {
    const removed = (node: YamlNode): boolean => this.edits.some((edit) => node.start >= edit.start && node.end <= edit.end);
    const visit = (node: YamlNode): void => {
      if (node.kind === 'alias') {
        if (!removed(node) && removed(node.target)) {
          throw new RebundleError('COMPOSE_INVALID', `'*${node.name}' refers to a part that is switched off or written twice`, {
            location: this.#input.locate(node.start),
            hint: 'Move the anchor to a part that stays.',
          });
        }
      } else if (node.kind === 'seq') node.items.forEach(visit);
      else if (node.kind === 'map') node.pairs.forEach((pair) => visit(pair.value));
    };
    visit(this.#input.root);
  }
}

function dependencyName(item: YamlScalar): string {
  return item.kind === 'scalar' ? (item.value.split(':')[0] ?? '') : '';
}
