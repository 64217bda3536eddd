import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { diffLines } from 'diff';
import { describe, expect, it } from 'vitest';
import { convertFiles } from './convert-package.ts';

const CORPUS = process.env.REBUNDLE_CORPUS ?? join(import.meta.dirname, '../../../shared/corpus');
const GOLDEN = join(CORPUS, 'golden');
const hasGolden = existsSync(GOLDEN);

/** Real migrations: what the maintainers changed by hand besides, as the lines that they removed and added. */
const PAIRS = [
  {
    before: 'shellhttpd/before/shellhttpd.dockerapp',
    after: 'shellhttpd/after-1-728bbe5/shellhttpd/docker-compose.yml',
    byHand: [],
  },
  {
    before: 'factory-template-shellhttpd/before/shellhttpd.dockerapp.disabled',
    after: 'factory-template-shellhttpd/after-1-partner-containers-085b9969/shellhttpd.disabled/docker-compose.yml',
    byHand: [
      '-    image: hub.foundries.io/hashcode/shellhttpd:latest',
      '+    image: hub.foundries.io/amd-xilinx/shellhttpd:latest',
      '+    restart: always',
    ],
  },
  {
    // The first commit has its volumes without dashes, which is no YAML list.
    before: 'x-kiosk/before/x-kiosk.dockerapp',
    after: 'x-kiosk/after-2-d764a6e/x-kiosk/docker-compose.yml',
    byHand: ['+    volumes:', '+    - ./start.sh:/start.sh:ro', '+    - ./xorg.conf:/etc/X11/xorg.conf:ro'],
  },
  {
    // compose-publish skipped services whose names begin with x-.
    before: 'x-kiosk/before/x-kiosk.dockerapp',
    after: 'x-kiosk/after-3-eab606c/x-kiosk/docker-compose.yml',
    byHand: [
      '-  x-kiosk:',
      '+  xkiosk:',
      '+    volumes:',
      '+    - ./start.sh:/start.sh:ro',
      '+    - ./xorg.conf:/etc/X11/xorg.conf:ro',
    ],
  },
] as const;

describe.skipIf(!hasGolden)(
  hasGolden ? 'real migrations' : `real migrations: SKIPPED, there is no ${join('corpus', 'golden')} (REBUNDLE_CORPUS)`,
  () => {
    it.each(PAIRS)('$before becomes $after, but for what was changed by hand', async ({ before, after, byHand }) => {
      const name = before.slice(before.lastIndexOf('/') + 1).replace(/\.disabled$/, '');
      const { app, diagnostics, failed } = await convertFiles(new Map([[name, readFileSync(join(GOLDEN, before))]]));
      expect({ failed, errors: diagnostics.filter(({ severity }) => severity === 'error') }).toEqual({
        failed: false,
        errors: [],
      });
      const changes = diffLines(app?.composeText ?? '', readFileSync(join(GOLDEN, after), 'utf8')).flatMap(
        ({ added, removed, value }) =>
          added || removed
            ? value
                .trimEnd()
                .split('\n')
                .map((line) => `${added ? '+' : '-'}${line}`)
            : [],
      );
      expect(changes).toEqual(byHand);
    });
  },
);
