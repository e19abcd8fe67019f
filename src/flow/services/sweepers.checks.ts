import * as z from 'zod';
import type { Check, Judgement } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding, whenAnswered } from '../judging.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { count, milliseconds } from '../words.ts';
import { asksFigures, whenFigures } from './figures.ts';
import { metricsCheckId } from './metrics.checks.ts';
import { asksVisibility, whenVisible } from './visible.ts';

/** Rows whose end has passed and whose state does not say so yet. */
const overdue = z.object({
  /** At most 1,001 are counted. */
  rows: z.number().int(),
  /** How long ago the first of them ended, by the clock of Postgres; null without any. */
  oldestMs: z.number().nullable(),
});

export type Overdue = z.infer<typeof overdue>;

/** Rows are counted up to this and one more. */
export const countedOverdue = 1_000;

/** What background jobs of Coordinator and api have yet to end. */
export const unfinished = subject(
  'postgres.unfinished',
  z.object({
    /** Sessions of lifecycle `task`, among the 5,000 active ones that were idle longest. */
    tasks: overdue,
    /** Sessions of lifecycle `service` whose heartbeat is missing. */
    leases: overdue,
    invocations: overdue,
    delegations: overdue,
    records: overdue,
    /** Whether the role of the Coordinator may delete delegations, without which its retention fails; null without that role. */
    mayExpireDelegations: z.boolean().nullable(),
  }),
);

type Unfinished = z.infer<typeof unfinished.schema>;

const question = unfinished.of('Postgres');

interface Job {
  readonly id: string;
  readonly title: string;
  readonly component: ServiceName;
  readonly source: string;
  readonly table: string;
  readonly part: 'tasks' | 'leases' | 'invocations' | 'records';
  /** What is overdue, such as `session`. */
  readonly one: string;
  /** Milliseconds after its end by which the job has dealt with a row. */
  readonly doneWithinMs: number;
  readonly status: 'warn' | 'fail';
  /** How often the job runs and how many rows it takes at once. */
  readonly pace: string;
  readonly effect: string;
}

const minuteMs = 60_000;

/** One statement reads all of them. */
const readsUnfinished = 'SELECT on sessions, agent_invocations, delegation_edges and authority_records: status, lifecycle and times';

/** Intervals and batches: Caracal apps/coordinator/src/config.ts:67, apps/api/src/jobs/sessions-reaper.ts:13. */
const jobs: readonly Job[] = [
  {
    id: 'CRC-SVC-004', title: 'Authority-record reaper', component: 'api', table: 'authority_records', part: 'records', one: 'record', status: 'warn',
    source: 'apps/api/src/jobs/sessions-reaper.ts', doneWithinMs: 15 * minuteMs,
    pace: 'The api ends up to 500 of them each 5 min',
    effect: 'They open nothing, because everybody compares the end itself, but the table grows and lists show them as active.',
  },
  {
    id: 'CRC-SVC-041', title: 'Session sweeper', component: 'coordinator', table: 'sessions', part: 'tasks', one: 'session', status: 'fail',
    source: 'apps/coordinator/src/jobs/ttl-sweeper.ts', doneWithinMs: 3 * minuteMs,
    pace: 'The Coordinator ends up to 500 of them each minute',
    effect: 'They count against the limits of zone and application, so that new sessions are refused at some point. No mandate is issued for them.',
  },
  {
    id: 'CRC-SVC-042', title: 'Lease sweeper', component: 'coordinator', table: 'sessions', part: 'leases', one: 'service session', status: 'fail',
    source: 'apps/coordinator/src/jobs/service-lease-sweeper.ts', doneWithinMs: 2 * minuteMs,
    pace: 'The Coordinator suspends up to 500 of them each 30 s',
    effect: 'Agents that are gone are shown as active. No mandate is issued for them.',
  },
  {
    id: 'CRC-SVC-044', title: 'Invocations', component: 'coordinator', table: 'agent_invocations', part: 'invocations', one: 'invocation', status: 'fail',
    source: 'apps/coordinator/src/jobs/deadline-enforcer.ts', doneWithinMs: minuteMs,
    pace: 'The Coordinator ends up to 500 of them each 5 s',
    effect: 'Nobody is told that they timed out, and none of them is tried again.',
  },
];

function shown({ rows }: Overdue, one: string): string {
  return rows > countedOverdue ? `over ${count(countedOverdue, one)}` : count(rows, one);
}

function judgeJob({ part, one, doneWithinMs, status, pace, effect }: Job, answer: Unfinished): Judgement {
  const found = answer[part];
  const oldest = found.oldestMs ?? 0;
  const facts = [{ name: 'past their end', value: `${shown(found, one)}${found.rows === 0 ? '' : `, the first ${milliseconds(oldest)} ago`}` }];
  if (found.rows === 0) return finding('pass', 'none overdue', `${pace} once their end has passed.`, facts);
  if (oldest <= doneWithinMs) return finding('pass', `${shown(found, one)} to end, ${milliseconds(oldest)} late at most`, `${pace}, so that a few wait at any time.`, facts);
  return finding(
    status,
    `${shown(found, one)} past their end, the first ${milliseconds(oldest)} ago`,
    `${pace}; those are left. The job does not run, fails each time, or somebody holds its advisory lock. ${effect}`,
    facts,
  );
}

/** Delegations end by the retention job, which the shipped grants let fail: Caracal apps/coordinator/src/jobs/retention-cleaner.ts. */
function judgeDelegations({ delegations, mayExpireDelegations }: Unfinished): Judgement {
  const oldest = delegations.oldestMs ?? 0;
  const harmless = 'Authority ends all the same: the STS compares the end itself.';
  if (delegations.rows === 0) return finding('pass', 'none overdue', 'No delegation is active past its end.');
  const summary = `${shown(delegations, 'delegation')} past their end`;
  if (oldest <= 30 * minuteMs) return finding('pass', summary, `The Coordinator marks them each 15 min. ${harmless}`);
  if (mayExpireDelegations === false) {
    return finding('pass', `${summary}, as this release leaves them`, `The grants that Caracal 1.0 ships do not let the Coordinator delete delegations, so that its whole retention is rolled back each time. ${harmless}`, [
      { name: 'the first ended', value: `${milliseconds(oldest)} ago` },
      { name: 'DELETE on delegation_edges for caracalcoordinator', value: 'not granted' },
    ]);
  }
  return finding('warn', `${summary}, the first ${milliseconds(oldest)} ago`, `The Coordinator may delete delegations here, and yet does not mark those that ended: its retention does not run or fails. ${harmless}`);
}

const runs = 'retention_cleaner.runs';
const failures = 'retention_cleaner.failures';

/** Background jobs by what they leave undone. */
export const sweeperChecks: readonly Check[] = [
  ...jobs.map(
    (job): Check => ({
      id: job.id,
      title: job.title,
      step: 'services',
      component: job.component,
      needs: [postgresAuthenticationId],
      asks: [question, asksVisibility],
      privilege: readsUnfinished,
      source: job.source,
      judge: (observed) => whenAnswered(observed.get(question), (answer) => whenVisible(observed, [job.table], () => judgeJob(job, answer))),
    }),
  ),
  {
    id: 'CRC-SVC-043',
    title: 'Retention cleaner',
    step: 'services',
    component: 'coordinator',
    needs: [metricsCheckId('coordinator')],
    asks: asksFigures('coordinator'),
    privilege: 'CARACAL_COORDINATOR_TOKEN',
    source: 'apps/coordinator/src/jobs/retention-cleaner.ts',
    judge: (observed) =>
      whenFigures(observed, 'coordinator', [runs, failures], ({ value, since }) => {
        const [ran, failed] = [value(runs), value(failures)];
        if (ran === 0) return finding('pass', 'no run yet', 'It runs each 15 min, for the first time 15 min after the start.');
        if (failed === 0) return finding('pass', `${count(ran, 'run')}, none failed`, 'Old sessions, delegations, receipts and published events are deleted.');
        if (failed >= ran) {
          return finding(
            'pass',
            `${failed} of ${count(ran, 'run')} failed, as in this release`,
            'The grants that Caracal 1.0 ships let every run fail and roll back. Nothing is deleted, so that ended sessions and delegations, receipts and published events stay for ever. It is known and harms nothing but the size of the tables.',
          );
        }
        const lately = since?.by(failures) ?? 0;
        return lately > 0
          ? finding('warn', `${count(lately, 'run')} failed in ${milliseconds(since?.inMs ?? 0)}`, 'Some runs succeed, so that it is not the known lack of a grant. The log of the Coordinator says retention_cleanup_failed and why.')
          : finding('pass', `${failed} of ${count(ran, 'run')} failed in the past`, 'Runs succeed, and no new failure was seen.');
      }),
  },
  {
    id: 'CRC-SVC-045',
    title: 'Delegation expiry',
    step: 'services',
    component: 'coordinator',
    needs: [postgresAuthenticationId],
    asks: [question, asksVisibility],
    privilege: readsUnfinished,
    source: 'apps/coordinator/src/jobs/retention-cleaner.ts',
    judge: (observed) => whenAnswered(observed.get(question), (answer) => whenVisible(observed, ['delegation_edges'], () => judgeDelegations(answer))),
  },
];
