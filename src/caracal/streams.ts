export interface ConsumerGroup {
  readonly name: string;
  /** The service that reads it; absent where no part of Caracal does, so that it only grows. */
  readonly reader?: 'sts' | 'gateway' | 'audit' | 'coordinator';
  /** True for a name that is followed by `:` and a host: one group for each replica. */
  readonly perReplica?: boolean;
}

export interface Stream {
  /** Full key in database 0. */
  readonly key: string;
  /** The key without `caracal.`, which is what people call it. */
  readonly name: string;
  readonly groups: readonly ConsumerGroup[];
  /** False where only the provisioner writes or makes it: a chart installation has no provisioner. */
  readonly madeByServices: boolean;
  /** Entries here were given up by their reader. */
  readonly deadLetters?: boolean;
  /** Entries are evidence: one that was trimmed before it was read cannot be made up for. */
  readonly evidence?: boolean;
}

const stream = (name: string, groups: readonly ConsumerGroup[], rest: Partial<Stream> = {}): Stream => ({
  key: `caracal.${name}`,
  name,
  groups,
  madeByServices: groups.some((group) => group.reader !== undefined),
  ...rest,
});

/**
 * Streams and groups of Caracal 1.0: Caracal infra/redis/provision-streams.sh,
 * services/audit/internal/consumer.go, services/sts/internal/consumer.go,
 * services/gateway/internal/revocations.go, apps/coordinator/src/jobs/lifecycle-relay.ts.
 */
export const streams: readonly Stream[] = [
  stream('audit.events', [{ name: 'audit-ingestor', reader: 'audit' }, { name: 'siem-export' }], { evidence: true }),
  stream('audit.events.dlq', [{ name: 'audit-dlq-observer' }], { deadLetters: true }),
  stream('policy.invalidate', [{ name: 'opa-engine', reader: 'sts' }]),
  stream('sessions.revoke', [
    { name: 'sts-revocation', reader: 'sts' },
    { name: 'gateway-revocation', reader: 'gateway', perReplica: true },
  ]),
  stream('keys.invalidate', [{ name: 'sts-keys', reader: 'sts' }]),
  stream('agents.lifecycle', [{ name: 'coordinator-relay', reader: 'coordinator' }]),
  stream('invocations.lifecycle', [{ name: 'invocations-observer' }]),
  stream('delegations.invalidate', [{ name: 'delegations-observer' }]),
  stream('providers.ratelimit', []),
];
