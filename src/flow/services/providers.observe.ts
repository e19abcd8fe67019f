import type * as z from 'zod';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { redisDeadlineMs } from '../storage/redis.observe.ts';
import { numberOrNull, textOrNull } from '../values.ts';
import { openCircuits, providers, providersSeen, refreshingKinds } from './providers.checks.ts';

const statement = `
  SELECT p.id, p.name, p.zone_id, p.provider_kind,
         (extract(epoch FROM statement_timestamp() - p.connectivity_failed_at) * 1000)::float8 AS failed,
         EXISTS (SELECT FROM resources r WHERE r.credential_provider_id = p.id AND r.archived_at IS NULL) AS used,
         EXISTS (SELECT FROM provider_connections c WHERE c.zone_id = p.zone_id AND c.provider_id = p.id AND c.status = 'active') AS connected,
         (SELECT c.status FROM provider_connections c WHERE c.zone_id = p.zone_id AND c.subject_id = 'caracal:shared' AND c.provider_id = p.id
           ORDER BY c.status = 'active' DESC, c.updated_at DESC LIMIT 1) AS shared
    FROM providers p
   WHERE p.archived_at IS NULL AND (p.provider_kind = ANY($1) OR p.connectivity_failed_at IS NOT NULL)
   ORDER BY p.connectivity_failed_at DESC NULLS LAST, p.id LIMIT ${providersSeen}`;

const connections: Observer<z.infer<typeof providers.schema>> = {
  subject: providers,
  deadlineMs: postgresDeadlineMs,
  asked: () => `at most ${providersSeen} live providers with a token endpoint or a failed test, and whether anybody is connected`,
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const rows = await deployment.postgres().query(statement, [[...refreshingKinds]], signal);
    return {
      providers: rows.map((row) => ({
        id: String(row['id']),
        name: String(row['name']),
        zone: String(row['zone_id']),
        kind: String(row['provider_kind']),
        failedMs: numberOrNull(row['failed']),
        used: row['used'] === true,
        connected: row['connected'] === true,
        shared: textOrNull(row['shared']),
      })),
    };
  },
};

const keyOf = (provider: string): string => `provider-refresh-circuit:${provider}`;

/** One command for all; which of them it is, is asked only when there is one. */
const circuits: Observer<z.infer<typeof openCircuits.schema>> = {
  subject: openCircuits,
  deadlineMs: redisDeadlineMs,
  asked: (_deployment, of) => `EXISTS ${of.split(',').map(keyOf).join(' ')}`,
  async observe(deployment, { of, signal, stage }) {
    stage('waiting for Redis');
    const redis = deployment.redis();
    const ids = of.split(',');
    const there = async (...keys: readonly string[]): Promise<number> => Number(await redis.call(['exists', ...keys], signal));
    if ((await there(...ids.map(keyOf))) === 0) return { open: [] };
    const open = await Promise.all(ids.map(async (id) => ((await there(keyOf(id))) > 0 ? [id] : [])));
    return { open: open.flat() };
  },
};

export const providerObservers = [connections, circuits];
