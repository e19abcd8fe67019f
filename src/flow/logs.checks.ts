/** What the services themselves say beside a check that is red: facts of it, never a reason to judge otherwise. */
import * as z from 'zod';
import { sourcesOf } from '../caracal/logSources.ts';
import { speakingMessages } from '../caracal/speakingMessages.ts';
import type { Check, Fact, Observed } from '../model/check.ts';
import { subject } from '../model/observation.ts';
import type { Question } from '../model/observation.ts';
import { count } from './words.ts';

/** Known messages at the end of the logs of a source. Times are ISO 8601 by the clock of whoever logged. */
export const logFindings = subject(
  'logs.findings',
  z.object({
    records: z.number(),
    from: z.string().nullable(),
    to: z.string().nullable(),
    findings: z.array(z.object({ id: z.string(), count: z.number(), firstAt: z.string().nullable(), lastAt: z.string().nullable() })),
  }),
);

type Answer = z.infer<typeof logFindings.schema>;

/** What was said longer before the end of the log is of the past. */
const recentMs = 10 * 60_000;
const mostFacts = 3;

/** The check, which, where it fails or warns, also tells what the logs say of it. */
export function withLogs(check: Check): Check {
  const messages = speakingMessages[check.id];
  if (messages === undefined) return check;
  const questions = sourcesOf(messages).map((source) => logFindings.of(source));
  return {
    ...check,
    messages,
    judge: (observed) => {
      const judgement = check.judge(observed);
      const { result, wants = [] } = judgement;
      if (result.status !== 'fail' && result.status !== 'warn') return judgement;
      const facts = factsOf(messages, questions, observed);
      if (facts === undefined) return { result, wants: [...wants, ...questions] };
      return { result: { ...result, facts: [...(result.facts ?? []), ...facts] }, wants };
    },
  };
}

/** Undefined while the logs were not asked. What cannot be read says nothing; why is in its observation. */
function factsOf(messages: readonly string[], questions: readonly Question<Answer>[], observed: Observed): readonly Fact[] | undefined {
  const asked = questions.map((question) => observed.find(question));
  if (asked.some((observation) => observation === undefined)) return undefined;
  const found = asked.flatMap((observation) => (observation?.outcome.kind === 'answer' ? recentIn(observation.outcome.value) : [])).filter(({ id }) => messages.includes(id));
  return found
    .toSorted((one, other) => (other.lastAt ?? '').localeCompare(one.lastAt ?? ''))
    .slice(0, mostFacts)
    .map(({ id, count: times, lastAt }) => {
      const colon = id.indexOf(':');
      return { name: `log of ${id.slice(0, colon)}`, value: `${id.slice(colon + 2)}: ${count(times, 'time')}${lastAt === null ? '' : `, last at ${lastAt.slice(11, 19)} UTC`}` };
    });
}

/** Those that were said lately, by the end of the log. */
export function recentIn({ findings, to }: Answer): Answer['findings'] {
  return findings.filter(({ lastAt }) => to === null || lastAt === null || Date.parse(to) - Date.parse(lastAt) <= recentMs);
}
