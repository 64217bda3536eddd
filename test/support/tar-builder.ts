import { gzipSync } from 'node:zlib';

export interface RawEntry {
  readonly name?: string | Buffer;
  /** Bytes that follow the header. */
  readonly content?: string | Buffer;
  /** What the header says; by default the length of the content. */
  readonly size?: number;
  readonly type?: string;
  readonly mode?: number;
  readonly link?: string;
  readonly prefix?: string;
  readonly magic?: string;
  readonly breakChecksum?: boolean;
}

/** One entry of a tar stream, right or wrong. */
export function rawEntry(entry: RawEntry): Buffer {
  const { name = 'file', type = '0', mode = 0o644, link = '', prefix = '', magic = 'ustar\u000000' } = entry;
  const content = Buffer.from(entry.content ?? '');
  const block = Buffer.alloc(512);
  Buffer.from(name).copy(block, 0, 0, 100);
  const octal = (value: number, at: number, length: number): void => {
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  };
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(entry.size ?? content.byteLength, 124, 12);
  octal(0, 136, 12);
  block.write(type, 156, 'latin1');
  block.write(link, 157, 'latin1');
  block.write(magic, 257, 'latin1');
  block.write(prefix, 345, 'latin1');
  block.fill(32, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0) + (entry.breakChecksum === true ? 1 : 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const padding = Buffer.alloc((512 - (content.byteLength % 512)) % 512);
  return Buffer.concat([block, content, padding]);
}

/** A pax header with these records. */
export function paxEntry(records: Readonly<Record<string, string>>, type = 'x'): Buffer {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    const bytes = Buffer.byteLength(rest);
    let length = bytes + 1;
    while (String(length).length + bytes !== length) length += 1;
    return `${length}${rest}`;
  });
  return rawEntry({ name: 'PaxHeader', type, content: lines.join('') });
}

export const TAR_END = Buffer.alloc(1024);

export function tarGzip(...parts: readonly Buffer[]): Buffer {
  return gzipSync(Buffer.concat([...parts, TAR_END]));
}
