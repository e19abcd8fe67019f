import * as z from 'zod';
import { questionId, subject } from '../model/observation.ts';
import type { ObservationSource } from './source.ts';

/** What the user says to a call that the API may refuse, which would write a row to its admin audit. */
export const consent = subject(
  'user.consent',
  z.object({
    given: z.boolean(),
    /** The zone that the user has in view; null when none was named. */
    zone: z.string().nullable(),
    /** False when the target gives no admin token, so that there is nothing to agree to. */
    token: z.boolean(),
  }),
);

/** Wanted by what would ask the API with a token that is not known to be live. */
export const asksConsent = consent.of('api');

/** Answers the question for consent, and leaves all others to `source`. */
export function withConsent(source: ObservationSource, answer: z.infer<typeof consent.schema>): ObservationSource {
  return {
    ask: (question, signal) =>
      question.subject === consent.name && !question.earlier
        ? Promise.resolve({
            id: questionId(question),
            question,
            asked: 'the user, whether to make a call that the API may refuse',
            at: new Date().toISOString(),
            tookMs: 0,
            outcome: { kind: 'answer', value: answer },
          })
        : source.ask(question, signal),
  };
}
