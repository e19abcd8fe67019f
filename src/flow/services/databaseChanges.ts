/** What the database tells of changes, for the timeline of a deployment of any kind. Pure. */
import * as z from 'zod';
import type { Fact, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { lack } from '../judging.ts';
import { migrationHistory } from '../storage/migrations.checks.ts';
import type { Change } from './timeline.ts';

/** The newest bindings of policy sets, of all zones. Times by the clock of the server, ISO 8601. */
export const policyActivations = subject(
  'postgres.policyActivations',
  z.array(z.strictObject({ zone: z.string(), set: z.string(), version: z.number().nullable(), at: z.string() })),
);

const migrations = migrationHistory.of('Postgres');
const activations = policyActivations.of('Postgres');

/** To stand among the `asks` of each check that uses `databaseChanges`. */
export const asksDatabaseChanges = [migrations, activations];

/** Migrations and activations of policies, and what of them was not seen. */
export function databaseChanges(observed: Observed): { readonly changes: readonly Change[]; readonly unseen: readonly Fact[] } {
  const [applied, activated] = [observed.get(migrations), observed.get(activations)];
  return {
    changes: [
      ...(applied.outcome.kind === 'answer' ? applied.outcome.value.applied.map(({ version, appliedAt }) => ({ at: appliedAt, what: `migration ${version} applied (Postgres)` })) : []),
      ...(activated.outcome.kind === 'answer'
        ? activated.outcome.value.map(({ zone, set, version, at }) => ({ at, what: `policy set ${set}${version === null ? '' : ` version ${version}`} activated (zone ${zone})` }))
        : []),
    ],
    unseen: [
      ...(applied.outcome.kind === 'answer' ? [] : [{ name: 'migrations', value: `not seen: ${lack(applied)}` }]),
      ...(activated.outcome.kind === 'answer' ? [] : [{ name: 'policy activations', value: `not seen: ${lack(activated)}` }]),
    ],
  };
}
