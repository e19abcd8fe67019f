/** What a command needs of the process that runs it. */
export interface Host {
  readonly environment: NodeJS.ProcessEnv;
  /** Aborted when the user stops the run. */
  readonly signal: AbortSignal;
  /** Resolves when the text has left the process. */
  readonly out: (text: string) => Promise<void>;
  readonly progress: (line: string) => void;
  /** Whether standard output is a terminal that shows colours. */
  readonly colour: boolean;
}
