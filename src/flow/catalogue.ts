import type { Check } from '../model/check.ts';
import type { Subject } from '../model/observation.ts';
import { auditChecks } from './audit/audit.checks.ts';
import { auditObservers } from './audit/audit.observe.ts';
import { consent } from './consent.ts';
import type { Observer } from './liveSource.ts';
import { withLogs } from './logs.checks.ts';
import { logObservers } from './logs.observe.ts';
import { readinessChecks } from './readiness/readiness.checks.ts';
import { readinessObservers } from './readiness/service.observe.ts';
import { servicesChecks } from './services/services.checks.ts';
import { servicesObservers } from './services/services.observe.ts';
import { allPostgresChecks, allPostgresObservers } from './storage/postgres.ts';
import { redisChecks } from './storage/redis.checks.ts';
import { redisObservers } from './storage/redis.observe.ts';
import { streamsChecks } from './streams/checks.ts';
import { deadLetterObservers } from './streams/deadLetters.observe.ts';
import { outboxObservers } from './streams/outbox.observe.ts';
import { pendingObservers } from './streams/pending.observe.ts';
import { signatureObservers } from './streams/signatures.observe.ts';
import { streamObservers } from './streams/stream.observe.ts';
import { webhookObservers } from './streams/webhooks.observe.ts';
import { zoneObservers } from './zone.observe.ts';

/** Every check, in the order of the flow and, within a step, in the order of the contract. */
export const checks: readonly Check[] = [
  ...readinessChecks,
  ...allPostgresChecks,
  ...redisChecks,
  ...streamsChecks,
  ...servicesChecks,
  ...auditChecks,
].map(withLogs);

/** The checks that a target of this kind has. */
export function checksOf(kind: string): readonly Check[] {
  return checks.filter(({ kinds }) => kinds === undefined || kinds.some((each) => each === kind));
}

export const observers: readonly Observer<unknown>[] = [
  ...zoneObservers,
  ...readinessObservers,
  ...allPostgresObservers,
  ...redisObservers,
  ...streamObservers,
  ...pendingObservers,
  ...deadLetterObservers,
  ...signatureObservers,
  ...outboxObservers,
  ...webhookObservers,
  ...servicesObservers,
  ...auditObservers,
  ...logObservers,
];

/** What a record may hold: all that is observed, and what the user agreed to. */
export const subjects: readonly Subject<unknown>[] = [...observers.map(({ subject }) => subject), consent];
