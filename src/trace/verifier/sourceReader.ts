import { Worker } from 'node:worker_threads';
import type { FoundVerifiers, SourceFile } from './settings.ts';
import type { FromSourceThread, SourceThreadData } from './thread.ts';

/** Nothing that a person wrote takes as long. */
const deadlineMs = 5_000;
const heapLimitMb = 256;

export interface SourceReaderOptions {
  /** File with the program of the thread. */
  readonly program: string | URL;
  /** Folder of the parsers. */
  readonly folder: string;
  readonly deadlineMs?: number;
}

/** Finds verifiers in source files, one after the other, in a thread that begins with the first one. */
export class SourceReader {
  readonly #options: SourceReaderOptions;
  #worker: Worker | undefined;

  constructor(options: SourceReaderOptions) {
    this.#options = options;
  }

  /**
   * Reads one file; the next one is asked for after the answer. A file that takes too long, or ends the thread, is told as a problem.
   *
   * @throws the signal's reason when it is aborted
   */
  async read(file: SourceFile, signal: AbortSignal): Promise<FoundVerifiers> {
    signal.throwIfAborted();
    const { deadlineMs: within = deadlineMs } = this.#options;
    const worker = (this.#worker ??= this.#start());
    const { promise, resolve, reject } = Promise.withResolvers<FoundVerifiers>();
    const give = (found: FoundVerifiers, isOver: boolean): void => {
      if (isOver) this.close();
      resolve(found);
    };
    const unread = (why: string, isOver: boolean): void => give({ verifiers: [], problem: `${file.path} was not read: ${why}.` }, isOver);
    const onAbort = (): void => {
      this.close();
      reject(signal.reason as Error);
    };
    const onMessage = (message: FromSourceThread): void => (message.kind === 'found' ? give(message.found, false) : unread(message.message, false));
    const onError = (error: Error): void => unread(error.message, true);
    const timer = setTimeout(() => unread(`it takes longer than ${within / 1_000} s`, true), within);
    worker.once('message', onMessage).once('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    worker.postMessage(file);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      worker.off('message', onMessage).off('error', onError);
    }
  }

  #start(): Worker {
    const { program, folder } = this.#options;
    const worker = new Worker(program, { workerData: { folder } satisfies SourceThreadData, resourceLimits: { maxOldGenerationSizeMb: heapLimitMb } });
    // An error that comes when nobody waits would end the whole process.
    return worker.on('error', () => undefined);
  }

  /** Ends the thread; a file that is read later begins another. */
  close(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }
}
