import type { Observation, Question, Subject } from '../model/observation.ts';
import { questionId } from '../model/observation.ts';
import type { Report } from '../model/report.ts';
import type { ObservationSource } from './source.ts';

/**
 * Answers from the observations of a saved report. A question that the report does not hold, or
 * whose answer has another shape than today's checks read, is unavailable.
 */
export function recordedSource(report: Report, subjects: readonly Subject<unknown>[]): ObservationSource {
  const recorded = new Map(report.observations.map((observation) => [observation.id, observation]));
  const bySubject = new Map(subjects.map((subject) => [subject.name, subject]));
  return {
    ask(question: Question): Promise<Observation> {
      const id = questionId(question);
      const observation = recorded.get(id);
      if (!observation) return Promise.resolve(unavailable(question, id, report, 'the record does not hold this'));
      const { outcome } = observation;
      if (outcome.kind === 'answer' && !bySubject.get(question.subject)?.schema.safeParse(outcome.value).success) {
        return Promise.resolve(unavailable(question, id, report, 'the record holds this in another shape'));
      }
      return Promise.resolve(observation);
    },
  };
}

function unavailable(question: Question, id: string, report: Report, why: string): Observation {
  return {
    id,
    question,
    asked: id,
    at: report.startedAt,
    tookMs: 0,
    outcome: { kind: 'unavailable', why, wayOut: 'run the flow on the live deployment' },
  };
}
