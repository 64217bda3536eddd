import { expect, test } from 'vitest';
import { createGuards, isLoopbackHost } from '../../src/registry/guards.ts';
import { addQuery, redactUrl, resolveLocation } from '../../src/registry/http-url.ts';
import { findProxy, proxyAuthorization } from '../../src/registry/transport-proxy.ts';

const NAMES: Readonly<Record<string, string>> = {
  'hub.example.com': '93.184.216.34',
  'auth.example.com': '93.184.216.35',
  'inside.example.com': '10.0.0.7',
  'metadata.example.com': '169.254.169.254',
  'registry.corp': '10.1.2.3',
  'auth.corp': '192.168.7.7',
};

function guardsWith(options: { allowPrivate?: string; plain?: string; proxied?: boolean } = {}) {
  return createGuards({
    lookup: async (hostname) => {
      const address = NAMES[hostname];
      if (address === undefined) throw new Error(`no address for ${hostname}`);
      return [{ address, family: 4 }];
    },
    allowPrivate: (origin) => new URL(origin).host === options.allowPrivate,
    allowPlain: (url) => url.host === options.plain || isLoopbackHost(url.hostname),
    isProxied: () => options.proxied === true,
  });
}

const refused = { code: 'REGISTRY_UNSAFE' };

test.each([
  'https://10.0.0.1/x',
  'https://192.168.1.1/x',
  'https://172.16.0.1/x',
  'https://100.64.0.1/x',
  'https://127.0.0.1/x',
  'https://127.1/x',
  'https://2130706433/x',
  'https://0x7f000001/x',
  'https://0.0.0.0/x',
  'https://[::1]/x',
  'https://[::]/x',
  'https://[::ffff:127.0.0.1]/x',
  'https://[::ffff:10.0.0.1]/x',
  'https://[64:ff9b::a00:1]/x',
  'https://[2002:a00:1::]/x',
  'https://[fc00::1]/x',
  'https://[fe80::1]/x',
  'https://169.254.169.254/latest/meta-data',
  'https://224.0.0.1/x',
  'https://255.255.255.255/x',
  'https://localhost/x',
  'https://LOCALHOST./x',
  'https://a.localhost/x',
  'https://inside.example.com/x',
  'https://metadata.example.com/x',
])('a public registry may not point to %s', async (url) => {
  const checking = guardsWith().check('https://hub.example.com', new URL(url), 'the token realm');
  await expect(checking).rejects.toMatchObject(refused);
});

test.each([
  ['https://hub.example.com', 'https://auth.example.com/token'],
  ['https://hub.example.com', 'https://hub.example.com/token'],
  ['https://hub.example.com', 'https://8.8.8.8/token'],
  ['https://hub.example.com', 'https://[2606:4700::1]/token'],
  ['https://registry.corp', 'https://auth.corp/token'],
  ['https://registry.corp', 'https://auth.example.com/token'],
  ['https://10.0.0.1:5000', 'https://10.0.0.1/token'],
  ['http://127.0.0.1:5000', 'http://127.0.0.1:5001/token'],
  ['http://localhost:5000', 'http://127.0.0.1:5001/token'],
  ['http://localhost:5000', 'https://auth.corp/token'],
])('%s may point to %s', async (from, to) => {
  await guardsWith().check(from, new URL(to), 'the token realm');
});

test.each([
  ['a private registry to this machine', 'https://registry.corp', 'https://127.0.0.1/x'],
  ['a private registry to metadata services', 'https://registry.corp', 'https://169.254.169.254/x'],
  ['this machine to metadata services', 'http://127.0.0.1:5000', 'https://169.254.169.254/x'],
  ['from https to http', 'https://hub.example.com', 'http://hub.example.com/x'],
  ['to plain http elsewhere', 'http://127.0.0.1:5000', 'http://auth.example.com/x'],
  ['to a URL with user data', 'https://hub.example.com', 'https://user:secret@auth.example.com/x'],
  ['to a file', 'https://hub.example.com', 'file:///etc/passwd'],
])('nor may %s', async (_, from, to) => {
  const checking = guardsWith().check(from, new URL(to), 'a redirect');
  await expect(checking).rejects.toMatchObject(refused);
  await expect(checking).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
});

test('what is configured is allowed, also metadata addresses; the hint says how', async () => {
  const to = new URL('https://inside.example.com/x');
  await expect(guardsWith().check('https://hub.example.com', to, 'a redirect')).rejects.toMatchObject({
    hint: expect.stringContaining('hosts: { "hub.example.com": { allowPrivate: true } }'),
  });
  const guards = guardsWith({ allowPrivate: 'hub.example.com', plain: 'auth.corp:5000' });
  await guards.check('https://hub.example.com', to, 'a redirect');
  await guards.check('https://hub.example.com', new URL('https://169.254.169.254/'), 'a redirect');
  await guards.check('http://registry.corp', new URL('http://auth.corp:5000/'), 'a redirect');
});

test('names are not looked up where a proxy does that; addresses are still refused', async () => {
  const guards = guardsWith({ proxied: true });
  await guards.check('https://hub.example.com', new URL('https://nobody.knows.example/'), 'a redirect');
  await expect(
    guards.check('https://hub.example.com', new URL('https://10.0.0.1/'), 'a redirect'),
  ).rejects.toMatchObject(refused);
});

test('a name that changes its address after the check is refused when the connection is made', async () => {
  let address = '93.184.216.34';
  const guards = createGuards({
    lookup: async () => [{ address, family: 4 }],
    allowPrivate: () => false,
    allowPlain: () => false,
    isProxied: () => false,
  });
  const to = new URL('https://rebound.example.com/');
  await guards.check('https://hub.example.com', to, 'a redirect');
  const look = () =>
    new Promise((resolve, reject) => {
      guards.lookupFor('https://hub.example.com', to)('rebound.example.com', { all: true }, (error, addresses) =>
        error === null ? resolve(addresses) : reject(error),
      );
    });
  expect(await look()).toEqual([{ address, family: 4 }]);
  address = '127.0.0.1';
  // Both names resolve alike here, so the registry itself has to be somewhere else.
  await expect(
    new Promise((_, reject) => {
      const moved = createGuards({
        lookup: async (hostname) => [
          { address: hostname === 'hub.example.com' ? '93.184.216.34' : address, family: 4 },
        ],
        allowPrivate: () => false,
        allowPlain: () => false,
        isProxied: () => false,
      });
      moved.lookupFor('https://hub.example.com', to)('rebound.example.com', { all: true }, (error) => reject(error));
    }),
  ).rejects.toMatchObject(refused);
});

test.each([
  [
    'https://hub.example.com/v2/a/blobs/uploads/1?_state=SECRET&digest=sha256:00',
    'https://hub.example.com/v2/a/blobs/uploads/1?_state=(masked)&digest=sha256:00',
  ],
  ['https://user:SECRET@hub.example.com/x#SECRET', 'https://hub.example.com/x'],
  [
    'https://s3.example.com/b?X-Amz-Signature=SECRET&X-Amz-Credential=SECRET#SECRET',
    'https://s3.example.com/b?X-Amz-Signature=(masked)&X-Amz-Credential=(masked)',
  ],
  ['https://a@b:SECRET@hub.example.com/?SECRET', 'https://hub.example.com/?SECRET=(masked)'],
  ['https://hub.example.com/\u001b[31m', 'https://hub.example.com/\\x1b[31m'],
])('%s is shown as %s', (url, shown) => {
  expect(redactUrl(url)).toBe(shown.replace('?SECRET=', '?SECRET='));
});

test('a shown URL has a limit', () => {
  expect(redactUrl(`https://hub.example.com/${'a'.repeat(10_000)}`).length).toBeLessThan(310);
});

test('locations', () => {
  const at = (location: string) => resolveLocation(location, 'https://h.example:1', '/v2/a/blobs/uploads/')?.href;
  expect(at('/v2/x?y=1')).toBe('https://h.example:1/v2/x?y=1');
  expect(at('x')).toBe('https://h.example:1/v2/a/blobs/uploads/x');
  expect(at('//other.example/x')).toBe('https://other.example/x');
  expect(at('http://[')).toBeUndefined();
  expect(addQuery('/x?sig=a%2Fb', 'digest', 'sha256:1')).toBe('/x?sig=a%2Fb&digest=sha256%3A1');
  expect(addQuery('/x', 'digest', 'sha256:1')).toBe('/x?digest=sha256%3A1');
});

const PROXIES = { HTTPS_PROXY: 'http://proxy.example:3128', http_proxy: 'plain.example:80' };

test.each([
  ['https://hub.example.com/', PROXIES, 'http://proxy.example:3128'],
  ['http://hub.example.com/', PROXIES, 'http://plain.example'],
  ['https://hub.example.com/', {}, undefined],
  ['https://hub.example.com/', { https_proxy: ' ' }, undefined],
  ['https://localhost:5000/', PROXIES, undefined],
  ['https://127.0.0.1:5000/', PROXIES, undefined],
  ['https://[::1]:5000/', PROXIES, undefined],
  ['https://hub.example.com/', { ...PROXIES, NO_PROXY: 'other.com,example.com' }, undefined],
  ['https://hub.example.com/', { ...PROXIES, NO_PROXY: '.example.com' }, undefined],
  ['https://hub.example.com/', { ...PROXIES, NO_PROXY: '*.example.com' }, undefined],
  ['https://hub.example.com/', { ...PROXIES, NO_PROXY: '*' }, undefined],
  ['https://hub.example.com/', { ...PROXIES, no_proxy: 'HUB.example.com:443' }, undefined],
  ['https://hub.example.com/', { ...PROXIES, NO_PROXY: 'hub.example.com:5000' }, 'http://proxy.example:3128'],
  ['https://badexample.com/', { ...PROXIES, NO_PROXY: 'example.com' }, 'http://proxy.example:3128'],
  ['https://10.1.2.3/', { ...PROXIES, NO_PROXY: '10.0.0.0/8' }, undefined],
  ['https://11.1.2.3/', { ...PROXIES, NO_PROXY: '10.0.0.0/8,nonsense/99' }, 'http://proxy.example:3128'],
  ['https://[fd00::1]/', { ...PROXIES, NO_PROXY: 'fd00::/8' }, undefined],
  ['https://[fd00::1]/', { ...PROXIES, NO_PROXY: 'fd00::1' }, undefined],
])('the proxy for %s under %o is %s', (url, env, proxy) => {
  expect(findProxy(new URL(url), env as Record<string, string>)?.origin).toBe(proxy);
});

test('a proxy that is none is an error without its password', () => {
  const find = () => findProxy(new URL('https://hub.example.com/'), { HTTPS_PROXY: 'socks5://u:hidden@p.example' });
  expect(find).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.not.stringContaining('hidden') }));
  expect(proxyAuthorization(new URL('http://a%40b:c%3Ad@p.example'))).toBe(`Basic ${btoa('a@b:c:d')}`);
  expect(proxyAuthorization(new URL('http://p.example'))).toBeUndefined();
});
