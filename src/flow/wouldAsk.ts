import type { Check } from '../model/check.ts';
import type { Observation, Question } from '../model/observation.ts';
import { questionId } from '../model/observation.ts';
import type { Deployment } from '../targets/deployment.ts';
import { withConsent } from './consent.ts';
import type { Observer } from './liveSource.ts';
import { run } from './runner.ts';

/**
 * What a check would ask beyond its observations if the user agreed to it, in words that a person could
 * type again. Nothing is asked for this; empty when the check would still not know what to ask.
 */
export async function wouldAsk(
  check: Check,
  observations: readonly Observation[],
  deployment: Deployment,
  observers: readonly Observer<unknown>[],
): Promise<readonly string[]> {
  const known = new Map(observations.map((observation) => [observation.id, observation]));
  const wanted: Question[] = [];
  await run({
    checks: [{ ...check, needs: [] }],
    signal: new AbortController().signal,
    source: withConsent(
      {
        ask(question) {
          const id = questionId(question);
          const observation = known.get(id);
          if (observation) return Promise.resolve(observation);
          wanted.push(question);
          const outcome = { kind: 'unavailable', why: 'not asked yet', wayOut: 'run the check' } as const;
          return Promise.resolve({ id, question, asked: id, at: new Date().toISOString(), tookMs: 0, outcome });
        },
      },
      { given: true, zone: deployment.target.zone ?? null, token: true },
    ),
  });
  return wanted.flatMap(({ subject, of }) => observers.find((observer) => observer.subject.name === subject)?.asked(deployment, of) ?? []);
}
