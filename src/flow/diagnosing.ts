/** Looks for the causes of what the verdicts of a target say. Pure. */
import { diagnose } from '../diagnosis/diagnose.ts';
import type { Diagnosed } from '../diagnosis/diagnose.ts';
import type { Change, LoggedMessage, Situation } from '../diagnosis/situation.ts';
import type { Verdict } from '../model/check.ts';
import type { Observation } from '../model/observation.ts';
import { checksOf } from './catalogue.ts';
import { logFindings, recentIn } from './logs.checks.ts';

/** What the verdicts of a target and the observations that they rest on say together. */
export function situationOf(kind: string, verdicts: readonly Verdict[], observations: readonly Observation[]): Situation {
  return { checks: checksOf(kind), verdicts, logged: observations.flatMap(loggedIn), changes: verdicts.flatMap(changesIn) };
}

/** The causes of what the verdicts of a target say, and the checks that would tell more. */
export function causesOf(kind: string, verdicts: readonly Verdict[], observations: readonly Observation[]): Diagnosed {
  return diagnose(situationOf(kind, verdicts, observations));
}

function loggedIn({ id, question, outcome }: Observation): readonly LoggedMessage[] {
  if (question.subject !== logFindings.name || outcome.kind !== 'answer') return [];
  const answer = logFindings.schema.safeParse(outcome.value);
  return answer.success ? recentIn(answer.data).map((finding) => ({ ...finding, observation: id })) : [];
}

/** The checks that tell of changes, of each kind of target: a fact for each second in which something changed. */
const tellsOfChanges = ['CRC-SVC-109', 'CRC-SVC-212'];

function changesIn({ check, facts, observations }: Verdict): readonly Change[] {
  if (!tellsOfChanges.includes(check)) return [];
  return facts.flatMap(({ name, value }) => (/^\d{4}-\d\d-\d\dT/.test(name) ? [{ at: name, what: value, observations }] : []));
}
