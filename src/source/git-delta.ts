/** The sizes at the head of a delta: of what it is applied to, and of what comes out. */
export function readDeltaSizes(
  delta: Buffer,
): { readonly base: number; readonly result: number; readonly at: number } | undefined {
  const base = readSize(delta, 0);
  const result = base === undefined ? undefined : readSize(delta, base.at);
  return base === undefined || result === undefined
    ? undefined
    : { base: base.size, result: result.size, at: result.at };
}

/** A number in groups of seven bits, the lowest first. */
function readSize(bytes: Buffer, start: number): { readonly size: number; readonly at: number } | undefined {
  let size = 0;
  for (let at = start, factor = 1; at < bytes.byteLength && factor <= 2 ** 42; at += 1, factor *= 128) {
    const byte = bytes[at] ?? 0;
    size += (byte & 0x7f) * factor;
    if (byte < 0x80) return { size, at: at + 1 };
  }
  return undefined;
}

/** Applies a delta of a pack (gitformat-pack, "Deltified representation"); undefined where it does not fit the base or makes more than `limit` bytes. */
export function applyDelta(base: Buffer, delta: Buffer, limit: number): Buffer | undefined {
  const sizes = readDeltaSizes(delta);
  if (sizes === undefined || sizes.base !== base.byteLength || sizes.result > limit) return undefined;
  const result = Buffer.allocUnsafeSlow(sizes.result);
  let to = 0;
  for (let at = sizes.at; at < delta.byteLength; ) {
    const code = delta[at++] ?? 0;
    if (code === 0) return undefined;
    if (code < 0x80) {
      if (at + code > delta.byteLength || to + code > result.byteLength) return undefined;
      delta.copy(result, to, at, at + code);
      at += code;
      to += code;
      continue;
    }
    let from = 0;
    let length = 0;
    for (let bit = 0; bit < 7; bit += 1) {
      if ((code & (1 << bit)) === 0) continue;
      if (at >= delta.byteLength) return undefined;
      const byte = delta[at++] ?? 0;
      if (bit < 4) from += byte * 2 ** (8 * bit);
      else length += byte << (8 * (bit - 4));
    }
    if (length === 0) length = 0x10000;
    if (from + length > base.byteLength || to + length > result.byteLength) return undefined;
    base.copy(result, to, from, from + length);
    to += length;
  }
  return to === result.byteLength ? result : undefined;
}
