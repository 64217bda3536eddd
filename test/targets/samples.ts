import { createHash } from 'node:crypto';
import { RebundleError } from '../../src/errors.ts';
import type { Target } from '../../src/model/target.ts';
import { planTargets, type TargetApp, type TargetsInput, type TargetsPlan } from '../../src/targets/plan-targets.ts';
import { parseTagRules } from '../../src/targets/tag-rules.ts';
import { parseTargetsFile, type TargetsFile } from '../../src/targets/targets-file.ts';

export type Json = Record<string, unknown>;

export const sha = (text: string): string => createHash('sha256').update(text).digest('hex');

export const uriOf = (app: string, content = app): string => `hub.example.io/acme/${app}@sha256:${sha(content)}`;

/** An OSTREE target of one hardware id with the tag main; `custom` adds and replaces members, undefined takes one away. */
export function ostree(hardwareId: string, version: number, custom: Json = {}, commit = 'commit'): Json {
  return {
    hashes: { sha256: sha(commit) },
    length: 0,
    custom: {
      targetFormat: 'OSTREE',
      version: String(version),
      name: `${hardwareId}-lmp`,
      hardwareIds: [hardwareId],
      tags: ['main'],
      ...custom,
    },
  };
}

export function fileTarget(app: string, version: number, content: string, custom: Json = {}): Json {
  return {
    hashes: { sha256: sha(content) },
    length: content.length,
    custom: {
      targetFormat: 'BINARY',
      version: String(version),
      name: `${app}.dockerapp`,
      hardwareIds: ['all'],
      ...custom,
    },
  };
}

/** Both maps for apps whose `.dockerapp` has the version `version`. */
export function dual(version: number, ...apps: string[]): Json {
  return {
    docker_apps: Object.fromEntries(apps.map((app) => [app, { filename: `${app}.dockerapp-${version}` }])),
    docker_compose_apps: Object.fromEntries(apps.map((app) => [app, { uri: uriOf(app) }])),
  };
}

export function readFile(text: string): TargetsFile {
  return parseTargetsFile(new TextEncoder().encode(text), 'targets.json');
}

export function fileOf(targets: Json): TargetsFile {
  return readFile(
    `${JSON.stringify({ _type: 'Targets', expires: '2030-01-01T00:00:00Z', targets, version: 3 }, null, 2)}\n`,
  );
}

/** An app that was built well; its contents are its name unless given. */
export function app(name: string, content: { bundle?: string; dockerApp?: string } = {}): TargetApp {
  const bytes = content.dockerApp ?? name;
  return {
    name,
    state: 'ok',
    composeUri: uriOf(name, content.bundle),
    dockerApp: { length: bytes.length, sha256: sha(bytes) },
    newStyleOnly: false,
  };
}

export function inputOf(
  file: TargetsFile | undefined,
  input: Partial<TargetsInput> & { tags?: string } = {},
): TargetsInput {
  const { tags = 'main', ...rest } = input;
  return {
    file,
    tagRules: parseTagRules(tags),
    apps: [],
    removed: [],
    createdAt: '2026-01-02T03:04:05Z',
    allowPartial: false,
    ...rest,
  };
}

export function planFor(targets: Json, input: Partial<TargetsInput> & { tags?: string } = {}): TargetsPlan {
  return planTargets(inputOf(fileOf(targets), input));
}

export const namesOf = (plan: TargetsPlan): string[] => plan.targets.map((target) => target.name);

export function customOf(plan: TargetsPlan, name: string): NonNullable<Target['custom']> {
  const custom = plan.targets.find((target) => target.name === name)?.target.custom;
  if (custom === undefined) throw new Error(`no target ${name} among ${namesOf(plan).join(', ')}`);
  return custom;
}

/** The error that a call ends in. */
export function errorOf(call: () => unknown): RebundleError {
  try {
    call();
  } catch (error) {
    if (error instanceof RebundleError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
