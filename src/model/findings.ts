import { LINT_FINDINGS } from './lint-findings.ts';
import { VERIFY_FINDINGS } from './verify-findings.ts';

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
  'package.split-refused': {
    severity: 'warning',
    help: 'docker-app 0.4 to 0.8 did not split the file into three documents; what is meant is clear all the same.',
  },
  'package.env-file': {
    severity: 'warning',
    help: 'docker-app up to 0.8 looked for an env_file where it was run, and refused the package; compose looks beside its file.',
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
  'render.empty-command': {
    severity: 'note',
    help: "docker-app dropped an empty command or entrypoint: the image's own ran, and does no longer.",
  },
  'render.long-volume': {
    severity: 'note',
    help: 'docker-app wrote a mount in the long form: the path on the host had to exist, and is made from now on.',
  },
  'render.volume-label': {
    severity: 'note',
    help: 'docker-app dropped the SELinux label (z, Z) of a mount: it is applied from now on.',
  },
  'render.relative-path': {
    severity: 'note',
    help: 'docker-app wrote ./x as x, which docker-compose 1.x did not resolve: the folder of the app is mounted from now on.',
  },
  'render.value-fixed': {
    severity: 'warning',
    help: 'docker-app read a part otherwise than compose does: what docker-app made of it was put in, parameters included.',
  },
  'render.member-dropped': {
    severity: 'warning',
    help: 'docker-app took a member and printed nothing of it: no device had it, and the converted file leaves it out.',
  },
  'render.whole-text': {
    severity: 'warning',
    help: "The compose part means something only to docker-app: docker-app's render stands in its place, without comments and parameters.",
  },
  'convert.not-publishable': {
    severity: 'warning',
    help: 'docker-app took this, docker-compose 1.29 or a bundle does not: convert writes the file, plan and run refuse the app.',
  },
  'compose.build-dropped': { severity: 'note', help: 'build: is not in the bundle; devices pull the image.' },
  'compose.config-mounted': {
    severity: 'note',
    help: 'A config of a service became a read-only mount: devices of the old style had no such file, as docker-compose 1.x ignores configs.',
  },
  'compose.config-mount-differs': {
    severity: 'warning',
    help: 'A config became a mount that cannot say all of it.',
  },
  'compose.service-configs': { severity: 'warning', help: 'docker-compose 1.x ignores configs of a service.' },
  'spec.cast': { severity: 'warning', help: 'Docker Compose of today cannot read a value as the type it has here.' },
  'spec.conflict': { severity: 'warning', help: 'Docker Compose of today refuses two settings together.' },
  'spec.interpolation': { severity: 'warning', help: 'Docker Compose of today cannot interpolate a text.' },
  'spec.key': { severity: 'warning', help: 'Docker Compose of today does not read a key as text.' },
  'spec.missing-key': { severity: 'warning', help: 'Docker Compose of today needs a key that is not there.' },
  'spec.type': { severity: 'warning', help: 'Docker Compose of today wants another type of value here.' },
  'spec.unknown-key': {
    severity: 'warning',
    help: 'Docker Compose of today refuses a file with a key it does not know.',
  },
  'spec.value': { severity: 'warning', help: 'Docker Compose of today does not take this value.' },
  'file.beside-package': { severity: 'note', help: 'A support file was found beside the package.' },
  'file.source-missing': {
    severity: 'warning',
    help: 'A mounted path is not in the repository; the device makes an empty folder of it.',
  },
  'file.lfs-pointer': {
    severity: 'warning',
    help: 'A file of the bundle is a pointer of Git LFS, not the content that it stands for; devices would mount the pointer.',
  },
  'file.reserved': {
    severity: 'warning',
    help: 'A file with a name that compose or devices give a meaning was left out of the bundle.',
  },
  'file.special': {
    severity: 'warning',
    help: 'Something that is neither a file nor a folder was left out of the bundle.',
  },
  'file.ignored': {
    severity: 'warning',
    help: 'A mounted path was left out by .composeappignores; the device makes an empty folder of it.',
  },
  'bundle.unused-file': {
    severity: 'warning',
    help: 'Files of the bundle that its compose file neither mounts nor reads; name them in .composeappignores.',
  },
  'bundle.no-docker-compose': {
    severity: 'note',
    help: 'Devices run the bundle, but docker compose -f oci:// cannot, for the reason that is given.',
  },
  'fleet.never-ran': {
    severity: 'warning',
    help: 'docker-app refuses the package with the parameters of a group of devices: they cannot have run it.',
  },
  'fleet.unknown-name': { severity: 'note', help: 'A group of devices sets a parameter that no app has.' },
  'fleet.value-refused': {
    severity: 'warning',
    help: 'A value of a group of devices cannot be said in an environment file, and is not in it.',
  },
  'run.lock-taken': {
    severity: 'warning',
    help: 'An earlier run was killed and had left its lock, which this one took over.',
  },
  'ignore.expired': { severity: 'warning', help: 'An entry of findings.ignore is past its date and has no effect.' },
  'ignore.unused': { severity: 'note', help: 'An entry of findings.ignore, or an --ignore, fits no finding.' },
  'secret.allowed': {
    severity: 'note',
    help: 'Something in a bundle looks like a secret, and secrets.allow names it.',
  },
  'image.platform-missing': {
    severity: 'warning',
    help: 'An image lacks a platform of images.platforms; devices of it cannot run the app.',
  },
  'image.tag-moved': {
    severity: 'warning',
    help: 'A tag names another digest than when the plan was made; the planned one was published.',
  },
  'image.drift': {
    severity: 'note',
    help: 'A tag names another digest than the published bundle; the published one is kept until --repin.',
  },
  'image.repinned': { severity: 'note', help: 'A tag moved, and its new digest was taken as asked for.' },
  'image.pin-lost': {
    severity: 'warning',
    help: 'The registry lost the digest of the published bundle, so the image was resolved anew.',
  },
  'image.pins-unreadable': {
    severity: 'warning',
    help: 'The published bundle of an app is not there or is none, so its images were resolved anew.',
  },
  'publish.restored': {
    severity: 'warning',
    help: 'The registry had lost a part of a published bundle, which was sent again: look at its clean-up.',
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
  'targets.signatures-dropped': {
    severity: 'warning',
    help: 'The file was signed; a change ends that, so its signatures are an empty list now. Sign it, or let its server do so.',
  },
  'targets.expires-soon': {
    severity: 'warning',
    help: 'Signed targets expire in less than 30 days; devices take no update from then on.',
  },
  'targets.threshold': {
    severity: 'warning',
    help: 'The file has fewer good signatures than the root role asks for; further owners have to sign.',
  },
  'targets.mixed-versions': {
    severity: 'warning',
    help: 'The hardware ids of a tag had different newest versions; the new targets bring them to one.',
  },
  ...LINT_FINDINGS,
  ...VERIFY_FINDINGS,
} as const satisfies Record<string, { severity: Severity; help: string }>;

export type FindingCode = keyof typeof FINDINGS;
