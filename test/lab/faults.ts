import { eventually } from './eventually.ts';
import type { Lab } from './lab.ts';

/**
 * Something that breaks in a running lab. `verdicts` lists every check that must not pass because of
 * it; a check that is not listed must go on passing (or stay not applicable).
 */
export interface Fault {
  readonly id: string;
  readonly title: string;
  /** Where the contract of Caracal describes it. */
  readonly contract: string;
  readonly verdicts: Readonly<Record<string, 'fail' | 'warn' | 'blocked' | 'unknown'>>;
  /** Breaks the real part, and resolves when the effect can be seen from outside. */
  inject(lab: Lab): Promise<void>;
}

const all = <State extends string>(state: State, ...checks: string[]): Record<string, State> =>
  Object.fromEntries(checks.map((check) => [check, state]));

const redisStreams = [
  ...['001', '002', '003', '010', '011', '020', '021', '030', '031', '032'],
  ...['040', '041', '050', '051', '060', '061', '070', '071', '080'],
].map((number) => `CRC-STR-${number}`);

/** What cannot be asked of a Postgres that does not answer, or through services that ask it. */
const behindPostgres = all(
  'blocked',
  ...['CRC-STO-002', 'CRC-STO-003', 'CRC-STO-004', 'CRC-STO-005', 'CRC-STR-090', 'CRC-STR-091'],
  ...['CRC-SVC-001', 'CRC-SVC-040', 'CRC-AUD-001', 'CRC-AUD-002', 'CRC-AUD-003'],
);

const postgresGone = {
  ...all('fail', 'CRC-STO-001', 'CRC-RDY-003', 'CRC-RDY-013', 'CRC-RDY-033', 'CRC-RDY-043', 'CRC-RDY-053', 'CRC-RDY-090'),
  ...behindPostgres,
};

const redisGone = {
  ...all('fail', 'CRC-STO-020', 'CRC-RDY-003', 'CRC-RDY-013', 'CRC-RDY-023', 'CRC-RDY-032', 'CRC-RDY-033'),
  ...all('fail', 'CRC-RDY-043', 'CRC-RDY-090'),
  ...all('blocked', 'CRC-STO-021', 'CRC-STO-022', 'CRC-STO-023', 'CRC-STO-024', ...redisStreams),
  ...all('blocked', 'CRC-SVC-040', 'CRC-AUD-002', 'CRC-AUD-003'),
};

async function answers(lab: Lab, service: keyof Lab['services'], path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(new URL(path, lab.services[service].url), { signal: AbortSignal.timeout(5_000) });
  return { status: response.status, body: await response.text() };
}

/** Audit tells that its reader failed, which takes until its blocking read ends. */
async function auditReaderFailed(lab: Lab): Promise<void> {
  await eventually('audit says consumer_unhealthy', async () => (await answers(lab, 'audit', '/health')).status === 503);
}

async function gatewayMissesSts(lab: Lab): Promise<void> {
  await eventually('gateway says sts_unreachable', async () => {
    return (await answers(lab, 'gateway', '/ready')).body.includes('sts_unreachable');
  });
}

export const faults: readonly Fault[] = [
  {
    id: 'postgres-stopped',
    title: 'Postgres is stopped',
    contract: 'readiness.md 2.4, row Postgres',
    verdicts: postgresGone,
    inject: (lab) => lab.postgres.stop(),
  },
  {
    id: 'postgres-frozen',
    title: 'Postgres accepts connections and answers nothing',
    contract: 'readiness.md 2.4, row Postgres, last column',
    verdicts: postgresGone,
    inject: async (lab) => {
      await lab.postgres.freeze();
    },
  },
  {
    id: 'redis-stopped',
    title: 'Redis is stopped',
    contract: 'readiness.md 2.4, row Redis; 0, fact 3',
    verdicts: redisGone,
    inject: async (lab) => {
      await lab.redis.stop();
      await auditReaderFailed(lab);
    },
  },
  {
    id: 'redis-frozen',
    title: 'Redis accepts connections and answers nothing',
    contract: 'readiness.md 2.4, row Redis, last column',
    verdicts: redisGone,
    inject: async (lab) => {
      await lab.redis.freeze();
      await auditReaderFailed(lab);
    },
  },
  {
    id: 'postgres-wrong-password',
    title: 'The password of the Postgres owner was changed on the server',
    contract: 'storage-and-streams.md 4.1, SQLSTATE 28P01',
    verdicts: {
      'CRC-STO-002': 'fail',
      ...all('blocked', 'CRC-STO-003', 'CRC-STO-004', 'CRC-STO-005', 'CRC-STR-090', 'CRC-STR-091'),
      ...all('blocked', 'CRC-AUD-001', 'CRC-AUD-002', 'CRC-AUD-003'),
    },
    inject: async (lab) => {
      await lab.sql("ALTER ROLE caracal PASSWORD 'changed-behind-our-back'");
    },
  },
  {
    id: 'redis-eviction',
    title: 'Redis evicts keys when its memory is full',
    contract: 'storage-and-streams.md 6.1 and 6.5, eviction',
    verdicts: { 'CRC-STO-022': 'fail' },
    inject: async (lab) => {
      await lab.redisClient.config('SET', 'maxmemory-policy', 'allkeys-lru');
    },
  },
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
    verdicts: all('fail', 'CRC-STR-002', 'CRC-RDY-032', 'CRC-RDY-033'),
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
      ...all('blocked', 'CRC-RDY-032', 'CRC-RDY-033', 'CRC-SVC-030'),
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
    id: 'migration-pending',
    title: 'Migration 0003 was not applied',
    contract: 'storage-and-streams.md 1.3, state pending',
    verdicts: { 'CRC-STO-004': 'fail' },
    inject: async (lab) => {
      await lab.unapplyLastMigration();
    },
  },
  {
    id: 'schema-drifted',
    title: 'The history is complete, but an object of the baseline is missing',
    contract: 'storage-and-streams.md 1.3, state drifted; 12, trap 1',
    verdicts: { 'CRC-STO-005': 'fail' },
    inject: async (lab) => {
      await lab.sql('DROP TRIGGER policy_set_versions_immutable ON policy_set_versions');
    },
  },
  {
    id: 'sts-down',
    title: 'The STS is down',
    contract: 'readiness.md 2.4, row STS process',
    verdicts: {
      ...all('fail', 'CRC-RDY-011', 'CRC-RDY-023', 'CRC-RDY-090'),
      ...all('blocked', 'CRC-RDY-012', 'CRC-RDY-013', 'CRC-SVC-010'),
    },
    inject: async (lab) => {
      await lab.services.sts.kill();
      await gatewayMissesSts(lab);
    },
  },
  {
    id: 'sts-frozen',
    title: 'The STS accepts connections and answers nothing',
    contract: 'readiness.md 2.4, row STS process, last column',
    verdicts: {
      ...all('fail', 'CRC-RDY-011', 'CRC-RDY-023', 'CRC-RDY-090'),
      ...all('blocked', 'CRC-RDY-012', 'CRC-RDY-013', 'CRC-SVC-010'),
    },
    inject: async (lab) => {
      await lab.services.sts.freeze();
      await gatewayMissesSts(lab);
    },
  },
  {
    id: 'gateway-blackholed',
    title: 'Packets to the Gateway are dropped',
    contract: 'readiness.md 2.4, last column',
    verdicts: {
      'CRC-RDY-021': 'fail',
      ...all('blocked', 'CRC-RDY-022', 'CRC-RDY-023', 'CRC-SVC-020'),
    },
    inject: (lab) => lab.blackhole('gateway'),
  },
  {
    id: 'api-outbox-dead',
    title: 'An event of the API outbox is dead',
    contract: 'storage-and-streams.md 3.1, derived status dead; readiness.md 2.4, row dead API event',
    verdicts: {
      ...all('fail', 'CRC-STR-090', 'CRC-RDY-003'),
      ...all('blocked', 'CRC-AUD-002', 'CRC-AUD-003'),
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
