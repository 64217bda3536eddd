import { Option } from 'commander';
import { parseValue } from '../config.ts';
import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';

/** Where commits go, and whose they are; for commands that write some. `conflicts` are options that they exclude. */
export function commitOptions(conflicts: string[] = []): readonly (() => Option)[] {
  return [
    () =>
      new Option('--branch <name>', 'a commit on a new branch of each git repository, without a checkout')
        .argParser((text) => parseValue('ref', text, '--branch'))
        .conflicts(conflicts),
    () =>
      new Option('--patch <dir>', 'the same commit as a patch for git am, one file for each repository')
        .argParser((text) => parseValue('path', text, '--patch'))
        .conflicts(conflicts),
    () =>
      new Option('--author <author>', 'author of the commits (default: rebundle <rebundle@localhost>)').argParser(
        parseAuthor,
      ),
    () =>
      new Option('--date <date>', 'date of the commits, as 2031-01-31T00:00:00Z (default: now)').argParser((text) =>
        parseValue('expires', text, '--date'),
      ),
  ];
}

function parseAuthor(text: string): string {
  if (/^[^<>\u0000-\u001f\u007f]*[^<>\u0000-\u0020\u007f] <[^<>\s]+>$/.test(text)) return text;
  throw new RebundleError('USAGE', `--author: expected NAME <ADDRESS>, found "${escapeTerminal(text)}"`);
}
