import { createScanner } from 'jsonc-parser';
import { RebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { locateOffset } from './json-members.ts';

/** A value that signers and devices would not write as the same bytes. */
export interface UnsignableValue {
  /** Where its token begins. */
  readonly offset: number;
  readonly kind: 'character' | 'number';
  readonly problem: string;
  /** Members and indexes that lead to it. */
  readonly path: readonly (string | number)[];
}

/** A part of a text, in UTF-16 units. */
interface Part {
  readonly start: number;
  readonly end: number;
}

const INTEGER = /^(?:0|-?[1-9][0-9]{0,19})$/;
const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 64n - 1n;

/**
 * The canonical bytes of a JSON text, as text: no blanks, keys in the order of bytes. Only what OLPC canonical JSON and the writer of devices
 * spell alike is let through: printable ASCII and integers from -2^63 to 2^64-1, without `-0`. The text has passed `parseTargetsFile`,
 * so it is valid, has no key twice and is not deep. Throws TARGETS_UNSIGNABLE with the place of the first other value.
 */
export function canonicalizeText(text: string, part: Part, path: string): string {
  const reader = new CanonicalReader(text, part, (found) => {
    throw new RebundleError('TARGETS_UNSIGNABLE', `${path}: ${found.problem}`, {
      location: locateOffset(text, found.offset, path),
    });
  });
  return reader.read();
}

/** Tells of every value of a JSON text that `canonicalizeText` refuses, in the order of the text. */
export function visitUnsignable(text: string, part: Part, visit: (found: UnsignableValue) => void): void {
  new CanonicalReader(text, part, visit).read();
}

class CanonicalReader {
  readonly #scanner: ReturnType<typeof createScanner>;
  readonly #text: string;
  readonly #report: (found: UnsignableValue) => void;
  readonly #path: (string | number)[] = [];

  constructor(text: string, part: Part, report: (found: UnsignableValue) => void) {
    this.#text = text;
    this.#report = report;
    this.#scanner = createScanner(text, true);
    this.#scanner.setPosition(part.start);
  }

  read(): string {
    this.#scanner.scan();
    return this.#value();
  }

  /** The value whose first token is the current one; its last token is the current one afterwards. */
  #value(): string {
    switch (this.#text[this.#scanner.getTokenOffset()]) {
      case '{':
        return this.#object();
      case '[':
        return this.#list();
      case '"':
        return this.#string();
      case 't':
      case 'f':
      case 'n':
        return this.#scanner.getTokenValue();
      default:
        return this.#number();
    }
  }

  #object(): string {
    const members: [string, string][] = [];
    for (this.#scanner.scan(); !this.#isAt('}'); this.#scanner.scan()) {
      if (this.#isAt(',')) continue;
      const key = this.#scanner.getTokenValue();
      this.#path.push(key);
      const written = this.#string();
      this.#scanner.scan();
      this.#scanner.scan();
      members.push([key, `${written}:${this.#value()}`]);
      this.#path.pop();
    }
    members.sort(([a], [b]) => compareText(a, b));
    return `{${members.map(([, member]) => member).join(',')}}`;
  }

  #list(): string {
    const items: string[] = [];
    for (this.#scanner.scan(); !this.#isAt(']'); this.#scanner.scan()) {
      if (this.#isAt(',')) continue;
      this.#path.push(items.length);
      items.push(this.#value());
      this.#path.pop();
    }
    return `[${items.join(',')}]`;
  }

  #isAt(character: string): boolean {
    return this.#text[this.#scanner.getTokenOffset()] === character;
  }

  #string(): string {
    const value = this.#scanner.getTokenValue();
    if (!/^[ -~]*$/.test(value)) {
      const shown = escapeTerminal(value.length > 60 ? `${value.slice(0, 60)}...` : value);
      this.#report({
        offset: this.#scanner.getTokenOffset(),
        kind: 'character',
        problem: `"${shown}" has a character that is not printable ASCII`,
        path: [...this.#path],
      });
    }
    return `"${value.replace(/[\\"]/g, '\\$&')}"`;
  }

  #number(): string {
    const offset = this.#scanner.getTokenOffset();
    const text = this.#text.slice(offset, offset + this.#scanner.getTokenLength());
    const isInteger = INTEGER.test(text) && BigInt(text) >= MIN_INTEGER && BigInt(text) <= MAX_INTEGER;
    if (!isInteger) {
      this.#report({
        offset,
        kind: 'number',
        problem: `${text.slice(0, 60)} is not an integer of at most 64 bits in plain digits`,
        path: [...this.#path],
      });
    }
    return text;
  }
}
