import { RebundleError } from '../errors.ts';
import type { Registry, RepositoryName } from './registry.ts';

/** A registry host that is never asked: every call throws OFFLINE. What is known of it comes from elsewhere. */
export function createOfflineRegistry(): Registry {
  const refuse = ({ registry, repository }: RepositoryName, what: string): RebundleError =>
    new RebundleError('OFFLINE', `${registry} is not asked for ${what} of ${repository}`);
  return {
    headManifest: async (name, reference) => {
      throw refuse(name, reference);
    },
    getManifest: async (name, reference) => {
      throw refuse(name, reference);
    },
    putManifest: async (name) => {
      throw refuse(name, 'a place');
    },
    hasBlob: async (name, digest) => {
      throw refuse(name, digest);
    },
    // biome-ignore lint/correctness/useYield: it ends before the first chunk
    async *getBlob(name, { digest }) {
      throw refuse(name, digest);
    },
    putBlob: async (name) => {
      throw refuse(name, 'a place');
    },
  };
}
