import { keyOf } from '../../caracal/streams.ts';
import type { Observer } from '../liveSource.ts';
import { redisDeadlineMs } from '../storage/redis.observe.ts';
import { entriesOf, listOf, textOf } from '../storage/redisReplies.ts';
import { pendingNamed, pendingRead, redisPending } from './pending.checks.ts';
import type * as z from 'zod';

/** The one group in which the fields of an entry tell whether it waits by design. */
const named = 'sts-revocation';

function parted(of: string): { readonly key: string; readonly group: string } {
  const slash = of.indexOf('/');
  return { key: keyOf(of.slice(0, slash)), group: of.slice(slash + 1) };
}

const observer: Observer<z.infer<typeof redisPending.schema>> = {
  subject: redisPending,
  deadlineMs: redisDeadlineMs,
  asked: (_deployment, of) => {
    const { key, group } = parted(of);
    return `XPENDING ${key} ${group} - + ${pendingRead}${group === named ? `, and XRANGE of the first ${pendingNamed} for the names of their fields` : ''}`;
  },
  async observe(deployment, { of, signal, stage }) {
    stage('waiting for Redis');
    const redis = deployment.redis();
    const { key, group } = parted(of);
    const pending = listOf(await redis.call(['xpending', key, group, '-', '+', String(pendingRead)], signal)).map((entry) => {
      const [id, , idle, deliveries] = listOf(entry);
      return { id: textOf(id), idleMs: Number(idle), deliveries: Number(deliveries) };
    });
    return Promise.all(
      pending.map(async (entry, index) => {
        if (group !== named || index >= pendingNamed) return { ...entry, fields: null };
        const [found] = entriesOf(await redis.call(['xrange', key, entry.id, entry.id], signal));
        return { ...entry, fields: found ? Object.keys(found.fields) : null };
      }),
    );
  },
};

export const pendingObservers = [observer];
