/** Words of the TUF targets metadata as factories wrote it; see the device client's rules in ARCHITECTURE.md. */

export interface DockerAppEntry {
  readonly filename?: string;
  readonly uri?: string;
  readonly [key: string]: unknown;
}

export interface ComposeAppEntry {
  readonly uri: string;
  readonly [key: string]: unknown;
}

/** `custom` of a target. All other members are kept as they are. */
export interface TargetCustom {
  readonly name?: string;
  readonly version?: string | number;
  readonly targetFormat?: string;
  readonly hardwareIds?: readonly string[];
  readonly tags?: readonly string[];
  readonly arch?: string;
  readonly createdAt?: string;
  readonly updatedAt?: string;
  readonly uri?: string;
  readonly docker_apps?: Readonly<Record<string, DockerAppEntry>>;
  readonly docker_compose_apps?: Readonly<Record<string, ComposeAppEntry>>;
  readonly [key: string]: unknown;
}

/** TUF specification, 4.5: one entry of `targets`. `length` in bytes. */
export interface Target {
  readonly hashes: Readonly<Record<string, string>>;
  readonly length: number;
  readonly custom?: TargetCustom;
  readonly [key: string]: unknown;
}
