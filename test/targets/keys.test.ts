import { createHash, generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { isSignedBy, readPublicKey, readSigningKey, signBytes } from '../../src/targets/keys.ts';
import { errorOf } from './samples.ts';
import { ED25519, PUBLIC, pemOf, RSA, SEED, tufKey } from './signing-keys.ts';

const BYTES = Buffer.from('{"_type":"Targets"}');
const PKCS8 = ED25519.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('hex');

describe('a signing key', () => {
  test.each([
    ['Ed25519 as PEM', pemOf(ED25519.privateKey), ED25519, 'ed25519'],
    ['Ed25519 as a TUF key with its seed', tufKey('ED25519', { public: PUBLIC, private: SEED }), ED25519, 'ed25519'],
    ['Ed25519 with seed and public key in one', tufKey('ed25519', { private: SEED + PUBLIC }), ED25519, 'ed25519'],
    ['Ed25519 as PKCS #8 in hex', tufKey('ED25519', { private: PKCS8 }), ED25519, 'ed25519'],
    ['RSA as PEM', pemOf(RSA.privateKey), RSA, 'rsassa-pss-sha256'],
    ['RSA as PKCS #1', String(RSA.privateKey.export({ format: 'pem', type: 'pkcs1' })), RSA, 'rsassa-pss-sha256'],
    [
      'RSA as a TUF key',
      tufKey('RSA', { public: pemOf(RSA.publicKey), private: pemOf(RSA.privateKey) }),
      RSA,
      'rsassa-pss-sha256',
    ],
  ])('is read as %s, and what it signs holds', (_, text, pair, method) => {
    const key = readSigningKey(text, 'key');
    expect(key.method).toBe(method);
    const signature = signBytes(key, BYTES);
    const publicKey = readPublicKey(pemOf(pair.publicKey), 'public');
    expect(publicKey.ids).toEqual(key.ids);
    expect(isSignedBy(publicKey, BYTES, signature)).toBe(true);
    expect(isSignedBy(publicKey, Buffer.concat([BYTES, Buffer.from(' ')]), signature)).toBe(false);
  });

  test('has both ids: of its DER form, and of its canonical JSON', () => {
    const { ids } = readSigningKey(pemOf(ED25519.privateKey), 'key');
    const der = ED25519.publicKey.export({ format: 'der', type: 'spki' });
    expect(ids.der).toBe(createHash('sha256').update(der).digest('hex'));
    const json = `{"keytype":"ed25519","keyval":{"public":"${PUBLIC}"},"scheme":"ed25519"}`;
    expect(ids.tuf).toBe(createHash('sha256').update(json).digest('hex'));
    const rsa = readSigningKey(pemOf(RSA.privateKey), 'key');
    const pem = `{"keytype":"rsa","keyval":{"public":"${pemOf(RSA.publicKey)}"},"scheme":"rsassa-pss-sha256"}`;
    expect(rsa.ids.tuf).toBe(createHash('sha256').update(pem).digest('hex'));
  });

  test.each([
    ['no key at all', 'hello'],
    ['a public key', pemOf(ED25519.publicKey)],
    ['a TUF key without its private part', tufKey('ed25519', { public: PUBLIC })],
    ['a public part of another key', tufKey('ed25519', { public: PUBLIC.replace(/^../, '00'), private: SEED })],
    ['a seed with another public key', tufKey('ed25519', { private: `${SEED}${PUBLIC.replace(/^../, '00')}` })],
    ['a half of a seed', tufKey('ed25519', { private: SEED.slice(32) })],
    ['a type of another kind', tufKey('ecdsa', { private: SEED })],
    ['JSON that is cut off', tufKey('ed25519', { private: SEED }).slice(0, -2)],
    ['an EC key', pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)],
    ['an RSA key of 1,024 bits', pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)],
    [
      'an encrypted key',
      String(ED25519.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' })),
    ],
  ])('is refused where it is %s, and nothing of it is shown', (_, text) => {
    const error = errorOf(() => readSigningKey(text, 'my.key'));
    expect(error.code).toBe('KEY_INVALID');
    expect(error.message).toContain('my.key');
    const shown = inspect(error, { depth: 10 }) + JSON.stringify(error);
    for (const secret of [
      SEED,
      SEED.slice(32),
      ...text.split('\n').filter((line) => /^[A-Za-z0-9+/=]{40,}$/.test(line)),
    ]) {
      expect(shown).not.toContain(secret);
    }
  });

  test('shows nothing of itself where it is printed', () => {
    const key = readSigningKey(tufKey('ed25519', { private: SEED }), 'key');
    expect(inspect(key, { depth: 10, showHidden: true }) + JSON.stringify(key)).not.toContain(SEED);
  });
});
