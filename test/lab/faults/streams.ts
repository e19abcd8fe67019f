import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { eventually } from '../eventually.ts';
import type { Lab } from '../lab.ts';
import { seal } from '../services/envelope.ts';
import { flat, signAuditData, signed } from '../services/streams.ts';
import { SINK_SECRET_PURPOSE } from '../services/webhooks.ts';
import { uuidv7 } from '../stores/identifiers.ts';
import { auditReaderFailed, gatewayMissesSts } from './effects.ts';
import { all, ids } from './fault.ts';
import type { Decoy, Fault } from './fault.ts';
import { behindApi, figures } from './groups.ts';

const auditGone = {
  ...all('fail', 'CRC-RDY-031'),
  ...all('blocked', ...ids('RDY', 32, 33, 34), ...figures.audit),
};

const day = 86_400_000;

/** One consumer group, as XINFO tells it. */
async function group(lab: Lab, stream: string, name: string): Promise<{ readonly delivered: string; readonly pending: number } | undefined> {
  const groups = (await lab.redisClient.xinfo('GROUPS', stream)) as unknown[][];
  const found = groups.find((candidate) => candidate[candidate.indexOf('name') + 1] === name);
  return found && { delivered: String(found[found.indexOf('last-delivered-id') + 1]), pending: Number(found[found.indexOf('pending') + 1]) };
}

/** So many entries of a stream wait for a group. */
async function waitFor(lab: Lab, stream: string, name: string, entries: number): Promise<void> {
  await eventually(`${String(entries)} entries wait for ${name}`, async () => {
    const delivered = (await group(lab, stream, name))?.delivered;
    return delivered !== undefined && (await lab.redisClient.xrange(stream, `(${delivered}`, '+', 'COUNT', entries)).length >= entries;
  }, 120_000);
}

async function dropGroup(lab: Lab, stream: string, name: string): Promise<void> {
  await lab.redisClient.xgroup('DESTROY', stream, name);
}

/** Events that the API dispatches, in its own outbox. */
async function enqueue(lab: Lab, stream: string, payload: Readonly<Record<string, string>>, events = 1): Promise<void> {
  await lab.sql(
    'INSERT INTO event_outbox (id, stream_name, payload_json) SELECT gen_random_uuid()::text, $1, $2::jsonb FROM generate_series(1, $3)',
    [stream, JSON.stringify(payload), events],
  );
}

async function dispatched(lab: Lab): Promise<void> {
  await eventually('the outbox of api is empty', async () => (await lab.sql('SELECT 1 FROM event_outbox WHERE dispatched_at IS NULL LIMIT 1')).length === 0);
}

/** A message as a producer with the deployment's key writes it. */
async function publish(lab: Lab, stream: string, fields: Readonly<Record<string, string>>): Promise<string> {
  const key = Buffer.from(lab.secrets.streamsHmacKey, 'hex');
  return String(await lab.redisClient.xadd(stream, '*', ...flat(signed(key, stream, { outbox_id: uuidv7(), ...fields }))));
}

/** Lets a pending entry look as old and as often delivered as it would be after some time. */
async function agePending(lab: Lab, stream: string, name: string, id: string, deliveries: number): Promise<void> {
  const [entry] = (await lab.redisClient.xpending(stream, name, id, id, 1)) as unknown[][];
  await lab.redisClient.xclaim(stream, name, String(entry?.[1]), 0, id, 'IDLE', 600_000, 'RETRYCOUNT', deliveries);
}

async function becomesPending(lab: Lab, stream: string, name: string): Promise<void> {
  await eventually(`an entry is pending in ${name}`, async () => ((await group(lab, stream, name))?.pending ?? 0) > 0);
}

/** A dead letter as STS and Gateway write it, at a time. */
async function deadLetter(lab: Lab, stream: string, error: string, atMs: number): Promise<void> {
  const key = Buffer.from(lab.secrets.streamsHmacKey, 'hex');
  const fields = { original_id: `${String(atMs - 1000)}-0`, error, values: '{"zone_id":"gone"}' };
  await lab.redisClient.xadd(stream, `${String(atMs)}-0`, ...flat(signed(key, stream, fields)));
}

async function addSink(lab: Lab, url: string): Promise<string> {
  const id = uuidv7();
  const secret = seal(Buffer.from(lab.secrets.secretStoreKek, 'hex'), randomBytes(32).toString('hex'), SINK_SECRET_PURPOSE);
  await lab.sql(
    `INSERT INTO notification_sinks (id, zone_id, name, url, secret_ct, event_types, cursor_chain_seq)
     VALUES ($1, $2, 'chat', $3, $4, '{token_exchange}', (SELECT coalesce(max(chain_seq), 0) FROM audit_events WHERE zone_id = $2))`,
    [id, lab.zoneId, url, secret],
  );
  return id;
}

/** An audit event of the STS, as it would be. */
function auditEvent(lab: Lab): string {
  return JSON.stringify({
    id: uuidv7(), zone_id: lab.zoneId, event_type: 'token_exchange', request_id: uuidv7(), decision: 'allow', evaluation_status: 'complete',
    determining_policies_json: [], diagnostics_json: [], metadata_json: {}, occurred_at: new Date().toISOString(),
  });
}

export const streamsFaults: readonly Fault[] = [
  {
    id: 'policy-group-missing',
    title: 'The consumer group of the STS on policy.invalidate is gone',
    contract: 'storage-and-streams.md 7.2, groups are created only when a process starts; 12, trap 6',
    verdicts: { 'CRC-STR-021': 'fail' },
    inject: (lab) => dropGroup(lab, 'caracal.policy.invalidate', 'opa-engine'),
  },
  {
    id: 'sts-revocation-group-missing',
    title: 'The consumer group of the STS on sessions.revoke is gone',
    contract: 'storage-and-streams.md 7.2, groups are created only when a process starts; 12, trap 6',
    verdicts: { 'CRC-STR-031': 'fail' },
    inject: (lab) => dropGroup(lab, 'caracal.sessions.revoke', 'sts-revocation'),
  },
  {
    id: 'gateway-group-missing',
    title: 'The consumer group of the Gateway on sessions.revoke is gone',
    contract: 'storage-and-streams.md 7.2, groups are created only when a process starts; 12, trap 6',
    verdicts: { 'CRC-STR-032': 'fail' },
    inject: (lab) => dropGroup(lab, 'caracal.sessions.revoke', 'gateway-revocation:caracal-gateway-1'),
  },
  {
    id: 'keys-group-missing',
    title: 'The consumer group of the STS on keys.invalidate is gone',
    contract: 'storage-and-streams.md 7.2, groups are created only when a process starts; 12, trap 6',
    verdicts: { 'CRC-STR-041': 'fail' },
    inject: (lab) => dropGroup(lab, 'caracal.keys.invalidate', 'sts-keys'),
  },
  {
    id: 'relay-group-missing',
    title: 'The consumer group of the Coordinator on agents.lifecycle is gone',
    contract: 'storage-and-streams.md 7.2, groups are created only when a process starts; 12, trap 6',
    verdicts: { 'CRC-STR-051': 'fail' },
    inject: (lab) => dropGroup(lab, 'caracal.agents.lifecycle', 'coordinator-relay'),
  },
  {
    id: 'audit-group-missing',
    title: 'The consumer group of Audit is gone',
    contract: 'readiness.md 2.5, group lost after Redis wipe',
    verdicts: { ...all('fail', 'CRC-STR-002', 'CRC-RDY-032', 'CRC-RDY-033'), 'CRC-RDY-034': 'blocked' },
    inject: async (lab) => {
      await dropGroup(lab, 'caracal.audit.events', 'audit-ingestor');
      await auditReaderFailed(lab);
    },
  },
  {
    id: 'stream-of-another-type',
    title: 'Something else stands where policy.invalidate was',
    contract: 'storage-and-streams.md 6.4, check 1; 6.3, WRONGTYPE',
    verdicts: { 'CRC-STR-020': 'fail', ...all('blocked', ...ids('STR', 21, 22, 23, 25)) },
    inject: async (lab) => {
      await lab.redisClient.set('caracal.policy.invalidate', 'not a stream');
    },
  },
  {
    id: 'redis-emptied',
    title: 'Redis lost all its data while the services ran',
    contract: 'storage-and-streams.md 7.2, groups are created only when a process starts; 12, trap 6',
    verdicts: {
      ...all('fail', ...ids('STR', 2, 20, 30, 40, 51), ...ids('RDY', 32, 33)),
      ...all('blocked', 'CRC-RDY-034', ...ids('STR', 21, 22, 23, 25, 31, 32, 33, 34, 35, 36, 38, 41, 42, 43)),
    },
    inject: async (lab) => {
      await lab.redisClient.flushall();
      // Producers make their streams anew, without groups.
      for (const stream of ['caracal.audit.events', 'caracal.agents.lifecycle']) {
        await eventually(`${stream} is written again`, async () => await lab.redisClient.exists(stream) === 1);
      }
      await auditReaderFailed(lab);
    },
  },
  {
    id: 'audit-consumer-dead',
    title: 'Audit is gone and its events pile up',
    contract: 'storage-and-streams.md 9.5, hop stream; diagnosing.md 5.3',
    verdicts: { ...auditGone, 'CRC-STR-002': 'fail' },
    inject: async (lab) => {
      await lab.services.audit.kill();
      await waitFor(lab, 'caracal.audit.events', 'audit-ingestor', 60);
    },
  },
  {
    id: 'audit-events-trimmed-unread',
    title: 'Audit is gone, and events are trimmed before it could read them',
    contract: 'storage-and-streams.md 7.7, trimming ignores groups',
    verdicts: { ...auditGone, ...all('fail', 'CRC-STR-002', 'CRC-STR-005') },
    inject: async (lab) => {
      await lab.services.audit.kill();
      await waitFor(lab, 'caracal.audit.events', 'audit-ingestor', 90);
      await lab.redisClient.xtrim('caracal.audit.events', 'MAXLEN', 70);
    },
  },
  {
    id: 'audit-events-lost-earlier',
    title: 'Audit works again, but events were trimmed before it could read them',
    contract: 'storage-and-streams.md 7.7, robust count of lost entries',
    verdicts: { 'CRC-STR-005': 'fail' },
    inject: async (lab) => {
      await lab.services.audit.kill();
      await waitFor(lab, 'caracal.audit.events', 'audit-ingestor', 20);
      await lab.redisClient.xtrim('caracal.audit.events', 'MAXLEN', 5);
      await lab.services.audit.start();
      await eventually('audit keeps up', async () => {
        const [last] = await lab.redisClient.xrevrange('caracal.audit.events', '+', '-', 'COUNT', 1);
        return (await group(lab, 'caracal.audit.events', 'audit-ingestor'))?.delivered === last?.[0];
      });
    },
  },
  {
    id: 'audit-poison-event',
    title: 'An audit event fails again and again',
    contract: 'storage-and-streams.md 7.2, AUDIT_MAX_DELIVERIES; 9.2, transient Postgres errors',
    verdicts: { 'CRC-STR-004': 'warn' },
    inject: async (lab) => {
      await lab.reconfigure('audit', { AUDIT_CLAIM_IDLE_SECS: '1', AUDIT_MAX_DELIVERIES: '1000' });
      await lab.sql(
        `CREATE FUNCTION lab_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.request_id = 'poison' THEN RAISE EXCEPTION 'try again' USING ERRCODE = '40001'; END IF;
           RETURN NEW;
         END $$`,
      );
      await lab.sql('CREATE TRIGGER lab_refuse BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION lab_refuse()');
      const data = auditEvent(lab).replace(/"request_id":"[^"]+"/, '"request_id":"poison"');
      const id = String(await lab.redisClient.xadd('caracal.audit.events', '*', 'data', data, 'sig', signAuditData(Buffer.from(lab.secrets.auditHmacKey, 'hex'), data)));
      await eventually('it was delivered five times', async () => {
        const [entry] = (await lab.redisClient.xpending('caracal.audit.events', 'audit-ingestor', id, id, 1)) as unknown[][];
        return Number(entry?.[3]) >= 5;
      });
    },
  },
  {
    id: 'sts-consumer-dead',
    title: 'The STS is gone and changes of policies pile up',
    contract: 'storage-and-streams.md 7.2, STS consumers; diagnosing.md 5.3',
    verdicts: {
      ...all('fail', 'CRC-STR-021', ...ids('RDY', 11, 23, 90)),
      ...all('blocked', ...ids('RDY', 12, 13, 14), ...figures.sts, ...ids('SVC', 13, 15)),
    },
    inject: async (lab) => {
      await lab.services.sts.kill();
      await enqueue(lab, 'caracal.policy.invalidate', { zone_id: lab.zoneId, policy_set_id: lab.seeded.payments.policySetId }, 60);
      await waitFor(lab, 'caracal.policy.invalidate', 'opa-engine', 60);
      await gatewayMissesSts(lab);
    },
  },
  {
    id: 'relay-dead',
    title: 'The Coordinator is gone and lifecycle events pile up',
    contract: 'storage-and-streams.md 7.2, Coordinator relay; diagnosing.md 5.3',
    verdicts: { ...all('fail', 'CRC-STR-051', 'CRC-RDY-041'), ...all('blocked', ...ids('RDY', 42, 43, 44), ...figures.coordinator) },
    inject: async (lab) => {
      await lab.services.coordinator.kill();
      await enqueue(lab, 'caracal.agents.lifecycle', { event: 'spawn', zone_id: lab.zoneId, agent_session_id: 'gone', application_id: 'gone' }, 60);
      await waitFor(lab, 'caracal.agents.lifecycle', 'coordinator-relay', 60);
    },
  },
  {
    id: 'policy-group-recreated',
    title: 'The consumer group of the STS on policy.invalidate was made anew since the last run',
    contract: 'diagnosing.md 5.3, verdict GROUP_RECREATED; storage-and-streams.md 7.2, groups start at $',
    before: true,
    verdicts: { 'CRC-STR-021': 'warn' },
    inject: async (lab) => {
      await dropGroup(lab, 'caracal.policy.invalidate', 'opa-engine');
      await lab.redisClient.xgroup('CREATE', 'caracal.policy.invalidate', 'opa-engine', '$');
    },
  },
  {
    id: 'revocation-failed-in-sts',
    title: 'The STS could not apply a revocation and does not try again',
    contract: 'storage-and-streams.md 7.2, STS retries only at process start',
    verdicts: { 'CRC-STR-033': 'warn' },
    inject: async (lab) => {
      // Without its zone the STS refuses it; the Gateway takes it.
      const id = await publish(lab, 'caracal.sessions.revoke', { session_id: uuidv7(), reason: 'subject_revoked' });
      await becomesPending(lab, 'caracal.sessions.revoke', 'sts-revocation');
      await agePending(lab, 'caracal.sessions.revoke', 'sts-revocation', id, 2);
    },
  },
  {
    id: 'revocation-failed-in-gateway',
    title: 'The Gateway takes up a revocation again and again and cannot apply it',
    contract: 'storage-and-streams.md 7.2, Gateway: counter, five failures',
    verdicts: { 'CRC-STR-035': 'warn' },
    inject: async (lab) => {
      const id = await publish(lab, 'caracal.sessions.revoke', { zone_id: lab.zoneId, grant_id: uuidv7(), reason: 'grant_revoked' });
      const name = 'gateway-revocation:caracal-gateway-1';
      await becomesPending(lab, 'caracal.sessions.revoke', name);
      await agePending(lab, 'caracal.sessions.revoke', name, id, 4);
    },
  },
  {
    id: 'revocation-dead-letter',
    title: 'A revocation was given up today',
    contract: 'storage-and-streams.md 7.5, <stream>.dead by STS or Gateway',
    verdicts: { 'CRC-STR-037': 'warn' },
    inject: (lab) => deadLetter(lab, 'caracal.sessions.revoke.dead', 'update authority_records: ERROR: deadlock detected', Date.now() - 60_000),
  },
  {
    id: 'policy-dead-letter',
    title: 'A change of a policy was given up today',
    contract: 'storage-and-streams.md 7.5, <stream>.dead by STS or Gateway',
    verdicts: { 'CRC-STR-024': 'warn' },
    inject: (lab) => deadLetter(lab, 'caracal.policy.invalidate.dead', 'missing zone_id', Date.now() - 60_000),
  },
  {
    id: 'resource-server-dead-letter',
    title: 'A resource server gave up a change of delegations today',
    contract: 'storage-and-streams.md 7.5, <stream>.dead by resource servers',
    verdicts: { 'CRC-STR-074': 'warn' },
    inject: async (lab) => {
      await lab.redisClient.xadd('caracal.delegations.invalidate.dead', '*', 'source_id', '1-0', 'reason', 'invalid_signature', 'payload', '{}');
    },
  },
  {
    id: 'audit-event-forged',
    title: 'Audit refused events with a wrong signature',
    contract: 'storage-and-streams.md 9.2, hmac_verify_failed',
    verdicts: { 'CRC-STR-012': 'warn' },
    inject: async (lab) => {
      const data = auditEvent(lab);
      await lab.redisClient.xadd('caracal.audit.events', '*', 'data', data, 'sig', signAuditData(randomBytes(32), data));
      await eventually('it is a dead letter', async () => await lab.redisClient.xlen('caracal.audit.events.dlq') === 1);
    },
  },
  {
    id: 'audit-events-replayable',
    title: 'Events that Audit could not store wait to be replayed',
    contract: 'storage-and-streams.md 9.3, replayable',
    verdicts: { 'CRC-STR-012': 'warn' },
    inject: async (lab) => {
      const at = Date.now() - 40 * day;
      await lab.redisClient.xadd(
        'caracal.audit.events.dlq', `${String(at)}-0`, 'reason', 'pg_permanent_error:no partition of relation "audit_events" found for row', 'received_at', String(at),
        'src_id', uuidv7(), 'src_data', auditEvent(lab), 'src_sig', 'gone',
      );
    },
  },
  {
    id: 'unsigned-message',
    title: 'Somebody wrote an unsigned message to policy.invalidate',
    contract: 'storage-and-streams.md 7.4, _sig missing = rejected',
    verdicts: { 'CRC-STR-025': 'fail' },
    inject: async (lab) => {
      await lab.redisClient.xadd('caracal.policy.invalidate', '*', 'zone_id', lab.zoneId, 'policy_set_id', lab.seeded.payments.policySetId);
    },
  },
  {
    id: 'api-other-streams-key',
    title: 'STREAMS_HMAC_KEY of the API is another one than that of the rest',
    contract: 'storage-and-streams.md 7.4; deploy-logs-metrics.md 5.4, key mismatch',
    verdicts: { 'CRC-STR-038': 'fail' },
    inject: async (lab) => {
      await lab.reconfigure('api', { STREAMS_HMAC_KEY: randomBytes(32).toString('hex') });
      await enqueue(lab, 'caracal.sessions.revoke', { zone_id: lab.zoneId, session_id: uuidv7(), reason: 'subject_revoked' });
      await dispatched(lab);
    },
  },
  {
    id: 'api-outbox-dead',
    title: 'An event of the API outbox is dead',
    contract: 'storage-and-streams.md 3.1, derived status dead; readiness.md 2.4, row dead API event',
    verdicts: {
      ...all('fail', 'CRC-STR-090', 'CRC-RDY-003'),
      ...all('blocked', ...behindApi),
      'CRC-SVC-090': 'warn',
    },
    inject: async (lab) => {
      await lab.sql(
        `INSERT INTO event_outbox (id, stream_name, payload_json, attempts, available_at, last_error)
         VALUES (gen_random_uuid()::text, 'caracal.policy.invalidate', '{"zone_id":"gone"}', 100, 'infinity',
                 'Reached the max retries per request limit (which is 3).')`,
      );
    },
  },
  {
    id: 'api-dispatcher-stopped',
    title: 'The API is gone, and the events that the STS put into its outbox wait',
    contract: 'storage-and-streams.md 3.1, derived status ready; 4.2, no dispatcher',
    verdicts: {
      ...all('fail', 'CRC-STR-090', 'CRC-RDY-001'),
      ...all('blocked', ...ids('RDY', 2, 3, 4), ...figures.api, ...behindApi),
    },
    inject: async (lab) => {
      await lab.services.api.kill();
      await lab.sql(
        `INSERT INTO event_outbox (id, stream_name, payload_json, available_at, created_at)
         SELECT gen_random_uuid()::text, 'caracal.audit.events', '{"id":"gone","data":"{}"}', now() - interval '40 seconds', now() - interval '40 seconds'
           FROM generate_series(1, 3)`,
      );
    },
  },
  {
    id: 'api-outbox-backing-off',
    title: 'The API cannot publish to a stream that is another kind of key',
    contract: 'storage-and-streams.md 3.1, backoff and last_error',
    verdicts: { ...all('fail', 'CRC-STR-060'), ...all('blocked', 'CRC-STR-061'), 'CRC-STR-090': 'warn' },
    inject: async (lab) => {
      await lab.redisClient.set('caracal.invocations.lifecycle', 'not a stream');
      await lab.sql(
        `INSERT INTO event_outbox (id, stream_name, payload_json, attempts)
         VALUES (gen_random_uuid()::text, 'caracal.invocations.lifecycle', '{"zone_id":"gone"}', 5)`,
      );
      await eventually('it was refused', async () => (await lab.sql("SELECT 1 FROM event_outbox WHERE attempts = 6 AND last_error LIKE 'WRONGTYPE%'")).length === 1);
    },
  },
  {
    id: 'coordinator-outbox-dead',
    title: 'An event of the Coordinator outbox is dead',
    contract: 'storage-and-streams.md 3.2; readiness.md 2.4, row dead Coordinator event',
    verdicts: all('fail', 'CRC-STR-091', 'CRC-RDY-043'),
    inject: async (lab) => {
      await lab.sql(
        `INSERT INTO caracal_outbox (id, producer, topic, dedupe_key, payload_json, status, attempts)
         VALUES (gen_random_uuid()::text, 'coordinator', 'caracal.agents.lifecycle', 'spawn:gone',
                 '{"event":"spawn"}', 'dead', 10)`,
      );
    },
  },
  {
    id: 'coordinator-outbox-long',
    title: 'Hundreds of events of the Coordinator wait for their next try',
    contract: 'storage-and-streams.md 4.2, pending > 500; 10.5',
    verdicts: { 'CRC-STR-091': 'warn' },
    inject: async (lab) => {
      await lab.sql(
        `INSERT INTO caracal_outbox (id, producer, topic, dedupe_key, payload_json, attempts, available_at)
         SELECT gen_random_uuid()::text, 'coordinator', 'caracal.agents.lifecycle', 'spawn:' || n, '{"event":"spawn"}', 1, now() + interval '10 minutes'
           FROM generate_series(1, 600) n`,
      );
    },
  },
  {
    id: 'webhook-abandoned',
    title: 'Webhooks were given up after eight tries',
    contract: 'storage-and-streams.md 3.3, abandoned',
    verdicts: { 'CRC-STR-092': 'warn' },
    inject: async (lab) => {
      const sink = await addSink(lab, 'http://127.0.0.1:9/');
      await lab.sql("UPDATE notification_sinks SET event_types = '{step_up_decided_never}' WHERE id = $1", [sink]);
      await lab.sql(
        `INSERT INTO notification_deliveries (id, sink_id, zone_id, event_id, event_type, payload_json, attempts, abandoned_at, response_status, last_error, created_at)
         VALUES (gen_random_uuid()::text, $1, $2, 'gone', 'step_up_decided', '{}', 8, now() - interval '1 hour', 503, 'sink responded 503', now() - interval '3 hours')`,
        [sink, lab.zoneId],
      );
    },
  },
  {
    id: 'webhook-sink-failing',
    title: 'A webhook sink refuses what it is sent',
    contract: 'storage-and-streams.md 3.3, backoff; 4.2, consecutive_failures',
    verdicts: { 'CRC-STR-093': 'warn' },
    inject: async (lab) => {
      await addSink(lab, 'http://127.0.0.1:9/');
      await eventually('a delivery failed', async () => (await lab.sql('SELECT 1 FROM notification_sinks WHERE consecutive_failures > 0')).length === 1);
    },
  },
];

export const streamsDecoys: readonly Decoy[] = [
  {
    id: 'group-of-a-gateway-that-is-gone',
    title: 'A Gateway that is gone left its group behind, with entries that wait and one that is pending',
    contract: 'storage-and-streams.md 7.1, groups of vanished Gateway hosts; 12, trap 4',
    inject: async (lab) => {
      const name = 'gateway-revocation:caracal-gateway-0';
      await lab.redisClient.xgroup('CREATE', 'caracal.sessions.revoke', name, '0');
      await lab.redisClient.xreadgroup('GROUP', name, 'gateway-caracal-gateway-0-7', 'COUNT', 1, 'STREAMS', 'caracal.sessions.revoke', '>');
      await enqueue(lab, 'caracal.sessions.revoke', { zone_id: lab.zoneId, session_id: uuidv7(), reason: 'subject_revoked' }, 80);
      await dispatched(lab);
      const [entry] = (await lab.redisClient.xpending('caracal.sessions.revoke', name, '-', '+', 1)) as unknown[][];
      await agePending(lab, 'caracal.sessions.revoke', name, String(entry?.[0]), 3);
    },
  },
  {
    id: 'delegations-revoked',
    title: 'A message that revokes delegations alone stays pending in the STS',
    contract: 'storage-and-streams.md 7.2, known benign residue; 12, trap 5',
    inject: async (lab) => {
      await enqueue(lab, 'caracal.sessions.revoke', { zone_id: lab.zoneId, delegation_edge_id: uuidv7(), reason: 'dcr_shutdown' });
      await becomesPending(lab, 'caracal.sessions.revoke', 'sts-revocation');
      const [entry] = (await lab.redisClient.xpending('caracal.sessions.revoke', 'sts-revocation', '-', '+', 1)) as unknown[][];
      await agePending(lab, 'caracal.sessions.revoke', 'sts-revocation', String(entry?.[0]), 4);
    },
  },
  {
    id: 'old-dead-letters',
    title: 'Dead letters of last month are still there, and one of delegations alone from today',
    contract: 'storage-and-streams.md 7.5, no replay tool; 7.2, known benign residue',
    inject: async (lab) => {
      const lastMonth = Date.now() - 30 * day;
      await deadLetter(lab, 'caracal.sessions.revoke.dead', 'update authority_records: ERROR: deadlock detected', lastMonth);
      await deadLetter(lab, 'caracal.sessions.revoke.dead', 'missing session_id or agent_session_id', Date.now() - 60_000);
      await deadLetter(lab, 'caracal.keys.invalidate.dead', 'missing zone_id', lastMonth);
      await lab.redisClient.xadd('caracal.delegations.invalidate.dead', `${String(lastMonth)}-0`, 'source_id', '1-0', 'reason', 'invalid_delegation_epoch', 'payload', '{}');
      await lab.redisClient.xadd('caracal.audit.events.dlq', `${String(lastMonth)}-0`, 'reason', 'json_parse_error:unexpected end of JSON input', 'received_at', String(lastMonth), 'src_id', '1-0', 'src_data', '{');
    },
  },
  {
    id: 'burst-that-drains',
    title: 'A burst of lifecycle events is being published and read',
    contract: 'diagnosing.md 5.3, verdict DRAINING',
    inject: async (lab) => {
      await enqueue(lab, 'caracal.agents.lifecycle', { event: 'spawn', zone_id: lab.zoneId, agent_session_id: 'gone', application_id: 'gone' }, 1_500);
      await eventually('some are published', async () => await lab.redisClient.xlen('caracal.agents.lifecycle') > 100);
    },
  },
  {
    id: 'trimmed-after-reading',
    title: 'The audit stream was trimmed after all of it was read',
    contract: 'storage-and-streams.md 7.7, group field lag is unreliable',
    inject: async (lab) => {
      await eventually('there is something to trim', async () => await lab.redisClient.xlen('caracal.audit.events') > 20);
      await eventually('all was read when it was trimmed', async () => {
        const [last] = await lab.redisClient.xrevrange('caracal.audit.events', '+', '-', 'COUNT', 1);
        if ((await group(lab, 'caracal.audit.events', 'audit-ingestor'))?.delivered !== last?.[0]) return false;
        await lab.redisClient.xtrim('caracal.audit.events', 'MINID', String(last?.[0]));
        return true;
      });
    },
  },
  {
    id: 'groups-that-nobody-reads',
    title: 'Entries pile up in the groups that no part of Caracal reads',
    contract: 'storage-and-streams.md 7.1, groups without a consumer; 12, trap 4',
    inject: async (lab) => {
      const groups = [['audit.events', 'siem-export'], ['invocations.lifecycle', 'invocations-observer'], ['delegations.invalidate', 'delegations-observer']] as const;
      for (const [stream, name] of groups) {
        for (let entry = 0; entry < 60; entry += 1) if (stream !== 'audit.events') await publish(lab, `caracal.${stream}`, { event: 'invocation.created', zone_id: lab.zoneId });
        await lab.redisClient.xgroup('SETID', `caracal.${stream}`, name, '0');
      }
    },
  },
  {
    id: 'webhooks-delivered',
    title: 'A webhook sink takes what it is sent',
    contract: 'storage-and-streams.md 3.3, delivered',
    inject: async (lab) => {
      const server = createServer((request, response) => {
        request.resume();
        response.end();
      }).unref();
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('the sink has no port');
      await addSink(lab, `http://127.0.0.1:${String(address.port)}/`);
      await eventually('a webhook was delivered', async () => (await lab.sql('SELECT 1 FROM notification_deliveries WHERE delivered_at IS NOT NULL LIMIT 1')).length === 1);
    },
  },
];
