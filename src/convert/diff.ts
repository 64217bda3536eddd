import { createTwoFilesPatch } from 'diff';
import type { ComposeApp } from '../model/app.ts';

/** Longest text, in UTF-16 units, that is compared: finding the least difference takes time. */
const MAX_TEXT = 512 * 1024;

/** Unified diff between the compose part of a package and the converted file; undefined where nothing changed or the texts are very long. */
export function diffCompose(app: ComposeApp): string | undefined {
  const { source, composeText, name } = app;
  if (source.text === composeText || composeText.length > MAX_TEXT) return undefined;
  return createTwoFilesPatch(
    source.path,
    `${name}/docker-compose.yml`,
    source.text,
    composeText,
    undefined,
    undefined,
    { context: 2 },
  );
}
