import type { Deployment } from '../../targets/deployment.ts';
import { Refused } from '../../targets/failures.ts';
import type { Observer } from '../liveSource.ts';
import { redisHello, redisInfo, redisSession } from './redis.checks.ts';

export const redisDeadlineMs = 5_000;

const judged = [
  'redis_version',
  'role',
  'used_memory',
  'maxmemory',
  'maxmemory_policy',
  'aof_enabled',
  'aof_last_write_status',
  'rdb_last_bgsave_status',
];

/** `name:value` lines of INFO; only the fields that are judged are kept. */
export function infoFields(info: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of info.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    if (colon > 0 && judged.includes(name)) fields[name] = line.slice(colon + 1);
  }
  return fields;
}

const address = (deployment: Deployment): string => `${deployment.redis().host}:${deployment.redis().port}`;

const hello: Observer<{ answer: string; tookMs: number }> = {
  subject: redisHello,
  deadlineMs: redisDeadlineMs,
  asked: (deployment) => `PING without a credential to ${address(deployment)}`,
  async observe(deployment, { signal, stage }) {
    stage('connecting, or connected and waiting for the first byte');
    const startedMs = performance.now();
    const { answer } = await deployment.redis().hello(signal);
    return { answer, tookMs: Math.round(performance.now() - startedMs) };
  },
};

const session: Observer<{ user: string | null }> = {
  subject: redisSession,
  deadlineMs: redisDeadlineMs,
  asked: (deployment) => `AUTH, PING and ACL WHOAMI at ${address(deployment)}`,
  async observe(deployment, { signal, stage }) {
    stage('logging in');
    const redis = deployment.redis();
    await redis.call(['ping'], signal);
    try {
      return { user: String(await redis.call(['acl', 'whoami'], signal)) };
    } catch (error) {
      if (error instanceof Refused) return { user: null };
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
