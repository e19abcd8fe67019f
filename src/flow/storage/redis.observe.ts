import type * as z from 'zod';
import type { Deployment } from '../../targets/deployment.ts';
import { Refused } from '../../targets/failures.ts';
import type { Observer } from '../liveSource.ts';
import { redisHello, redisInfo, redisSession } from './redisFacts.ts';

export const redisDeadlineMs = 5_000;


const judged: ReadonlySet<string> = new Set([
  'redis_version', 'valkey_version', 'server_name', 'redis_mode', 'run_id', 'uptime_in_seconds', 'server_time_usec', 'cluster_enabled',
  'role', 'master_link_status', 'connected_slaves',
  'loading', 'loading_loaded_perc', 'loading_eta_seconds',
  'used_memory', 'maxmemory', 'maxmemory_policy', 'evicted_keys',
  'connected_clients', 'maxclients', 'blocked_clients', 'rejected_connections',
  'aof_enabled', 'aof_last_write_status', 'aof_last_bgrewrite_status', 'aof_rewrite_in_progress', 'aof_current_size', 'aof_base_size',
  'rdb_last_bgsave_status',
  'errorstat_OOM', 'errorstat_MISCONF', 'errorstat_READONLY', 'errorstat_NOREPLICAS',
]);

/** `name:value` lines of INFO; only the fields that are judged are kept, and of replicas no addresses. */
export function infoFields(info: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of info.split('\r\n')) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1)];
    if (colon > 0 && judged.has(name)) fields[name] = value;
    if (/^slave\d+$/.test(name)) fields[name] = value.split(',').filter((part) => /^(?:state|lag)=/.test(part)).join(', ');
  }
  return fields;
}

const address = (deployment: Deployment): string => `${deployment.redis().host}:${deployment.redis().port}`;

const hello: Observer<z.infer<typeof redisHello.schema>> = {
  subject: redisHello,
  deadlineMs: redisDeadlineMs,
  asked: (deployment) => `PING without a credential to ${address(deployment)}`,
  async observe(deployment, { signal, stage }) {
    stage('connecting, or connected and waiting for the first byte');
    const startedMs = performance.now();
    const redis = deployment.redis();
    const { answer } = await redis.hello(signal);
    return { answer, tookMs: Math.round(performance.now() - startedMs), forwarded: redis.forwarded };
  },
};

const session: Observer<{ user: string | null }> = {
  subject: redisSession,
  deadlineMs: redisDeadlineMs,
  asked: (deployment) => `AUTH and ACL WHOAMI at ${address(deployment)}`,
  async observe(deployment, { signal, stage }) {
    stage('logging in');
    try {
      return { user: String(await deployment.redis().call(['acl', 'whoami'], signal)) };
    } catch (error) {
      // Whoever may not ask this, or asks a server that does not know it, was let in.
      if (error instanceof Refused && (error.code === 'NOPERM' || (error.code === 'ERR' && error.message.includes('unknown')))) return { user: null };
      throw error;
    }
  },
};

const info: Observer<Record<string, string>> = {
  subject: redisInfo,
  deadlineMs: redisDeadlineMs,
  asked: (deployment) => `INFO of ${address(deployment)}`,
  async observe(deployment, { signal, stage }) {
    stage('waiting for Redis');
    return infoFields(String(await deployment.redis().call(['info'], signal)));
  },
};

export const redisObservers = [hello, session, info];
