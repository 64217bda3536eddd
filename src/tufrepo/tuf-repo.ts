/** Where the targets file of a factory and its file targets live. Bytes in, bytes out. */
export interface TufRepo {
  /** How reports and events name this repository. */
  readonly location: string;
  /** `checksum` is lower-case hex: the sha256 of `bytes`, or what a server says that it is. Undefined where there is no targets file yet. */
  readTargets(): Promise<{ readonly bytes: Buffer; readonly checksum: string } | undefined>;
  /** Replaces the file atomically. Throws TARGETS_CONFLICT where its checksum is not the expected one any more. */
  writeTargets(bytes: Uint8Array, expectedChecksum: string | 'absent'): Promise<void>;
  getTarget(name: string): Promise<Buffer | undefined>;
  /** Stores a file target; equal bytes already there are `exists`, other bytes under that name are TARGETS_CONFLICT. */
  putTarget(name: string, bytes: Uint8Array): Promise<'created' | 'exists'>;
}
