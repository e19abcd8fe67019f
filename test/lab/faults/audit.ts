import { randomBytes } from 'node:crypto';
import { eventually } from '../eventually.ts';
import {
  appendDcrShutdown, insertAfter, installedMonthsAgo, lastMonth, newEvent, partitionOf, publish, rowsOfZone, signUpTo,
} from './auditRows.ts';
import { all, ids } from './fault.ts';
import type { Decoy, Fault } from './fault.ts';

/** What waits for an admin token that is live. */
const behindToken = [...ids('SVC', 13), ...ids('AUD', 2, 4)];

const forged = '0'.repeat(64);

export const auditFaults: readonly Fault[] = [
  {
    id: 'admin-token-revoked',
    title: 'The admin token was revoked',
    contract: 'request-evidence.md 1.3, order of refusals, row 3',
    verdicts: { 'CRC-AUD-001': 'fail', ...all('blocked', ...behindToken) },
    inject: async (lab) => {
      await lab.sql('UPDATE admin_tokens SET revoked_at = now() WHERE id = $1', [lab.seeded.adminTokenId]);
    },
  },
  {
    id: 'admin-token-unknown',
    title: 'The database does not know the admin token',
    contract: 'request-evidence.md 1.3, order of refusals, row 3',
    verdicts: { 'CRC-AUD-001': 'fail', ...all('blocked', ...behindToken) },
    inject: async (lab) => {
      await lab.sql('DELETE FROM admin_tokens WHERE id = $1', [lab.seeded.adminTokenId]);
    },
  },
  {
    id: 'admin-token-other-zone',
    title: 'The admin token is for another zone',
    contract: 'request-evidence.md 1.3, order of refusals, row 7',
    verdicts: { 'CRC-AUD-004': 'warn', ...all('unknown', 'CRC-AUD-002', 'CRC-SVC-013') },
    inject: async (lab) => {
      await lab.sql("UPDATE admin_tokens SET scope = 'zone', zone_id = $2, capability = 'read' WHERE id = $1", [lab.seeded.adminTokenId, lab.seeded.sandbox.id]);
    },
  },
  {
    id: 'ledger-row-deleted',
    title: 'A row of the ledger was deleted',
    contract: 'storage-and-streams.md 9.6, chain_seq; 4.2, chain continuity',
    verdicts: { 'CRC-AUD-005': 'fail' },
    inject: async (lab) => {
      await rowsOfZone(lab, 'audit_events', 6);
      await lab.sql('DELETE FROM audit_events WHERE zone_id = $1 AND chain_seq = 3', [lab.zoneId]);
    },
  },
  {
    id: 'ledger-begins-late',
    title: 'The first rows of the ledger were deleted',
    contract: 'storage-and-streams.md 9.6, chain_seq; 9.7, lowest kept row',
    verdicts: { 'CRC-AUD-005': 'fail' },
    inject: async (lab) => {
      await rowsOfZone(lab, 'audit_events', 6);
      await lab.sql('DELETE FROM audit_events WHERE zone_id = $1 AND chain_seq < 3', [lab.zoneId]);
    },
  },
  {
    id: 'ledger-row-changed',
    title: 'The owner of the database changed a row of the ledger',
    contract: 'storage-and-streams.md 2.5, audit_events; 9.6, content_sha256',
    verdicts: { 'CRC-AUD-006': 'fail' },
    inject: async (lab) => {
      await rowsOfZone(lab, 'audit_events', 4);
      await lab.sql("UPDATE audit_events SET decision = decision || 'ed' WHERE zone_id = $1 AND chain_seq = 2", [lab.zoneId]);
    },
  },
  {
    id: 'ledger-link-broken',
    title: 'A row of the ledger does not follow the one before it',
    contract: 'storage-and-streams.md 9.6, prev_content_sha256 and chain_hmac',
    verdicts: all('fail', ...ids('AUD', 6, 7)),
    inject: async (lab) => {
      await rowsOfZone(lab, 'audit_events', 4);
      await lab.sql('UPDATE audit_events SET prev_content_sha256 = $2 WHERE zone_id = $1 AND chain_seq = 3', [lab.zoneId, forged]);
    },
  },
  {
    id: 'ledger-signature-forged',
    title: 'A row of the ledger is signed with another key than those before it',
    contract: 'storage-and-streams.md 9.6, chain_hmac and key ids',
    verdicts: { 'CRC-AUD-007': 'fail' },
    inject: async (lab) => {
      await rowsOfZone(lab, 'audit_events', 4);
      await lab.sql('UPDATE audit_events SET chain_hmac = $2 WHERE zone_id = $1 AND chain_seq = 3', [lab.zoneId, forged]);
    },
  },
  {
    id: 'event-replayed-changed',
    title: 'An event comes again with other content',
    contract: 'storage-and-streams.md 9.2, tamper_on_replay; 4.2, ingest alerts',
    verdicts: { 'CRC-AUD-008': 'fail', 'CRC-STR-012': 'warn' },
    inject: async (lab) => {
      const event = newEvent(lab);
      await publish(lab, event);
      await publish(lab, { ...event, decision: 'deny' }, async () => (await lab.sql('SELECT FROM audit_ingest_alerts WHERE event_id = $1', [event.id])).length > 0);
    },
  },
  {
    id: 'admin-row-changed',
    title: 'The owner of the database changed a row of the admin audit',
    contract: 'storage-and-streams.md 2.5, admin_audit_events; 9.8, content_sha256',
    verdicts: { 'CRC-AUD-009': 'fail' },
    inject: async (lab) => {
      await rowsOfZone(lab, 'admin_audit_events', 3);
      await lab.sql("UPDATE admin_audit_events SET actor_name = 'somebody' WHERE zone_id = $1 AND chain_seq = 2", [lab.zoneId]);
    },
  },
  {
    id: 'admin-row-deleted',
    title: 'A row of the admin audit was deleted',
    contract: 'storage-and-streams.md 9.8; 4.2, admin chain',
    verdicts: { 'CRC-AUD-009': 'fail' },
    inject: async (lab) => {
      await rowsOfZone(lab, 'admin_audit_events', 4);
      await lab.sql('DELETE FROM admin_audit_events WHERE zone_id = $1 AND chain_seq = 2', [lab.zoneId]);
    },
  },
  {
    id: 'admin-signature-forged',
    title: 'A row of the admin audit is signed with another key than those before it',
    contract: 'storage-and-streams.md 9.8, chain_hmac',
    verdicts: { 'CRC-AUD-010': 'fail' },
    inject: async (lab) => {
      // The second row that the API signed, so that one before it verifies.
      await eventually('a signed row to forge', async () =>
        (await lab.sql(
          `UPDATE admin_audit_events SET chain_hmac = $2
            WHERE id = (SELECT id FROM admin_audit_events WHERE zone_id = $1 AND chain_hmac IS NOT NULL ORDER BY chain_seq OFFSET 1 LIMIT 1) RETURNING id`,
          [lab.zoneId, forged],
        )).length > 0);
    },
  },
  {
    id: 'retention-not-running',
    title: 'A partition of the ledger is kept far beyond its time',
    contract: 'storage-and-streams.md 2.6, dropping',
    verdicts: { 'CRC-AUD-011': 'warn' },
    inject: async (lab) => {
      await partitionOf(lab, 20);
    },
  },
  {
    id: 'export-behind',
    title: 'The archive export has stopped',
    contract: 'storage-and-streams.md 9.9; 4.2, export',
    verdicts: { 'CRC-AUD-012': 'warn' },
    inject: async (lab) => {
      await lab.sql("INSERT INTO audit_export_watermark (name, last_exported_hour) VALUES ('parquet-hourly', date_trunc('hour', now()) - interval '7 hours')");
    },
  },
  {
    id: 'ingestion-slow',
    title: 'Audit stood still for a minute and has just caught up',
    contract: 'storage-and-streams.md 4.2, audit freshness; readiness.md 5.5, normal delay',
    verdicts: { 'CRC-AUD-003': 'warn' },
    inject: async (lab) => {
      await rowsOfZone(lab, 'audit_events', 1);
      await lab.services.audit.freeze();
      await eventually('events wait for more than a minute', async () => {
        const [group] = (await lab.redisClient.xinfo('GROUPS', 'caracal.audit.events')) as unknown[][];
        const delivered = String(group?.[group.indexOf('last-delivered-id') + 1]);
        const waiting = await lab.redisClient.xrange('caracal.audit.events', `(${delivered}`, '+', 'COUNT', 10);
        return Number(waiting[9]?.[0].split('-')[0] ?? Infinity) < Date.now() - 62_000;
      }, 120_000);
      await lab.services.audit.thaw();
      await eventually('audit has caught up', async () => {
        const [row] = await lab.sql<{ late: number; fresh: number }>(
          `SELECT count(*) FILTER (WHERE ingested_at - occurred_at > interval '60 seconds')::int AS late,
                  count(*) FILTER (WHERE occurred_at > now() - interval '3 seconds')::int AS fresh FROM audit_events WHERE zone_id = $1`, [lab.zoneId],
        );
        return (row?.late ?? 0) >= 3 && (row?.fresh ?? 0) > 0;
      });
    },
  },
];

export const auditDecoys: readonly Decoy[] = [
  {
    id: 'audit-key-changed',
    title: 'Older rows of the ledger are signed with the key before the present one',
    contract: 'storage-and-streams.md 9.7, all rows before a date fail HMAC',
    inject: async (lab) => {
      await rowsOfZone(lab, 'audit_events', 6);
      await signUpTo(lab, 3, randomBytes(32));
    },
  },
  {
    id: 'ledger-once-unsigned',
    title: 'Older rows of the ledger are unsigned, from the time when Audit had no key',
    contract: 'storage-and-streams.md 9.7, empty chain_hmac',
    inject: async (lab) => {
      await rowsOfZone(lab, 'audit_events', 6);
      await signUpTo(lab, 3, undefined);
    },
  },
  {
    id: 'ledger-partition-dropped',
    title: 'The first rows of the ledger were in a partition that retention dropped',
    contract: 'storage-and-streams.md 9.7, lowest kept row',
    inject: async (lab) => {
      await installedMonthsAgo(lab, 2);
      const partition = await partitionOf(lab, 1);
      await rowsOfZone(lab, 'audit_events', 2);
      await insertAfter(lab, 0, newEvent(lab, { occurred_at: lastMonth() }));
      await lab.sql('SELECT audit_partition_drop($1)', [partition]);
    },
  },
  {
    id: 'ledger-late-event-dropped',
    title: 'An event that had come late went with the partition of its own month',
    contract: 'storage-and-streams.md 9.7, a gap in the middle',
    inject: async (lab) => {
      await installedMonthsAgo(lab, 2);
      const partition = await partitionOf(lab, 1);
      await rowsOfZone(lab, 'audit_events', 4);
      await insertAfter(lab, 2, newEvent(lab, { occurred_at: lastMonth() }));
      await lab.sql('SELECT audit_partition_drop($1)', [partition]);
    },
  },
  {
    id: 'event-late',
    title: 'An event of last month arrives and is stored in the partition of its month',
    contract: 'storage-and-streams.md 9.7, ingest order; 2.6',
    inject: async (lab) => {
      await installedMonthsAgo(lab, 2);
      await partitionOf(lab, 1);
      await publish(lab, newEvent(lab, { occurred_at: lastMonth() }));
    },
  },
  {
    id: 'event-out-of-order',
    title: 'An event is stored after events that occurred later',
    contract: 'storage-and-streams.md 9.7, chain_seq order',
    inject: async (lab) => {
      await rowsOfZone(lab, 'audit_events', 3);
      await publish(lab, newEvent(lab, { occurred_at: new Date(Date.now() - 20_000).toISOString() }));
    },
  },
  {
    id: 'control-without-zone',
    title: 'A Control call without a zone has a chain of its own',
    contract: 'storage-and-streams.md 9.7, zone unknown',
    inject: async (lab) => {
      const event = newEvent(lab, { zone_id: 'unknown', event_type: 'control.invoke', decision: 'deny', evaluation_status: 'exchange_denied' });
      await publish(lab, { ...event, request_id: event.id });
    },
  },
  {
    id: 'event-repeated',
    title: 'An event comes twice with the same content',
    contract: 'storage-and-streams.md 9.2, duplicate with equal content hash',
    inject: async (lab) => {
      const event = newEvent(lab);
      await publish(lab, event);
      await publish(lab, event, async (entry) => {
        const [group] = (await lab.redisClient.xinfo('GROUPS', 'caracal.audit.events')) as unknown[][];
        const delivered = String(group?.[group.indexOf('last-delivered-id') + 1]);
        const [pending] = (await lab.redisClient.xpending('caracal.audit.events', 'audit-ingestor', entry, entry, 1));
        return (await lab.redisClient.xrange('caracal.audit.events', `(${delivered}`, entry, 'COUNT', 1)).length === 0 && pending === undefined;
      });
    },
  },
  {
    id: 'dcr-shutdown',
    title: 'A shutdown of dynamic registration left an unsigned row in the admin audit',
    contract: 'storage-and-streams.md 9.8, unsigned on purpose',
    inject: async (lab) => {
      await rowsOfZone(lab, 'admin_audit_events', 1);
      await appendDcrShutdown(lab);
    },
  },
];
