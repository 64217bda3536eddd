import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';

/** Make targets of `tag` out of the newest targets of `parent`; the two are often the same. */
export interface TagRule {
  readonly tag: string;
  readonly parent: string;
}

/** Printable ASCII without blank, comma and colon: what the grammar needs, and devices split their own list at blanks too. */
const TAG = /^[!-+\--9;-~]+$/;

/**
 * Reads the grammar of OTA_LITE_TAG: `tag,tag:parent,...`, or a list of such texts; blanks around commas do not count. Throws
 * CONFIG_INVALID, with the place in the text, for an empty tag, one that is there twice, or a character no tag may have.
 */
export function parseTagRules(source: string | readonly string[]): TagRule[] {
  const rules: TagRule[] = [];
  const texts = typeof source === 'string' ? [source] : source;
  for (const [index, text] of texts.entries()) {
    let start = 0;
    for (const item of text.split(',')) {
      const column = start + item.length - item.trimStart().length + 1;
      const place = typeof source === 'string' ? `character ${column}` : `entry ${index + 1}, character ${column}`;
      rules.push(parseRule(item.trim(), place, rules));
      start += item.length + 1;
    }
  }
  if (rules.length === 0) throw invalid('no tag is given', 'entry 1');
  return rules;
}

function parseRule(item: string, place: string, before: readonly TagRule[]): TagRule {
  if (item === '') throw invalid('a tag is empty', place);
  const [tag = '', parent = tag, more] = item.split(':');
  if (more !== undefined) throw invalid(`${escapeTerminal(item)} has more than one colon`, place);
  for (const [name, what] of [
    [tag, 'the tag'],
    [parent, 'the parent tag'],
  ] as const) {
    if (name === '') throw invalid(`${what} in ${escapeTerminal(item)} is empty`, place);
    if (!TAG.test(name)) {
      throw invalid(`${what} ${escapeTerminal(name)} has a blank or a character that is not printable ASCII`, place);
    }
  }
  if (before.some((rule) => rule.tag === tag)) throw invalid(`the tag ${tag} is there twice`, place);
  return { tag, parent };
}

function invalid(problem: string, place: string): RebundleError {
  return new RebundleError('CONFIG_INVALID', `tags: ${problem} (${place})`, {
    hint: 'Write main, tag1,tag2 or tag:parent.',
  });
}
