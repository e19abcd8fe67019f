import * as z from 'zod';
import { auditExportLeaderLock, auditRetentionLeaderLock } from '../../caracal/advisoryLocks.ts';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { auditLeaders } from './auditService.checks.ts';

const holders = (lock: string): string =>
  `ARRAY(SELECT coalesce(a.usename::text, '') FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
          WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND ((l.classid::bigint << 32) | l.objid::bigint) = ${lock})`;

const statement = `
  SELECT ${holders(auditRetentionLeaderLock)} AS retention, ${holders(auditExportLeaderLock)} AS export,
         count(*) FILTER (WHERE usename = 'caracalaudit' AND datname = current_database())::int AS sessions,
         (max(extract(epoch FROM statement_timestamp() - backend_start)) FILTER (WHERE usename = 'caracalaudit' AND datname = current_database()) * 1000)::float8 AS oldest
    FROM pg_stat_activity`;

const observer: Observer<z.infer<typeof auditLeaders.schema>> = {
  subject: auditLeaders,
  deadlineMs: postgresDeadlineMs,
  asked: () => 'holders of the two leader locks of Audit in pg_locks, and sessions of caracalaudit',
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const [row = {}] = await deployment.postgres().query(statement, [], signal);
    const roles = z.array(z.string());
    return {
      retention: { holders: roles.parse(row['retention']) },
      export: { holders: roles.parse(row['export']) },
      sessions: Number(row['sessions']),
      oldestMs: row['oldest'] === null || row['oldest'] === undefined ? null : Number(row['oldest']),
    };
  },
};

export const auditServiceObservers = [observer];
