/**
 * What a person would conclude from what other ways of looking show first, on the same recordings. Each shows one
 * thing, and the conclusion from it is generous: all causes that it speaks of.
 */
import { alertRules } from '../../src/caracal/alertRules.ts';
import { conditions } from '../../src/diagnosis/conditions.ts';
import { isCause } from '../../src/diagnosis/definition.ts';
import { Known } from '../../src/diagnosis/known.ts';
import { reasonOf, saysReady, serviceHealth, serviceReady } from '../../src/flow/readiness/service.checks.ts';
import { serviceMetrics } from '../../src/flow/services/serviceMetrics.ts';
import type { Outcome, Question } from '../../src/model/observation.ts';
import { questionId } from '../../src/model/observation.ts';
import { serviceNames } from '../../src/model/serviceNames.ts';
import type { ServiceName } from '../../src/model/target.ts';
import type { Replayed } from './replay.ts';

/** Ids of causes that somebody would name; none when there is nothing to see. */
type Conclusion = readonly string[];

/** `*` stands for the service that says so. */
const byReason: Readonly<Record<string, Conclusion>> = {
  postgres_unreachable: ['postgres-stopped', 'postgres-silent', 'postgres-network'],
  redis_unreachable: ['redis-stopped', 'redis-silent', 'redis-network', 'redis-loading'],
  internal_error: ['redis-stopped', 'redis-silent', 'redis-network'],
  outbox_unreachable: ['lock-held', 'migrations-pending', 'grants-missing'],
  outbox_dead_messages: ['api-outbox-dead'],
  outbox_dead: ['coordinator-outbox-dead'],
  rate_limited: ['*-readiness-limited'],
  audit_evidence_lost: ['*-evidence-lost'],
  audit_replay_unavailable: ['*-replay-folder', 'replay-volume-read-only'],
  stream_consumers_not_ready: ['sts-consumers-refused', 'stream-of-another-type', 'redis-replica', 'redis-memory-full'],
  revocation_snapshot_stale: ['gateway-snapshot-stale', 'postgres-stopped', 'postgres-silent'],
  sts_unavailable: ['sts-down'],
  sts_unreachable: ['sts-down', 'sts-stopped', 'sts-silent', 'sts-paused'],
  consumer_unhealthy: ['audit-reader-sticky', 'audit-ingestor-missing', 'redis-stopped', 'redis-silent'],
  unavailable: ['sign-in-database-away', 'postgres-stopped', 'postgres-silent'],
  draining: ['*-draining'],
};

const unanswered: Conclusion = ['*-down', '*-stopped', '*-removed', '*-silent', '*-paused'];
const strange: Conclusion = ['*-address-wrong', '*-behind-login'];

const byAlert: Readonly<Record<string, Conclusion>> = {
  CaracalSTSOPACompileErrors: ['policy-not-compiling'],
  CaracalSTSPolicyBundleStale: ['policy-not-loaded', 'opa-engine-missing'],
  CaracalSTSProviderRefreshErrors: ['provider-away', 'provider-connection-expired', 'provider-test-failed'],
  CaracalSTSProviderCircuitOpen: ['provider-away'],
  CaracalAuditDLQNonEmpty: ['audit-events-refused', 'audit-events-replayable', 'audit-key-differs'],
  CaracalAuditDLQGrowth: ['audit-events-refused', 'audit-events-replayable', 'audit-key-differs'],
  CaracalAuditConsumerLagHigh: ['audit-down', 'audit-silent', 'lock-held', 'audit-poison-event'],
  CaracalGatewayAuditReplayBacklogOld: ['replay-backlog'],
  CaracalSTSAuditReplayBacklogOld: ['replay-backlog'],
  CaracalGatewayAuditEvidenceLost: ['gateway-evidence-lost'],
  CaracalSTSAuditEvidenceLost: ['sts-evidence-lost'],
  CaracalAuditTamperDetected: ['ledger-rows-changed', 'ledger-signature-differs', 'ledger-rows-missing'],
  CaracalAPIOutboxDeadMessages: ['api-outbox-dead'],
  CaracalAPIOutboxPendingOldest: ['api-outbox-stuck', 'api-outbox-failing'],
  CaracalGatewaySTSExchangeErrors: ['sts-down', 'sts-stopped', 'sts-silent', 'sts-paused'],
  CaracalGatewaySTSCircuitOpen: ['sts-down', 'sts-stopped', 'sts-silent', 'sts-paused', 'gateway-circuit-open'],
  CaracalGatewayRevocationSnapshotStale: ['gateway-snapshot-stale', 'postgres-stopped', 'postgres-silent'],
  CaracalGatewayRevocationPropagationLag: ['gateway-revocation-missing', 'revocation-failed-in-gateway', 'gateway-streams-key'],
  CaracalGatewayRevocationReloadErrors: ['gateway-snapshot-stale', 'postgres-stopped', 'postgres-silent'],
  CaracalPostgresPoolSaturation: ['gateway-pool-used-up', 'service-pool-busy'],
};

/** Every cause that the tables above speak of. */
export const conclusions: Conclusion = [...Object.values(byReason), ...Object.values(byAlert)].flat().filter((id) => !id.startsWith('*'));

export const baselines = {
  'first failing readiness reason': firstReason,
  'ordered with first fatal': firstFatal,
  'worst component': worstComponent,
  'most severe alert rule': mostSevereAlert,
} as const satisfies Record<string, (replayed: Replayed) => Conclusion>;

/** What the first service that is not ready gives as its reason, in the order in which Caracal lists them. */
function firstReason(replayed: Replayed): Conclusion {
  for (const service of serviceNames) {
    const concluded = fromReadiness(service, replayed);
    if (concluded) return concluded;
  }
  return [];
}

/** The first check that failed in the order of the flow ends the look: whatever is seen at it itself, or by its reason. */
function firstFatal(replayed: Replayed): Conclusion {
  const { situation, verdicts } = replayed;
  const order = new Map(situation.checks.map(({ id }, index) => [id, index]));
  const [first] = verdicts.filter(({ status }) => status === 'fail').toSorted((one, other) => (order.get(one.check) ?? 0) - (order.get(other.check) ?? 0));
  if (!first) return [];
  const alone = new Known({ ...situation, verdicts: [first] });
  const seen = conditions.filter(isCause).filter(({ seenAt }) => seenAt.some((pattern) => alone.look(pattern) === 'seen'));
  const service = first.title === 'Ready' ? serviceNames.find((name) => name === first.component) : undefined;
  return [...seen.map(({ id }) => id), ...(service === undefined ? [] : (fromReadiness(service, replayed) ?? []))];
}

/** One row of Caracal's Diagnostics page. */
interface Row {
  readonly state: 'fail' | 'warn';
  readonly concluded: Conclusion;
}

/**
 * The worst row of the first component in the worst state, by the rules of Caracal's packages/engine/src/doctor.ts. web is
 * not among them, and a zone without an active policy is well there.
 */
function worstComponent(replayed: Replayed): Conclusion {
  const rows = (['api', 'sts', 'gateway', 'audit', 'coordinator'] as const).flatMap((service) => diagnosticsOf(service, replayed));
  return (rows.find(({ state }) => state === 'fail') ?? rows[0])?.concluded ?? [];
}

function diagnosticsOf(service: ServiceName, replayed: Replayed): readonly Row[] {
  const figure = (name: string): number => {
    const outcome = answerTo(serviceMetrics.of(service), replayed);
    return outcome?.kind === 'answer' ? Number(outcome.value.values?.[name] ?? 0) : 0;
  };
  const row = (state: Row['state'], isSo: boolean, ...concluded: Conclusion): readonly Row[] => (isSo ? [{ state, concluded }] : []);
  const statusOf = (check: string): string | undefined => replayed.verdicts.find((verdict) => verdict.check === check)?.status;
  const notReady = fromReadiness(service, replayed);
  const readiness = row('fail', notReady !== undefined, ...(notReady ?? []));
  switch (service) {
    case 'api': {
      const alive = answerTo(serviceHealth.of('api'), replayed)?.kind === 'answer';
      return [
        ...row('fail', !alive, ...of('api', unanswered)),
        // A token for one zone is refused there as well.
        ...row('fail', statusOf('CRC-AUD-001') === 'fail' || statusOf('CRC-AUD-004') === 'warn', 'admin-token-revoked', 'admin-token-unknown', 'admin-token-other-zone'),
        ...readiness,
      ];
    }
    case 'sts':
      return [...readiness, ...row('fail', figure('opa.compile_errors') > 0, 'policy-not-compiling'), ...row('warn', figure('opa.eval_errors') > 0, 'policy-not-compiling')];
    case 'audit':
      return [
        ...readiness,
        ...row('fail', figure('tamper_mismatch_total') + figure('tamper_chain_breaks') > 0, ...(byAlert['CaracalAuditTamperDetected'] ?? [])),
        ...row('warn', figure('hmac_failures_total') > 0, 'audit-key-differs', 'audit-events-refused'),
        ...row('warn', figure('dlq_size') > 0, ...(byAlert['CaracalAuditDLQNonEmpty'] ?? [])),
        ...row('warn', figure('consumer_lag') > 1_000, ...(byAlert['CaracalAuditConsumerLagHigh'] ?? [])),
      ];
    case 'coordinator':
      return [...readiness, ...row('warn', figure('outbox.dead') > 0, 'coordinator-outbox-dead'), ...row('warn', figure('outbox.pending') > 500, 'coordinator-outbox-slow')];
    default:
      return readiness;
  }
}

/** The first rule of the highest severity that would fire, those that fire for nothing among them. */
function mostSevereAlert({ verdicts }: Replayed): Conclusion {
  const facts = verdicts.find(({ check }) => check === 'CRC-SVC-090')?.facts ?? [];
  const firing = new Set(facts.flatMap(({ name, value }) => (/^(would fire|false alarm): /.test(value) ? [name] : [])));
  const fired = alertRules.filter(({ name }) => firing.has(name));
  const worst = fired.find(({ severity }) => severity === 'critical') ?? fired[0];
  return worst === undefined ? [] : (byAlert[worst.name] ?? []);
}

/** Undefined when the service is ready. */
function fromReadiness(service: ServiceName, replayed: Replayed): Conclusion | undefined {
  const outcome = answerTo(serviceReady.of(service), replayed);
  // Where nobody answers, the process itself was asked and its readiness was not.
  if (outcome?.kind !== 'answer') return of(service, unanswered);
  if (saysReady(outcome.value)) return undefined;
  return of(service, byReason[reasonOf(outcome.value.body) ?? ''] ?? strange);
}

function of(service: ServiceName, conclusion: Conclusion): Conclusion {
  return conclusion.map((id) => id.replace('*', service));
}

function answerTo<Answer>(question: Question<Answer>, { recording }: Replayed): Outcome<Answer> | undefined {
  // What was recorded passed the schema of its subject when it was judged.
  return recording.observations.find(({ id }) => id === questionId(question))?.outcome as Outcome<Answer> | undefined;
}
