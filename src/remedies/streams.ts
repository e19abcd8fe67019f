/** Remedies of streams, groups, dead letters and outboxes: contract, storage 3, 7, 9, 12. Pure. */
import { keyOf, streams } from '../caracal/streams.ts';
import type { Cause } from '../model/diagnosis.ts';
import type { ServiceName } from '../model/target.ts';
import { coordinatorOutbox, deadCoordinatorRows } from './answers.ts';
import type { Names } from './names.ts';
import { advise, checkOf, curl, logsOf, psql, redisCli, rehearsed, reloadRevocations, restart, restartTogether, runCanary } from './parts.ts';
import type { Build, Draft, Table } from './parts.ts';

/** Services that hold STREAMS_HMAC_KEY, and those that hold AUDIT_HMAC_KEY: contract, deploy 5.1. */
export const keyHolders = { streams: ['sts', 'api', 'gateway', 'coordinator'], audit: ['sts', 'api', 'gateway', 'audit'], exchange: ['sts', 'api', 'gateway'] } as const satisfies Readonly<Record<string, readonly ServiceName[]>>;

/** A group that is gone is made when its reader starts, at the end of the stream. */
function groupMissing(service: ServiceName, check: string, missed: readonly string[], before: (names: Names) => readonly Draft[] = () => []): Build {
  return (names) => [
    ...before(names),
    restart(names, service, { advice: 'It makes its groups when it starts, at the end of the stream.', provedBy: [check, checkOf.ready(service)], stillOpen: missed }),
  ];
}

/** A reader that runs and does not keep up. */
function behind(service: ServiceName, check: string): Build {
  return (names) => [restart(names, service, { advice: 'Keep the end of its log first. If it reads, only slowly, it takes more replicas, or what it writes to is slow.', provedBy: [check], place: 'backlogs' })];
}

/** Evidence that is still in Redis, and that nobody will read there any more. */
const saveStream = (names: Names, stream: string): Draft => ({
  id: 'save-stream', title: `save the stream ${stream}`, place: 'freeze',
  commands: [`${redisCli(names, `XRANGE ${keyOf(stream)} - +`)} > ${stream}.txt`],
  advice: 'It holds subjects and metadata of requests: keep the file as you keep evidence.', changes: 'nothing; it reads', provedBy: [],
});

/** Letters that a reader gave up; there is no tool that replays them. */
function deadLetters(stream: string, check: string, then: (names: Names) => readonly Draft[] = () => []): Build {
  return (names) => [
    {
      id: 'read-letters', title: 'read the dead letters', place: 'backlogs', commands: [redisCli(names, `XREVRANGE ${keyOf(`${stream}.dead`)} + - COUNT 20`)],
      advice: 'The reason says what the reader could not do: invalid_signature is a key that differs, other text an error of Postgres. Compare what the message said with Postgres and do it by hand. Keep the letters.',
      changes: 'nothing by itself', provedBy: [check], stillOpen: ['the letters stay: nothing deletes them, and the check passes when the newest is a day old'],
    },
    ...then(names),
  ];
}

/** The name of the stream at whose check a cause is seen, without `caracal.`. */
function streamOf(names: Names, { own }: Cause): string {
  const component = own.map((check) => names.verdict(check)?.component).find((name) => streams.some((stream) => stream.name === name));
  return component ?? '<stream>';
}

/** Services that read a stream; those of all streams where it is not known which one it is. */
function readersOf(name: string): readonly ServiceName[] {
  const read = streams.filter((stream) => stream.name === name);
  return [...new Set((read.length > 0 ? read : streams).flatMap(({ groups }) => groups.flatMap(({ reader }) => reader ?? [])))];
}

const sameKey = (key: string, services: readonly ServiceName[], checks: readonly string[], stillOpen: readonly string[]): Build => (names) => [
  restartTogether(names, services, { title: `give all services one ${key}`, advice: `First put the same ${key} where ${services.join(', ')} have it from. They read it only when they start.`, provedBy: checks, stillOpen }),
];

/** POST /zones/<zone>/outbox/<id>/requeue for each dead row that is known. */
const requeue: Build = (names) => {
  const rows = names.answer(deadCoordinatorRows, 'Postgres') ?? [];
  const dead = names.answer(coordinatorOutbox, 'Postgres')?.dead ?? rows.length;
  const path = ({ zone, id }: { zone: string; id: string }): string => `/zones/${encodeURIComponent(zone)}/outbox/${encodeURIComponent(id)}/requeue`;
  const shown = rows.length > 0 ? rows : [{ zone: '<zone>', id: '<id>' }];
  const count = rows.length > 0 ? `${rows.length} ` : '';
  return [{
    id: 'requeue', title: `requeue ${count}dead ${rows.length === 1 ? 'event' : 'events'}`, place: 'backlogs',
    commands: shown.flatMap((row, index) => curl(names, 'coordinator', { method: 'POST', path: path(row), token: 'CARACAL_COORDINATOR_TOKEN' }).slice(index === 0 ? 0 : -1)),
    advice: rows.length > 0 ? 'Redis has to take writes first; the events keep their order by their time.' : "Redis has to take writes first. Ids and zones: SELECT id, payload_json->>'zone_id' FROM caracal_outbox WHERE producer = 'coordinator' AND status = 'dead'.",
    changes: `${count}rows of caracal_outbox, from dead to pending with ten new tries`,
    provedBy: ['CRC-STR-091', 'CRC-RDY-043'],
    stillOpen: dead > rows.length && rows.length > 0 ? [`${dead - rows.length} more dead events, which the next run names`] : [],
    ...(rows.length > 0 ? { call: { kind: 'requeue' as const, rows: rows.map(({ zone, id }) => ({ zone, id })) } } : {}),
  }];
};

export const streamRemedies: Table = {
  'opa-engine-missing': groupMissing('sts', 'CRC-STR-021', ['activations in between follow by the poll of Postgres, within 60 s']),
  'sts-revocation-missing': groupMissing('sts', 'CRC-STR-031', ['revocations in between were not applied by the STS: compare them with Postgres']),
  'gateway-revocation-missing': groupMissing('gateway', 'CRC-STR-032', ['revocations in between come with its snapshot, within 30 s']),
  'gateway-revocation-left-behind': groupMissing('gateway', 'CRC-STR-032', ['revocations in between come with its snapshot, within 30 s', 'the groups that are left behind grow on, which is normal']),
  'sts-keys-missing': groupMissing('sts', 'CRC-STR-041', []),
  'coordinator-relay-missing': groupMissing('coordinator', 'CRC-STR-051', ['lifecycle events in between are not relayed']),
  'audit-ingestor-missing': groupMissing('audit', 'CRC-STR-002', ['events in between are in the stream and not in the ledger: scope them by the ids before and after'], (names) => [saveStream(names, 'audit.events')]),
  'opa-engine-behind': behind('sts', 'CRC-STR-021'),
  'sts-revocation-behind': behind('sts', 'CRC-STR-031'),
  'gateway-revocation-behind': behind('gateway', 'CRC-STR-032'),
  'sts-keys-behind': behind('sts', 'CRC-STR-041'),
  'coordinator-relay-behind': behind('coordinator', 'CRC-STR-051'),
  'audit-ingestor-behind': behind('audit', 'CRC-STR-002'),
  'stream-missing': (names, cause) => readersOf(streamOf(names, cause)).map((service) => restart(names, service, { advice: 'It makes the stream and its groups when it starts.', provedBy: cause.own })),
  'streams-long': () => [advise('let-catch-up', 'let the readers catch up', 'backlogs', 'See the groups of the stream: a reader that is away or slow, or one of a Gateway that is gone. Give Redis memory for as long. Trim nothing that was not read.', {})],
  'messages-trimmed': (names) => [
    advise('compare-with-postgres', 'compare with Postgres what was missed', 'backlogs', 'What the messages said was not applied by that reader: the tables have it. Policies follow by the poll of the STS. See why it did not read, and give Redis memory for longer outages.', { provedBy: ['CRC-STR-023', 'CRC-STR-034', 'CRC-STR-036'] }),
    reloadRevocations(names, { advice: 'What the Gateway missed comes from Postgres.' }),
  ],
  'relay-message-failed': (names) => [restart(names, 'coordinator', { advice: 'Its log has the id and why: mend that first. It takes pending entries up again each minute.', provedBy: ['CRC-STR-052'], place: 'backlogs' })],
  'audit-dead-letters-grow': (names) => [{
    id: 'read-letters', title: 'read the dead letters', place: 'backlogs', commands: [redisCli(names, `XREVRANGE ${keyOf('audit.events.dlq')} + - COUNT 20`)],
    advice: 'hmac_verify_failed is an AUDIT_HMAC_KEY that differs; transient_exceeded_max_deliveries is Postgres being away for eight deliveries, and those can be replayed. Keep the letters.', changes: 'nothing by itself', provedBy: ['CRC-SVC-033', 'CRC-STR-012'],
  }],
  'group-moved': () => [advise('find-who', 'find out who moved the group', 'backlogs', 'Entries in between were given twice or never. The ACL of Redis and its slow log may tell who can write there. Move nothing back: what was given twice is taken once, and what was never given has to be compared with Postgres.')],
  'stream-of-another-type': (names, cause) => {
    const name = streamOf(names, cause);
    return [
      {
        id: 'move-key', title: `move the key of ${name} aside`, place: 'backlogs', risk: 'medium', commands: [redisCli(names, `RENAMENX ${keyOf(name)} ${keyOf(name)}.found`)], dryRun: redisCli(names, `TYPE ${keyOf(name)}`),
        advice: 'Find out who wrote it. The key keeps what is in it, under another name.', changes: `the name of one key that is no stream`, provedBy: cause.own,
      },
      ...readersOf(name).map((service) => restart(names, service, { advice: 'It makes the stream and its groups when it starts.' })),
    ];
  },
  'audit-events-trimmed': (names) => [
    saveStream(names, 'audit.events'),
    advise('scope-loss', 'scope what was lost', 'freeze', 'Treat it as an incident: keep the stream, the replay folders of sts and gateway and the logs, and find the time by the ids before and after. Then see why Audit was away, and give Redis memory for longer outages.', { provedBy: ['CRC-STR-005'], stillOpen: ['events that were trimmed unread are in no ledger'] }),
  ],
  'audit-poison-event': (names) => [restart(names, 'audit', { advice: 'Its log has the id and why. Errors of Postgres that pass are tried again by themselves: mend Postgres before the last of eight deliveries, and restart Audit only if nobody takes the event up.', provedBy: ['CRC-STR-004'], place: 'backlogs' })],
  'revocation-failed-in-sts': (names) => [restart(names, 'sts', { advice: 'Its log says `stream side effect` with the id and why: mend that first. The STS tries pending entries again only when it starts.', provedBy: ['CRC-STR-033'], place: 'backlogs', stillOpen: ['after five failures within 24 h the entry is a dead letter'] })],
  'revocation-failed-in-gateway': (names) => [
    reloadRevocations(names, { advice: 'What is revoked counts at once; the entry itself is tried again each 30 s.' }),
    restart(names, 'gateway', { advice: 'Only if nobody takes the entry up. Its log has the id and why.', provedBy: ['CRC-STR-035'], place: 'backlogs' }),
  ],
  'policy-dead-letters': deadLetters('policy.invalidate', 'CRC-STR-024'),
  'revocation-dead-letters': deadLetters('sessions.revoke', 'CRC-STR-037', (names) => [reloadRevocations(names)]),
  'key-dead-letters': deadLetters('keys.invalidate', 'CRC-STR-044'),
  'delegation-dead-letters': deadLetters('delegations.invalidate', 'CRC-STR-074'),
  'audit-events-refused': sameKey('AUDIT_HMAC_KEY', keyHolders.audit, ['CRC-STR-012', 'CRC-SVC-032'], ['dead letters with hmac_verify_failed cannot be replayed by themselves: keep them']),
  'audit-events-replayable': (names) => [{
    id: 'replay-letters', title: 'replay the dead letters', place: 'backlogs',
    commands: curl(names, 'audit', { method: 'POST', path: '/api/audit/dlq/replay?limit=100', token: 'AUDIT_ADMIN_TOKEN' }), dryRun: curl(names, 'audit', { path: '/api/audit/dlq?limit=100', token: 'AUDIT_ADMIN_TOKEN' }).at(-1) ?? '',
    advice: 'Postgres has to be well first. Without AUDIT_ADMIN_TOKEN in its environment Audit answers 404. It looks at the oldest entries, so that many that cannot be replayed hide the rest: raise the limit.',
    changes: 'dead letters, which go back into the stream', provedBy: ['CRC-STR-012', 'CRC-SVC-033'],
  }],
  'unsigned-messages': () => [advise('close-redis', 'find the writer and close Redis to it', 'freshness', 'Somebody with a password of Redis writes to the streams. Find the client, then change the password of Redis for all. What was dropped was not applied.', { risk: 'high', changes: 'the password of Redis, for every service', provedBy: ['CRC-STR-025', 'CRC-STR-038', 'CRC-STR-055'] })],
  'streams-key-differs': sameKey('STREAMS_HMAC_KEY', keyHolders.streams, ['CRC-STR-025', 'CRC-STR-038', 'CRC-STR-055'], ['what was dropped is not delivered again: repeat the revocation or activation']),
  'gateway-streams-key': (names) => [
    restart(names, 'gateway', { title: 'give the Gateway the STREAMS_HMAC_KEY of the others', advice: 'First put the key of sts, api and coordinator where the Gateway has its own from. It reads it when it starts.', provedBy: ['CRC-SVC-023'], place: 'freshness' }),
    reloadRevocations(names, { advice: 'Revocations that it dropped come from Postgres.' }),
  ],
  'api-outbox-dead': (names) => {
    const dead = "dispatched_at IS NULL AND available_at = 'infinity'";
    const again = `UPDATE event_outbox SET available_at = now(), attempts = 0 WHERE ${dead} AND id IN ('<id>')`;
    return [{
      id: 'reconcile-rows', title: 'requeue the dead rows in SQL', place: 'backlogs', risk: 'medium',
      commands: [psql(names, `SELECT id, stream_name, created_at, last_error FROM event_outbox WHERE ${dead} ORDER BY created_at`), psql(names, again)], dryRun: rehearsed(names, again),
      advice: 'Nothing else requeues them. Compare first what each row says with Postgres, and name only the ids of those that are still right.',
      changes: 'rows of event_outbox, which api then tries again', provedBy: ['CRC-STR-090', 'CRC-RDY-003'], stillOpen: ['api answers outbox_dead_messages while one dead row is left'],
    }];
  },
  'api-outbox-stuck': (names) => [restart(names, 'api', { advice: 'Keep the end of its log first: its dispatcher does not run, or hangs in Redis.', provedBy: ['CRC-STR-090'], place: 'backlogs' })],
  'api-outbox-failing': (names) => [advise('mend-publishing', 'mend what refuses the events', 'backlogs', 'The error of the rows says what: Redis cannot be reached, OOM, READONLY, MISCONF, authentication, WRONGTYPE. Rows that wait go on by themselves.', { commands: names.kind === 'endpoints' ? [] : [logsOf(names, 'api')], provedBy: ['CRC-STR-090'] })],
  'coordinator-outbox-dead': requeue,
  'coordinator-outbox-slow': (names) => [restart(names, 'coordinator', { advice: 'Keep the end of its log first: it publishes slowly, or hangs in Redis.', provedBy: ['CRC-STR-091'], place: 'backlogs' })],
  'webhooks-abandoned': () => [advise('see-sink', 'mend the sink', 'backlogs', 'The last error in the facts says what the sink answered. What was abandoned after eight tries is not sent again: tell its owner which events it missed.', { provedBy: ['CRC-STR-092', 'CRC-STR-093'] })],
  'webhook-sink-failing': () => [advise('see-sink', 'mend the sink', 'backlogs', 'See its address, its certificate and its answer in the facts. A sink that nobody wants any more is switched off in the Console.', { provedBy: ['CRC-STR-093'] })],
  'audit-reader-sticky': (names) => [
    runCanary('One audited call is enough: Audit is healthy again with the next event that it reads.'),
    restart(names, 'audit', { advice: 'Or do one audited action, such as a token exchange.', provedBy: ['CRC-RDY-033', 'CRC-RDY-032'] }),
  ],
};
