import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Socket } from 'node:net';
import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { describeGitProblem, describeStart, type Git, type GitReach } from './git-command.ts';
import { EMPTY, type GitObject, type GitObjectInfo, type GitObjectType, hashObject } from './git-object.ts';
import type { GitPool } from './git-pool.ts';

const SILENCE_MS = { none: 120_000, remote: 600_000 } as const;

export interface BatchOptions {
  readonly git: Git;
  /** Absolute. */
  readonly gitDir: string;
  /** `remote`: objects that a partial clone lacks are fetched. */
  readonly reach: GitReach;
  readonly pool: GitPool;
}

interface Question {
  readonly name: string;
  readonly line: string;
  readonly wantsContent: boolean;
  readonly resolve: (object: GitObject | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** A `git cat-file` process to ask, which is started when there is a question and again when it has ended. */
export class BatchProcess {
  readonly #options: BatchOptions;
  readonly #mode: string;
  #child: ChildProcessWithoutNullStreams | undefined;
  #questions: Question[] = [];
  #answered = 0;
  #outbox = '';
  #left: Buffer[] = [];
  #leftSize = 0;
  #wanted = 0;
  #head: GitObjectInfo | undefined;
  #errors = '';
  #problem: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BatchOptions, mode: string) {
    this.#options = options;
    this.#mode = mode;
  }

  isIdle(): boolean {
    return this.#questions.length === 0;
  }

  close(): void {
    const child = this.#child;
    this.#child = undefined;
    clearTimeout(this.#timer);
    child?.stdin.end();
  }

  ask(name: string, line: string, wantsContent: boolean): Promise<GitObject | undefined> {
    const { signal } = this.#options.git;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      this.#questions.push({ name, line, wantsContent, resolve, reject });
      this.#options.pool.use(this);
      if (this.#child === undefined) this.#start();
      else this.#send(line);
    });
  }

  /** Questions that come together travel together: with a flush after them git answers all in few writes. */
  #send(line: string): void {
    if (this.#questions.length === 1) this.#wait();
    if (this.#outbox === '') queueMicrotask(() => this.#flush());
    this.#outbox += line;
  }

  #flush(): void {
    const lines = this.#outbox;
    this.#outbox = '';
    if (lines !== '') this.#child?.stdin.write(this.#mode === '--batch-command' ? `${lines}flush\n` : lines);
  }

  #start(): void {
    const { git, gitDir, reach } = this.#options;
    const buffer = this.#mode === '--batch-command' ? ['--buffer'] : [];
    const child = git.start([`--git-dir=${gitDir}`, 'cat-file', this.#mode, ...buffer], reach);
    this.#child = child;
    this.#answered = 0;
    this.#errors = '';
    this.#problem = undefined;
    this.#reset();
    const onAbort = (): void => void child.kill('SIGKILL');
    git.signal?.addEventListener('abort', onAbort, { once: true });
    child.stdin.on('error', () => {});
    child.stdout.on('data', (part: Buffer) => {
      if (this.#child === child) this.#receive(part);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (this.#errors.length < 8192) this.#errors += text;
    });
    child.once('error', (error) => {
      this.#problem = describeStart(error);
    });
    child.once('close', (status) => {
      git.signal?.removeEventListener('abort', onAbort);
      if (this.#child === child) this.#ended(status);
    });
    this.#wait();
    this.#outbox = this.#questions.map(({ line }) => line).join('');
    queueMicrotask(() => this.#flush());
  }

  /** From the first question to the last answer the process keeps this one alive, and may not be silent for long. */
  #wait(): void {
    this.#reference('ref');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#problem = 'git did not answer';
      this.#child?.kill('SIGKILL');
    }, SILENCE_MS[this.#options.reach]).unref();
  }

  #reference(how: 'ref' | 'unref'): void {
    const child = this.#child;
    if (child === undefined) return;
    child[how]();
    for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as Socket)[how]();
  }

  #reset(): void {
    this.#left = [];
    this.#leftSize = 0;
    this.#wanted = 0;
    this.#head = undefined;
  }

  #receive(part: Buffer): void {
    this.#timer?.refresh();
    this.#left.push(part);
    this.#leftSize += part.byteLength;
    // A large content comes in many parts: they are joined once.
    if (this.#leftSize < this.#wanted) return;
    let bytes = this.#left.length === 1 ? part : Buffer.concat(this.#left, this.#leftSize);
    for (;;) {
      const head = this.#head;
      if (head !== undefined) {
        if (bytes.byteLength <= head.size) break;
        const content = bytes.subarray(0, head.size);
        bytes = bytes.subarray(head.size + 1);
        this.#head = undefined;
        this.#answerContent(head, content);
        continue;
      }
      const end = bytes.indexOf(10);
      if (end < 0) break;
      const line = bytes.toString('utf8', 0, end);
      bytes = bytes.subarray(end + 1);
      const info = parseInfo(line);
      const question = this.#questions[0];
      if (info !== undefined && question?.wantsContent === true) this.#head = info;
      else this.#answer(info === undefined ? undefined : { ...info, bytes: EMPTY }, line);
    }
    this.#left = bytes.byteLength === 0 ? [] : [bytes];
    this.#leftSize = bytes.byteLength;
    this.#wanted = this.#head === undefined ? 0 : this.#head.size + 1;
  }

  #answerContent(info: GitObjectInfo, content: Buffer): void {
    if (hashObject(info, content) === info.id) {
      // A part of a chunk would keep all of it in memory.
      this.#answer({ ...info, bytes: Buffer.from(content) });
      return;
    }
    const error = new RebundleError(
      'SOURCE_UNREADABLE',
      `the object ${info.id} is corrupt: its content has another id`,
      {
        hint: 'Run git fsck in the repository, and fetch the object again.',
      },
    );
    this.#next()?.reject(error);
  }

  #answer(object: GitObject | undefined, line = ''): void {
    const question = this.#next();
    if (line.endsWith(' ambiguous')) {
      question?.reject(new RebundleError('SOURCE_UNREADABLE', `'${escapeTerminal(question.name)}' is ambiguous`));
    } else question?.resolve(object);
  }

  #next(): Question | undefined {
    this.#answered += 1;
    const question = this.#questions.shift();
    if (this.#questions.length === 0) {
      clearTimeout(this.#timer);
      this.#reference('unref');
    }
    return question;
  }

  /** The first question is what git could not answer; the others are asked again, unless git cannot work here at all. */
  #ended(status: number | null): void {
    clearTimeout(this.#timer);
    this.#child = undefined;
    const { signal } = this.#options.git;
    const error =
      signal?.aborted === true
        ? signal.reason
        : new RebundleError('SOURCE_UNREADABLE', this.#problem ?? describeGitProblem(this.#errors, status));
    const hopeless = this.#answered === 0 || signal?.aborted === true;
    const failed = hopeless ? this.#questions.splice(0) : this.#questions.splice(0, 1);
    for (const question of failed) question.reject(error);
    if (this.#questions.length > 0) this.#start();
  }
}

function parseInfo(line: string): GitObjectInfo | undefined {
  const match = /^([0-9a-f]{40}|[0-9a-f]{64}) (blob|tree|commit|tag) (\d{1,15})$/.exec(line);
  if (match === null) return undefined;
  return { id: match[1] ?? '', type: match[2] as GitObjectType, size: Number(match[3]) };
}
