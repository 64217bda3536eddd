import type { Severity } from './findings.ts';

/** The rules by which targets files are judged, whoever wrote them. */
export const LINT_FINDINGS = {
  'lint.role-type': { severity: 'error', help: '`_type` is not `Targets`; devices refuse every other spelling.' },
  'lint.role-version': {
    severity: 'error',
    help: 'The version of the role is not a positive whole number, or not above that of the older file.',
  },
  'lint.expires': {
    severity: 'error',
    help: '`expires` is not a date as YYYY-MM-DDTHH:MM:SSZ; devices refuse the file.',
  },
  'lint.expired': { severity: 'error', help: 'The file has expired; devices take no update.' },
  'lint.expires-soon': { severity: 'warning', help: 'The file expires in less than 30 days.' },
  'lint.unsigned': {
    severity: 'note',
    help: 'The file is an envelope without signatures; devices take only signed ones.',
  },
  'lint.signature': {
    severity: 'error',
    help: 'A signature lacks its key id, its value or a method that devices know, or does not hold.',
  },
  'lint.not-ascii': {
    severity: 'error',
    help: 'A text has a character that is not printable ASCII; devices and signing tools write it differently, so its signature fails.',
  },
  'lint.not-integer': {
    severity: 'error',
    help: 'A number is not a whole one in plain digits; devices write it differently, so its signature fails.',
  },
  'lint.target-name': {
    severity: 'error',
    help: 'A target has a name that devices or the server of the repository refuse.',
  },
  'lint.target-hash': { severity: 'error', help: 'A target has no sha256 of 64 hex digits.' },
  'lint.target-format': {
    severity: 'error',
    help: 'An operating system target has no `targetFormat` OSTREE; devices handle it again and again.',
  },
  'lint.unknown-format': {
    severity: 'warning',
    help: 'A target has a `targetFormat` that devices do not know; they never choose it.',
  },
  'lint.ostree-length': { severity: 'error', help: 'An operating system target has a length other than 0.' },
  'lint.version': {
    severity: 'error',
    help: '`custom.version` is not a decimal whole number without leading zero below 2147483648; devices order it wrongly.',
  },
  'lint.hardware-ids': {
    severity: 'error',
    help: '`hardwareIds` is not a list of texts, or empty; no device takes the target.',
  },
  'lint.tags': { severity: 'error', help: '`tags` is not a list of texts.' },
  'lint.no-tags': { severity: 'warning', help: 'A target has no tags; devices that ask for a tag do not take it.' },
  'lint.version-twice': {
    severity: 'warning',
    help: 'Two targets of one hardware id and tag have one version; devices take the first by name.',
  },
  'lint.mixed-versions': { severity: 'warning', help: 'The hardware ids of a tag are at different newest versions.' },
  'lint.commit-went-back': {
    severity: 'warning',
    help: 'The newest target goes back to a commit that was there before; devices of 2020 do not take it by themselves.',
  },
  'lint.app-map': { severity: 'error', help: 'An app map is not an object.' },
  'lint.entry-ignored': {
    severity: 'error',
    help: 'An entry of an app map is one that devices skip without a word: the app is not installed, and success is reported.',
  },
  'lint.entry-uri-only': {
    severity: 'warning',
    help: 'A docker_apps entry has only a uri; devices with docker-app skip it without a word.',
  },
  'lint.filename-dangling': {
    severity: 'error',
    help: 'A docker_apps entry names a file target that is not in the file; devices skip the app without a word.',
  },
  'lint.filename-key': { severity: 'warning', help: 'The file target of an app is named after another app.' },
  'lint.file-length': {
    severity: 'error',
    help: 'The length of a file target is not a positive whole number; devices render an empty file.',
  },
  'lint.file-uri': { severity: 'warning', help: 'A file target has a `custom.uri`; devices fetch it from there.' },
  'lint.file-unused': { severity: 'note', help: 'No target names the file target; it can be pruned.' },
  'lint.uri-form': {
    severity: 'error',
    help: 'The uri of an app is not host/factory/app@sha256:digest in lower case, without tag and scheme; devices refuse it.',
  },
  'lint.uri-key': {
    severity: 'error',
    help: 'The last part of the uri is not the key of the app; newer devices remove such an app.',
  },
  'lint.app-key': { severity: 'error', help: 'The key of an app is no legal repository name.' },
  'lint.compose-style-only': {
    severity: 'warning',
    help: 'The newest target names an app for compose devices only; devices of the old style remove it.',
  },
  'lint.docker-style-only': {
    severity: 'warning',
    help: 'The newest target names an app for devices of the old style only; compose devices remove it.',
  },
  'lint.own-docker-style-only': {
    severity: 'error',
    help: 'The newest target names an app of this factory for devices of the old style only.',
  },
  'lint.app-lost': {
    severity: 'error',
    help: 'The newest target lacks an app of the one before it: devices remove the app and its data folder.',
  },
  'lint.style-dropped': {
    severity: 'warning',
    help: 'The newest target has no app map of a style that the one before it had: devices of that style remove all apps.',
  },
  'lint.frozen-edited': {
    severity: 'error',
    help: 'A target is not what it was in the older file; devices that run it install it again and again.',
  },
  'lint.frozen-changed': { severity: 'note', help: 'Members of a target changed that devices do not compare.' },
  'lint.version-not-above': {
    severity: 'error',
    help: 'A target that is new has a version that is not above those of its hardware id and tag before.',
  },
  'lint.target-pruned': {
    severity: 'note',
    help: 'A target of the older file is gone; devices cannot be brought back to it.',
  },
  'lint.file-missing': { severity: 'error', help: 'The bytes of a file target are not there.' },
  'lint.file-bytes': {
    severity: 'error',
    help: 'The bytes of a file target have another length or sha256 than it says.',
  },
  'lint.package-broken': {
    severity: 'error',
    help: 'The package in a file target cannot be rendered by docker-app 0.4 to 0.8, or docker-compose does not take the result.',
  },
  'lint.manifest-missing': { severity: 'error', help: 'The registry has no manifest for the uri of an app.' },
  'lint.manifest-digest': {
    severity: 'error',
    help: 'The registry serves other bytes for a manifest than its digest says.',
  },
  'lint.manifest-form': { severity: 'error', help: 'The manifest of an app is not one that devices take.' },
  'lint.manifest-size': {
    severity: 'warning',
    help: 'The manifest of an app is larger than the 2,048 bytes that devices of 2020 read.',
  },
  'lint.blob-missing': { severity: 'error', help: 'The registry lacks a blob of an app.' },
  'lint.bundle-broken': {
    severity: 'error',
    help: 'The bundle of an app cannot be unpacked, or its compose file is not one that devices take.',
  },
  'lint.image-missing': { severity: 'error', help: 'The registry lacks an image of an app.' },
  'lint.image-platform': {
    severity: 'error',
    help: 'An image of an app has no platform of a hardware id that the target is for.',
  },
} as const satisfies Record<string, { severity: Severity; help: string }>;
