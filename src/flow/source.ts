import type { Observation, Question } from '../model/observation.ts';

/**
 * What everything that judges knows of a deployment: something that answers questions with
 * observations. It never rejects; an answer that could not be had is an observation that says why.
 */
export interface ObservationSource {
  ask(question: Question, signal: AbortSignal): Promise<Observation>;
}
