import { setTimeout as wait } from 'node:timers/promises';
import type { Observation, Outcome, Question, Subject } from '../model/observation.ts';
import { questionId } from '../model/observation.ts';
import type { Deployment } from '../targets/deployment.ts';
import { Refused, Unavailable } from '../targets/failures.ts';
import type { ObservationSource } from './source.ts';

/** Before a second or later look: long enough for the traffic of a small deployment to show. */
const betweenLooksMs = 2_000;

/** One question being put to a live deployment. */
export interface Ask {
  /** The component asked, as in the question. */
  readonly of: string;
  readonly signal: AbortSignal;
  /** Tells how far the asking has come; a timeout names it. */
  stage(words: string): void;
}

/** How one subject is asked of a live deployment. Observes and judges nothing. */
export interface Observer<Answer> {
  readonly subject: Subject<Answer>;
  /** Milliseconds after which the question ends as a timeout, the wait before another look not counted. */
  readonly deadlineMs: number;
  /** Milliseconds to wait before another look. Default `betweenLooksMs`. */
  readonly betweenLooksMs?: number;
  /** The question in words that a person could type again. May throw `Unavailable`. */
  asked(deployment: Deployment, of: string): string;
  /** @throws Refused, Unavailable; anything else counts as a crash of ours. */
  observe(deployment: Deployment, ask: Ask): Promise<Answer>;
}

/**
 * Answers from a live deployment, by the observer of the question's subject; what an earlier run had,
 * from `before`.
 */
export function liveSource(deployment: Deployment, observers: readonly Observer<unknown>[], before: ObservationSource): ObservationSource {
  const bySubject = new Map(observers.map((observer) => [observer.subject.name, observer]));
  return {
    async ask(question: Question, signal: AbortSignal): Promise<Observation> {
      if (question.earlier) return before.ask(question, signal);
      const id = questionId(question);
      const at = new Date().toISOString();
      const startedMs = performance.now();
      let asked = id;
      const ended = (outcome: Outcome): Observation => ({
        id,
        question,
        asked,
        at,
        tookMs: Math.round((performance.now() - startedMs) * 10) / 10,
        outcome,
      });
      const observer = bySubject.get(question.subject);
      if (!observer) return ended({ kind: 'crashed', error: 'Error', message: `nothing observes ${question.subject}` });
      let stage = 'before anything was sent';
      const waitMs = question.sample === undefined ? 0 : (observer.betweenLooksMs ?? betweenLooksMs);
      const deadline = AbortSignal.timeout(observer.deadlineMs + waitMs);
      const either = AbortSignal.any([signal, deadline]);
      const cut = new Promise<Outcome>((resolve) => {
        const end = (): void => {
          resolve(signal.aborted ? { kind: 'cancelled' } : { kind: 'timeout', deadlineMs: observer.deadlineMs, stage });
        };
        if (either.aborted) end();
        else either.addEventListener('abort', end, { once: true });
      });
      const answer = (async (): Promise<Outcome> => {
        try {
          asked = observer.asked(deployment, question.of);
          if (waitMs > 0) {
            stage = 'between two looks';
            await wait(waitMs, undefined, { signal: either });
          }
          const ask: Ask = { of: question.of, signal: either, stage: (words) => (stage = words) };
          return { kind: 'answer', value: await observer.observe(deployment, ask) };
        } catch (error) {
          return failure(error);
        }
      })();
      return ended(await Promise.race([cut, answer]));
    },
  };
}

function failure(error: unknown): Outcome {
  if (error instanceof Refused) return { kind: 'refused', code: error.code, message: error.message };
  if (error instanceof Unavailable) return { kind: 'unavailable', why: error.message, wayOut: error.wayOut };
  if (error instanceof Error) return { kind: 'crashed', error: error.name, message: error.message };
  return { kind: 'crashed', error: typeof error, message: String(error) };
}
