import type * as z from 'zod';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { countedOverdue, unfinished } from './sweepers.checks.ts';

/** Rows by their end, at most one more than is shown; each inner query walks an index and stops early. */
const overdue = (ends: string): string =>
  `(SELECT json_build_object('rows', count(*), 'oldestMs', extract(epoch FROM statement_timestamp() - min(ended)) * 1000)
      FROM (${ends} LIMIT ${countedOverdue + 1}) AS overdue)`;

/**
 * Each part has a partial index of its own but tasks, whose end is computed: of these the 5,000 that were
 * idle longest are looked at, by the index on `last_active_at`.
 */
const statement = `
  SELECT ${overdue(`SELECT started_at + ttl_seconds * interval '1 second' AS ended
                      FROM (SELECT lifecycle, started_at, ttl_seconds FROM sessions WHERE status = 'active' ORDER BY last_active_at LIMIT 5000) AS idle
                     WHERE lifecycle <> 'service' AND started_at + ttl_seconds * interval '1 second' < statement_timestamp()`)} AS tasks,
         ${overdue(`SELECT heartbeat_deadline_at AS ended FROM sessions
                     WHERE status = 'active' AND lifecycle = 'service' AND heartbeat_deadline_at < statement_timestamp() ORDER BY heartbeat_deadline_at`)} AS leases,
         ${overdue(`SELECT deadline_at AS ended FROM agent_invocations
                     WHERE status = 'running' AND deadline_at < statement_timestamp() ORDER BY deadline_at`)} AS invocations,
         ${overdue(`SELECT expires_at AS ended FROM delegation_edges
                     WHERE status = 'active' AND expires_at < statement_timestamp() ORDER BY expires_at`)} AS delegations,
         ${overdue(`SELECT expires_at AS ended FROM authority_records
                     WHERE status = 'active' AND expires_at < statement_timestamp() ORDER BY expires_at`)} AS records,
         (SELECT has_table_privilege(oid, 'delegation_edges', 'DELETE') FROM pg_roles WHERE rolname = 'caracalcoordinator') AS may_expire`;

const observer: Observer<z.infer<typeof unfinished.schema>> = {
  subject: unfinished,
  deadlineMs: postgresDeadlineMs,
  asked: () => 'counts and ages of active sessions, leases, invocations, delegations and authority records past their end',
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const [row = {}] = await deployment.postgres().query(statement, [], signal);
    return unfinished.schema.parse({
      tasks: row['tasks'],
      leases: row['leases'],
      invocations: row['invocations'],
      delegations: row['delegations'],
      records: row['records'],
      mayExpireDelegations: row['may_expire'] ?? null,
    });
  },
};

export const sweeperObservers = [observer];
