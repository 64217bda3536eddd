import { type CliOptions, CONFIG, type Workspace } from './cli.ts';

/** Runs the sample factory and gives what has to be equal everywhere: digests of the registry, the targets, the trees, the plan and the reports. */
export async function digestsOfRun(workspace: Workspace, options: CliOptions = {}): Promise<Record<string, string>> {
  const { status, stderr } = await workspace.run(['run', '--config', CONFIG, '--reporter', 'silent'], options);
  if (status !== 0 || stderr !== '') throw new Error(`the run ended with ${status}: ${stderr}`);
  const listing = await workspace.listing('out');
  // Its timing member is that of one run; the rest of it is compared as text.
  listing.delete('report.json');
  listing.delete('report.html');
  const { timing: _, ...report } = await workspace.readJson('out/report.json');
  const page = (await workspace.read('out/report.html')).replace(/<section id="timing"[\s\S]*?<\/section>\n/, '');
  const modes = await Promise.all(
    [...listing.keys()]
      .filter((path) => path.startsWith('apps/'))
      .map(async (path) => [`mode of ${path}`, String(await workspace.modeOf(`out/${path}`))] as const),
  );
  return {
    ...Object.fromEntries(listing),
    ...Object.fromEntries(modes),
    'report.json': JSON.stringify(report),
    'report.html': page,
  };
}
