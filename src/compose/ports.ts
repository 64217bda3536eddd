const PORT = /^(?:(?:\[?([a-fA-F\d.:]+)\]?:)?(\d*)(?:-(\d+))?:)?(\d+)(?:-(\d+))?(?:\/(?:udp|tcp|sctp))?$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$/;
/** UTF-16 units. */
const MAX_LENGTH = 200;
const MAX_PORT = 65_535;

/** Why docker-compose 1.29 refuses a short port; undefined where it takes it. */
export function faultOfPort(text: string): string | undefined {
  const match = text.length > MAX_LENGTH ? null : PORT.exec(text);
  if (match === null) return 'it should be [[remote_ip:]remote_port[-remote_port]:]port[/protocol]';
  const [, host, published, publishedEnd, target = '', targetEnd] = match;
  const inner = countPorts(target, targetEnd);
  // With one container port, a published range means any port of it.
  const outer = published === undefined || published === '' ? 0 : inner === 1 ? 1 : countPorts(published, publishedEnd);
  const lacksPublished = host === undefined ? published === undefined : outer === 0;
  return lacksPublished || inner === outer ? undefined : 'the port ranges do not match in length';
}

/** Why docker-app refused a port that docker-compose 1.29 takes. */
export function faultOfStrictPort(text: string): string | undefined {
  const [, host, ...ports] = PORT.exec(text) ?? [];
  if (ports.some((port) => port !== undefined && Number(port) > MAX_PORT)) return `a port is above ${MAX_PORT}`;
  const [start, end, innerStart, innerEnd] = ports;
  if (isReversed(start, end) || isReversed(innerStart, innerEnd)) return 'a range ends before it begins';
  const isV6 = host !== undefined && /:.*:/.test(host) && text.startsWith('[');
  if (host !== undefined && !IPV4.test(host) && !isV6) return `'${host}' is not an IP address`;
  return undefined;
}

function countPorts(start: string, end: string | undefined): number {
  return end === undefined ? 1 : Math.max(Number(end) - Number(start) + 1, 0);
}

function isReversed(start: string | undefined, end: string | undefined): boolean {
  return start !== undefined && end !== undefined && Number(end) < Number(start);
}

/** Why docker-compose 1.29 refuses a text under `expose`. */
export function faultOfExpose(text: string): string | undefined {
  return /^\d+(?:-\d+)?(?:\/[a-zA-Z]+)?$/.test(text) ? undefined : "it should be of the format 'PORT[/PROTOCOL]'";
}

/** Why docker-compose 1.29 refuses a subnet. */
export function faultOfSubnet(text: string): string | undefined {
  const [address = '', prefix = '', ...more] = text.split('/');
  const bits = /^(?:\d|[1-9]\d|1[01]\d|12[0-8])$/.test(prefix) ? Number(prefix) : Number.NaN;
  const isV4 = IPV4.test(address) && bits <= 32;
  const isV6 = /^[0-9a-fA-F:.]+(?:%[0-9a-zA-Z]+)?$/.test(address) && /:.*:/.test(address) && bits <= 128;
  return more.length === 0 && (isV4 || isV6) ? undefined : 'it should use the CIDR format';
}
