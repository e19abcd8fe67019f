import type * as z from 'zod';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { numberOrNull } from '../values.ts';
import { policyActivations } from './databaseChanges.ts';

/** More than a timeline shows. */
const most = 10;

const statement = `
  SELECT coalesce(z.name, b.zone_id::text) AS zone, coalesce(s.name, b.policy_set_id::text) AS set, v.version, b.updated_at AS at
    FROM policy_set_bindings b
    LEFT JOIN zones z ON z.id = b.zone_id
    LEFT JOIN policy_sets s ON s.id = b.policy_set_id
    LEFT JOIN policy_set_versions v ON v.id = b.active_version_id
   WHERE b.active_version_id IS NOT NULL
   ORDER BY b.updated_at DESC LIMIT ${most}`;

const activations: Observer<z.infer<typeof policyActivations.schema>> = {
  subject: policyActivations,
  deadlineMs: postgresDeadlineMs,
  asked: () => 'SELECT of the newest policy_set_bindings',
  async observe(deployment, { signal }) {
    const rows = await deployment.postgres().query(statement, [], signal);
    return rows.map((row) => ({ zone: String(row['zone']), set: String(row['set']), version: numberOrNull(row['version']), at: new Date(String(row['at'])).toISOString() }));
  },
};

export const databaseChangesObservers = [activations];
