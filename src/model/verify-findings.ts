import type { Severity } from './findings.ts';

/** What `verify` and `pull` find in a published bundle, whoever published it. */
export const VERIFY_FINDINGS = {
  'verify.reference-form': {
    severity: 'warning',
    help: 'Devices take host/factory/app@sha256:digest only; this reference has another form.',
  },
  'verify.missing': { severity: 'error', help: 'The registry has no manifest for the reference.' },
  'verify.digest': {
    severity: 'error',
    help: 'The registry serves other bytes than a digest or size says: it is damaged, or something changed them on the way.',
  },
  'verify.blob-missing': { severity: 'error', help: 'The registry lacks a part of the bundle.' },
  'verify.manifest-form': { severity: 'error', help: 'The manifest is not one of a bundle; devices refuse it.' },
  'verify.manifest-size': {
    severity: 'warning',
    help: 'The manifest is larger than the 2,048 bytes that devices of 2020 read.',
  },
  'verify.index': {
    severity: 'error',
    help: 'The file index does not say what the archive holds; composectl takes the app for not installed.',
  },
  'verify.index-absent': {
    severity: 'warning',
    help: 'The manifest names no file index; composectl cannot check files.',
  },
  'verify.archive': { severity: 'error', help: 'The archive is damaged: it cannot be unpacked.' },
  'verify.archive-entry': {
    severity: 'error',
    help: 'The archive holds something else than plain files and folders with plain relative names.',
  },
  'verify.archive-limit': { severity: 'error', help: 'The archive unpacks to more than a bundle may hold.' },
  'verify.reserved-name': {
    severity: 'warning',
    help: 'The archive holds a name at its root that compose or a device client gives a meaning.',
  },
  'verify.compose-missing': { severity: 'error', help: 'The archive has no docker-compose.yml at its root.' },
  'verify.compose-invalid': {
    severity: 'error',
    help: 'The compose file cannot be read, or docker-compose 1.29 does not take it.',
  },
  'verify.compose-old-devices': {
    severity: 'warning',
    help: 'docker-compose 1.29 of older devices does not take the compose file of another tool.',
  },
  'verify.image-unpinned': {
    severity: 'error',
    help: 'A service runs an image without a digest; devices refuse the app.',
  },
  'verify.image-missing': { severity: 'error', help: 'The registry lacks an image of a service, or a part of it.' },
  'verify.image-platform': {
    severity: 'error',
    help: 'An image has no manifest for a platform that the bundle claims or that was asked for.',
  },
  'verify.label-missing': {
    severity: 'error',
    help: 'A service has no label io.compose-spec.config-hash: composectl crashes on it.',
  },
  'verify.label-hash': {
    severity: 'error',
    help: 'The config-hash label of a service is not that of its content: devices would not see a change.',
  },
  'verify.docker-compose': {
    severity: 'error',
    help: 'What Docker Compose would run from the registry is not what devices run from the archive.',
  },
  'verify.project-name': {
    severity: 'warning',
    help: 'Docker Compose would give the app another project name than devices do.',
  },
  'verify.convention': {
    severity: 'note',
    help: 'The bundle was made by another tool, in a form that devices take as well.',
  },
  'verify.local-env': {
    severity: 'note',
    help: 'The .env of the folder stayed, although the bundle has one, too.',
  },
} as const satisfies Record<string, { severity: Severity; help: string }>;
