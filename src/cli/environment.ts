/** What can be said to the heap of the process. */
export interface HeapControl {
  /** Percent by which it grows before it is cleaned. */
  readonly limitGrowth: (percent: number) => void;
  /** Bytes that it has for new objects. */
  readonly newBytes: () => number;
  /** Whether that part stays as large as it is, or doubles as it likes. */
  readonly holdNew: (isHeld: boolean) => void;
}

/** What a command gets of the process: `main.ts` makes it, tests make their own. */
export interface CliEnvironment {
  /** Release of the program. */
  readonly version: string;
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly writeError: (text: string) => void;
  /** All of standard input. */
  readonly readInput?: () => Promise<Buffer>;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Columns of the terminal. */
  readonly width: () => number;
  readonly now: () => number;
  /** Calls back at an interval until the returned function is called; does not keep the process alive. */
  readonly repeat: (tick: () => void, ms: number) => () => void;
  readonly heap?: HeapControl;
  readonly signal: AbortSignal;
  /** The id of this process. */
  readonly pid: number;
  /** Whether a process of this machine has that id, whosever it is. */
  readonly isRunning: (pid: number) => boolean;
}
