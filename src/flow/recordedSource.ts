import type { Observation, Question, Subject } from '../model/observation.ts';
import { questionId } from '../model/observation.ts';
import type { ObservationSource } from './source.ts';

type Subjects = readonly Subject<unknown>[];

/**
 * Answers from the observations of a saved report. A question that it does not hold, or whose answer
 * has another shape than today's checks read, is unavailable.
 *
 * @param at Local clock of the record, ISO 8601, for what it does not hold.
 */
export function recordedSource(observations: readonly Observation[], at: string, subjects: Subjects): ObservationSource {
  const find = recordedIn(observations, subjects);
  return {
    ask: (question) =>
      Promise.resolve(find(question) ?? unavailable(question, at, 'the record does not hold this', 'run the flow on the live deployment')),
  };
}

/** Answers questions about an earlier run from its observations. */
export function earlierSource(observations: readonly Observation[], subjects: Subjects): ObservationSource {
  const find = recordedIn(observations, subjects);
  return {
    ask(question) {
      const now: Question = { subject: question.subject, of: question.of, ...(question.sample === undefined ? {} : { sample: question.sample }) };
      const before = find(now);
      return Promise.resolve(
        before ? { ...before, id: questionId(question), question } : unavailable(question, new Date().toISOString(), 'no earlier run', 'run again'),
      );
    },
  };
}

function recordedIn(observations: readonly Observation[], subjects: Subjects): (question: Question) => Observation | undefined {
  const recorded = new Map(observations.map((observation) => [observation.id, observation]));
  const bySubject = new Map(subjects.map((subject) => [subject.name, subject]));
  return (question) => {
    const observation = recorded.get(questionId(question));
    if (observation?.outcome.kind !== 'answer') return observation;
    if (bySubject.get(question.subject)?.schema.safeParse(observation.outcome.value).success) return observation;
    return unavailable(question, observation.at, 'the record holds this in another shape', 'run the flow on the live deployment');
  };
}

function unavailable(question: Question, at: string, why: string, wayOut: string): Observation {
  const id = questionId(question);
  return { id, question, asked: id, at, tookMs: 0, outcome: { kind: 'unavailable', why, wayOut } };
}
