/** The library: the stages of a migration, the interfaces they work on and the adapters for folders and files. */

export { archiveBundle } from './bundle/archive.ts';
export { assembleBundle } from './bundle/assemble-bundle.ts';
export { type Config, type ConfigFile, parseConfig, resolvePaths } from './config.ts';
export { type RewriteOptions, rewriteCompose } from './convert/rewrite.ts';
export { scanPackages } from './dockerapp/scan.ts';
export { type PackageInput, splitPackage } from './dockerapp/split.ts';
export { ERRORS, type ErrorCode, RebundleError } from './errors.ts';
export type { Emit, PipelineEvent, Reporter, RunCounts } from './events.ts';
export { createLimit } from './lib/limit.ts';
export type * from './model/app.ts';
export { FINDINGS, type FindingCode, type Severity } from './model/findings.ts';
export type { AppReference, Descriptor, Digest, Platform, Reference } from './model/oci.ts';
export type * from './model/plan.ts';
export type * from './model/target.ts';
export type { MigrationContext, MigrationRequest } from './pipeline/migration.ts';
export { applyMigration, type MigrationOutcome, planMigration, runMigration } from './pipeline/run.ts';
export { formatPlan, parsePlan } from './pipeline/state.ts';
export { createLayoutRegistry } from './registry/layout.ts';
export { createMemoryRegistry } from './registry/memory.ts';
export type { Registry } from './registry/registry.ts';
export { buildRunReport, type RunReport } from './report/run-report.ts';
export { createFolderSource } from './source/folder.ts';
export type { Source } from './source/source.ts';
export { addTargets } from './targets/add-targets.ts';
export { parseTargetsFile } from './targets/targets-file.ts';
export { createFileTufRepo } from './tufrepo/file.ts';
export type { TufRepo } from './tufrepo/tuf-repo.ts';
