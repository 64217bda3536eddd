/**
 * A value as JSON with two spaces of indent, a final line feed, in pieces that together are `JSON.stringify(value, undefined, 2)`: each member of the
 * object, and of the lists in it each item, is a piece, so that a large value never is one text. A list may be any iterable, made as it is written.
 * `encode` writes a piece. `texts` keeps those of items, for a value that is written again and again with most of its items.
 */
export function* jsonChunks(
  value: object,
  encode: (value: unknown, indent: number) => string,
  texts?: WeakMap<object, string>,
): Generator<string> {
  const encodeItem = (item: unknown): string => {
    if (texts === undefined || typeof item !== 'object' || item === null) return encodeWithin(item, 2, encode);
    const text = texts.get(item) ?? encodeWithin(item, 2, encode);
    texts.set(item, text);
    return text;
  };
  let before = '{\n';
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    yield `${before}  ${encode(key, 0)}: `;
    before = ',\n';
    if (!isIterable(member)) {
      yield encodeWithin(member, 1, encode);
      continue;
    }
    let open = '[\n    ';
    for (const item of member) {
      yield open + encodeItem(item);
      open = ',\n    ';
    }
    yield open === ',\n    ' ? '\n  ]' : '[]';
  }
  yield before === '{\n' ? '{}\n' : '\n}\n';
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

/** A value as it stands in `depth` lists: with its indent at once, instead of by another pass over the text. */
function encodeWithin(value: unknown, depth: 1 | 2, encode: (value: unknown, indent: number) => string): string {
  const text = encode(depth === 1 ? [value] : [[value]], 2);
  return depth === 1
    ? text.slice('[\n  '.length, -'\n]'.length)
    : text.slice('[\n  [\n    '.length, -'\n  ]\n]'.length);
}

/**
 * Reads what `jsonChunks` wrote item by item: gives the items of the list `member` of the object to `onItem`, as texts, and the text of all the
 * rest, in which that list is empty. A text of any other layout is the rest as a whole.
 */
export function createListReader(member: string, onItem: (text: string) => void) {
  const start = Buffer.from(`\n  ${JSON.stringify(member)}: [\n`);
  let state: 'before' | 'items' | 'after' = 'before';
  const rest: Buffer[] = [];
  let open: Buffer = Buffer.alloc(0);
  /** Bytes of `open` that hold no end of an item. */
  let searched = 0;
  return {
    push(chunk: Uint8Array): void {
      if (state === 'after') {
        rest.push(Buffer.from(chunk));
        return;
      }
      open = open.byteLength === 0 ? Buffer.from(chunk) : Buffer.concat([open, chunk]);
      if (state === 'before') {
        const at = open.indexOf(start, Math.max(0, searched - start.byteLength));
        searched = open.byteLength;
        if (at < 0) return;
        state = 'items';
        rest.push(open.subarray(0, at + start.byteLength - 1));
        open = open.subarray(at + start.byteLength - 1);
        searched = 0;
      }
      for (;;) {
        const end = open.indexOf(ITEM_END, Math.max(0, searched - ITEM_END.byteLength));
        // What follows the item says whether it is the last one.
        if (end < 0 || open.byteLength <= end + ITEM_END.byteLength) {
          searched = open.byteLength;
          return;
        }
        const after = end + ITEM_END.byteLength;
        onItem(open.toString('utf8', 0, after));
        const isLast = open[after] !== COMMA;
        open = open.subarray(isLast ? after : after + 1);
        searched = 0;
        if (!isLast) continue;
        state = 'after';
        rest.push(open);
        return;
      }
    },
    end: (): string => Buffer.concat(state === 'after' ? rest : [...rest, open]).toString('utf8'),
  };
}

const ITEM_END = Buffer.from('\n    }');
const COMMA = 0x2c;
