import { evaluateEnabled } from '../dockerapp/enabled.ts';
import type { Parameter } from '../dockerapp/parameters.ts';
import { substituteReferences, tokenizeReferences } from '../dockerapp/references.ts';
import { RebundleError, type SourceLocation } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import {
  effectivePairs,
  isMergeKey,
  memberOf,
  resolveAlias,
  type YamlAlias,
  type YamlMap,
  type YamlNode,
  type YamlPair,
  type YamlSeq,
} from '../lib/yaml.ts';
import { removeItems, removePairs } from '../lib/yaml-edit.ts';
import type { Diagnostic, EditOrigin, EditRule, TextEdit } from '../model/app.ts';
import { listMaps } from './scalar-sites.ts';

/** What has to go because of `x-enabled`, or because a key is written twice. */
export interface Removals {
  readonly edits: readonly TextEdit[];
  /** Members that are not in the result, with all below them. */
  readonly pairs: ReadonlySet<YamlPair>;
  /** Of these, the services that `x-enabled` switched off: docker-app read them before it dropped them. */
  readonly switchedOff: ReadonlySet<YamlPair>;
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
  /** Members that docker-app printed nothing of. */
  readonly dropped: ReadonlySet<YamlPair>;
  readonly locate: (offset: number) => SourceLocation;
}

/** Works out all removals: earlier ones of equal keys, `x-enabled` keys, disabled services and what depends on them, dropped members. */
export function findRemovals(input: RemovalInput): Removals {
  const collector = new Collector(input);
  collector.removeDuplicates();
  collector.removeDisabled();
  collector.makeEdits();
  collector.checkAnchors();
  return collector;
}

class Collector implements Removals {
  readonly edits: TextEdit[] = [];
  readonly pairs = new Set<YamlPair>();
  readonly switchedOff = new Set<YamlPair>();
  readonly items = new Set<YamlNode>();
  readonly fixed = new Map<string, string>();
  readonly diagnostics: Diagnostic[] = [];
  readonly #input: RemovalInput;
  readonly #duplicates = new Set<YamlPair>();
  /** The map that holds a member, also where the member takes effect through a merge key. */
  readonly #owners = new Map<YamlPair, YamlMap>();
  readonly #lists = new Map<YamlSeq, Set<YamlNode>>();

  constructor(input: RemovalInput) {
    this.#input = input;
    for (const map of listMaps(input.root)) for (const pair of map.pairs) this.#owners.set(pair, map);
    for (const pair of input.dropped) this.pairs.add(pair);
  }

  removeDuplicates(): void {
    for (const map of listMaps(this.#input.root)) {
      const last = new Map(map.pairs.map((pair) => [pair.name, pair]));
      for (const pair of map.pairs) {
        if (last.get(pair.name) === pair || isMergeKey(pair) || pair.key.kind !== 'scalar') continue;
        this.pairs.add(pair);
        this.#duplicates.add(pair);
        this.diagnostics.push(
          finding(
            'yaml.duplicate-key',
            `'${pair.name}' is written twice in one mapping; the later one counts and this one was removed`,
            {
              location: this.#input.locate(pair.start),
            },
          ),
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
        this.pairs.add(pair);
        this.switchedOff.add(pair);
        this.diagnostics.push(
          finding('service.disabled', `service '${name}' is switched off by x-enabled`, { location }),
        );
      }
      for (const map of listMergedMaps(service))
        for (const own of map.pairs) if (own.name === 'x-enabled') this.pairs.add(own);
    }
    for (const pair of services.pairs) if (!this.pairs.has(pair)) this.#removeDependencies(pair.value, disabled);
    if (services.pairs.length > 0 && services.pairs.every((pair) => this.pairs.has(pair))) {
      throw new RebundleError('COMPOSE_INVALID', 'every service is switched off by x-enabled', {
        location: this.#input.locate(services.start),
      });
    }
  }

  #isEnabled(pair: YamlPair, service: string, location: SourceLocation): boolean {
    const lookup = (name: string): string | undefined => this.#input.parameters.get(name)?.value;
    const result = evaluateEnabled(pair.value, (text) => {
      const tokens = tokenizeReferences(text);
      const rendered = substituteReferences(tokens, lookup);
      if (rendered.error !== undefined) {
        const name = rendered.error.name ?? text;
        throw new RebundleError(
          'PARAM_UNDEFINED',
          `services.${service}.x-enabled: required variable ${name} is missing a value`,
          { location },
        );
      }
      for (const token of tokens)
        if (token.name !== undefined) this.fixed.set(token.name, `it switches service '${service}' (x-enabled)`);
      return rendered.text;
    });
    if ('error' in result)
      throw new RebundleError('COMPOSE_INVALID', `services.${service}: ${result.error}`, { location });
    return result.enabled;
  }

  #removeDependencies(node: YamlNode, disabled: ReadonlySet<string>): void {
    const service = resolveAlias(node);
    if (service.kind !== 'map') return;
    for (const pair of effectivePairs(service).values()) {
      const list = pair.name === 'depends_on' || pair.name === 'links' ? resolveAlias(pair.value) : undefined;
      if (list?.kind !== 'seq') continue;
      const gone = list.items.filter((item) => disabled.has(dependencyName(resolveAlias(item))));
      if (gone.length === 0) continue;
      if (gone.length === list.items.length) this.pairs.add(pair);
      else this.#lists.set(list, new Set(gone));
      for (const item of gone) this.items.add(item);
    }
  }

  /** All edits at once: how one member is cut out depends on whether its neighbours stay. */
  makeEdits(): void {
    const { text, locate } = this.#input;
    const members = new Map<YamlMap, Set<YamlPair>>();
    for (const pair of this.pairs) {
      const owner = this.#owners.get(pair);
      if (owner !== undefined) members.set(owner, (members.get(owner) ?? new Set()).add(pair));
    }
    for (const [map, pairs] of members) {
      const names = [...pairs].map(({ name }) => name);
      this.#addEdits(
        removePairs(text, map, pairs),
        { rule: this.#ruleOf(pairs), detail: names.join(', ') },
        locate(map.start),
      );
    }
    for (const [list, items] of this.#lists) {
      this.#addEdits(removeItems(text, list, items), { rule: 'x-enabled', detail: '-' }, locate(list.start));
    }
  }

  #ruleOf(pairs: ReadonlySet<YamlPair>): EditRule {
    if ([...pairs].every((pair) => this.#duplicates.has(pair))) return 'duplicate-key';
    return [...pairs].some((pair) => this.#input.dropped.has(pair)) ? 'rendered' : 'x-enabled';
  }

  #addEdits(edits: readonly TextEdit[] | undefined, origin: EditOrigin, location: SourceLocation): void {
    if (edits === undefined) {
      throw new RebundleError('COMPOSE_INVALID', `'${origin.detail}' cannot be taken out of the text at this place`, {
        location,
        hint: 'Write the mapping as a block with one member a line, and leave at least one member.',
      });
    }
    for (const edit of edits) this.edits.push({ ...edit, origin });
  }

  /** What is removed may hold an anchor that the rest refers to. */
  checkAnchors(): void {
    const gone = new Set<YamlNode>();
    const staying: YamlAlias[] = [];
    const visit = (node: YamlNode, isGone: boolean): void => {
      if (isGone) gone.add(node);
      else if (node.kind === 'alias') staying.push(node);
      if (node.kind === 'seq') for (const item of node.items) visit(item, isGone || this.items.has(item));
      if (node.kind !== 'map') return;
      for (const pair of node.pairs) {
        visit(pair.key, isGone || this.pairs.has(pair));
        visit(pair.value, isGone || this.pairs.has(pair));
      }
    };
    visit(this.#input.root, false);
    const dangling = staying.find(({ target }) => gone.has(target));
    if (dangling === undefined) return;
    throw new RebundleError(
      'COMPOSE_INVALID',
      `'*${dangling.name}' refers to a part that is switched off or written twice`,
      {
        location: this.#input.locate(dangling.start),
        hint: 'Move the anchor to a part that stays.',
      },
    );
  }
}

/** A map and all that its merge keys bring in. */
function listMergedMaps(map: YamlMap): YamlMap[] {
  const sources = map.pairs.filter(isMergeKey).map((pair) => resolveAlias(pair.value));
  const merged = sources.flatMap((source) => (source.kind === 'seq' ? source.items.map(resolveAlias) : [source]));
  return [map, ...merged.flatMap((source) => (source.kind === 'map' ? listMergedMaps(source) : []))];
}

function dependencyName(item: YamlNode): string {
  return item.kind === 'scalar' ? (item.value.split(':')[0] ?? '') : '';
}
