import { styleText } from 'node:util';

export type Color = 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'dim' | 'bold';

export type Paint = (colors: Color | readonly Color[], text: string) => string;

/** Colours text with escape sequences, or leaves it as it is. Whether a terminal wants colours is for the caller to know. */
export function createPaint(color: boolean): Paint {
  if (!color) return (_colors, text) => text;
  return (colors, text) => (text === '' ? '' : styleText([colors].flat() as Color[], text, { validateStream: false }));
}
