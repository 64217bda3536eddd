interface GeneratedFactory {
  /** Of the selected packages, by number. */
  readonly names: readonly string[];
  /** Commits a new revision of packages, by number. */
  touch(numbers: readonly number[], revision?: number): Promise<void>;
}

const script = new URL('../../scripts/bench/generate-factory.mjs', import.meta.url).href;

/** The factory of the measurements: bare repositories, images and a configuration in a folder, bundles and targets to `kept/`. */
export const { generateFactory } = (await import(script)) as {
  generateFactory(
    folder: string,
    options: { readonly repositories: number; readonly packages: number; readonly seed?: number },
  ): Promise<GeneratedFactory>;
};
