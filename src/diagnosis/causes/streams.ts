import { fails, isRed, logged, passes, warns, without } from '../definition.ts';
import type { CauseDefinition } from '../definition.ts';

const base = { family: 'streams' } as const;

/** Groups that a service reads: its check, what it reads, who reads it, and what is not applied without it. */
const groups = [
  { id: 'opa-engine', check: 'STR-021', pending: 'STR-022', lost: 'STR-023', stream: 'policy.invalidate', reader: 'The STS', component: 'sts', effect: 'changes of policies reach it with its next poll only' },
  { id: 'sts-revocation', check: 'STR-031', pending: 'STR-033', lost: 'STR-034', stream: 'sessions.revoke', reader: 'The STS', component: 'sts', effect: 'revocations reach it late' },
  { id: 'gateway-revocation', check: 'STR-032', pending: 'STR-035', lost: 'STR-036', stream: 'sessions.revoke', reader: 'The Gateway', component: 'gateway', effect: 'revocations reach it with its next snapshot only' },
  { id: 'sts-keys', check: 'STR-041', pending: 'STR-042', lost: 'STR-043', stream: 'keys.invalidate', reader: 'The STS', component: 'sts', effect: 'it goes on signing with a key that was rotated' },
  { id: 'coordinator-relay', check: 'STR-051', pending: 'STR-052', lost: 'STR-053', stream: 'agents.lifecycle', reader: 'The Coordinator', component: 'coordinator', effect: 'views of sessions are late' },
  { id: 'audit-ingestor', check: 'STR-002', pending: 'STR-004', lost: 'STR-005', stream: 'audit.events', reader: 'Audit', component: 'audit', effect: 'no audit event is stored' },
] as const;

function ofGroup({ id, check, stream, reader, component, effect }: (typeof groups)[number]): readonly CauseDefinition[] {
  return [
    {
      ...base, id: `${id}-missing`, component, title: `The consumer group ${id} is gone`, means: `${reader} makes it on ${stream} only when it starts, and reads nothing until then: ${effect}. Its readiness may stay green.`,
      seenAt: [fails(check, 'NOGROUP')], unless: [fails('STR-020', 'missing'), fails('STR-030', 'missing')],
      ...(id === 'audit-ingestor' ? { leadsTo: ['audit-reader-fails'] } : {}), ...(id === 'opa-engine' ? { brings: [isRed('SVC-013', 'not loaded')] } : {}), source: 'storage 12, row 6; readiness 2.5',
    },
    {
      ...base, id: `${id}-behind`, component, title: `${reader} does not keep up with ${stream}`, means: `It runs and reads more slowly than the stream grows, or not at all: ${effect}.`,
      seenAt: [isRed(check, 'stalled', 'slow')], leadsTo: [id === 'audit-ingestor' ? 'audit-reads-nothing' : id === 'coordinator-relay' ? 'coordinator-reads-nothing' : id === 'gateway-revocation' ? 'gateway-reads-nothing' : 'sts-reads-nothing'],
      source: 'storage 7.2, 7.7; diagnosing 5.3',
    },
  ];
}

const deadLetters = [
  { id: 'policy', check: 'STR-024', of: 'policy changes' }, { id: 'revocation', check: 'STR-037', of: 'revocations' }, { id: 'key', check: 'STR-044', of: 'key changes' }, { id: 'delegation', check: 'STR-074', of: 'changes of delegations' },
] as const;

/** Caracal's contract: storage 7 and 9. */
export const streamCauses: readonly CauseDefinition[] = [
  ...groups.flatMap(ofGroup),
  {
    ...base, id: 'gateway-revocation-left-behind', component: 'gateway', title: 'The Gateway that runs has no consumer group',
    means: 'Those that are there were left behind by Gateways that are gone. It makes its own on sessions.revoke only when it starts, and until then revocations reach it with its next snapshot only. Its readiness may stay green.',
    seenAt: [fails('STR-032', 'unread')], given: [passes('RDY-022')], brings: [warns('STR-035', 'unread')], source: 'storage 7.1, groups of vanished Gateway hosts; 12, row 6',
  },
  {
    ...base, id: 'group-moved', component: 'Redis', title: 'Somebody moved a consumer group', means: 'Entries between its old and its new position were given to its reader twice, or never.',
    seenAt: groups.map(({ check }) => warns(check, 'moved')), source: 'diagnosing 5.3, REWOUND',
  },
  {
    ...base, id: 'stream-of-another-type', component: 'Redis', title: 'Something else stands where a stream should be', means: 'Every read and write of it fails with WRONGTYPE.',
    seenAt: ['STR-001', 'STR-010', 'STR-020', 'STR-030', 'STR-040', 'STR-050', 'STR-060', 'STR-070', 'STR-080'].map((check) => fails(check, 'WRONGTYPE')),
    brings: [warns('STR-090', 'WRONGTYPE'), warns('STR-090', 'retrying'), warns('STR-091')], leadsTo: ['audit-reader-fails', 'redis-not-provisioned', 'sts-consumers-refused'], source: 'storage 7.1',
  },
  {
    ...base, id: 'stream-missing', component: 'Redis', title: 'A stream is missing', means: 'The services that read it make it only when they start.',
    seenAt: ['STR-001', 'STR-020', 'STR-030', 'STR-040', 'STR-050'].map((check) => fails(check, 'missing')), unless: [fails('SVC-117', 'not provisioned')], source: 'storage 6.3',
  },
  {
    ...base, id: 'audit-events-trimmed', component: 'audit', title: 'Audit events were trimmed before Audit read them', means: 'They are lost. Writers trim the stream by its length and take no notice of who has not read.',
    seenAt: [isRed('STR-005')], isMark: true, leftBy: ['audit-down', 'audit-silent', 'audit-stopped', 'audit-paused', 'audit-ingestor-behind', 'audit-ingestor-missing'], source: 'storage 7.7; 12, row 12',
  },
  {
    ...base, id: 'messages-trimmed', component: 'Redis', title: 'Messages were trimmed before they were read', means: 'What they said was never applied by that reader.',
    seenAt: groups.filter(({ id }) => id !== 'audit-ingestor').map(({ lost }) => warns(lost)), isMark: true, source: 'storage 7.7',
  },
  { ...base, id: 'audit-poison-event', component: 'audit', title: 'An audit event cannot be stored', means: 'Audit takes it up again and again and fails; after eight tries it is a dead letter.', seenAt: [isRed('STR-004')], says: [logged('audit: transient pg insert; will retry')], source: 'storage 9.2' },
  {
    ...base, id: 'revocation-failed-in-sts', component: 'sts', title: 'The STS could not apply a message', means: 'It was given a revocation, or a change of a policy or key, and did not acknowledge it. It tries again only when it starts.',
    seenAt: [warns('STR-033'), warns('STR-022'), warns('STR-042')], says: [logged('sts: stream side effect')], source: 'storage 7.2',
  },
  { ...base, id: 'revocation-failed-in-gateway', component: 'gateway', title: 'The Gateway cannot apply a revocation', means: 'It takes it up again and again and fails.', seenAt: [without(warns('STR-035'), 'unread')], source: 'storage 7.2' },
  { ...base, id: 'relay-message-failed', component: 'coordinator', title: 'The Coordinator cannot relay a lifecycle event', means: 'It takes it up again and again and fails.', seenAt: [warns('STR-052')], says: [logged('coordinator: lifecycle_relay_failed')], source: 'storage 7.2' },
  ...deadLetters.map(({ id, check, of }): CauseDefinition => ({
    ...base, id: `${id}-dead-letters`, component: 'Redis', title: `Readers gave up ${of}`, means: 'What these messages said was not applied by the reader that gave them up.', seenAt: [isRed(check)], isMark: true, source: 'storage 7.5',
  })),
  {
    ...base, id: 'audit-events-refused', component: 'audit', title: 'Audit refused events', means: 'They are kept as dead letters and are not in the ledger: their signature or their form is wrong.',
    seenAt: [without(isRed('STR-012'), 'replayable')], brings: [warns('SVC-033'), warns('SVC-090')], says: [logged('audit: event sent to DLQ')], isMark: true, leftBy: ['audit-key-differs', 'event-replayed-changed'], source: 'storage 9.2',
  },
  { ...base, id: 'audit-events-replayable', component: 'audit', title: 'Audit events wait to be replayed', means: 'Audit could not store them, and the ledger lacks them until they are replayed.', seenAt: [isRed('STR-012', 'replayable')], brings: [warns('SVC-033'), warns('SVC-090')], isMark: true, source: 'storage 9.2' },
  { ...base, id: 'unsigned-messages', component: 'Redis', title: 'Somebody wrote unsigned messages', means: 'Readers drop them and apply nothing. No service of Caracal writes a message without its signature.', seenAt: [fails('STR-025', 'unsigned'), fails('STR-038', 'unsigned'), fails('STR-055', 'unsigned')], source: 'storage 7.4' },
  {
    ...base, id: 'streams-key-differs', component: 'api', title: 'A producer has another STREAMS_HMAC_KEY than the rest', means: 'Readers drop what it writes: policy changes, revocations and lifecycle events are not applied.',
    seenAt: [fails('STR-025', 'wrong'), fails('STR-038', 'wrong'), fails('STR-055', 'wrong')], brings: [isRed('SVC-023')],
    says: [logged('sts: dropping stream message with invalid origin signature'), logged('gateway: dropping revocation message with invalid origin signature'), logged('coordinator: dropping lifecycle event with invalid origin signature')], source: 'storage 7.4; deploy 5.4',
  },
  {
    ...base, id: 'gateway-streams-key', component: 'gateway', title: 'The Gateway refuses revocations by their signature', means: 'It has another STREAMS_HMAC_KEY than those who write them, and hears of revocations with its next snapshot only.',
    seenAt: [isRed('SVC-023')], unless: [fails('STR-038', 'wrong')], says: [logged('gateway: dropping revocation message with invalid origin signature')], source: 'storage 7.4; deploy 5.4',
  },
  { ...base, id: 'streams-long', component: 'Redis', title: 'A stream or group has more than it should', means: 'What waits is late, or is about to be trimmed unread.', seenAt: ['STR-001', 'STR-010', 'STR-020', 'STR-030', 'STR-040', 'STR-050', 'STR-060', 'STR-070', 'STR-080'].map((check) => warns(check)), source: 'storage 7.7' },
];
