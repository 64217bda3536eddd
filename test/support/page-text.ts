const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

/** What a page of ours says, a line per block, without style and script; the details of apps come last. For golden files. */
export function textOfPage(page: string): string {
  return page
    .replace(/<style>[\s\S]*?<\/style>|<script>[\s\S]*?<\/script>|<head>|<\/head>/g, '')
    .replace(/<script type="text\/plain" id="data-([^"]+)">/g, '\n== $1\n')
    .replace(/<\/(?:td|th|dt)>(?=<(?:td|th|dd))/g, ' | ')
    .replace(
      /<(?:\/?(?:tr|li|p|h[1-4]|dd|div|section|table|caption|figure|ul|dl|details|summary)|br)(?: [^>]*)?>/g,
      '\n',
    )
    .replace(/<[^>]+>/g, '')
    .replace(/&(amp|lt|gt|quot|#39);/g, (_all, name: string) => ENTITIES[name] ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
    .concat('\n');
}
