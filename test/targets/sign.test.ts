import { describe, expect, test } from 'vitest';
import { addTargets } from '../../src/targets/add-targets.ts';
import { isExpiry, judgeExpiry } from '../../src/targets/expiry.ts';
import { readPublicKey, readSigningKey } from '../../src/targets/keys.ts';
import { planTargets } from '../../src/targets/plan-targets.ts';
import { readTargetsSigners } from '../../src/targets/root-role.ts';
import {
  attachSignature,
  exportRole,
  findValidSigners,
  readSignature,
  readSignatures,
  type SigningOptions,
  signTargets,
} from '../../src/targets/sign.ts';
import { parseTargetsFile, type TargetsFile } from '../../src/targets/targets-file.ts';
import { app, errorOf, inputOf, type Json, ostree, readFile } from './samples.ts';
import { ED25519, PUBLIC, pemOf, RSA } from './signing-keys.ts';

const NOW = '2026-01-02T03:04:05Z';
const STAMP = { form: 'device', now: NOW } as const;
const ed = readSigningKey(pemOf(ED25519.privateKey), 'ed');
const rsa = readSigningKey(pemOf(RSA.privateKey), 'rsa');
const ROLE = {
  targets: { b: ostree('rpi', 1), a: { length: 1, hashes: {} } },
  expires: '2030-01-01T00:00:00Z',
  version: 7,
  _type: 'targets',
};

const bare = (role: Json = ROLE): TargetsFile => readFile(JSON.stringify(role, null, 2));
const parse = (bytes: Uint8Array): TargetsFile => parseTargetsFile(bytes, 'signed.json');
const sign = (file: TargetsFile, options: Partial<SigningOptions> = {}): TargetsFile =>
  parse(signTargets(file, { ...STAMP, keys: [ed], ...options }));

const rootOf = (keys: Json, keyids: string[], threshold = 1): Uint8Array =>
  Buffer.from(
    JSON.stringify({ signed: { _type: 'Root', keys, roles: { targets: { keyids, threshold } } }, signatures: [] }),
  );

const KEYS = {
  ['1'.repeat(64)]: { keytype: 'ED25519', keyval: { public: PUBLIC } },
  ['2'.repeat(64)]: { keytype: 'RSA', keyval: { public: pemOf(RSA.publicKey) } },
  ['3'.repeat(64)]: { keytype: 'ecdsa', keyval: { public: 'x' } },
};

describe('exported bytes', () => {
  test('are canonical, with the version raised once and the type of devices', () => {
    const text = exportRole(bare(), STAMP);
    expect(JSON.parse(text)).toEqual({ ...ROLE, version: 8, _type: 'Targets' });
    expect(
      text.startsWith('{"_type":"Targets","expires":"2030-01-01T00:00:00Z","targets":{"a":{"hashes":{},"length":1}'),
    ).toBe(true);
    expect(exportRole(bare(), STAMP)).toBe(text);
  });

  test('have the date, version and form that are asked for', () => {
    const role = JSON.parse(
      exportRole(bare(), { ...STAMP, form: 'tuf', version: 20, expires: '2031-01-31T00:00:00Z' }),
    );
    expect(role).toMatchObject({
      _type: 'targets',
      version: 20,
      expires: '2031-01-31T00:00:00Z',
      spec_version: '1.0.31',
    });
  });

  test('have members that the file lacks', () => {
    const role = JSON.parse(exportRole(bare({ targets: {} }), { ...STAMP, expires: '2031-01-31T00:00:00Z' }));
    expect(role).toEqual({ _type: 'Targets', expires: '2031-01-31T00:00:00Z', targets: {}, version: 1 });
  });

  test.each([
    ['there is none', {}, {}],
    ['it is past', { expires: '2026-01-02T03:04:05Z' }, {}],
    ['the given one is past', {}, { expires: '2025-12-31T23:59:59Z' }],
    ['it has a fraction', { expires: '2030-01-01T00:00:00.000Z' }, {}],
    ['it is no day', { expires: '2030-02-30T00:00:00Z' }, {}],
    ['it is no text', { expires: 5 }, {}],
  ])('are refused for expires where %s', (_, members, stamp) => {
    const { expires: _one, ...role } = ROLE;
    expect(errorOf(() => exportRole(bare({ ...role, ...members }), { ...STAMP, ...stamp })).code).toBe(
      'TARGETS_EXPIRES',
    );
  });

  test('never go back', () => {
    expect(errorOf(() => exportRole(bare(), { ...STAMP, version: 6 })).code).toBe('TARGETS_VERSION');
    expect(JSON.parse(exportRole(bare(), { ...STAMP, version: 7 })).version).toBe(7);
  });

  test('are refused for what devices and signers write differently', () => {
    const error = errorOf(() => exportRole(bare({ ...ROLE, note: 'für' }), STAMP));
    expect(error).toMatchObject({ code: 'TARGETS_UNSIGNABLE', location: { line: expect.any(Number) } });
  });
});

describe('signed targets', () => {
  test('are one canonical envelope, whose signatures hold, as devices read them', () => {
    const bytes = signTargets(bare(), { ...STAMP, keys: [ed, rsa] });
    const text = Buffer.from(bytes).toString();
    const file = parse(bytes);
    expect(text).toBe(`{"signatures":${JSON.stringify(readSignatures(file))},"signed":${exportRole(bare(), STAMP)}}`);
    expect(readSignatures(file)).toEqual([
      { keyid: ed.ids.der, method: 'ed25519', sig: expect.stringMatching(/^[A-Za-z0-9+/]{86}==$/) },
      { keyid: rsa.ids.der, method: 'rsassa-pss-sha256', sig: expect.stringMatching(/^[A-Za-z0-9+/]{342}==$/) },
    ]);
    const keys = new Map([
      [ed.ids.der, ed],
      [rsa.ids.der, rsa],
    ]);
    expect(findValidSigners(file, { threshold: 2, keys })).toEqual([ed.ids.der, rsa.ids.der]);
  });

  test('are the same bytes again for Ed25519', () => {
    expect(signTargets(bare(), { ...STAMP, keys: [ed] })).toEqual(signTargets(bare(), { ...STAMP, keys: [ed] }));
  });

  test('raise the version once for each change', () => {
    const first = sign(bare({ ...ROLE, targets: { 'rpi-lmp-1': ostree('rpi', 1) } }));
    const { targets } = planTargets(inputOf(first, { apps: [app('web')] }));
    const changed = parse(addTargets(first, targets));
    expect(readSignatures(changed)).toEqual([]);
    expect(JSON.parse(exportRole(sign(changed), { ...STAMP, version: 9 })).version).toBe(9);
    expect(JSON.parse(sign(changed).text).signed.version).toBe(9);
  });

  test('take their key ids from the root role, else from the signatures before, else by rule', () => {
    const idOf = (file: TargetsFile): string | undefined => readSignatures(file)[0]?.keyid;
    const signers = readTargetsSigners(rootOf(KEYS, ['1'.repeat(64), '3'.repeat(64)]), 'root.json');
    expect(idOf(sign(bare(), { signers }))).toBe('1'.repeat(64));
    expect(idOf(sign(bare()))).toBe(ed.ids.der);
    const tuf = sign(bare(), { keyIdRule: 'tuf' });
    expect(idOf(tuf)).toBe(ed.ids.tuf);
    expect(idOf(sign(tuf))).toBe(ed.ids.tuf);
    expect(errorOf(() => sign(bare(), { signers, keys: [rsa] })).code).toBe('KEY_INVALID');
  });

  test('have hex and no method in the form of TUF 1.0', () => {
    const file = sign(bare(), { form: 'tuf' });
    expect(readSignatures(file)).toEqual([{ keyid: ed.ids.der, sig: expect.stringMatching(/^[0-9a-f]{128}$/) }]);
    expect(findValidSigners(file, { threshold: 1, keys: new Map([[ed.ids.der, ed]]) })).toEqual([ed.ids.der]);
  });
});

describe('attached signatures', () => {
  const exported = readFile(exportRole(bare(), STAMP));
  const signature = Buffer.from(readSignatures(sign(bare()))[0]?.sig ?? '', 'base64');
  const publicKey = readPublicKey(pemOf(ED25519.publicKey), 'public');
  const keyid = ed.ids.der;

  test('give what signing gives', () => {
    const attached = attachSignature(exported, { keyid, signature, form: 'device', publicKey });
    expect(Buffer.from(attached).toString()).toBe(sign(bare()).text);
    expect(attachSignature(exported, { keyid, signature, form: 'device' })).toEqual(attached);
  });

  test('stand beside those of other owners; one of the same key replaces the former', () => {
    const first = parse(attachSignature(exported, { keyid, signature, form: 'device' }));
    const other = { keyid: 'f'.repeat(64), signature: Buffer.alloc(256, 1), form: 'device' as const };
    const both = parse(attachSignature(first, other));
    expect(readSignatures(both).map((one) => [one.keyid, one.method])).toEqual([
      [keyid, 'ed25519'],
      ['f'.repeat(64), 'rsassa-pss-sha256'],
    ]);
    const again = parse(attachSignature(both, { ...other, signature: Buffer.alloc(256, 2) }));
    expect(readSignatures(again)).toHaveLength(2);
    expect(both.text.slice(both.role.start, both.role.end)).toBe(exported.text);
  });

  test('are refused where they do not hold, or nothing says that they do', () => {
    const wrong = Buffer.from(signature).fill(0, 0, 1);
    for (const attached of [
      { keyid, signature: wrong, form: 'device' as const, publicKey },
      { keyid: 'short', signature, form: 'device' as const },
    ]) {
      expect(errorOf(() => attachSignature(exported, attached)).code).toBe('TARGETS_SIGNATURE');
    }
    // Not the exported bytes: the version was never raised.
    expect(errorOf(() => attachSignature(bare(), { keyid, signature, form: 'device' })).code).toBe('TARGETS_SIGNATURE');
  });

  test('are read as hex, base64, base64 for URLs, and as they are', () => {
    for (const bytes of [
      Buffer.from(`${signature.toString('hex')}\n`),
      Buffer.from(signature.toString('base64')),
      Buffer.from(signature.toString('base64url')),
      signature,
    ]) {
      expect(Buffer.from(readSignature(bytes, 'sig'))).toEqual(signature);
    }
    expect(errorOf(() => readSignature(Buffer.from('nothing'), 'sig')).code).toBe('TARGETS_SIGNATURE');
  });
});

describe('the root role', () => {
  test('names keys and threshold; keys of other types do not count', () => {
    const signers = readTargetsSigners(rootOf(KEYS, Object.keys(KEYS), 2), 'root.json');
    expect(signers.threshold).toBe(2);
    expect([...signers.keys.keys()]).toEqual(['1'.repeat(64), '2'.repeat(64)]);
  });

  test.each([
    ['{', 'JSON'],
    ['{"_type":"Targets"}', 'root'],
    ['{"_type":"Root","keys":{},"roles":{}}', 'keys'],
    ['{"_type":"Root","keys":{},"roles":{"targets":{"keyids":[],"threshold":0}}}', 'threshold'],
  ])('is refused as %s', (text, word) => {
    const error = errorOf(() => readTargetsSigners(Buffer.from(text), 'root.json'));
    expect(error).toMatchObject({ code: 'TARGETS_INVALID', message: expect.stringContaining(word) });
  });
});

test('a date is near from 30 days on', () => {
  expect(judgeExpiry('2026-02-01T03:04:05Z', NOW)).toBe('fine');
  expect(judgeExpiry('2026-02-01T03:04:04Z', NOW)).toBe('soon');
  expect(judgeExpiry(NOW, NOW)).toBe('past');
  expect(isExpiry('2028-02-29T00:00:00Z')).toBe(true);
  expect(isExpiry('2027-02-29T00:00:00Z')).toBe(false);
});
