import type { SourceLocation } from '../errors.ts';
import { countUpTo, mapOffsets } from '../lib/text-edit.ts';
import type { DocumentPart, TextEdit } from '../model/app.ts';

/** Maps a place of the converted text (its first line is 1) to the place of the package that it comes from. */
export function createSourceLocator(result: {
  readonly source: DocumentPart;
  readonly edits: readonly TextEdit[];
  readonly composeText: string;
}): (location: SourceLocation) => SourceLocation {
  const starts = lineStarts(result.composeText);
  const sourceStarts = lineStarts(result.source.text);
  const sourceOffset = mapOffsets(result.edits);
  return ({ line, column }) => {
    const offset = Math.min(sourceOffset((starts[line - 1] ?? 0) + column - 1), result.source.text.length);
    const index = Math.max(countUpTo(sourceStarts, offset) - 1, 0);
    return {
      path: result.source.path,
      line: result.source.line + index,
      column: offset - (sourceStarts[index] ?? 0) + 1,
    };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
