export type Severity = 'error' | 'warning' | 'note';

/** Every finding that is not an error code, with its severity and meaning. README.md lists this table. Ids are stable. */
export const FINDINGS = {
  'package.both-parameter-files': {
    severity: 'note',
    help: 'settings.yml and parameters.yml are both there and equal.',
  },
  'package.converted-tree-differs': {
    severity: 'warning',
    help: 'The compose file beside the package is not what convert would write.',
  },
  'package.second-document': {
    severity: 'note',
    help: 'A further YAML document in a part was ignored, as docker-app did.',
  },
  'metadata.invalid': { severity: 'warning', help: 'docker-app refused such metadata; conversion does not need it.' },
  'metadata.name-differs': {
    severity: 'note',
    help: 'metadata.name differs from the file name, which is the app key.',
  },
  'param.unused': { severity: 'note', help: 'A parameter that nothing refers to.' },
  'param.fixed': {
    severity: 'warning',
    help: 'A parameter had to be put in as a value and cannot be overridden on a device any more.',
  },
  'param.overridden': {
    severity: 'warning',
    help: 'A value given for this run stands in place of that of the package; devices of the old style keep the package.',
  },
  'param.app-metadata': { severity: 'note', help: 'A reference to metadata was replaced by its value.' },
  'param.retyped': { severity: 'note', help: 'docker-app printed the value differently from how it was written.' },
  'param.lost-reference': {
    severity: 'warning',
    help: 'docker-app replaced an undefined reference by nothing here, without an error.',
  },
  'interp.reads-environment': {
    severity: 'warning',
    help: 'After docker-app the text held a $ that compose reads from the environment of the device.',
  },
  'interp.passes-differ': {
    severity: 'warning',
    help: 'One and two passes of interpolation give different results here.',
  },
  'yaml.duplicate-key': {
    severity: 'warning',
    help: 'A key is written twice; the last one won and the others were removed.',
  },
  'yaml.scalar-quoted': {
    severity: 'note',
    help: 'An unquoted value that compose versions read differently was fixed to what docker-app read.',
  },
  'yaml.alias-expanded': {
    severity: 'note',
    help: 'An alias was written out, because its places need different texts.',
  },
  'service.disabled': { severity: 'note', help: 'A service was switched off by x-enabled and is not in the result.' },
  'render.port-address': {
    severity: 'warning',
    help: 'docker-app dropped the IP address of a port: it was open to the network and is no longer.',
  },
  'compose.build-dropped': { severity: 'note', help: 'build: is not in the bundle; devices pull the image.' },
  'compose.service-configs': { severity: 'warning', help: 'docker-compose 1.x ignores configs of a service.' },
  'file.beside-package': { severity: 'note', help: 'A support file was found beside the package.' },
  'file.source-missing': {
    severity: 'warning',
    help: 'A mounted path is not in the repository; the device makes an empty folder of it.',
  },
  'file.reserved': {
    severity: 'warning',
    help: 'A file with a name that compose or devices give a meaning was left out of the bundle.',
  },
  'file.special': {
    severity: 'warning',
    help: 'Something that is neither a file nor a folder was left out of the bundle.',
  },
  'image.platform-missing': {
    severity: 'warning',
    help: 'An image lacks a platform of images.platforms; devices of it cannot run the app.',
  },
  'image.tag-moved': {
    severity: 'warning',
    help: 'A tag names another digest than when the plan was made; the planned one was published.',
  },
  'publish.tag-taken': {
    severity: 'warning',
    help: 'The tag in the registry names another bundle; this one got a longer tag.',
  },
  'targets.nothing-removed': { severity: 'warning', help: 'An app that was to be removed is in no target.' },
  'targets.new-app': { severity: 'note', help: 'No target named this app before: it is new on devices.' },
  'targets.compose-only': { severity: 'note', help: 'The app is published in the compose style only, as configured.' },
  'targets.version': {
    severity: 'note',
    help: 'New targets were numbered: the next build of the operating system has to be numbered above them.',
  },
  'targets.size': { severity: 'warning', help: 'The targets file comes near the size that devices can read.' },
  'targets.skipped': { severity: 'note', help: 'A target was not built upon, for the reason that is given.' },
} as const satisfies Record<string, { severity: Severity; help: string }>;

export type FindingCode = keyof typeof FINDINGS;
