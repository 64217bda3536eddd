import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/lib/digest.ts';
import type { HostSettings } from '../../src/registry/transport.ts';
import { type Authority, type Certificate, createAuthority } from '../support/certificates.ts';
import { createQuickTimers, openHttpRegistry } from '../support/http-registry.ts';
import { type Answer, startScriptedServer } from '../support/scripted-server.ts';
import { collect, describeBytes, REPOSITORY } from './contract.ts';

const DIGEST = digestOf('x');
let authority: Authority;
let server: Certificate;
let client: Certificate;
let closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  authority = await createAuthority();
  [server, client] = await Promise.all([authority.issue('server'), authority.issue('client')]);
});
afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
});

const yes: Answer = (_, response) => response.writeHead(200).end();
const listen = async (answer: Answer, tls?: Parameters<typeof startScriptedServer>[1]) => {
  const started = await startScriptedServer(answer, tls);
  closing.push(started.close);
  return started;
};
const open = (host: string, settings: HostSettings, env: Record<string, string> = {}) => {
  const parts = openHttpRegistry(host, { settingsFor: () => settings, timers: createQuickTimers(), env });
  closing.push(() => parts.transport.close());
  return parts;
};

describe('TLS', () => {
  const tls = () => ({ cert: server.certificate, key: server.key });

  test('an own authority is trusted where it is named, by one context for all connections', async () => {
    const { host, connections } = await listen(yes, tls());
    const { registry } = open(host, { ca: [authority.certificate] });
    await Promise.all(Array.from({ length: 5 }, () => registry.hasBlob(REPOSITORY, DIGEST)));
    expect(connections()).toBeGreaterThan(1);
  });

  test('without it the error says which setting is missing, after one try', async () => {
    const { host, connections } = await listen(yes, tls());
    const { registry, events } = open(host, {});
    await expect(registry.hasBlob(REPOSITORY, DIGEST)).rejects.toMatchObject({
      code: 'REGISTRY_TLS',
      message: expect.stringContaining('not signed by an authority that is known'),
      hint: expect.stringContaining(`hosts: { "${host}": { ca: FILE } }`),
    });
    expect(events).toEqual([]);
    expect(connections()).toBe(2);
  });

  test('a certificate for another name', async () => {
    const { host } = await listen(yes, tls());
    const other = `127.0.0.2:${host.split(':')[1]}`;
    const { registry } = open(other, { ca: [authority.certificate] });
    // Where 127.0.0.2 reaches nobody there is nothing to see.
    await expect(registry.hasBlob(REPOSITORY, DIGEST)).rejects.toMatchObject({
      code: expect.stringMatching(/^REGISTRY_(?:TLS|UNREACHABLE)$/),
    });
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    '%s: a client certificate is shown; without one the hint says so',
    async (version) => {
      const ca = [authority.certificate];
      const wanted = { requestCert: true, rejectUnauthorized: true, minVersion: version, maxVersion: version };
      const { host } = await listen(yes, { ...tls(), ca, ...wanted });
      const { registry } = open(host, { ca, certificate: client.certificate, key: client.key });
      expect(await registry.hasBlob(REPOSITORY, DIGEST)).toBe(true);
      await expect(open(host, { ca }).registry.hasBlob(REPOSITORY, DIGEST)).rejects.toMatchObject({
        // With 1.3 the refusal comes after the handshake, and Node.js says nothing but goodbye.
        code: version === 'TLSv1.2' ? 'REGISTRY_TLS' : 'REGISTRY_UNREACHABLE',
        hint: expect.stringContaining('clientCertificate'),
      });
    },
  );

  test('texts that are no certificates', async () => {
    const { host } = await listen(yes, tls());
    const { registry } = open(host, { certificate: 'none', key: 'none', insecure: false });
    await expect(registry.hasBlob(REPOSITORY, DIGEST)).rejects.toMatchObject({ code: 'REGISTRY_TLS' });
  });

  test('https that is configured is never given up for http, and the error says what to do', async () => {
    const { host, requests } = await listen(yes);
    await expect(open(host, { insecure: false }).registry.hasBlob(REPOSITORY, DIGEST)).rejects.toMatchObject({
      code: 'REGISTRY_TLS',
      message: expect.stringContaining('does not speak TLS'),
      hint: expect.stringContaining('insecure: true'),
    });
    expect(requests).toEqual([]);
  });

  test('on this machine the server is asked once which of the two it speaks', async () => {
    const plain = await listen(yes);
    const { registry } = open(plain.host, {});
    await Promise.all(Array.from({ length: 8 }, () => registry.hasBlob(REPOSITORY, DIGEST)));
    expect(plain.requests).toHaveLength(8);
    const secure = await listen(yes, tls());
    expect(await open(secure.host, { ca: [authority.certificate] }).registry.hasBlob(REPOSITORY, DIGEST)).toBe(true);
  });

  test('no redirect and no upload leads from https to http, even on the same host', async () => {
    const plain = await listen(yes);
    const { host } = await listen((request, response) => {
      response.writeHead(request.method === 'POST' ? 202 : 307, { location: `${plain.origin}/x` }).end();
    }, tls());
    const { registry } = open(host, { ca: [authority.certificate] });
    const bytes = Buffer.from('x');
    const refused = { code: 'REGISTRY_UNSAFE', message: expect.stringContaining('leaves https') };
    await expect(collect(registry.getBlob(REPOSITORY, describeBytes(bytes)))).rejects.toMatchObject(refused);
    await expect(
      registry.putBlob(REPOSITORY, describeBytes(bytes), async function* () {
        yield bytes;
      }),
    ).rejects.toMatchObject(refused);
    expect(plain.requests).toEqual([]);
  });
});

/** A proxy that leads everything to `to`, whatever it is asked for. */
async function startProxy(to: string, authorization?: string): Promise<{ origin: string; asked: string[] }> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const proxy: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let head = '';
    const onData = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      asked.push(head.slice(0, head.indexOf('\r\n')));
      if (
        authorization !== undefined &&
        !head.toLowerCase().includes(`proxy-authorization: ${authorization}`.toLowerCase())
      ) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      socket.off('data', onData);
      const [hostname = '', port = ''] = to.split(':');
      const inner = connect(Number(port), hostname, () => {
        if (head.startsWith('CONNECT')) socket.write('HTTP/1.1 200 OK\r\n\r\n');
        else inner.write(Buffer.from(head.replace(/^(\S+ )http:\/\/[^/]+/, '$1'), 'latin1'));
        socket.pipe(inner).pipe(socket);
      });
      sockets.add(inner);
      inner.on('error', () => socket.destroy());
    };
    socket.on('data', onData);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        proxy.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  );
  return { origin: `127.0.0.1:${(proxy.address() as { port: number }).port}`, asked };
}

describe('proxies', () => {
  const basic = `Basic ${Buffer.from('user:pass word').toString('base64')}`;

  test('https goes through a tunnel, with the password of the proxy and the certificate of the registry', async () => {
    const { host } = await listen(yes, { cert: server.certificate, key: server.key });
    const proxy = await startProxy(host, basic);
    const env = { HTTPS_PROXY: `http://user:pass%20word@${proxy.origin}` };
    const { registry } = open('registry.example.com:443', { ca: [authority.certificate] }, env);
    // The name is not one of the certificate's: the tunnel is checked to its end.
    await expect(registry.hasBlob(REPOSITORY, DIGEST)).rejects.toMatchObject({
      code: 'REGISTRY_TLS',
      message: expect.stringContaining('for another name'),
    });
    expect(proxy.asked).toEqual(['CONNECT registry.example.com:443 HTTP/1.1']);
  });

  test('token servers are asked through it, too', async () => {
    const { host, requests } = await listen((_, response) => response.writeHead(200).end('{"token":"t"}'));
    const proxy = await startProxy(host);
    const env = { http_proxy: proxy.origin };
    const { transport } = open('registry.example.com', { insecure: true }, env);
    const realm = new URL('http://auth.example.com/token?service=x');
    await expect(transport.sendToken({ method: 'GET', url: realm, headers: {} })).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    await transport.checkRealm('http://registry.example.com', realm);
    const answer = await transport.sendToken({ method: 'GET', url: realm, headers: { accept: 'application/json' } });
    expect(answer).toMatchObject({ status: 200, body: Buffer.from('{"token":"t"}') });
    expect(proxy.asked).toEqual(['GET http://auth.example.com/token?service=x HTTP/1.1']);
    expect(requests[0]).toMatchObject({ url: '/token?service=x' });
    expect(requests[0]?.headers.host).toBe('auth.example.com');
  });

  test('plain http goes to it as whole URLs, with its password on every request', async () => {
    const { host, requests } = await listen(yes);
    const proxy = await startProxy(host, basic);
    const env = { HTTP_PROXY: `http://user:pass%20word@${proxy.origin}` };
    const { registry } = open('registry.example.com', { insecure: true }, env);
    expect(await registry.hasBlob(REPOSITORY, DIGEST)).toBe(true);
    expect(requests[0]?.headers.host).toBe('registry.example.com');
    expect(proxy.asked[0]).toBe(`HEAD http://registry.example.com/v2/factory/shop/blobs/${DIGEST} HTTP/1.1`);
  });

  test.each(['HTTPS_PROXY', 'HTTP_PROXY'])('%s without its password: the error says which variable', async (name) => {
    const { host } = await listen(yes);
    const proxy = await startProxy(host, basic);
    const { registry } = open('registry.example.com', { insecure: name === 'HTTP_PROXY' }, { [name]: proxy.origin });
    await expect(registry.hasBlob(REPOSITORY, DIGEST)).rejects.toMatchObject({
      hint: expect.stringContaining('HTTPS_PROXY'),
    });
  });

  test('NO_PROXY leaves a host out', async () => {
    const { host } = await listen(yes);
    const proxy = await startProxy(host);
    const env = { HTTP_PROXY: proxy.origin, NO_PROXY: 'registry.example.com' };
    const { registry } = open('registry.example.com:1', { insecure: true }, env);
    await expect(registry.hasBlob(REPOSITORY, DIGEST)).rejects.toMatchObject({
      code: expect.stringMatching(/^REGISTRY_/),
    });
    expect(proxy.asked).toEqual([]);
  });
});
