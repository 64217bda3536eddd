/**
 * Largest tar stream of a bundle, in bytes: 1 GiB is what composectl reads of an archive, less a margin for the gzip framing of
 * data that does not compress.
 */
export const MAX_BUNDLE_BYTES = 1024 * 1024 * 1024 - 1024 * 1024;

/** Most files of one bundle. */
export const MAX_BUNDLE_FILES = 10_000;

/** Largest docker-compose.yml, in bytes: what composectl reads. */
export const MAX_COMPOSE_BYTES = 1024 * 1024;

/** Largest app manifest, in bytes: the oldest devices of the compose style read no more. */
export const MAX_APP_MANIFEST_BYTES = 2048;

/** Largest app manifest that any device reads, since 2021-11. */
export const MAX_READ_MANIFEST_BYTES = 16_384;

/** Most environment files for Docker Compose, each a layer, that an app manifest has room for. */
export const MAX_ENV_FILES = 4;

/** A support file or an archive of up to so many bytes is made once, and held as long as its app is. */
export const MAX_HELD_BYTES = 32 * 1024;
