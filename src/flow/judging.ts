import type { Finding, Judgement } from '../model/check.ts';
import type { Observation } from '../model/observation.ts';
import { milliseconds } from './words.ts';

/** A judgement that needs nothing more. */
export function finding(
  status: Finding['status'],
  summary: string,
  reasoning: string,
  facts: Finding['facts'] = [],
): Judgement {
  return { result: { status, summary, reasoning, facts } };
}

/** The judgement with what rules go by; see `verdictSchema`. */
export function signed(judgement: Judgement, ...signs: readonly string[]): Judgement {
  return { ...judgement, result: { ...judgement.result, signs } };
}

/** Why an observation has no answer, as a sign: an errno, an SQLSTATE, the word of a Redis error, `timeout`. */
export function signOf({ outcome }: Observation): string {
  return outcome.kind === 'refused' ? outcome.code : outcome.kind;
}

/** Why an observation has no answer, in words that fit a summary. */
export function lack({ outcome, tookMs }: Observation): string {
  switch (outcome.kind) {
    case 'answer':
      throw new Error('there is an answer');
    case 'refused':
      return outcome.code === 'ECONNREFUSED' ? `refused in ${milliseconds(tookMs)}` : `${outcome.code}: ${outcome.message}`;
    case 'timeout':
      return `no answer in ${milliseconds(outcome.deadlineMs)}`;
    case 'unavailable':
      return `${outcome.why}: ${outcome.wayOut}`;
    case 'cancelled':
      return 'stopped by you';
    case 'crashed':
      return `our fault: ${outcome.error}`;
  }
}

/** Judges the answer of an observation. Without an answer nothing is known: never a pass, never a failure. */
export function whenAnswered<Answer>(
  observation: Observation<Answer>,
  judge: (answer: Answer) => Judgement,
): Judgement {
  return observation.outcome.kind === 'answer' ? judge(observation.outcome.value) : notKnown(observation);
}

/** The judgement on an observation without an answer. */
export function notKnown(observation: Observation): Judgement {
  const { asked, outcome } = observation;
  const permission = outcome.kind === 'refused' && (outcome.code === '42501' || outcome.code === 'NOPERM');
  return signed(
    finding('unknown', permission ? `no permission: ${outcome.message}` : lack(observation), `${asked} had no answer, so nothing is known here.`),
    signOf(observation),
  );
}
