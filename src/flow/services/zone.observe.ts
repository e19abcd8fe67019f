import type * as z from 'zod';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { zoneContent } from './zone.checks.ts';

const observer: Observer<z.infer<typeof zoneContent.schema>> = {
  subject: zoneContent,
  deadlineMs: postgresDeadlineMs,
  asked: (_deployment, of) => `what is registered in zone ${of}: counts, and names of expired applications`,
  async observe(deployment, { of, signal, stage }) {
    stage('waiting for Postgres');
    const [row = {}] = await deployment.postgres().query(
      `SELECT (SELECT name FROM zones WHERE id = $1) AS name,
              (SELECT count(*)::int FROM resources WHERE zone_id = $1 AND archived_at IS NULL) AS resources,
              (SELECT count(*)::int FROM providers WHERE zone_id = $1 AND archived_at IS NULL) AS providers,
              (SELECT count(*)::int FROM applications WHERE zone_id = $1 AND archived_at IS NULL) AS applications,
              ARRAY(SELECT name FROM applications
                     WHERE zone_id = $1 AND archived_at IS NULL AND registration_method = 'managed' AND expires_at <= statement_timestamp()
                     ORDER BY expires_at DESC LIMIT 20) AS expired`,
      [of],
      signal,
    );
    return {
      name: typeof row['name'] === 'string' ? row['name'] : '',
      resources: Number(row['resources']),
      applications: Number(row['applications']),
      expired: (row['expired'] as string[] | null) ?? [],
      providers: Number(row['providers']),
    };
  },
};

export const zoneContentObservers = [observer];
