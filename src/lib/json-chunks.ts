/**
 * A value as JSON with two spaces of indent, a final line feed, in pieces that together are `JSON.stringify(value, undefined, 2)`: each member of the
 * object, and of the lists in it each item, is a piece, so that a large value never is one text. `encode` writes a piece.
 */
export function* jsonChunks(value: object, encode: (value: unknown, indent: number) => string): Generator<string> {
  let before = '{\n';
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    yield `${before}  ${encode(key, 0)}: `;
    before = ',\n';
    if (!Array.isArray(member) || member.length === 0) {
      yield indent(encode(member, 2), '  ');
      continue;
    }
    let open = '[\n    ';
    for (const item of member) {
      yield open + indent(encode(item, 2), '    ');
      open = ',\n    ';
    }
    yield '\n  ]';
  }
  yield before === '{\n' ? '{}\n' : '\n}\n';
}

/** Line feeds can only be those of the indent: inside strings JSON escapes them. */
function indent(text: string, by: string): string {
  return text.replaceAll('\n', `\n${by}`);
}
