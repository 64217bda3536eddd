import type { Download } from '../model/plan.ts';
import type { ReportApp } from './report-apps.ts';
import { formatBytes } from './wording.ts';

/** What a device may have of an app, in the order of columns. */
const STARTS: readonly { readonly from: Download['from']; readonly title: string }[] = [
  { from: 'bundle', title: 'From the former bundle' },
  { from: 'docker-app', title: 'From the .dockerapp' },
  { from: 'nothing', title: 'From nothing' },
];

export const DOWNLOAD_TITLES: readonly string[] = STARTS.map(({ title }) => title);

/** A row per platform: its name, then the bytes by what a device has; empty where nothing is known. */
export function listDownloads({ downloads = [] }: ReportApp): (readonly [platform: string, ...cells: string[]])[] {
  const platforms = [...new Set(downloads.map(({ platform }) => platform))];
  return platforms.map((platform) => {
    const cells = STARTS.map(({ from }) => {
      const found = downloads.find((row) => row.platform === platform && row.from === from);
      return found === undefined ? '' : formatDownload(found);
    });
    return [platform, ...cells] as const;
  });
}

function formatDownload({ bytes, unknownImages }: Download): string {
  return unknownImages === undefined ? formatBytes(bytes) : `at most ${formatBytes(bytes)}`;
}
