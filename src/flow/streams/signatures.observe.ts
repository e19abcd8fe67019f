import type * as z from 'zod';
import { keyOf } from '../../caracal/streams.ts';
import type { Deployment } from '../../targets/deployment.ts';
import type { Observer } from '../liveSource.ts';
import { redisDeadlineMs } from '../storage/redis.observe.ts';
import { entriesOf } from '../storage/redisReplies.ts';
import { signatureField, signedText } from './signature.ts';
import { redisSignatures, signaturesRead } from './signatures.checks.ts';

type Signatures = z.infer<typeof redisSignatures.schema>;

/** What is told of an entry: who wrote it, and whether its signature is right. Nothing of what it says. */
function verified(deployment: Deployment, key: string, { id, fields: raw }: ReturnType<typeof entriesOf>[number]): Signatures['entries'][number] {
  const fields = Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, String(value)]));
  const given = fields[signatureField];
  const producer = 'dedupe_key' in fields ? 'coordinator' : 'outbox_id' in fields ? 'api' : 'unknown';
  const right = deployment.hmacSha256('streams', signedText(key, fields));
  return { id, producer, signature: given === undefined ? 'missing' : given === right ? 'valid' : 'wrong' };
}

/** Key of the stream, and the id to start from: `+` for the newest entry. */
function parted(of: string): { readonly key: string; readonly from: string } {
  const [name = '', from = '+'] = of.split(' before ');
  return { key: keyOf(name), from };
}

const observer: Observer<Signatures> = {
  subject: redisSignatures,
  deadlineMs: redisDeadlineMs,
  asked: (_deployment, of) => `XREVRANGE ${parted(of).key} ${parted(of).from} - COUNT ${signaturesRead}, signatures recomputed here`,
  async observe(deployment, { of, signal, stage }) {
    if (!deployment.hasKey('streams')) return { keyGiven: false, entries: [] };
    stage('waiting for Redis');
    const { key, from } = parted(of);
    const entries = entriesOf(await deployment.redis().call(['xrevrange', key, from, '-', 'COUNT', String(signaturesRead)], signal));
    return { keyGiven: true, entries: entries.map((entry) => verified(deployment, key, entry)) };
  },
};

export const signatureObservers = [observer];
