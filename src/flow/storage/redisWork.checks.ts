import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { finding, notKnown, signed, whenAnswered } from '../judging.ts';
import { bytes, count, milliseconds } from '../words.ts';
import { between, earlierInfo, figure, info, looks, redisAuthenticationId, redisComponent, redisInfo, redisLoadingId, sameServer } from './redisFacts.ts';
import type { RedisFields } from './redisFacts.ts';

/** Part of `maxclients` from which a restart of all services, which connect anew at once, may find no room. */
const clientsAttention = 0.75;

function judgePersistence(fields: RedisFields): Judgement {
  const { aof_enabled: enabled, aof_last_write_status: write, rdb_last_bgsave_status: snapshot } = fields;
  if (enabled === undefined) return finding('unknown', 'INFO does not tell it: managed Redis may hide it', 'INFO has no section persistence.');
  const failed = [
    ...(enabled === '1' && write !== undefined && write !== 'ok' ? ['append-only file'] : []),
    ...(snapshot !== undefined && snapshot !== 'ok' ? ['snapshot'] : []),
  ];
  if (failed.length > 0) {
    return finding('fail', `last write failed: ${failed.join(', ')}`, 'Redis could not write to its disk. With stop-writes-on-bgsave-error it refuses writes as well (MISCONF).');
  }
  return enabled === '1'
    ? finding('pass', 'append-only file on, last write ok', 'A crash loses at most one second.')
    : finding('warn', 'append-only file off', 'A restart loses everything since the last snapshot: revocations, replay guards, streams and their groups.');
}

function judgeClients(fields: RedisFields, before: RedisFields | undefined): Judgement {
  const [connected, limit] = [figure(fields, 'connected_clients'), figure(fields, 'maxclients')];
  if (connected === undefined) return finding('unknown', 'INFO does not tell it', 'INFO has no connected_clients.');
  const [rejected, blocked] = [figure(fields, 'rejected_connections') ?? 0, figure(fields, 'blocked_clients')];
  const facts: Fact[] = [
    ...(blocked === undefined ? [] : [{ name: 'waiting for work', value: String(blocked) }]),
    { name: 'refused since its start', value: String(rejected) },
  ];
  const since = before && rejected - (figure(before, 'rejected_connections') ?? rejected);
  if (since) {
    return finding('warn', `${since} refused since the earlier run, ${connected} connected`, 'Redis refused connections because maxclients was reached: what wanted to connect could not work meanwhile.', facts);
  }
  if (limit === undefined || limit === 0) return finding('pass', `${connected}, limit not told`, 'INFO has no maxclients.', facts);
  const shown = `${connected.toLocaleString('en-US')} of ${limit.toLocaleString('en-US')}`;
  return connected >= clientsAttention * limit
    ? finding('warn', `${shown} connected`, 'At maxclients Redis refuses every further connection. Services that wait for stream entries hold one connection each, so some are always blocked.', facts)
    : finding('pass', shown, 'There is room for more. Services that wait for stream entries hold one connection each.', facts);
}

function judgeRewrite(fields: RedisFields): Judgement {
  if (fields['aof_enabled'] === undefined) return finding('unknown', 'INFO does not tell it: managed Redis may hide it', 'INFO has no section persistence.');
  if (fields['aof_enabled'] !== '1') return finding('not-applicable', 'append-only file off', 'Without an append-only file there is nothing to rewrite.');
  const [size, base] = [figure(fields, 'aof_current_size'), figure(fields, 'aof_base_size')];
  const facts: Fact[] = [
    ...(size === undefined ? [] : [{ name: 'size', value: bytes(size) }]),
    ...(base === undefined ? [] : [{ name: 'size after the last rewrite', value: bytes(base) }]),
    { name: 'under way', value: fields['aof_rewrite_in_progress'] === '1' ? 'yes' : 'no' },
  ];
  const status = fields['aof_last_bgrewrite_status'];
  return status === undefined || status === 'ok'
    ? finding('pass', size === undefined ? 'last one ok' : `last one ok, ${bytes(size)}`, 'The append-only file is made shorter in the background.', facts)
    : finding('warn', `last one failed${size === undefined ? '' : `, file has ${bytes(size)}`}`, 'Redis could not make its append-only file shorter: it grows until the disk is full, and then writes are refused.', facts);
}

/** Errors by which Redis refuses a write for a reason of its own. */
const refusals: Readonly<Record<string, string>> = {
  errorstat_OOM: 'OOM',
  errorstat_MISCONF: 'MISCONF',
  errorstat_READONLY: 'READONLY',
  errorstat_NOREPLICAS: 'NOREPLICAS',
};

/** `errorstat_OOM:count=12` */
function refused(fields: RedisFields, name: string): number {
  return Number(/^count=(\d+)$/.exec(fields[name] ?? '')?.[1] ?? 0);
}

/** `OOM 12, MISCONF 1` → OOM, MISCONF */
function wordsOf(risen: string): readonly string[] {
  return Object.values(refusals).filter((word) => risen.includes(word));
}

/** What was refused between two readings: `OOM 12, MISCONF 1`; empty when nothing was. */
function risen(before: RedisFields, now: RedisFields): string {
  return Object.entries(refusals)
    .flatMap(([name, word]) => {
      const increase = refused(now, name) - refused(before, name);
      return increase > 0 ? [`${word} ${increase}`] : [];
    })
    .join(', ');
}

function judgeRefusals(observed: Observed, first: RedisFields): Judgement {
  const total = Object.keys(refusals).reduce((sum, name) => sum + refused(first, name), 0);
  if (total === 0) return finding('pass', 'none since its start', 'Redis counts errors by their first word; it refused no write for lack of memory, disk, replicas or its role.');
  const facts: Fact[] = [{ name: 'refused since its start', value: risen({}, first) }];
  const before = sameServer(observed.get(earlierInfo), first);
  const since = before === undefined ? '' : risen(before, first);
  if (before !== undefined && since === '') {
    return finding('pass', `none since the earlier run, ${total} before`, 'Redis refused writes at some time, and none since the earlier run.', facts);
  }
  const taken = [first];
  for (let look = 2; look <= looks; look += 1) {
    const next = observed.find(redisInfo.of('Redis', look));
    if (!next) {
      return {
        result: { status: 'unknown', summary: `${count(total, 'write')} refused since its start: one look is not enough`, reasoning: 'Whether it still refuses writes takes more looks.', facts },
        wants: [redisInfo.of('Redis', look)],
      };
    }
    if (next.outcome.kind !== 'answer') return notKnown(next);
    taken.push(next.outcome.value);
  }
  const last = taken.at(-1) ?? first;
  const now = risen(first, last);
  if (now !== '') {
    const window = between(first, last);
    return signed(finding('fail', `${now}${window === undefined ? '' : ` in ${milliseconds(window)}`}`, 'Redis refuses writes now: nothing can be published, acknowledged or counted. Its memory, persistence and role tell why.', facts), ...wordsOf(now));
  }
  return since === ''
    ? finding('pass', `none now, ${total} since its start`, 'Redis refused writes at some time and does not do so now.', facts)
    : finding('warn', `${since} since the earlier run, none now`, 'Redis refused writes since the earlier run; producers kept what they could in their outboxes and replay folders.', facts);
}

/** While it loads, Redis says that it keeps no append-only file, whatever is configured. */
const whenLoaded = [redisAuthenticationId, redisLoadingId] as const;

const base = { ...redisComponent, needs: [redisAuthenticationId], privilege: '+info' } as const;

/** Whether Redis keeps what it is given, has room for who connects, and takes what is written. */
export const redisWorkChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STO-024',
    title: 'Persistence',
    needs: whenLoaded,
    asks: [info],
    source: 'infra/redis/redis.conf:20',
    judge: (observed) => whenAnswered(observed.get(info), judgePersistence),
  },
  {
    ...base,
    id: 'CRC-STO-028',
    title: 'Clients',
    asks: [info, earlierInfo],
    source: 'services/gateway/internal/redis.go, REDIS_POOL_SIZE',
    judge: (observed) => whenAnswered(observed.get(info), (fields) => judgeClients(fields, sameServer(observed.get(earlierInfo), fields))),
  },
  {
    ...base,
    id: 'CRC-STO-029',
    title: 'Rewrite',
    needs: whenLoaded,
    asks: [info],
    source: 'infra/redis/redis.conf:20',
    judge: (observed) => whenAnswered(observed.get(info), judgeRewrite),
  },
  {
    ...base,
    id: 'CRC-STO-031',
    title: 'Write refusals',
    asks: [info, earlierInfo],
    source: 'infra/redis/redis.conf:24, apps/api/src/outbox.ts',
    judge: (observed) => whenAnswered(observed.get(info), (fields) => judgeRefusals(observed, fields)),
  },
];
