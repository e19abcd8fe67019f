import type { LogPlace, LogState } from '../../logs/protocol.ts';
import { startLogThread } from '../../logs/threadClient.ts';
import type { RemoteLog } from '../../logs/threadClient.ts';
import { Emitter } from '../lifecycle.ts';
import type { Listen } from '../lifecycle.ts';

/** A log that is open, for one of those who need it. */
export interface OpenLog {
  readonly remote: RemoteLog;
  /** Undefined until it has told for the first time. */
  state(): LogState | undefined;
  readonly onDidChange: Listen<LogState>;
  /** It is closed when nobody needs it any more. */
  release(): void;
}

interface Shared {
  readonly remote: RemoteLog;
  readonly changed: Emitter<LogState>;
  state: LogState | undefined;
  holders: number;
}

export interface OpenLogsOptions {
  /** File with the program of a log's thread. */
  readonly program: string;
  /** A folder of ours for what comes in. */
  readonly folder: string;
  /** What went wrong, for the log of the extension. */
  readonly failed: (line: string) => void;
}

/** The logs that are open, each in a thread of its own. */
export class OpenLogs {
  readonly #options: OpenLogsOptions;
  readonly #shared = new Map<string, Shared>();

  constructor(options: OpenLogsOptions) {
    this.#options = options;
  }

  /** @param subject what is the same for the same log; read further back it is another one */
  open(subject: string, place: LogPlace): OpenLog {
    const key = place.kind === 'target' ? `${subject} ${place.tail}` : subject;
    const shared = this.#shared.get(key) ?? this.#start(key, place);
    shared.holders += 1;
    let isHeld = true;
    return {
      remote: shared.remote,
      state: () => shared.state,
      onDidChange: shared.changed.event,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        shared.holders -= 1;
        if (shared.holders === 0) this.#close(key, shared);
      },
    };
  }

  dispose(): void {
    for (const [key, shared] of this.#shared) this.#close(key, shared);
  }

  #start(key: string, place: LogPlace): Shared {
    const { program, folder, failed } = this.#options;
    const tell = (state: LogState): void => {
      shared.state = state;
      shared.changed.fire(state);
    };
    const remote = startLogThread({
      program, folder, place,
      onState: tell,
      onFailure: (error) => {
        failed(`The thread of a log ended: ${error.stack ?? error.message}`);
        // Whoever opens it again gets another one.
        if (this.#shared.get(key) === shared) this.#shared.delete(key);
        tell({ ...(shared.state ?? nothingRead), problem: `${error.message}; close it and open it again` });
      },
    });
    const shared: Shared = { remote, changed: new Emitter(), state: undefined, holders: 0 };
    this.#shared.set(key, shared);
    return shared;
  }

  #close(key: string, shared: Shared): void {
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
    shared.changed.dispose();
    // It may have ended by itself before.
    void shared.remote.close().catch(() => undefined);
  }
}

/** A log is shown with what it has by then; what comes later is added. */
const firstLookMs = 800;

/** Resolves once there is something to show of a log: all that was there when it was opened, as much as is enough, or what there is by then. */
export function firstLook(log: OpenLog, isEnough: (state: LogState) => boolean = () => false): Promise<void> {
  return stateWhen(log, (state) => state.isLoaded || state.problem !== undefined || isEnough(state), firstLookMs);
}

/** Resolves once the log stands like this, or after a time. */
export async function stateWhen(log: OpenLog, holds: (state: LogState) => boolean, withinMs: number): Promise<void> {
  const known = log.state();
  if (known !== undefined && holds(known)) return;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), withinMs);
  const listening = log.onDidChange((state) => {
    if (holds(state)) resolve(undefined);
  });
  await promise;
  clearTimeout(timer);
  listening.dispose();
}

const nothingRead: LogState = { rows: 0, late: 0, bytes: 0, probes: 0, from: NaN, to: NaN, skewMs: undefined, sources: [], isLoaded: false, shown: {}, problem: undefined };
