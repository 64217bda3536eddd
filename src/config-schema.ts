import * as z from 'zod';
import { describeFindings, FindingId } from './config-findings.ts';
import { describeHosts } from './config-hosts.ts';
import { describeRepositories } from './config-repositories.ts';
import { HOST_PATTERN, PLACE, parsePlace } from './lib/place.ts';
import type { Interpolation, Semantics, ServiceConfigsMode } from './model/app.ts';

/** A member that YAML may hold as a number or a boolean, but that is meant as it is written. */
const AS_WRITTEN = { type: ['string', 'number', 'boolean'] };

const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';

const Text = z.string().regex(/^[^\u0000-\u001f\u007f]+$/, 'expected a text on one line');
const Path = z.string().regex(/^(?![a-zA-Z][a-zA-Z0-9+.-]*:\/\/)[^\u0000-\u001f\u007f]+$/, 'expected a path, no URL');
const Host = z
  .string()
  .regex(new RegExp(`^${HOST_PATTERN}$`), 'expected a registry host as in references, host.example or host:port');
const Factory = z.string().regex(new RegExp(`^${COMPONENT}$`), 'expected a factory name of a-z, 0-9, ".", "_" and "-"');
const AppName = z.string().regex(new RegExp(`^${COMPONENT}$`), 'expected an app name of a-z, 0-9, ".", "_" and "-"');
const Tag = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'expected an image tag')
  .meta(AS_WRITTEN);
const Platform = z
  .string()
  .regex(/^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9.]+)?$/, 'expected a platform, os/architecture or os/architecture/variant');
const PlaceText = z
  .string()
  .regex(PLACE, 'expected oci-layout:DIR, memory: or a registry host')
  .transform((text) => parsePlace(text)!);
const TargetVersion = z
  .string()
  .regex(/^[1-9][0-9]{0,9}$/, {
    error: 'expected a whole number from 1 to 2147483647, without a leading zero',
    abort: true,
  })
  .refine((text) => Number(text) <= 2_147_483_647, 'expected a whole number up to 2147483647')
  .meta({ type: ['string', 'integer'] });
const Count = z
  .string()
  .regex(/^[1-9][0-9]{0,6}$/, 'expected a whole number from 1 to 9999999')
  .transform(Number);
const TagRules = z
  .string()
  .regex(/^[^\s,:]+(?::[^\s,:]+)?(?:,[^\s,:]+(?::[^\s,:]+)?)*$/, 'expected tags as in main or tag1,tag2 or tag:parent')
  .meta(AS_WRITTEN);
const InterpolationMode = z.enum(['device', 'single'] satisfies Interpolation[]);
export const SERVICE_CONFIGS = ['keep', 'mount'] as const satisfies ServiceConfigsMode[];
const ServiceConfigs = z.enum(SERVICE_CONFIGS);
export const SEMANTICS = ['auto', '0.2', '0.4-0.8', '0.9'] as const satisfies (Semantics | 'auto')[];
const SemanticsName = z.enum(SEMANTICS).meta(AS_WRITTEN);
const Concurrency = z
  .string()
  .regex(/^(?:[1-9]|[1-9][0-9])$/, 'expected a whole number from 1 to 99')
  .meta({ type: 'integer', minimum: 1, maximum: 99, pattern: undefined })
  .transform(Number);

const Flag = z
  .enum(['true', 'false'], 'expected true or false')
  .meta({ type: 'boolean', enum: undefined })
  .transform((text) => text === 'true');

const Apps = z.strictObject({
  include: z
    .array(Text)
    .default([])
    .describe('Globs on package paths relative to the repository: packages to select besides those at its top level.'),
  exclude: z.array(Text).default([]).describe('Globs on package paths: packages to leave out.'),
  interpolation: mapOf(AppName, InterpolationMode).describe('How often `$` is read, for single apps.'),
  semantics: mapOf(AppName, SemanticsName).describe('Release line of docker-app that single apps are read as.'),
  serviceConfigs: mapOf(AppName, ServiceConfigs).describe(
    'What becomes of the `configs` of services, for single apps.',
  ),
  compose: Flag.prefault('false').describe(
    'Whether a folder with a `docker-compose.yml` and no package beside it is an app: published as it is, with pinned images, for compose devices only.',
  ),
});

const Images = z.strictObject({
  tag: Tag.exactOptional().describe(
    'The release tag: what an image of the factory without a tag, with `latest` or with `${TAG}` means.',
  ),
  platforms: z
    .array(Platform)
    .default([])
    .describe(
      'Platforms that count, for example `linux/arm64`: an image that lacks one is a warning, an app without any of them an error. By default all that the images of an app share.',
    ),
  exempt: z
    .array(
      z
        .string()
        .regex(
          new RegExp(`^${HOST_PATTERN}(?:/${COMPONENT})+$`),
          'expected an image name with its host, without a tag',
        ),
    )
    .default([])
    .describe('Images of the factory that may have other tags.'),
});

const Pin = z.strictObject({
  refresh: z
    .array(Text)
    .default([])
    .describe(
      'Globs on image references, such as `docker.io/library/*`: where the tag of one moved, its new digest is taken. All others keep the digest of the published bundle.',
    ),
});

const Parameters = z.strictObject({
  files: z
    .array(Path)
    .default([])
    .describe('Parameter files; their values replace those of the packages, a later file wins.'),
  set: mapOf(Text, z.string().meta(AS_WRITTEN)).describe('Single parameters by dotted name; they win over all files.'),
});

const Publish = z.strictObject({
  to: PlaceText.exactOptional().describe('Where bundles are written; by default the registry host.'),
  tag: z
    .enum(['app-{digest12}', 'app-{tag}'])
    .default('app-{digest12}')
    .describe('Tag of a bundle in the registry: from the manifest digest, or from the release tag.'),
  concurrency: Concurrency.prefault('16').describe('Bundles that are published at once.'),
});

const Bundle = z.strictObject({
  files: z
    .enum(['referenced', 'all'])
    .default('referenced')
    .describe(
      'What is taken from the folder `<name>/` beside a package: what the compose file refers to, or all of it.',
    ),
  dockerCompose: Flag.prefault('true').describe(
    'Whether bundles also hold what `docker compose -f oci://...` runs straight from the registry.',
  ),
});

const Report = z.strictObject({
  downloads: Flag.prefault('true').describe(
    'Whether reports say what devices will download; it takes a request per image and platform.',
  ),
});

const Expires = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/, 'expected a date as 2031-01-31T00:00:00Z')
  .meta(AS_WRITTEN);

const Signing = z.strictObject({
  keys: z.array(Path).default([]).describe('Files with private keys, Ed25519 or RSA, as PEM or as TUF keys in JSON.'),
  expires: Expires.exactOptional().describe(
    'New `expires` of the role, UTC; by default the date of the file stays, which must be to come.',
  ),
  form: z
    .enum(['device', 'tuf'])
    .default('device')
    .describe('`device`: as devices of the factory read it; `tuf`: as TUF 1.0 has it.'),
  keyId: z
    .enum(['der', 'tuf'])
    .exactOptional()
    .describe(
      'How key ids are made where `root` and former signatures do not tell: sha256 of the DER public key (the default), or of the canonical JSON of the key.',
    ),
  root: Path.exactOptional().describe('The `root.json` of the repository: names the keys and how many have to sign.'),
});

const Targets = z.strictObject({
  repo: z
    .string()
    .regex(
      /^(?:(?![a-zA-Z][a-zA-Z0-9+.-]*:\/\/)[^\u0000-\u001f\u007f]+|https:\/\/[^\s@/]+(?:\/\S*)?|http:\/\/(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?(?:\/\S*)?)$/,
      'expected a path, or an https URL without user and password',
    )
    .describe(
      'The targets file that is read and replaced, or the URL of a user repository, https://host/api/v1/user_repo.',
    ),
  tokenHeader: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, 'expected the name of an HTTP header')
    .exactOptional()
    .describe('Header for the token of `targets.repo` as it is; by default `Authorization: Bearer TOKEN`.'),
  tokenFile: Path.exactOptional().describe(
    'File whose first line is the token for `targets.repo`; REBUNDLE_TUF_TOKEN stands over it.',
  ),
  signing: Signing.exactOptional().describe('Signs the targets that are written, and raises the version of the role.'),
  seed: Path.exactOptional().describe('Targets file to begin with, while `targets.repo` does not exist.'),
  tags: z
    .union([TagRules, z.array(TagRules).min(1, 'expected at least one tag')])
    .describe(
      'Tags to write targets for: `main`, `tag1,tag2`, `tag:parent` to build upon the targets of another tag; or a list of these.',
    ),
  machines: z.array(Text).default([]).describe('Hardware ids to write targets for; by default all.'),
  platforms: z.array(Text).default([]).describe('Architectures (`custom.arch`) to write targets for; by default all.'),
  composeOnly: z
    .array(AppName)
    .default([])
    .describe('Apps that get no new `docker_apps` entry, as devices of the old style cannot run them.')
    .transform((names): ReadonlySet<string> => new Set(names)),
  version: TargetVersion.exactOptional().describe(
    'Version of the new targets; by default one above the greatest in the file.',
  ),
  containersSha: z
    .string()
    .regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/, 'expected a commit of 40 or 64 hex digits')
    .meta(AS_WRITTEN)
    .exactOptional()
    .describe(
      '`containers-sha` of new targets; by default the commit, where all packages are of one git repository, else as in the target that is built upon.',
    ),
  uri: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'expected a URI in ASCII')
    .exactOptional()
    .describe('`uri` of new targets; the former one is kept as `origUri`.'),
});

const Day = z
  .string()
  .regex(/^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$/, 'expected a day as 2031-01-31')
  .meta(AS_WRITTEN);

const { findings: Findings, secrets: Secrets } = describeFindings(Text, Day);

const GroupName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected a name of letters, digits, ".", "_" and "-"');

const Fleet = z.strictObject({
  parameters: mapOf(GroupName, Path).describe(
    'The `docker_app_params` file of each group of devices: `OUT/env/GROUP/APP.env` says the same to compose.',
  ),
});

const {
  entry: RepositoryEntry,
  git: Git,
  ref: Ref,
  repository: RepositoryText,
} = describeRepositories({ path: Path, text: Text, flag: Flag });

const { host: HostEntry, http: Http } = describeHosts({ path: Path, flag: Flag, concurrency: Concurrency });

/** `rebundle.yml`. Scalars come as texts; every member is described for the JSON Schema and the README. */
export const ConfigText = z
  .strictObject({
    factory: Factory.exactOptional()
      .meta(AS_WRITTEN)
      .describe('Name of the factory in references, registry/factory/app.'),
    registry: Host.exactOptional().describe('Registry host that references name.'),
    registries: mapOf(Host, PlaceText).describe(
      'Where the images of a host are read from; by default the host itself.',
    ),
    hosts: mapOf(Host, HostEntry).describe('How registry hosts are spoken to, by host as references name it.'),
    http: Http.prefault({}).describe('Timeouts and tries, for all registries.'),
    repositories: z.array(RepositoryEntry).default([]).describe('Where packages are: folders and git repositories.'),
    git: Git.prefault({}).describe('How remote repositories are read.'),
    apps: Apps.prefault({}).describe('Which packages are selected, and settings of single apps.'),
    interpolation: InterpolationMode.default('device').describe(
      'How often `$` is read: twice as on devices of the old style, or once.',
    ),
    semantics: SemanticsName.default('auto').describe(
      'Release line of docker-app that packages are read as, which then refuses what it refused; `auto` takes what any line took.',
    ),
    serviceConfigs: ServiceConfigs.default('keep').describe(
      'What becomes of the `configs` of services, which docker-compose 1.x ignores: `mount` makes read-only mounts of their files.',
    ),
    images: Images.prefault({}).describe('How images are resolved.'),
    pin: Pin.prefault({}).describe('Which images may move to a new digest.'),
    parameters: Parameters.prefault({}).describe('Values that replace those of the packages.'),
    bundle: Bundle.prefault({}).describe('What bundles hold.'),
    fleet: Fleet.prefault({}).describe('What devices have of their own.'),
    findings: Findings.prefault({}).describe('Findings that need no attention.'),
    secrets: Secrets.prefault({}).describe('Secrets in bundles.'),
    publish: Publish.prefault({}).describe('Where and how bundles are published.'),
    report: Report.prefault({}).describe('What reports say.'),
    targets: Targets.exactOptional().describe('The targets metadata; without it none is written.'),
  })
  .meta({
    title: 'rebundle.yml',
    description: 'Configuration of rebundle. Paths are relative to the folder of this file.',
  });

/** The kinds of value that flags, environment variables and the file have in common. */
export const VALUES = {
  app: AppName,
  count: Count,
  factory: Factory,
  findingId: FindingId,
  group: GroupName,
  host: Host,
  path: Path,
  place: PlaceText,
  platform: Platform,
  ref: Ref,
  repository: RepositoryText,
  tag: Tag,
  targetVersion: TargetVersion,
  text: Text,
  expires: Expires,
};

function mapOf<V extends z.ZodType>(keys: z.ZodString, values: V) {
  return z
    .record(keys, values)
    .transform((record): ReadonlyMap<string, z.output<V>> => new Map(Object.entries(record)))
    .default(() => new Map());
}
