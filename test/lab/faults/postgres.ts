import { all, ids } from './fault.ts';
import type { Decoy, Fault } from './fault.ts';
import { behindPostgres, behindPostgresSession } from './groups.ts';

const postgresGone = {
  ...all('fail', 'CRC-STO-001', ...ids('RDY', 3, 13, 33, 43, 53, 90)),
  ...all('blocked', ...behindPostgres),
};

export const postgresFaults: readonly Fault[] = [
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
    id: 'postgres-wrong-password',
    title: 'The password of the Postgres owner was changed on the server',
    contract: 'storage-and-streams.md 4.1, SQLSTATE 28P01',
    verdicts: { ...all('fail', 'CRC-STO-002'), ...all('blocked', ...behindPostgresSession) },
    inject: async (lab) => {
      await lab.sql("ALTER ROLE caracal PASSWORD 'changed-behind-our-back'");
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
    verdicts: all('fail', 'CRC-STO-005', 'CRC-STO-011'),
    inject: async (lab) => {
      await lab.sql('DROP TRIGGER policy_set_versions_immutable ON policy_set_versions');
    },
  },
];

export const postgresDecoys: readonly Decoy[] = [];
