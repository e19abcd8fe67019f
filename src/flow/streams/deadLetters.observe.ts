import type * as z from 'zod';
import { keyOf } from '../../caracal/streams.ts';
import type { Observer } from '../liveSource.ts';
import { redisDeadlineMs } from '../storage/redis.observe.ts';
import { entriesOf, redisNow, textOf } from '../storage/redisReplies.ts';
import { lettersRead, redisDeadLetters } from './deadLetters.checks.ts';

/** Reasons after which Audit's replay takes an event: Caracal services/audit/internal/dlq.go, contract of its endpoint. */
const replayable = /^(?:transient_exceeded_max_deliveries|pg_permanent_error):/;

const longestReason = 80;

/** The three forms of a dead letter name the reason `reason` or `error`; the rest of it stays here. */
function letterOf({ id, fields }: ReturnType<typeof entriesOf>[number]) {
  const reason = textOf(fields['reason']) || textOf(fields['error']) || 'no reason given';
  const [kind = ''] = reason.split(':');
  return { id, reason: kind.slice(0, longestReason), replayable: replayable.test(reason) && textOf(fields['src_data']) !== '' };
}

const observer: Observer<z.infer<typeof redisDeadLetters.schema>> = {
  subject: redisDeadLetters,
  deadlineMs: redisDeadlineMs,
  asked: (_deployment, of) => `XREVRANGE ${keyOf(of)} + - COUNT ${lettersRead}, reasons alone`,
  async observe(deployment, { of, signal, stage }) {
    stage('waiting for Redis');
    const redis = deployment.redis();
    const entries = entriesOf(await redis.call(['xrevrange', keyOf(of), '+', '-', 'COUNT', String(lettersRead)], signal));
    return { nowMs: await redisNow(redis, signal), letters: entries.map(letterOf) };
  },
};

export const deadLetterObservers = [observer];
