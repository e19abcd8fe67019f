/** Looks at the picked target again and again, while somebody can see it. Knows nothing of the editor. */
import { afterLook, nextLook, noLooks } from '../watch/pace.ts';
import type { Looks } from '../watch/pace.ts';
import type { Engine } from './engineSlot.ts';
import type { FlowSession, SessionLog } from './flowSession.ts';
import { problemText } from './problem.ts';

export interface WatchParts {
  readonly engine: Engine;
  readonly session: FlowSession;
  readonly log: SessionLog;
  /** Whether the view can be seen now. */
  readonly isVisible: () => boolean;
}

export class Watch {
  readonly #parts: WatchParts;
  #looks: Looks = noLooks;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  /** Ends following the target; undefined while nothing is watched. */
  #following: AbortController | undefined;
  #target: string | undefined;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  get isOn(): boolean {
    return this.#following !== undefined;
  }

  start(): void {
    if (this.isOn) return;
    this.#parts.log.info('Watching');
    this.#parts.session.setWatched(true);
    this.#follow();
  }

  stop(): void {
    if (!this.isOn) return;
    this.#parts.log.info('Watching no more');
    this.#end();
    this.#parts.session.setWatched(false);
  }

  /** To be called when the target, what runs, or who can see it has changed. */
  changed(): void {
    if (!this.isOn) return;
    if (this.#parts.session.target?.id !== this.#target) this.#follow();
    else this.#schedule();
  }

  dispose(): void {
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#following?.abort();
    this.#following = undefined;
    this.#target = undefined;
  }

  #follow(): void {
    const { engine, session, log } = this.#parts;
    this.#following?.abort();
    const following = new AbortController();
    this.#following = following;
    this.#looks = noLooks;
    const { target } = session;
    this.#target = target?.id;
    this.#schedule();
    if (!target) return;
    const { signal } = following;
    void engine.load().then(({ follow }) =>
      follow(target, {
        redactor: engine.redactor,
        signal,
        onEvent: ({ component, what }) => {
          if (signal.aborted) return;
          log.info(engine.redactor.text(`${component}: ${what}`));
          this.#looks = { ...this.#looks, eventAt: Date.now() };
          this.#schedule();
        },
      }),
    );
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const { session, isVisible } = this.#parts;
    // A run of somebody ends with a change, which schedules again.
    if (!this.isOn || this.#looking || !session.target || !isVisible() || session.state.running.size > 0) return;
    const { at, of } = nextLook(this.#looks);
    this.#timer = setTimeout(() => void this.#look(of), Math.max(0, at - Date.now()));
  }

  async #look(of: 'readiness' | 'everything'): Promise<void> {
    const { session, log } = this.#parts;
    const following = this.#following;
    this.#looking = true;
    try {
      if (session.state.ended === undefined) await session.run({});
      else await session.lookAgain(of === 'everything' ? {} : { step: 'readiness' });
    } catch (error) {
      log.error(problemText(error));
    } finally {
      this.#looking = false;
    }
    if (following !== this.#following) return this.#schedule();
    this.#looks = afterLook(this.#looks, of, Date.now(), isThrottled(session));
    this.#schedule();
  }
}

/** Whether a service answered that it is asked too often. */
function isThrottled(session: FlowSession): boolean {
  return session.state.checks
    .filter(({ step }) => step === 'readiness')
    .some(({ id }) =>
      session.evidence(id).some(({ outcome }) => outcome.kind === 'answer' && (outcome.value as { readonly status?: unknown } | null)?.status === 429),
    );
}
