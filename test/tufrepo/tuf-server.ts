import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array | string;
}

/** The user repository of ota-tuf, as far as clients see it: targets under a checksum, file targets frozen. */
export class TufServer {
  targets: Buffer | undefined;
  readonly files = new Map<string, Buffer>();
  readonly seen: Seen[] = [];
  /** Called before a request is answered; its answer, if any, is sent instead. */
  before: (seen: Seen) => Answer | undefined = () => undefined;
  /** What a file target that is there already is answered with. */
  existsStatus = 412;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => void chunks.push(chunk));
      request.on('end', () => {
        const seen = {
          method: request.method ?? '',
          path: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(chunks),
        };
        this.seen.push(seen);
        const { status, headers, body } = this.before(seen) ?? this.#answer(seen);
        response.writeHead(status, headers).end(body);
      });
    });
  }

  static async start(): Promise<TufServer> {
    const server = new TufServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): URL {
    return new URL(`${this.origin}/api/v1/user_repo`);
  }

  get checksum(): string {
    return createHash('sha256')
      .update(this.targets ?? '')
      .digest('hex');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer({ method, path, headers, body }: Seen): Answer {
    const { pathname, searchParams } = new URL(path, this.origin);
    const place = pathname.replace('/api/v1/user_repo/', '');
    if (place === 'targets.json' && method === 'GET') {
      if (this.targets === undefined) return { status: 404 };
      return { status: 200, headers: { 'x-ats-role-checksum': this.checksum }, body: this.targets };
    }
    if (place === 'targets' && method === 'PUT') {
      if (this.targets !== undefined) {
        if (headers['x-ats-role-checksum'] === undefined) return { status: 428 };
        if (headers['x-ats-role-checksum'] !== this.checksum) return { status: 412 };
      }
      this.targets = body;
      return { status: 204 };
    }
    if (!place.startsWith('targets/')) return { status: 404 };
    const name = decodeURIComponent(place.slice('targets/'.length));
    const file = this.files.get(name);
    if (method === 'GET') return file === undefined ? { status: 404 } : { status: 200, body: file };
    if (!searchParams.has('name') || !searchParams.has('version')) return { status: 400, body: 'name and version' };
    if (file !== undefined) return { status: this.existsStatus };
    this.files.set(name, body);
    return { status: 201 };
  }
}
