import type { Check } from '../../model/check.ts';
import type { Observer } from '../liveSource.ts';
import { poolChecks, replicationChecks, sessionChecks } from './activity.checks.ts';
import { migrationChecks } from './migrations.checks.ts';
import { migrationObservers } from './migrations.observe.ts';
import { partitionChecks } from './partitions.checks.ts';
import { partitionObservers } from './partitions.observe.ts';
import { postgresChecks } from './postgres.checks.ts';
import { postgresObservers } from './postgres.observe.ts';
import { postgresActivityObservers } from './postgresActivity.observe.ts';
import { postgresCatalogueObservers } from './postgresCatalogue.observe.ts';
import { privilegeChecks, visibilityChecks } from './privileges.checks.ts';
import { indexChecks, schemaChecks } from './schema.checks.ts';
import { serverChecks, writableChecks } from './server.checks.ts';

/** Every check of Postgres: that there is one, its schema, its sessions, and the server itself. */
export const allPostgresChecks: readonly Check[] = [
  ...postgresChecks,
  ...migrationChecks,
  ...schemaChecks,
  ...privilegeChecks,
  ...indexChecks,
  ...partitionChecks,
  ...sessionChecks,
  ...writableChecks,
  ...replicationChecks,
  ...serverChecks,
  ...poolChecks,
  ...visibilityChecks,
];

export const allPostgresObservers: readonly Observer<unknown>[] = [
  ...postgresObservers,
  ...migrationObservers,
  ...postgresCatalogueObservers,
  ...partitionObservers,
  ...postgresActivityObservers,
];
