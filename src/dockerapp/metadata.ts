import { RebundleError } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import { memberOf, parseYaml, resolveAlias, type YamlSource } from '../lib/yaml.ts';
import { readScalar } from '../lib/yaml-scalars.ts';
import type { Diagnostic } from '../model/app.ts';

const HOSTNAME =
  /^(?=.{1,255}$)[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?(?:\.[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?)*\.?$/;

/** The format `hostname` of docker-app's schema v0.1: letters, digits and hyphens in parts of at most 63. */
export function isHostname(text: string): boolean {
  return HOSTNAME.test(text);
}

/**
 * Checks metadata by docker-app's schema v0.1. What the schema refuses is a warning only: conversion needs nothing of it but `app.*` texts.
 * Throws METADATA_INVALID where the document is no mapping, or is a compose file (then the documents are in the wrong order).
 */
export function checkMetadata(source: YamlSource, appName: string): Diagnostic[] {
  const document = parseYaml(source);
  const root = document.root === undefined ? undefined : resolveAlias(document.root);
  if (root?.kind !== 'map') {
    throw new RebundleError(
      'METADATA_INVALID',
      'failed to parse application metadata: Top-level object must be a mapping',
      {
        location: document.locate(root?.start ?? 0),
        hint: 'The first document holds at least name: and version:.',
      },
    );
  }
  const services = root.pairs.find((pair) => pair.name === 'services');
  if (services !== undefined) {
    throw new RebundleError('METADATA_INVALID', 'the first document is a compose file, not metadata', {
      location: document.locate(services.start),
      hint: 'The order is metadata, compose, parameters.',
    });
  }
  const diagnostics: Diagnostic[] = [];
  for (const key of ['name', 'version']) {
    const node = memberOf(root, key);
    const value = node?.kind === 'scalar' ? readScalar(node, 'go-v2') : undefined;
    const location = document.locate(node?.start ?? root.start);
    const problem =
      node === undefined
        ? `${key} is required`
        : value?.type !== 'string'
          ? `${key}: Invalid type. Expected: string, given: ${value?.type ?? node.kind}`
          : key === 'name' && !isHostname(value.value)
            ? "name: Does not match format 'hostname'"
            : undefined;
    if (problem !== undefined) {
      diagnostics.push(
        finding('metadata.invalid', `docker-app 0.5 and later refused this metadata: ${problem}`, { location }),
      );
    } else if (key === 'name' && value?.type === 'string' && value.value !== appName) {
      diagnostics.push(
        finding('metadata.name-differs', `metadata says '${value.value}'; the app key is the file name, '${appName}'`, {
          location,
        }),
      );
    }
  }
  return diagnostics;
}
