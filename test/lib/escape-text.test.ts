import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeJson, escapeTerminal, fitTerminal, terminalWidth } from '../../src/lib/escape-text.ts';

const CONTROLS = /[\p{Cc}\p{Cs}\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;
const anyText = fc.string({ unit: 'binary', maxLength: 200 });

describe('escapeTerminal', () => {
  it('makes escape sequences, line ends and bidi overrides visible', () => {
    expect(escapeTerminal('\u001b[31mred\u0007')).toBe('\\x1b[31mred\\x07');
    expect(escapeTerminal('a\nb\r\tc')).toBe('a\\nb\\r\\tc');
    expect(escapeTerminal('user\u202etxt.exe')).toBe('user\\u202etxt.exe');
    expect(escapeTerminal('\u{e0041}\ud800')).toBe('\\u{e0041}\\ud800');
    expect(escapeTerminal('\u009b2J')).toBe('\\x9b2J');
  });

  it('leaves other text of any script as it is', () => {
    const text = 'naïve Größe 漢字 عربي 🚀 C:\\x';
    expect(escapeTerminal(text)).toBe(text);
  });

  it('leaves nothing that a terminal acts on', () => {
    fc.assert(fc.property(anyText, (text) => !CONTROLS.test(escapeTerminal(text))));
  });
});

describe('encodeJson', () => {
  it('escapes what JSON.stringify leaves raw, and keeps the line feeds of the indent', () => {
    expect(encodeJson({ a: '\u202e\u007f\u{e0041}\n' }, 2)).toBe('{\n  "a": "\\u202e\\u007f\\udb40\\udc41\\n"\n}');
  });

  it('gives JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const text = encodeJson(value);
        expect(text).not.toMatch(CONTROLS);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('fitTerminal', () => {
  it('cuts at columns, not at code units', () => {
    expect(fitTerminal('abcdef', 6)).toBe('abcdef');
    expect(fitTerminal('abcdefg', 6)).toBe('abcde…');
    expect(fitTerminal('漢字漢字', 6)).toBe('漢字…');
    expect(fitTerminal('e\u0301e\u0301', 2)).toBe('e\u0301e\u0301');
    expect(fitTerminal('abc', 0)).toBe('');
  });

  it('never gives more columns than asked for', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.nat(50),
        (text, width) => terminalWidth(fitTerminal(escapeTerminal(text), width)) <= width,
      ),
    );
  });
});
