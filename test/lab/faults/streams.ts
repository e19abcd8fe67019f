import { eventually } from '../eventually.ts';
import { auditReaderFailed } from './effects.ts';
import { all, ids } from './fault.ts';
import type { Decoy, Fault } from './fault.ts';
import { behindApi, figures } from './groups.ts';

export const streamsFaults: readonly Fault[] = [
  {
    id: 'policy-group-missing',
    title: 'The consumer group of the STS on policy.invalidate is gone',
    contract: 'storage-and-streams.md 7.2, groups are created only when a process starts; 12, trap 6',
    verdicts: { 'CRC-STR-021': 'fail' },
    inject: async (lab) => {
      await lab.redisClient.xgroup('DESTROY', 'caracal.policy.invalidate', 'opa-engine');
    },
  },
  {
    id: 'audit-group-missing',
    title: 'The consumer group of Audit is gone',
    contract: 'readiness.md 2.5, group lost after Redis wipe',
    verdicts: { ...all('fail', 'CRC-STR-002', 'CRC-RDY-032', 'CRC-RDY-033'), 'CRC-RDY-034': 'blocked' },
    inject: async (lab) => {
      await lab.redisClient.xgroup('DESTROY', 'caracal.audit.events', 'audit-ingestor');
      await auditReaderFailed(lab);
    },
  },
  {
    id: 'audit-consumer-dead',
    title: 'Audit is gone and its events pile up',
    contract: 'storage-and-streams.md 9.5, hop stream; diagnosing.md 5.3',
    verdicts: {
      ...all('fail', 'CRC-RDY-031', 'CRC-STR-002'),
      ...all('blocked', ...ids('RDY', 32, 33, 34), ...figures.audit),
    },
    inject: async (lab) => {
      await lab.services.audit.kill();
      await eventually('50 events wait for audit', async () => {
        const [group] = (await lab.redisClient.xinfo('GROUPS', 'caracal.audit.events')) as unknown[][];
        const delivered = String(group?.[group.indexOf('last-delivered-id') + 1]);
        return (await lab.redisClient.xrange('caracal.audit.events', `(${delivered}`, '+', 'COUNT', 60)).length >= 60;
      }, 120_000);
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
];

export const streamsDecoys: readonly Decoy[] = [];
