import type { Workspace } from './cli.ts';

/** A factory of many apps with a support file each, over the images of the samples. */
export async function writeBigFactory(workspace: Workspace, apps: number): Promise<void> {
  for (let i = 0; i < apps; i++) {
    const name = `app-${String(i).padStart(4, '0')}`;
    await workspace.write(
      `big/${name}.dockerapp`,
      `version: 1.0.0\nname: ${name}\n---\nversion: '3.2'\nservices:\n  main:\n    image: alpine:3.12\n    command: sleep \${seconds}\n    volumes: ["./${name}.conf:/etc/app.conf:ro"]\n---\nseconds: ${i}\n`,
    );
    await workspace.write(`big/${name}/${name}.conf`, `number = ${i}\n`.repeat(500));
  }
  const composeOnly = Array.from({ length: apps }, (_, i) => `app-${String(i).padStart(4, '0')}`);
  await workspace.write(
    'big.yml',
    [
      'registry: hub.riverbend.example',
      'factory: riverbend',
      'registries: { docker.io: "oci-layout:samples/images" }',
      'repositories: [big]',
      'publish: { to: "oci-layout:out/registry", concurrency: 2 }',
      `targets: { repo: out/targets.json, seed: samples/targets.json, tags: main, composeOnly: [${composeOnly.join(', ')}] }`,
      '',
    ].join('\n'),
  );
}
