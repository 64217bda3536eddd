import type { Flags } from '../../src/cli/options.ts';

/** What the flags are where nothing was said. */
export const NOTHING_SAID: Flags = {
  registries: new Map(),
  apps: [],
  platforms: [],
  parameterFiles: [],
  set: new Map(),
  repin: [],
  allowPartial: false,
  removeApps: [],
  errorOn: 'error',
  offline: false,
  onlyFailed: false,
  reports: [],
  verbosity: 'normal',
  inPlace: false,
  json: false,
};
