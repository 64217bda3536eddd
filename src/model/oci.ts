/** Words of the OCI image and distribution specifications, as far as bundles and service images need them. */

export type Digest = `sha256:${string}`;

/** OCI image specification, descriptor.md. `size` is in bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** OCI image specification, image-index.md. Written `os/architecture[/variant]`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** A normalised image reference: `registry/repository[:tag][@digest]`, Docker Hub names expanded. */
export interface Reference {
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export interface AppReference extends Reference {
  readonly digest: Digest;
}

export const MEDIA_TYPES = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  bundle: 'application/octet-stream',
  composeProject: 'application/vnd.docker.compose.project',
  composeFile: 'application/vnd.docker.compose.file+yaml',
  composeEnvFile: 'application/vnd.docker.compose.envfile',
} as const;
