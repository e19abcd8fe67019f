export interface ConsumerGroup {
  readonly name: string;
  /** The service that reads it; absent where no part of Caracal does, so that it only grows. */
  readonly reader?: 'sts' | 'gateway' | 'audit' | 'coordinator';
  /** True for a name that is followed by `:` and a host: one group for each replica. */
  readonly perReplica?: boolean;
  /** Milliseconds after which the reader takes up again what it did not acknowledge; absent: only when it starts. */
  readonly claimsAfterMs?: number;
  /** Deliveries after which an entry is given up; absent: it never is. */
  readonly maxDeliveries?: number;
}

export interface Stream {
  /** Full key in database 0. */
  readonly key: string;
  /** The key without `caracal.`, which is what people call it. */
  readonly name: string;
  readonly groups: readonly ConsumerGroup[];
  /** False where only the provisioner writes or makes it: a chart installation has no provisioner. */
  readonly madeByServices: boolean;
  /** Entries are evidence: one that was trimmed before it was read cannot be made up for. */
  readonly evidence?: boolean;
  /** The stream, without `caracal.`, that takes what readers of this one gave up. */
  readonly deadLetters?: string;
  /** Entries carry the signature `_sig` of their producer, and readers drop those without. */
  readonly signed?: boolean;
}

/** Length to which writers trim, about: `OUTBOX_STREAM_MAXLEN` and `STREAMS_MAXLEN`. Trimming takes no notice of groups. */
export const writerMaxLength = 100_000;

const stream = (name: string, groups: readonly ConsumerGroup[], rest: Partial<Stream> = {}): Stream => ({
  key: keyOf(name),
  name,
  groups,
  madeByServices: groups.some((group) => group.reader !== undefined),
  ...rest,
});

/** Full key of a stream, or of a stream of dead letters. */
export function keyOf(name: string): string {
  return `caracal.${name}`;
}

/**
 * Streams and groups of Caracal 1.0: Caracal infra/redis/provision-streams.sh,
 * services/audit/internal/consumer.go, services/sts/internal/consumer.go,
 * services/gateway/internal/revocations.go, apps/coordinator/src/jobs/lifecycle-relay.ts.
 */
export const streams: readonly Stream[] = [
  stream(
    'audit.events',
    [{ name: 'audit-ingestor', reader: 'audit', claimsAfterMs: 30_000, maxDeliveries: 8 }, { name: 'siem-export' }],
    { evidence: true },
  ),
  stream('audit.events.dlq', [{ name: 'audit-dlq-observer' }]),
  stream('policy.invalidate', [{ name: 'opa-engine', reader: 'sts', maxDeliveries: 5 }], { deadLetters: 'policy.invalidate.dead', signed: true }),
  stream(
    'sessions.revoke',
    [
      { name: 'sts-revocation', reader: 'sts', maxDeliveries: 5 },
      { name: 'gateway-revocation', reader: 'gateway', perReplica: true, claimsAfterMs: 30_000, maxDeliveries: 5 },
    ],
    { deadLetters: 'sessions.revoke.dead', signed: true },
  ),
  stream('keys.invalidate', [{ name: 'sts-keys', reader: 'sts', maxDeliveries: 5 }], { deadLetters: 'keys.invalidate.dead' }),
  stream('agents.lifecycle', [{ name: 'coordinator-relay', reader: 'coordinator', claimsAfterMs: 60_000 }], { signed: true }),
  stream('invocations.lifecycle', [{ name: 'invocations-observer' }]),
  stream('delegations.invalidate', [{ name: 'delegations-observer' }], { deadLetters: 'delegations.invalidate.dead' }),
  stream('providers.ratelimit', []),
];
