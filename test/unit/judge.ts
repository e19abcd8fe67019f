import { checks } from '../../src/flow/catalogue.ts';
import { composeContainers } from '../../src/flow/containers.ts';
import { logFindings } from '../../src/flow/logs.checks.ts';
import { run } from '../../src/flow/runner.ts';
import type { Verdict } from '../../src/model/check.ts';
import { questionId } from '../../src/model/observation.ts';
import type { Outcome } from '../../src/model/observation.ts';

export const answer = (value: unknown): Outcome => ({ kind: 'answer', value });
export const refused = (code: string, message = 'refused'): Outcome => ({ kind: 'refused', code, message });
export const timeout = (deadlineMs: number): Outcome => ({ kind: 'timeout', deadlineMs, stage: 'waiting' });

/** The local clock of every judgement. */
export const nowMs = Date.parse('2026-08-20T10:00:00.000Z');

const noEarlierRun: Outcome = { kind: 'unavailable', why: 'no earlier run', wayOut: 'run again' };
const noLog: Outcome = { kind: 'unavailable', why: 'no log', wayOut: 'give logs in the target' };
const noContainers: Outcome = { kind: 'unavailable', why: 'the target gives addresses only', wayOut: 'pick the Compose project' };

/** What a target that is reached by addresses does not have, by subject. */
const absent: Readonly<Record<string, Outcome>> = { [composeContainers.name]: noContainers, [logFindings.name]: noLog };

/**
 * The verdict that one check of the catalogue gives on these outcomes, by question id, whatever it needs. Without one, there
 * was no earlier run, and the target is reached by addresses.
 *
 * @param ages Seconds before now at which an outcome was observed, by question id; 0 for all others.
 */
export async function judge(id: string, outcomes: Readonly<Record<string, Outcome>>, ages: Readonly<Record<string, number>> = {}): Promise<Verdict> {
  const check = checks.find((candidate) => candidate.id === id);
  if (!check) throw new Error(`no check ${id}`);
  const { verdicts } = await run({
    checks: [{ ...check, needs: [] }],
    signal: new AbortController().signal,
    source: {
      ask(question) {
        const asked = questionId(question);
        const outcome = outcomes[asked] ?? (question.earlier ? noEarlierRun : absent[question.subject]);
        if (!outcome) throw new Error(`the test has no outcome for ${asked}`);
        const at = new Date(nowMs - (ages[asked] ?? 0) * 1_000).toISOString();
        return Promise.resolve({ id: asked, question, asked, at, tookMs: 1, outcome });
      },
    },
  });
  const [verdict] = verdicts;
  if (!verdict) throw new Error('no verdict');
  return verdict;
}
