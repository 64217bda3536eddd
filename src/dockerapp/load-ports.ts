import { compareText } from '../lib/bytes.ts';
import type { RenderedMap, RenderedValue } from './rendered-value.ts';

const MAX_PORT = 65_535;

/** The long form of a short port, one entry for each port of a range; an error text as go-connections had it. The IP address is dropped. */
export function parsePort(spec: string): readonly RenderedMap[] | string {
  const { address, host, container: mapped } = splitPort(spec);
  const slash = mapped.split('/');
  const container = slash[0] ?? '';
  const protocol = container === '' ? '' : slash.length === 1 || slash[1] === '' ? 'tcp' : (slash[1] ?? '');
  const ip = address.replace(/^\[(.*)\]$/, '$1');
  if (ip !== '' && !isAddress(ip)) return `Invalid ip address: ${ip}`;
  if (container === '') return `No port specified: ${spec}<empty>`;
  const target = parseRange(container);
  if (target === undefined) return `Invalid containerPort: ${container}`;
  const published = host === '' ? undefined : parseRange(host);
  if (host !== '' && published === undefined) return `Invalid hostPort: ${host}`;
  const targets = target.end - target.start;
  if (published !== undefined && published.end - published.start !== targets && targets !== 0) {
    return `Invalid ranges specified for container and host Ports: ${container} and ${host}`;
  }
  if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) return `Invalid proto: ${protocol}`;
  const entries: { key: string; ports: RenderedMap[] }[] = [];
  for (let i = 0; i <= targets; i++) {
    const port = target.start + i;
    const numbers =
      published === undefined ? [0] : targets === 0 ? range(published.start, published.end) : [published.start + i];
    const make = (number: number): RenderedMap => portOf(port, number, protocol.toLowerCase());
    entries.push({ key: `${port}/${protocol.toLowerCase()}`, ports: numbers.map(make) });
  }
  return entries.sort((a, b) => compareText(a.key, b.key)).flatMap(({ ports }) => ports);
}

function portOf(target: number, published: number, protocol: string): RenderedMap {
  const port = new Map<string, RenderedValue>([['mode', 'ingress']]);
  if (target !== 0) port.set('target', BigInt(target));
  if (published !== 0) port.set('published', BigInt(published));
  return port.set('protocol', protocol);
}

function splitPort(spec: string): { address: string; host: string; container: string } {
  const parts = spec.split(':');
  const container = parts.pop() ?? '';
  const host = parts.pop() ?? '';
  return { address: parts.join(':'), host, container };
}

function parseRange(text: string): { start: number; end: number } | undefined {
  const [first = '', second, ...rest] = text.split('-');
  const start = parseNumber(first);
  const end = second === undefined ? start : parseNumber(second);
  // Go looked at the first two parts only.
  if (start === undefined || end === undefined || end < start || (rest.length > 0 && second === undefined)) {
    return undefined;
  }
  return { start, end };
}

function parseNumber(text: string): number | undefined {
  if (!/^[0-9]+$/.test(text) || text.length > 20) return undefined;
  const number = Number(text);
  return number <= MAX_PORT ? number : undefined;
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start + 1 }, (_, i) => start + i);
}

function isAddress(text: string): boolean {
  const octets = text.split('.');
  if (octets.length === 4) return octets.every((octet) => /^[0-9]{1,3}$/.test(octet) && Number(octet) <= 255);
  return /^[0-9a-fA-F:.]+$/.test(text) && text.includes(':');
}
