import type { Check, Judgement, Observed } from '../../model/check.ts';
import { finding, notKnown, whenAnswered } from '../judging.ts';
import { bytes, milliseconds } from '../words.ts';
import { between, earlierInfo, figure, info, looks, redisAuthenticationId, redisComponent, redisInfo, sameServer } from './redisFacts.ts';
import type { RedisFields } from './redisFacts.ts';

/** Parts of `maxmemory`. Above the second one a burst is enough for `OOM` on every publish. */
const memoryAttention = 0.8;
const memoryFull = 0.95;

/** Below this part of `maxmemory` nobody needs to know how fast it fills. */
const worthWatching = 0.5;

/** Growth below this part of `maxmemory` is the noise of buffers. */
const leastGrowth = 0.01;

/** Less time than this until memory is full is told. */
const soonMs = 3_600_000;

const fullMeaning = 'With noeviction a full memory makes every publish fail with OOM.';

function usage(fields: RedisFields): { readonly used: number; readonly limit: number } | undefined {
  const [used, limit] = [figure(fields, 'used_memory'), figure(fields, 'maxmemory')];
  return used === undefined || limit === undefined ? undefined : { used, limit };
}

function judgeEviction(fields: RedisFields, before: RedisFields | undefined): Judgement {
  const policy = fields['maxmemory_policy'];
  if (policy === undefined) return finding('unknown', 'INFO does not tell it: managed Redis may hide it', 'INFO has no maxmemory_policy.');
  const evicted = figure(fields, 'evicted_keys') ?? 0;
  const facts = evicted === 0 ? [] : [{ name: 'keys evicted since its start', value: String(evicted) }];
  if (policy !== 'noeviction') {
    return finding(
      'fail',
      `${policy}, must be noeviction`,
      'With this policy Redis drops keys when memory is full: revocations, replay guards and whole streams vanish without an error.',
      facts,
    );
  }
  const since = before && evicted - (figure(before, 'evicted_keys') ?? evicted);
  return since
    ? finding('warn', `${policy} now, ${since} keys evicted since the earlier run`, 'The policy was another one in between: revocations, replay guards or streams may be gone.', facts)
    : finding('pass', policy, 'A full memory gives errors and loses nothing in silence.', facts);
}

function judgeMemory(fields: RedisFields): Judgement {
  const memory = usage(fields);
  if (!memory) return finding('unknown', 'INFO does not tell it', 'INFO has no used_memory or no maxmemory.');
  const { used, limit } = memory;
  if (limit === 0) return finding('pass', `${bytes(used)}, no limit set`, 'maxmemory is 0: the machine is the limit.');
  const part = used / limit;
  const shown = `${bytes(used)} of ${bytes(limit)}`;
  if (part >= memoryFull) return finding('fail', `${shown}, nearly full`, fullMeaning);
  if (part >= memoryAttention) return finding('warn', `${shown}, ${Math.round(part * 100)} %`, fullMeaning);
  return finding('pass', shown, fullMeaning);
}

/** Milliseconds until memory is full at the pace between two readings; undefined when it does not grow beyond noise. */
function timeToFull(from: RedisFields, to: RedisFields): number | undefined {
  const [before, now, elapsed] = [usage(from), usage(to), between(from, to)];
  if (!before || !now || !elapsed || elapsed <= 0) return undefined;
  const growth = now.used - before.used;
  return growth < leastGrowth * now.limit ? undefined : Math.max(0, now.limit - now.used) / (growth / elapsed);
}

function judgeTimeToFull(observed: Observed, first: RedisFields): Judgement {
  const memory = usage(first);
  if (!memory) return finding('unknown', 'INFO does not tell it', 'INFO has no used_memory or no maxmemory.');
  const { used, limit } = memory;
  if (limit === 0) return finding('not-applicable', 'no limit set', 'maxmemory is 0: the machine is the limit.');
  const part = `${Math.round((used / limit) * 100)} % used`;
  if (used / limit < worthWatching) return finding('pass', `${part}, far from full`, 'Growth is measured from half of maxmemory on.');
  const before = sameServer(observed.get(earlierInfo), first);
  const sinceBefore = before && timeToFull(before, first);
  if (sinceBefore !== undefined) return judgePace(part, sinceBefore, 'since the earlier run');

  const taken = [first];
  for (let look = 2; look <= looks; look += 1) {
    const next = observed.find(redisInfo.of('Redis', look));
    if (!next) {
      return {
        result: { status: 'unknown', summary: `${part}: one look is not enough`, reasoning: 'How fast it fills takes more looks.' },
        wants: [redisInfo.of('Redis', look)],
      };
    }
    if (next.outcome.kind !== 'answer') return notKnown(next);
    taken.push(next.outcome.value);
  }
  const [start, end] = [taken[0], taken.at(-1)];
  const grows = taken.every((look, index) => index === 0 || (usage(look)?.used ?? 0) > (usage(taken[index - 1] ?? look)?.used ?? 0));
  const pace = start && end && grows ? timeToFull(start, end) : undefined;
  return pace === undefined
    ? finding('pass', `${part}, not growing`, `Over ${looks} looks it did not grow by more than a hundredth of maxmemory.`)
    : judgePace(part, pace, `over ${looks} looks`);
}

function judgePace(part: string, leftMs: number, window: string): Judgement {
  const shown = `${part}, full in ${milliseconds(leftMs)}`;
  return leftMs < soonMs
    ? finding('warn', shown, `At the pace ${window}. ${fullMeaning}`)
    : finding('pass', shown, `At the pace ${window}.`);
}

const base = { ...redisComponent, needs: [redisAuthenticationId], privilege: '+info' } as const;

/** What Redis does when its memory is full, how full it is, and how soon it will be. */
export const redisMemoryChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STO-022',
    title: 'Eviction policy',
    asks: [info, earlierInfo],
    source: 'packages/core/go/redisguard, infra/redis/redis.conf:24',
    judge: (observed) => whenAnswered(observed.get(info), (fields) => judgeEviction(fields, sameServer(observed.get(earlierInfo), fields))),
  },
  {
    ...base,
    id: 'CRC-STO-023',
    title: 'Memory',
    asks: [info],
    source: 'infra/redis/redis.conf, REDIS_MAXMEMORY',
    judge: (observed) => whenAnswered(observed.get(info), judgeMemory),
  },
  {
    ...base,
    id: 'CRC-STO-030',
    title: 'Time to full',
    asks: [info, earlierInfo],
    source: 'infra/redis/redis.conf, REDIS_MAXMEMORY',
    judge: (observed) => whenAnswered(observed.get(info), (fields) => judgeTimeToFull(observed, fields)),
  },
];
