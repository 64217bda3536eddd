import { generateKeyPairSync, type KeyObject } from 'node:crypto';

export const ED25519 = generateKeyPairSync('ed25519');
export const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });

export const pemOf = (key: KeyObject): string =>
  String(key.export(key.type === 'private' ? { format: 'pem', type: 'pkcs8' } : { format: 'pem', type: 'spki' }));

const hexOf = (key: KeyObject, bytes: number): string =>
  key
    .export(key.type === 'private' ? { format: 'der', type: 'pkcs8' } : { format: 'der', type: 'spki' })
    .subarray(-bytes)
    .toString('hex');

export const SEED = hexOf(ED25519.privateKey, 32);
export const PUBLIC = hexOf(ED25519.publicKey, 32);

export const tufKey = (keytype: string, keyval: { public?: string; private?: string }): string =>
  JSON.stringify({ keytype, keyval });
