import type * as z from 'zod';
import type { Observer } from '../liveSource.ts';
import { postgresHello, postgresSession } from './postgres.checks.ts';

/** Longer than the 5 s after which Caracal's own Node services give a connection up. */
export const postgresDeadlineMs = 6_000;

const hello: Observer<z.infer<typeof postgresHello.schema>> = {
  subject: postgresHello,
  deadlineMs: postgresDeadlineMs,
  // Whether it was slow by chance is seen at once.
  betweenLooksMs: 0,
  asked: (deployment) => `TLS request to Postgres at ${deployment.postgres().host}:${deployment.postgres().port}`,
  async observe(deployment, { signal, stage }) {
    stage('connecting, or connected and waiting for the first byte');
    const startedMs = performance.now();
    const postgres = deployment.postgres();
    const { tls } = await postgres.hello(signal);
    return { tls, tookMs: Math.round(performance.now() - startedMs), forwarded: postgres.forwarded };
  },
};

const session: Observer<{ user: string; database: string; superuser: boolean; version: number; now: string }> = {
  subject: postgresSession,
  deadlineMs: postgresDeadlineMs,
  asked: (deployment) => `session of ${deployment.postgres().user} at ${deployment.postgres().host}:${deployment.postgres().port}`,
  async observe(deployment, { signal, stage }) {
    stage('opening a session');
    const [row = {}] = await deployment.postgres().query(
      `SELECT current_user::text AS "user", current_database()::text AS database,
              (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
              current_setting('server_version_num')::int AS version,
              to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS now`,
      [],
      signal,
    );
    return {
      user: String(row['user']),
      database: String(row['database']),
      superuser: row['superuser'] === true,
      version: Number(row['version']),
      now: String(row['now']),
    };
  },
};

export const postgresObservers = [hello, session];
