import { Worker } from 'node:worker_threads';
import type { FromThread, LogPlace, LogService, LogState, LogThreadData, ToThread } from './protocol.ts';

/** A method of the service, asked from another thread. */
type Asked<Method> = Method extends (...parameters: infer Parameters) => infer Result ? (...parameters: Parameters) => Promise<Awaited<Result>> : never;

/** A log that another thread holds. After `close`, or when the thread has failed, all answers are rejections. */
export type RemoteLog = { readonly [Method in keyof LogService]: Asked<LogService[Method]> };

export interface LogThreadOptions {
  /** File with the program of the thread. */
  readonly program: string | URL;
  readonly place: LogPlace;
  /** A folder of ours for what comes in. */
  readonly folder: string;
  readonly onState: (state: LogState) => void;
  /** The thread ended by itself, which it never should. */
  readonly onFailure: (error: Error) => void;
}

/** Megabytes of objects; records are on disk, and their index is outside of it. */
const heapLimitMb = 256;
/** Lines that come in live for less than a second: more room for them is memory that is never looked at again. */
const youngHeapLimitMb = 16;

/** Starts a thread that reads and holds a log. */
export function startLogThread({ program, place, folder, onState, onFailure }: LogThreadOptions): RemoteLog {
  const workerData: LogThreadData = { place, folder };
  const worker = new Worker(program, { workerData, resourceLimits: { maxOldGenerationSizeMb: heapLimitMb, maxYoungGenerationSizeMb: youngHeapLimitMb } });
  const waiting = new Map<number, { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }>();
  let lastId = 0;
  let ended: Error | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on('message', (message: FromThread) => {
    if (message.kind === 'state') {
      onState(message.state);
      return;
    }
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.kind === 'result') asked?.resolve(message.result);
    else asked?.reject(new Error(message.message));
  });
  worker.on('error', (error: Error) => {
    end(error);
    onFailure(error);
  });
  worker.on('exit', () => end(new Error('the log was closed')));
  const ask = (method: keyof LogService, parameters: readonly unknown[]): Promise<unknown> => {
    if (ended !== undefined) return Promise.reject(ended);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    lastId += 1;
    waiting.set(lastId, { resolve, reject });
    worker.postMessage({ id: lastId, method, parameters } satisfies ToThread);
    return promise;
  };
  const methods = ['state', 'openView', 'closeView', 'filter', 'window', 'rows', 'placesOfRequest', 'record', 'nextError', 'rowsOfRequest', 'findings', 'groups', 'raw', 'close'] as const satisfies readonly (keyof LogService)[];
  return Object.fromEntries(methods.map((method) => [method, (...parameters: readonly unknown[]) => ask(method, parameters)])) as RemoteLog;
}
